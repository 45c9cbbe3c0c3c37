"""The output of a run on files: each table a folder of Parquet files, and the summary.

A path is of the driver's machine, or of a disk that all share, and is renamed when all is written.
A URI is one of Hadoop's, where renaming may copy: tables first, then ``summary.json``, then
``_SUCCESS``, and a folder without that is not complete.
"""

from __future__ import annotations

import json
import os
from functools import partial
from typing import TYPE_CHECKING

from dedup.engines.spark.plan import Found
from dedup.engines.spark.session import reached
from dedup.engines.spark.stages import Stages
from dedup.errors import OutputExistsError
from dedup.io.remote import shown_uri
from dedup.jobs.filtering import REMOVED_FILE
from dedup.output.folder import (
    CLUSTERS_FILE,
    PAIRS_FILE,
    SUMMARY_FILE,
    SUMMARY_FORMAT,
    check_replaceable,
    staged,
)
from dedup.output.remote_folder import SUCCESS_FILE

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession


class LocalOutput:
    """A folder with a path.

    Attributes
    ----------
    name : of the folder, for people.
    is_there : whether it replaces another.

    Raises
    ------
    OutputExistsError : it may not be written.
    """

    def __init__(self, folder: str | os.PathLike[str], *, overwrite: bool) -> None:
        check_replaceable(folder, overwrite)
        self._folder = folder
        self.name = os.fspath(folder)
        self.is_there = os.path.lexists(folder)

    def write(self, stages: Stages, result: Found) -> None:
        """Write the tables and the summary."""
        with staged(self._folder) as stage:
            _write_tables(stages, result, stage.absolute().as_uri())
            (stage / SUMMARY_FILE).write_bytes(_summary_bytes(result))


class HadoopOutput:
    """A folder with a URI; the attributes are those of `LocalOutput`.

    Raises
    ------
    OutputExistsError : it may not be written.
    """

    def __init__(self, spark: SparkSession, uri: str, *, overwrite: bool) -> None:
        self._spark = spark
        self._uri = uri.rstrip("/")
        self.name = shown_uri(self._uri)
        files, path = reached(spark, self._uri)
        self.is_there = bool(files.exists(path) and files.listStatus(path))
        if not self.is_there:
            return
        if not overwrite:
            raise OutputExistsError(
                f"output {self.name} is already there; give another, or --overwrite."
            )
        if not self._is_ours():
            raise OutputExistsError(
                f"output {self.name} was not written by dedup, so --overwrite leaves it alone; "
                "give another."
            )

    def write(self, stages: Stages, result: Found) -> None:
        """Write the tables, then the summary, then the mark that all is there."""
        files, path = reached(self._spark, self._uri)
        files.delete(path, True)
        _write_tables(stages, result, self._uri)
        for name, octets in ((SUMMARY_FILE, _summary_bytes(result)), (SUCCESS_FILE, b"")):
            files, path = reached(self._spark, f"{self._uri}/{name}")
            stream = files.create(path)
            stream.write(bytearray(octets))
            stream.close()

    def _is_ours(self) -> bool:
        marker = f"{self._uri}/{SUMMARY_FILE}"
        files, path = reached(self._spark, marker)
        if not files.exists(path):
            return False
        rows = self._spark.read.text(marker, wholetext=True).limit(1).collect()
        try:
            return bool(json.loads(rows[0][0])["format"] == SUMMARY_FORMAT)
        except (ValueError, KeyError, TypeError, IndexError):
            return False


def output_of(
    spark: SparkSession, given: str | os.PathLike[str], *, overwrite: bool
) -> LocalOutput | HadoopOutput:
    """Return the output that a path or a URI names."""
    text = os.fspath(given)
    if "://" in text:
        return HadoopOutput(spark, text, overwrite=overwrite)
    return LocalOutput(text, overwrite=overwrite)


def _write_tables(stages: Stages, result: Found, folder: str) -> None:
    """Write the tables, their rows in the order of the local engine's, from file to file."""
    from pyspark.sql import functions as F  # noqa: N812

    tables: dict[str, DataFrame] = {
        CLUSTERS_FILE: result.clusters.orderBy("cluster_id", F.desc("is_keeper"), "position"),
        PAIRS_FILE: result.pairs.orderBy("left_position", "right_position"),
        REMOVED_FILE: result.removed.orderBy("position"),
    }

    def write(name: str) -> None:
        tables[name].write.option("compression", "zstd").parquet(f"{folder}/{name}")

    for written in [stages.later(partial(write, name)) for name in tables]:
        written.result()


def _summary_bytes(result: Found) -> bytes:
    return (json.dumps(result.summary, indent=2, ensure_ascii=False) + "\n").encode()

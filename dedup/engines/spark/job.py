"""A run of the Spark engine on files: from arguments to a folder of results."""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from dedup.check import Check
from dedup.config import Config
from dedup.engines.spark.files import sketched_files
from dedup.engines.spark.plan import Found, check_config, find
from dedup.engines.spark.session import scratch_folder, session
from dedup.engines.spark.stages import Stages
from dedup.errors import ConfigError
from dedup.ids import id_warnings
from dedup.io.inputs import STDIN, discover, printable
from dedup.io.places import shown
from dedup.jobs.filtering import REMOVED_FILE
from dedup.jobs.sources import Fingerprint, check_unchanged
from dedup.output.folder import (
    CLUSTERS_FILE,
    PAIRS_FILE,
    SUMMARY_FILE,
    check_replaceable,
    staged,
)
from dedup.output.summary import unread_warning

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

PathLike = str | os.PathLike[str]


def run_files(
    inputs: Sequence[PathLike],
    output: PathLike | None,
    config: Config,
    *,
    scratch: PathLike | None,
    partitions: int | None,
    overwrite: bool,
    check: Check | None,
) -> dict[str, Any]:
    """Find the near-duplicates in files, write the tables, and return the summary."""
    check_config(config)
    found = discover(inputs)
    if any(file.path == STDIN for file in found.files):
        raise ConfigError("standard input is not for Spark; give files that all tasks reach.")
    if output is not None:
        check_replaceable(output, overwrite)
    before = Fingerprint.of_all(found.files)
    spark = session()
    folder = scratch_folder(spark, None if scratch is None else os.fspath(scratch))
    stages = Stages(spark, folder, partitions)
    try:
        sketches, riding, facts = sketched_files(stages, found.files, config, check)
        result = find(stages, sketches, config, by_id=False, riding=riding, check=check)
        summary = result.summary
        summary["input"] |= facts
        summary["input"]["arguments"] = [printable(shown(given)) for given in inputs]
        if found.skipped:
            summary["input"]["skipped_files"] = dict(found.skipped)
        first = _id_warnings(sketches, config) + unread_warning(Counter(facts["unread"]))
        summary["warnings"] = first + summary["warnings"]
        summary["seconds"] = stages.seconds | {"total": stages.total}
        check_unchanged(before, Fingerprint.of_all(found.files))
        if output is not None:
            _write(result, output)
    finally:
        stages.close()
    return summary


def _id_warnings(documents: DataFrame, config: Config) -> list[str]:
    """Return warnings about null and duplicate ids, counted by 64 bits of hash.

    Raises
    ------
    InputError : there are some, and `Config.strict_ids` is set.
    """
    from pyspark.sql import functions as F  # noqa: N812

    is_null = F.col("doc_id").isNull()
    hashes = F.when(~is_null, F.xxhash64("doc_id"))
    counts = documents.agg(F.count("*"), F.count_if(is_null), F.count_distinct(hashes))
    total, nulls, distinct = counts.collect()[0]
    return id_warnings(nulls, total - nulls - distinct, strict=config.strict_ids)


def _write(result: Found, output: PathLike) -> None:
    """Write the tables, each a folder of Parquet files, and the summary."""
    tables = {CLUSTERS_FILE: result.clusters, PAIRS_FILE: result.pairs}
    with staged(output) as stage:
        for name, table in (tables | {REMOVED_FILE: result.removed}).items():
            place = (stage / name).absolute().as_uri()
            table.write.option("compression", "zstd").parquet(place)
        with open(stage / SUMMARY_FILE, "w", encoding="utf-8") as file:
            json.dump(result.summary, file, indent=2, ensure_ascii=False)
            file.write("\n")

"""Stages: tables that a run writes once, to the scratch folder, and reads from then on.

What is written can be computed twice by nobody: a retried task, a lost executor or another
partitioning later on cannot change it. It cuts the plan into pieces as well, each of one or two
shuffles, and gives the counts of the summary for nothing.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from dedup.engines.spark.failures import of_tasks
from dedup.engines.spark.session import folder_bytes, remove_folder

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession


class Stages:
    """The tables of a run.

    Parameters
    ----------
    folder : where they lie; it goes with `close`.
    partitions : of each shuffle; if not given, Spark's own, of which it joins small ones.

    Attributes
    ----------
    shuffle : the number of partitions, where one is given.
    seconds : what each stage took.
    rows, bytes : what each stage wrote; bytes as they lie in its Parquet files.
    """

    def __init__(self, spark: SparkSession, folder: str, partitions: int | None) -> None:
        self.spark = spark
        self.folder = folder
        self.shuffle = () if partitions is None else (partitions,)
        self.seconds: dict[str, float] = {}
        self.rows: dict[str, int] = {}
        self.bytes: dict[str, int] = {}
        self._begin = time.perf_counter()

    def facts(self) -> dict[str, Any]:
        """Return what the summary says of the stages, as JSON values."""
        total = {"total": time.perf_counter() - self._begin}
        named = {name: {"rows": self.rows[name], "bytes": self.bytes[name]} for name in self.rows}
        return {"seconds": self.seconds | total, "stages": named}

    def written(self, name: str, table: DataFrame) -> DataFrame:
        """Write a table, and return it as it is read from its files."""
        begin = time.perf_counter()
        path = f"{self.folder}/{name}"
        with of_tasks():
            table.write.mode("error").parquet(path)
        found = self.spark.read.schema(table.schema).parquet(path)
        self.rows[name] = found.count()  # of the files' footers
        self.bytes[name] = folder_bytes(self.spark, path)
        self.seconds[name] = time.perf_counter() - begin
        return found

    def sorted_by(self, table: DataFrame, keys: Sequence[str], then: Sequence[str]) -> DataFrame:
        """Bring equal keys into one partition, each partition sorted by keys and what follows."""
        return table.repartition(*self.shuffle, *keys).sortWithinPartitions(*keys, *then)

    def close(self) -> None:
        """Delete all that was written."""
        remove_folder(self.spark, self.folder)

"""Stages: tables that a run writes once, to the scratch folder, and reads from then on.

What is written can be computed twice by nobody: a retried task, a lost executor or another
partitioning later on cannot change it. It cuts the plan into pieces as well, each of one or two
shuffles, and gives the counts of the summary for nothing.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import TYPE_CHECKING

from dedup.engines.spark.failures import of_tasks
from dedup.engines.spark.session import remove_folder

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
    """

    def __init__(self, spark: SparkSession, folder: str, partitions: int | None) -> None:
        self.spark = spark
        self.folder = folder
        self.shuffle = () if partitions is None else (partitions,)
        self.seconds: dict[str, float] = {}
        self._begin = time.perf_counter()

    @property
    def total(self) -> float:
        """Seconds since the run began."""
        return time.perf_counter() - self._begin

    def written(self, name: str, table: DataFrame) -> DataFrame:
        """Write a table, and return it as it is read from its files."""
        begin = time.perf_counter()
        path = f"{self.folder}/{name}"
        with of_tasks():
            table.write.mode("error").parquet(path)
        self.seconds[name] = time.perf_counter() - begin
        return self.spark.read.schema(table.schema).parquet(path)

    def sorted_by(self, table: DataFrame, keys: Sequence[str], then: Sequence[str]) -> DataFrame:
        """Bring equal keys into one partition, each partition sorted by keys and what follows."""
        return table.repartition(*self.shuffle, *keys).sortWithinPartitions(*keys, *then)

    def close(self) -> None:
        """Delete all that was written."""
        remove_folder(self.spark, self.folder)

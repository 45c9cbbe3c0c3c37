"""Stages: tables that a run writes once, to the scratch folder, and reads from then on.

What is written can be computed twice by nobody: a retried task, a lost executor or another
partitioning later on cannot change it. It cuts the plan into pieces as well, each of one or two
shuffles. What the summary says of a table is observed while it is written, so it costs no job of
its own: on small data the time goes into the jobs, not into their work.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

import pyarrow as pa

from dedup.engines.spark.failures import of_tasks
from dedup.engines.spark.session import folder_bytes, remove_folder

if TYPE_CHECKING:
    from pyspark.sql import Column, DataFrame, SparkSession

NOTHING: Mapping[str, Any] = {}

HASHES = {"compression": "uncompressed", "parquet.enable.dictionary": "false"}
"""How a table is written that is of hashes for the most part: no codec makes those smaller."""

DRIVER_BYTES = 1 << 24
"""Numbers that come to the driver to be looked at there, where few spare a shuffle: 16 MiB, below
the 64 MiB of a small ``spark.driver.maxResultSize``. Of rows of buckets, as much again in pairs."""

MOST_AT_ONCE = 4
"""Jobs that run beside each other, none of which waits for another."""

T = TypeVar("T")


@dataclass(frozen=True)
class Few:
    """A table of few rows: on the driver, and as Spark sees it."""

    here: pa.Table
    frame: DataFrame


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
    rows, bytes : what each stage wrote; bytes as they lie in its Parquet files, or in memory.
    observed : stage -> name -> the aggregates that were asked for.
    """

    def __init__(self, spark: SparkSession, folder: str, partitions: int | None) -> None:
        self.spark = spark
        self.folder = folder
        self.shuffle = () if partitions is None else (partitions,)
        self.seconds: dict[str, float] = {}
        self.rows: dict[str, int] = {}
        self.bytes: dict[str, int] = {}
        self.observed: dict[str, dict[str, Any]] = {}
        self._begin = time.perf_counter()
        self._pool = ThreadPoolExecutor(MOST_AT_ONCE, thread_name_prefix="dedup-stage")

    def facts(self) -> dict[str, Any]:
        """Return what the summary says of the stages, as JSON values."""
        total = {"total": time.perf_counter() - self._begin}
        named = {name: {"rows": self.rows[name], "bytes": self.bytes[name]} for name in self.rows}
        return {"seconds": self.seconds | total, "stages": named}

    def written(
        self,
        name: str,
        table: DataFrame,
        observe: Mapping[str, Column] = NOTHING,
        options: Mapping[str, str] = NOTHING,
    ) -> DataFrame:
        """Write a table, and return it as it is read from its files.

        Parameters
        ----------
        observe : aggregates to be taken on the way. They stand above the last shuffle, in the tasks
            that write, so that a task that is tried again is counted once.
        options : of Spark's writer.
        """
        from pyspark.sql import Observation
        from pyspark.sql import functions as F  # noqa: N812

        begin = time.perf_counter()
        path = f"{self.folder}/{name}"
        seen = Observation()
        aggregates = {"rows": F.count(F.lit(1)), **observe}
        watched = table.observe(seen, *(column.alias(key) for key, column in aggregates.items()))
        with of_tasks():
            watched.write.mode("error").options(**options).parquet(path)
        found = dict(seen.get)
        self.rows[name] = found.pop("rows")
        self.observed[name] = found
        self.bytes[name] = folder_bytes(self.spark, path)
        self.seconds[name] = time.perf_counter() - begin
        return self.spark.read.schema(table.schema).parquet(path)

    def settled(self, name: str, make: Callable[[], pa.Table]) -> Few:
        """Make a table of few rows on the driver, which goes with the plans that it is used in."""
        begin = time.perf_counter()
        with of_tasks():
            table = make()
        found = Few(table, self.table(table))
        self.rows[name], self.bytes[name] = table.num_rows, table.nbytes
        self.seconds[name] = time.perf_counter() - begin
        return found

    def later(self, work: Callable[[], T]) -> Future[T]:
        """Start work whose jobs run beside those that follow; `close` waits for it."""
        from pyspark import inheritable_thread_target

        with_session: Any = inheritable_thread_target(self.spark)
        begun: Future[T] = self._pool.submit(with_session(work))
        return begun

    def table(self, table: pa.Table) -> DataFrame:
        """Return a few rows of the driver as a DataFrame, which no job has to read."""
        return self.spark.createDataFrame(table)

    @property
    def num_partitions(self) -> int:
        """Return the partitions of a shuffle, before Spark joins small ones."""
        given = self.spark.conf.get("spark.sql.shuffle.partitions") or "200"
        return self.shuffle[0] if self.shuffle else int(given)

    def sorted_by(self, table: DataFrame, keys: Sequence[str], then: Sequence[str]) -> DataFrame:
        """Bring equal keys into one partition, each partition sorted by keys and what follows."""
        return table.repartition(*self.shuffle, *keys).sortWithinPartitions(*keys, *then)

    def close(self) -> None:
        """Delete all that was written."""
        self._pool.shutdown(cancel_futures=True)
        remove_folder(self.spark, self.folder)

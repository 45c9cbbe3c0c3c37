"""Rounds in which known keepers are compared with what shares a bucket with them.

For buckets that a cap would cut short, such as ten thousand edits of one page: a document that
comes first in all its buckets is a keeper whatever else happens, so it is compared with the rest of
them, what it removes drops out, and so on. A bucket of near-duplicates costs one comparison each.
The local engine's `dedup.cluster` does the same, and says why the answer is the greedy one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import reduce
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from dedup.cluster import MAX_ROUNDS, NEVER, POOR_ROUNDS, POOR_YIELD
from dedup.engines.spark.arrays import numbers
from dedup.engines.spark.candidates import HOT_COLUMNS, BucketTable, hot_rows, shared_buckets
from dedup.engines.spark.stages import Stages
from dedup.engines.spark.verification import Verified
from dedup.text.hashing import Int64Array
from dedup.text.shingles import runs

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

Compare = Callable[[str, "DataFrame"], Verified]
"""Writes, under a name, the verified ones of (left, right) pairs."""


@dataclass(frozen=True)
class Rounds:
    """What rounds have settled.

    Attributes
    ----------
    edges, num_edges : the verified pairs on the way.
    kept : (rank, kept_in), known keepers and the round that they were known in.
    removed : (rank, removed_in).
    rest : the buckets of the documents that are not settled.
    num_pairs : that were compared.
    """

    edges: DataFrame
    num_edges: int
    kept: DataFrame
    removed: DataFrame
    rest: BucketTable
    num_pairs: int


def star_rounds(stages: Stages, buckets: BucketTable, compare: Compare) -> Rounds:
    """Go on until nothing is left, or rounds settle too little."""
    from pyspark.sql import functions as F  # noqa: N812

    active = buckets
    others = tuple(name for name in buckets.rows.columns if name not in ("key", "lead", "nth"))
    edges: list[DataFrame] = []
    kept: list[DataFrame] = []
    removed: list[DataFrame] = []
    poor = num_pairs = num_edges = 0
    for number in range(MAX_ROUNDS):
        follows = active.rows.where(F.col("nth") > 0)
        leads = active.rows.where(F.col("nth") == 0).select("rank").distinct()
        ready = stages.written(
            f"kept_{number}", leads.join(follows.select("rank"), "rank", "left_anti")
        )
        stars = follows.join(ready.withColumnRenamed("rank", "lead"), "lead", "left_semi")
        pairs = stars.select(F.col("lead").alias("left"), F.col("rank").alias("right")).distinct()
        pairs = stages.written(f"stars_{number}", pairs)
        found = compare(f"star_edges_{number}", pairs)
        gone = found.edges.select(F.col("right").alias("rank")).distinct()
        edges.append(found.edges)
        kept.append(ready.withColumn("kept_in", F.lit(number).cast("bigint")))
        removed.append(gone.withColumn("removed_in", F.lit(number).cast("bigint")))
        settled = ready.unionByName(gone)
        left = active.rows.join(settled, "rank", "left_anti").select("key", *others)
        active = shared_buckets(stages, f"active_{number}", left, others)
        compared = stages.rows[f"stars_{number}"]
        num_pairs += compared
        num_edges += found.count
        poor = poor + 1 if found.count < POOR_YIELD * compared else 0
        if poor == POOR_ROUNDS or not active.num_rows:
            break
    return Rounds(_union(edges), num_edges, _union(kept), _union(removed), active, num_pairs)


def _union(tables: list[DataFrame]) -> DataFrame:
    return reduce(lambda one, other: one.unionByName(other), tables)


def late_pairs(
    stages: Stages,
    buckets: DataFrame,
    rounds: Rounds,
    removals: DataFrame,
    max_comparisons: int,
) -> DataFrame:
    """Pair documents with earlier keepers that were not yet known when they were removed.

    It decides who removes them, not whether they are. Comparisons past `max_comparisons` in a
    bucket are skipped.

    Parameters
    ----------
    removals : (rank, keeper, common) of all that is removed.

    Returns
    -------
    `HOT_COLUMNS`.
    """
    from pyspark.sql import functions as F  # noqa: N812

    status = (
        buckets.select("key", "rank")
        .join(removals.select("rank", "keeper"), "rank", "left")
        .join(rounds.kept, "rank", "left")
        .join(rounds.removed, "rank", "left")
        .withColumn("kept_in", F.coalesce("kept_in", F.lit(NEVER).cast("bigint")))
    )
    is_late = F.col("keeper").isNull() & (F.col("kept_in") > 0)  # the first round is never late
    chosen = status.where(is_late | F.col("removed_in").isNotNull()).select(
        "key",
        "rank",
        "kept_in",
        F.coalesce("keeper", F.lit(-1).cast("bigint")).alias("keeper"),
        F.coalesce("removed_in", F.lit(-1).cast("bigint")).alias("removed_in"),
    )
    ordered = stages.sorted_by(chosen, ["key"], ["rank"])
    found = ordered.mapInArrow(LatePairs(max_comparisons), HOT_COLUMNS)
    return stages.written(
        "late", found, observe={"skipped": F.coalesce(F.sum("skipped"), F.lit(0))}
    )


@dataclass(frozen=True)
class LatePairs:
    """Pairs removed documents with the keepers of a bucket that came to light after them."""

    max_comparisons: int

    def __call__(self, batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        """Yield `HOT_COLUMNS` of (key, rank, kept_in, keeper, removed_in), sorted by key, rank."""
        key: int | None = None
        bucket = _LateBucket(self.max_comparisons)
        for batch in batches:
            if not batch.num_rows:
                continue
            keys = numbers(batch, "key")
            names = ("rank", "kept_in", "keeper", "removed_in")
            columns = [numbers(batch, name) for name in names]
            for first, last in pairwise(runs(keys.view(np.uint64)).tolist()):
                if key != int(keys[first]):
                    key, bucket = int(keys[first]), _LateBucket(self.max_comparisons)
                yield from bucket.add(*(column[first:last] for column in columns))


class _LateBucket:
    """The keepers of a bucket so far, and the comparisons that it may still have."""

    def __init__(self, max_comparisons: int) -> None:
        self._most = max_comparisons
        self._used = 0
        self._keepers = np.zeros(0, np.int64)
        self._kept_in = np.zeros(0, np.int64)

    def add(
        self, rank: Int64Array, kept_in: Int64Array, keeper: Int64Array, removed_in: Int64Array
    ) -> Iterator[pa.RecordBatch]:
        """Take the next members, in keeper order, and yield what there is to compare."""
        is_keeper = keeper < 0
        # More keepers than comparisons are never needed.
        self._keepers = np.concatenate([self._keepers, rank[is_keeper]])[: self._most + 1]
        self._kept_in = np.concatenate([self._kept_in, kept_in[is_keeper]])[: self._most + 1]
        document, removed_in = rank[~is_keeper], removed_in[~is_keeper]
        count = np.searchsorted(self._keepers, keeper[~is_keeper])
        total = self._used + np.cumsum(count)
        self._used = int(total[-1]) if len(total) else self._used
        within = total <= self._most
        if not within.all():
            skipped = int(count[~within].sum())
            yield hot_rows(right=document[~within & (count > 0)])
            yield hot_rows(skipped=np.array([skipped]))
        count, document, removed_in = count[within], document[within], removed_in[within]
        left = np.arange(int(count.sum())) - np.repeat(np.cumsum(count) - count, count)
        late = self._kept_in[left] > np.repeat(removed_in, count)
        yield hot_rows(left=self._keepers[left[late]], right=np.repeat(document, count)[late])

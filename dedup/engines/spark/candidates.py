"""Candidate pairs: one shuffle of band keys, cut into buckets, and the pairs inside them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from dedup.engines.spark.arrays import numbers, rows
from dedup.engines.spark.blocks import shared_entries
from dedup.engines.spark.kind import Batches, Comparing, PairFilter
from dedup.engines.spark.stages import DRIVER_BYTES, Stages
from dedup.lsh.buckets import Buckets, all_pairs, unpack_pairs
from dedup.lsh.candidates import HOT_BUCKET
from dedup.lsh.hot_buckets import BucketPairs
from dedup.text.hashing import Int64Array
from dedup.text.shingles import runs

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

PAIR_COLUMNS = "left bigint, right bigint"

MOST_BYTES = 1 << 27
"""Contents of the members of a hot bucket that a task looks at: 128 MiB, and as much again for the
prefixes of sets. Members beyond are skipped, counted and reported, as those beyond a cap are."""


@dataclass(frozen=True)
class SmallPairs:
    """Pairs inside small buckets, less those that their entries rule out."""

    may_match: PairFilter

    def __call__(self, batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        """Yield (left, right), left < right, from rows sorted by key and rank."""
        waiting: dict[str, Int64Array] = {}
        for batch in batches:
            if not batch.num_rows:
                continue
            found = {name: numbers(batch, name) for name in batch.schema.names}
            if waiting:
                found = {n: np.concatenate([waiting[n], column]) for n, column in found.items()}
            bounds = runs(found["key"].view(np.uint64))
            done = int(bounds[-2])  # the last bucket may go on
            yield self._pairs(bounds[:-1], {n: column[:done] for n, column in found.items()})
            waiting = {name: column[done:] for name, column in found.items()}
        if waiting:
            yield self._pairs(runs(waiting["key"].view(np.uint64)), waiting)

    def _pairs(self, bounds: Int64Array, columns: dict[str, Int64Array]) -> pa.RecordBatch:
        rank = columns["rank"]
        members = np.arange(len(rank))
        later, earlier = unpack_pairs(all_pairs(Buckets.of([(members, np.diff(bounds))])))
        fits = self.may_match(columns, later, earlier)
        return rows({"left": rank[earlier[fits]], "right": rank[later[fits]]})


HOT_NAMES = ("key", "left", "right", "lead", "members", "looked_at", "skipped")
HOT_COLUMNS = ", ".join(f"{name} bigint" for name in HOT_NAMES)
"""A pair, and its bucket; or a bucket that was cut short, with the comparisons left out; or, in
``right`` alone, a document whose comparisons with earlier ones were left out."""


@dataclass(frozen=True)
class HotPairs:
    """Pairs inside hot buckets that could match."""

    hot_pairs: Callable[[list[pa.Array]], Iterator[BucketPairs]]

    def __call__(self, batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        """Yield `HOT_COLUMNS` from (key, rank, content) rows, sorted by key and rank."""
        bucket = _HotBucket()
        for batch in batches:
            if not batch.num_rows:
                continue
            key = numbers(batch, "key")
            for first, last in pairwise(runs(key.view(np.uint64)).tolist()):
                if bucket.key != key[first] and bucket.key is not None:
                    yield from self._pairs(bucket)
                    bucket = _HotBucket()
                bucket.add(batch.slice(first, last - first))
        if bucket.key is not None:
            yield from self._pairs(bucket)

    def _pairs(self, bucket: _HotBucket) -> Iterator[pa.RecordBatch]:
        rank, beyond = bucket.members()
        skipped, looked_at = [beyond], len(rank)
        count = len(rank) * len(beyond) + len(beyond) * (len(beyond) - 1) // 2
        for found in self.hot_pairs(bucket.contents):
            later, earlier = unpack_pairs(found.pairs)
            keys = np.full(len(later), bucket.key, np.int64)
            yield hot_rows(key=keys, left=rank[earlier], right=rank[later])
            skipped.append(rank[found.skipped_documents])
            count += found.num_skipped
            looked_at = min([looked_at, *(bucket.looked_at for bucket in found.capped)])
        left_out = np.concatenate(skipped)
        if len(left_out):
            yield hot_rows(right=left_out)
            facts = {
                "lead": int(np.concatenate([rank, beyond])[0]),
                "members": len(rank) + len(beyond),
                "looked_at": looked_at,
                "skipped": count,
            }
            yield hot_rows(**{name: np.array([value]) for name, value in facts.items()})


def hot_rows(**columns: Int64Array) -> pa.RecordBatch:
    """Return `HOT_COLUMNS`, null where they are not given."""
    count = len(next(iter(columns.values())))
    return rows({name: columns.get(name, pa.nulls(count, pa.int64())) for name in HOT_NAMES})


class _HotBucket:
    """The members of a bucket, in keeper order, as far as their contents fit."""

    def __init__(self) -> None:
        self.key: int | None = None
        self.contents: list[pa.Array] = []
        self._ranks: list[Int64Array] = [np.zeros(0, np.int64)]
        self._beyond: list[Int64Array] = [np.zeros(0, np.int64)]
        self._last = -1
        self._room = MOST_BYTES

    def add(self, batch: pa.RecordBatch) -> None:
        """Add the next members; each once, though it may stand there by several keys."""
        self.key = int(batch.column("key")[0].as_py())
        rank, content = numbers(batch, "rank"), batch.column("content")
        fresh = np.diff(rank, prepend=self._last) > 0
        self._last = int(rank[-1])
        if not fresh.all():
            rank, content = rank[fresh], content.filter(pa.array(fresh))
        ends = np.cumsum(pc.binary_length(content).to_numpy())
        fit = int(np.searchsorted(ends, self._room, "right")) if len(self._beyond) == 1 else 0
        if fit:
            self._ranks.append(rank[:fit])
            self.contents.append(content[:fit])
            self._room -= int(ends[fit - 1])
        if fit < len(rank):
            self._beyond.append(rank[fit:])

    def members(self) -> tuple[Int64Array, Int64Array]:
        """Return the ranks of the members, and of those left out."""
        return np.concatenate(self._ranks), np.concatenate(self._beyond)


@dataclass(frozen=True)
class BucketTable:
    """The buckets of two or more documents.

    Attributes
    ----------
    rows : (key, rank, what entries carry, lead, nth): the first rank of the bucket, and the place
        in it.
    num_rows, num_buckets, largest : the last is the number of members.
    num_hot : buckets with more than `HOT_BUCKET` members.
    most_pairs : no more than these are in the other buckets.
    """

    rows: DataFrame
    num_rows: int
    num_buckets: int
    largest: int
    num_hot: int
    most_pairs: int


def bucket_entries(stages: Stages, comparing: Comparing) -> BucketTable:
    """Bring the entries of documents into buckets."""
    others = ("rank", *comparing.carried)
    return shared_buckets(stages, "buckets", comparing.keyed, others, comparing.entries)


def shared_buckets(
    stages: Stages,
    name: str,
    table: DataFrame,
    others: tuple[str, ...],
    entries: Callable[[Batches], Batches] = iter,
) -> BucketTable:
    """Write the entries that share their ``key``; see `shared_entries`."""
    from pyspark.sql import functions as F  # noqa: N812

    shared = shared_entries(stages, table, ("key",), others, entries)
    nth = F.col("nth")
    found = stages.written(
        name,
        shared,
        observe={
            "num_buckets": F.count_if(nth == 1),
            "largest": F.coalesce(F.max(nth) + 1, F.lit(0)),
            "num_hot": F.count_if(nth == HOT_BUCKET),
            "most_pairs": F.coalesce(F.sum(F.least(nth, F.lit(HOT_BUCKET))), F.lit(0)),
        },
    )
    return BucketTable(found, stages.rows[name], **stages.observed[name])


@dataclass(frozen=True)
class Candidates:
    """Candidate pairs, and what caps left out.

    Attributes
    ----------
    pairs : (left, right), distinct.
    here : the same, where so few are on the driver.
    hot : `HOT_COLUMNS`.
    num_skipped : comparisons that a cap left out.
    """

    pairs: DataFrame
    here: pa.Table | None
    hot: DataFrame
    num_skipped: int


def candidate_pairs(
    stages: Stages,
    buckets: BucketTable,
    contents_of: Callable[[str, DataFrame], DataFrame],
    comparing: Comparing,
    name: str,
) -> Candidates:
    """Return the pairs that share a bucket, less those that cannot match.

    Parameters
    ----------
    contents_of : gives (rank, content) of the documents of which it gets the rank, in stages of a
        name.
    name : of the stages.
    """
    from pyspark.sql import functions as F  # noqa: N812

    small = buckets.rows.drop("lead", "nth")
    work = SmallPairs(comparing.may_match)
    none = stages.table(pa.schema([(one, pa.int64()) for one in HOT_NAMES]).empty_table())
    num_bytes = 8 * len(small.columns) * buckets.num_rows
    if not buckets.num_hot and max(num_bytes, 16 * buckets.most_pairs) <= DRIVER_BYTES:
        few = stages.settled(name, lambda: _listed_here(small, work))
        return Candidates(few.frame, few.here, none, 0)
    from_hot, num_skipped = none, 0
    if buckets.num_hot:
        # Each hot bucket has one member in this place.
        is_last = F.col("nth") == HOT_BUCKET
        hot_keys = stages.written(f"{name}_hot_keys", buckets.rows.where(is_last).select("key"))
        small = small.join(hot_keys, "key", "left_anti")
        hot = buckets.rows.join(hot_keys, "key", "left_semi").select("key", "rank")
        contents = contents_of(f"{name}_hot", hot.select("rank"))
        ordered = stages.sorted_by(hot.join(contents, "rank"), ["key"], ["rank"])
        found = ordered.select("key", "rank", "content").mapInArrow(
            HotPairs(comparing.hot_pairs), HOT_COLUMNS
        )
        skipped = {"skipped": F.coalesce(F.sum("skipped"), F.lit(0))}
        from_hot = stages.written(f"{name}_hot", found, observe=skipped)
        num_skipped = stages.observed[f"{name}_hot"]["skipped"]
    ordered = stages.sorted_by(small, ["key"], ["rank"])
    listed = ordered.mapInArrow(work, PAIR_COLUMNS).unionByName(pairs_of(from_hot))
    return Candidates(stages.written(name, listed.distinct()), None, from_hot, num_skipped)


def _listed_here(small: DataFrame, work: SmallPairs) -> pa.Table:
    """List the pairs of few small buckets on the driver."""
    entries = small.toArrow().sort_by([("key", "ascending"), ("rank", "ascending")])
    none = pa.schema([("left", pa.int64()), ("right", pa.int64())])
    found = pa.Table.from_batches(work(iter(entries.to_batches())), none)
    return found.group_by(["left", "right"], use_threads=False).aggregate([])


def pairs_of(hot: DataFrame) -> DataFrame:
    """Return the pairs among `HOT_COLUMNS`."""
    from pyspark.sql import functions as F  # noqa: N812

    return hot.where(F.col("left").isNotNull()).select("left", "right")

"""Candidate pairs: one shuffle of band keys, cut into buckets, and the pairs inside them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from dedup.config import Config
from dedup.engines.spark.arrays import numbers, rows, unpacked_words
from dedup.engines.spark.runs import SharedKeys
from dedup.engines.spark.stages import Stages
from dedup.lsh.buckets import Buckets, all_pairs, unpack_pairs
from dedup.lsh.candidates import HOT_BUCKET
from dedup.lsh.hot_buckets import hot_pairs
from dedup.sketch.store import SetStore
from dedup.spill.scratch import Scratch
from dedup.text.hashing import Int64Array, mix64_array
from dedup.text.shingles import runs
from dedup.verify import reaches

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

ENTRY_COLUMNS = "key bigint, rank bigint, size bigint"
BUCKET_COLUMNS = f"{ENTRY_COLUMNS}, lead bigint, nth bigint"
PAIR_COLUMNS = "left bigint, right bigint"

MOST_SHINGLES = 1 << 24
"""Shingles of the members of a hot bucket that a task looks at: 128 MiB, and as much again for the
prefixes. Members beyond are skipped, counted and reported, as those beyond a cap are."""


def band_entries(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    """Yield an entry for each band of each document of (rank, size, group, keys) batches.

    A key is a hash of its band as well, so it stands for both; and of the group.
    """
    for batch in batches:
        if not batch.num_rows:
            continue
        keys, bands = unpacked_words(batch.column("keys"))
        group = batch.column("group")
        if group.null_count < len(group):
            # Only documents of a group are compared where there are groups.
            salt = numbers(batch, "group").astype(np.uint64)
            keys = mix64_array(keys ^ np.repeat(mix64_array(salt), bands))
        yield rows(
            {
                "key": keys,
                "rank": np.repeat(numbers(batch, "rank"), bands),
                "size": np.repeat(numbers(batch, "size"), bands),
            }
        )


@dataclass(frozen=True)
class SmallPairs:
    """Pairs inside small buckets, less those that their lengths rule out."""

    threshold: Fraction

    def __call__(self, batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        """Yield (left, right), left < right, from rows sorted by key and rank."""
        waiting = [np.zeros(0, np.int64)] * 3
        for batch in batches:
            if not batch.num_rows:
                continue
            new = [numbers(batch, name) for name in ("key", "rank", "size")]
            found = [np.concatenate(pair) for pair in zip(waiting, new, strict=True)]
            bounds = runs(found[0].view(np.uint64))
            done = int(bounds[-2])  # the last bucket may go on
            yield self._pairs(bounds[:-1], *(column[:done] for column in found[1:]))
            waiting = [column[done:] for column in found]
        yield self._pairs(runs(waiting[0].view(np.uint64)), *waiting[1:])

    def _pairs(self, bounds: Int64Array, rank: Int64Array, size: Int64Array) -> pa.RecordBatch:
        members = np.arange(len(rank))
        later, earlier = unpack_pairs(all_pairs(Buckets.of([(members, np.diff(bounds))])))
        a, b = size[later], size[earlier]
        fits = reaches(self.threshold, np.minimum(a, b), np.maximum(a, b))
        return rows({"left": rank[earlier[fits]], "right": rank[later[fits]]})


HOT_COLUMNS = """
    left bigint, right bigint, lead bigint, members bigint, looked_at bigint, skipped bigint
"""
"""A pair; or a bucket that was cut short, with the comparisons left out; or, in ``right`` alone, a
document whose comparisons with earlier ones were left out."""


@dataclass(frozen=True)
class HotPairs:
    """Pairs inside hot buckets that could reach the threshold; see `dedup.lsh.hot_buckets`."""

    threshold: Fraction
    max_comparisons: int

    def __call__(self, batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        """Yield `HOT_COLUMNS` from (key, rank, set) rows, sorted by key and rank."""
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
        rank, beyond, sets, sizes = bucket.joined()
        members = Buckets.of([(np.arange(len(rank)), np.array([len(rank)]))])
        found = hot_pairs(
            members,
            SetStore(sets, sizes),
            self.threshold,
            self.max_comparisons,
            Scratch(),
        )
        later, earlier = unpack_pairs(found.pairs)
        yield hot_rows(left=rank[earlier], right=rank[later])
        skipped = np.concatenate([rank[found.skipped_documents], beyond])
        total = len(rank) + len(beyond)
        looked_at = found.capped[0].looked_at if found.capped else len(rank)
        if len(skipped):
            yield hot_rows(right=skipped)
            count = found.num_skipped + len(rank) * len(beyond)
            count += len(beyond) * (len(beyond) - 1) // 2
            facts = {"lead": rank[0], "members": total, "looked_at": looked_at, "skipped": count}
            yield hot_rows(**{name: np.array([value]) for name, value in facts.items()})


def hot_rows(**columns: Int64Array) -> pa.RecordBatch:
    """Return `HOT_COLUMNS`, null where they are not given."""
    count = len(next(iter(columns.values())))
    names = ("left", "right", "lead", "members", "looked_at", "skipped")
    return rows({name: columns.get(name, pa.nulls(count, pa.int64())) for name in names})


class _HotBucket:
    """The members of a bucket, in keeper order, as far as their sets fit."""

    def __init__(self) -> None:
        self.key: int | None = None
        self._ranks: list[Int64Array] = [np.zeros(0, np.int64)]
        self._beyond: list[Int64Array] = [np.zeros(0, np.int64)]
        self._sets: list[np.ndarray] = []
        self._sizes: list[Int64Array] = []
        self._num_shingles = 0

    def add(self, batch: pa.RecordBatch) -> None:
        """Add the next members."""
        self.key = int(batch.column("key")[0].as_py())
        rank = numbers(batch, "rank")
        values, sizes = unpacked_words(batch.column("set"))
        ends = np.cumsum(sizes)
        room = MOST_SHINGLES - self._num_shingles
        fit = 0 if any(map(len, self._beyond)) else int(np.searchsorted(ends, room, "right"))
        self._ranks.append(rank[:fit])
        self._beyond.append(rank[fit:])
        taken = int(ends[fit - 1]) if fit else 0
        self._num_shingles += taken
        self._sets.append(values[:taken])
        self._sizes.append(sizes[:fit])

    def joined(self) -> tuple[Int64Array, Int64Array, list[np.ndarray], Int64Array]:
        """Return the ranks, those left out, and the sets with their sizes."""
        sizes = np.concatenate(self._sizes)
        return np.concatenate(self._ranks), np.concatenate(self._beyond), self._sets, sizes


def bucket_entries(stages: Stages, units: DataFrame, sketches: DataFrame) -> DataFrame:
    """Return the buckets of two or more documents, as `BUCKET_COLUMNS`.

    Parameters
    ----------
    units : (rank, place, size, group) of the documents to compare.
    sketches : (place, keys) of all documents.
    """
    keyed = units.join(sketches.select("place", "keys"), "place")
    entries = keyed.mapInArrow(band_entries, ENTRY_COLUMNS)
    ordered = stages.sorted_by(entries, ["key"], ["rank"])
    return stages.written("buckets", ordered.mapInArrow(SharedKeys(), BUCKET_COLUMNS))


@dataclass(frozen=True)
class Candidates:
    """Candidate pairs, and what caps left out.

    Attributes
    ----------
    pairs : (left, right), distinct.
    hot : `HOT_COLUMNS`.
    """

    pairs: DataFrame
    hot: DataFrame

    @property
    def are_cut_short(self) -> bool:
        """Tell whether a cap left comparisons out."""
        from pyspark.sql import functions as F  # noqa: N812

        return not self.hot.where(F.col("skipped") > 0).isEmpty()


def candidate_pairs(
    stages: Stages,
    buckets: DataFrame,
    sets_of: Callable[[DataFrame], DataFrame],
    config: Config,
    name: str,
) -> Candidates:
    """Return the pairs that share a bucket, less those that can't reach the threshold.

    Parameters
    ----------
    sets_of : gives (rank, set) of the documents of which it gets the rank.
    name : of the stages.
    """
    from pyspark.sql import functions as F  # noqa: N812

    # Each hot bucket has one member in this place.
    hot_keys = buckets.where(F.col("nth") == HOT_BUCKET).select("key")
    small = buckets.join(hot_keys, "key", "left_anti").select("key", "rank", "size")
    hot = buckets.join(hot_keys, "key", "left_semi").select("key", "rank")
    work = HotPairs(config.threshold, config.max_comparisons)
    ordered = stages.sorted_by(hot.join(sets_of(hot.select("rank")), "rank"), ["key"], ["rank"])
    from_hot = stages.written(f"{name}_hot", ordered.mapInArrow(work, HOT_COLUMNS))
    ordered = stages.sorted_by(small, ["key"], ["rank"])
    listed = ordered.mapInArrow(SmallPairs(config.threshold), PAIR_COLUMNS)
    listed = listed.unionByName(pairs_of(from_hot))
    return Candidates(stages.written(name, listed.distinct()), from_hot)


def pairs_of(hot: DataFrame) -> DataFrame:
    """Return the pairs among `HOT_COLUMNS`."""
    from pyspark.sql import functions as F  # noqa: N812

    return hot.where(F.col("left").isNotNull()).select("left", "right")

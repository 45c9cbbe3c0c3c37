"""Texts in the plan: sets of shingles, bands of minima, and Jaccard."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from dedup.config import Config
from dedup.engines.spark.arrays import numbers, rows, unpacked_words
from dedup.engines.spark.kind import Batches, Comparing
from dedup.engines.spark.numbering import with_groups
from dedup.engines.spark.removal import removal
from dedup.lsh.buckets import Buckets
from dedup.lsh.hot_buckets import BucketPairs, hot_pairs
from dedup.output.measures import EQUAL_SETS, UNKNOWN
from dedup.sketch.store import SetStore
from dedup.spill.scratch import Scratch
from dedup.text.hashing import Int64Array, mix64_array
from dedup.verify import Verifier, reaches

if TYPE_CHECKING:
    from pyspark.sql import Column, DataFrame

    from dedup.engines.spark.search import Search
    from dedup.engines.spark.stages import Stages


@dataclass(frozen=True)
class Texts:
    """Texts; see `Kind`. Their contents are the words of their sets."""

    config: Config
    measure: str = "jaccard"
    sizes: ClassVar[tuple[str, ...]] = ("num_shingles",)
    walks_leaders: ClassVar[bool] = False

    @property
    def has_groups(self) -> bool:
        """Tell whether only documents of one group are compared."""
        return self.config.within is not None

    @property
    def keep_best(self) -> int:
        """Return how many documents of a cluster stay."""
        return self.config.keep_best

    def facts(self, sketches: DataFrame, *, by_id: bool) -> DataFrame:
        """Return all that is known of documents but their sets, and ``group``."""
        return with_groups(sketches.drop("content"), self.config)

    def compared(self) -> Column:
        """Tell which documents may be equal to others: not blank ones, nor short or groupless."""
        from pyspark.sql import functions as F  # noqa: N812

        found = ~is_blank() & (F.col("num_tokens") >= self.config.min_tokens)
        return found & F.col("group").isNotNull() if self.has_groups else found

    def searched(self) -> Column:
        """Tell which have a set: texts without a token are compared by their digest alone."""
        from pyspark.sql import functions as F  # noqa: N812

        return F.col("num_shingles") > 0

    def comparing(self, stages: Stages, units: DataFrame, sketches: DataFrame) -> Comparing:
        """Return how sets are compared; nothing more has to be known for it."""
        threshold = self.config.threshold
        return Comparing(
            keyed=units.select("rank", "num_shingles", "group", "keys"),
            contents=sketches.select("place", "content"),
            entries=band_entries,
            carried=("size",),
            may_match=LengthFilter(threshold),
            hot_pairs=HotSets(threshold, self.config.max_comparisons),
            compare=CompareSets(threshold),
        )

    def measured(self, common: str, left: str, right: str) -> Column:
        """Return the Jaccard similarity of pairs."""
        from pyspark.sql import functions as F  # noqa: N812

        shared = F.col(common)
        union = F.col(f"{left}num_shingles") + F.col(f"{right}num_shingles") - shared
        known = F.when(shared != UNKNOWN, shared / union)
        return F.when(shared == EQUAL_SETS, F.lit(1.0)).otherwise(known)

    def counted(self, documents: DataFrame) -> dict[str, Any]:
        """Return what the summary says of documents, but for what becomes of them."""
        from dedup.engines.spark.summary import counted

        return counted(documents, self.config)

    def lost(
        self, documents: DataFrame, decisions: DataFrame, sketches: DataFrame
    ) -> dict[str, Any]:
        """Return what the summary says of where documents are removed, by host and by keeper."""
        return {"removal": removal(documents, decisions, sketches, self.config)}

    def summarise(
        self, documents: DataFrame, found: Search, counts: dict[str, Any]
    ) -> dict[str, Any]:
        """Return the summary, but for timing."""
        from dedup.engines.spark.summary import summarise

        return summarise(documents, found, counts, self.config)


def is_blank() -> Column:
    """Tell which documents have null, empty or blank text: duplicates of nothing."""
    from pyspark.sql import functions as F  # noqa: N812

    return (F.col("digest_0") == 0) & (F.col("digest_1") == 0)


def band_entries(batches: Batches) -> Batches:
    """Yield an entry for each band of each document of (rank, num_shingles, group, keys) batches.

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
                "size": np.repeat(numbers(batch, "num_shingles"), bands),
            }
        )


@dataclass(frozen=True)
class LengthFilter:
    """Rules out pairs of sets whose lengths alone keep them below the threshold."""

    threshold: Fraction

    def __call__(
        self, columns: dict[str, Int64Array], left: Int64Array, right: Int64Array
    ) -> NDArray[Any]:
        """Tell which pairs of rows may reach the threshold."""
        a, b = columns["size"][left], columns["size"][right]
        return reaches(self.threshold, np.minimum(a, b), np.maximum(a, b))


@dataclass(frozen=True)
class HotSets:
    """Pairs of a large bucket that could reach the threshold; see `dedup.lsh.hot_buckets`."""

    threshold: Fraction
    max_comparisons: int

    def __call__(self, contents: list[pa.Array]) -> Iterator[BucketPairs]:
        """Yield the pairs of the members with these sets."""
        unpacked = [unpacked_words(content) for content in contents]
        sizes = np.concatenate([np.zeros(0, np.int64), *(lengths for _, lengths in unpacked)])
        yield hot_pairs(
            Buckets.of([(np.arange(len(sizes)), np.array([len(sizes)]))]),
            SetStore([words for words, _ in unpacked], sizes),
            self.threshold,
            self.max_comparisons,
            Scratch(),
        )


@dataclass(frozen=True)
class CompareSets:
    """Counts the shingles that pairs of sets have in common."""

    threshold: Fraction

    def __call__(self, left: pa.Array, right: pa.Array) -> Int64Array:
        """Return the counts, `BELOW` below the threshold."""
        first, first_sizes = unpacked_words(left)
        second, second_sizes = unpacked_words(right)
        sets = SetStore([first, second], np.concatenate([first_sizes, second_sizes]))
        places = np.arange(len(left))
        verifier = Verifier(sets, self.threshold, keeps_rejected=False)
        return verifier.compare(places, places + len(left))

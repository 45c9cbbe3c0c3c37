"""Exact comparison of candidate pairs, joined to their sets."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from dedup.engines.spark.arrays import numbers, rows, unpacked_words
from dedup.sketch.store import SetStore
from dedup.verify import BELOW, Verifier

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

EDGE_COLUMNS = "left bigint, right bigint, common bigint"


@dataclass(frozen=True)
class VerifyPairs:
    """Leaves the pairs at the threshold, with the shingles they have in common."""

    threshold: Fraction

    def __call__(self, batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        """Yield `EDGE_COLUMNS` of (left, right, left_set, right_set) rows."""
        for batch in batches:
            count = batch.num_rows
            if not count:
                continue
            left, left_sizes = unpacked_words(batch.column("left_set"))
            right, right_sizes = unpacked_words(batch.column("right_set"))
            sets = SetStore([left, right], np.concatenate([left_sizes, right_sizes]))
            places = np.arange(count)
            verifier = Verifier(sets, self.threshold, keeps_rejected=False)
            common = verifier.compare(places, places + count)
            good = common != BELOW
            yield rows(
                {
                    "left": numbers(batch, "left")[good],
                    "right": numbers(batch, "right")[good],
                    "common": common[good],
                }
            )


def sets_of(documents: DataFrame, units: DataFrame, sketches: DataFrame) -> DataFrame:
    """Return (rank, set) of some documents.

    Parameters
    ----------
    documents : their ranks, in all its columns, each as often as it likes.
    units : (rank, place) of all; sketches : (place, set) of all.
    """
    from pyspark.sql import functions as F  # noqa: N812

    wanted = documents.select(F.explode(F.array(*documents.columns)).alias("rank")).distinct()
    places = units.select("rank", "place").join(wanted, "rank", "left_semi")
    return places.join(sketches.select("place", "set"), "place").drop("place")


def verified(pairs: DataFrame, sets: DataFrame, threshold: Fraction) -> DataFrame:
    """Return `EDGE_COLUMNS` of the (left, right) pairs at the threshold or above.

    Parameters
    ----------
    sets : (rank, set) of all documents of the pairs.
    """
    left = sets.withColumnsRenamed({"rank": "left", "set": "left_set"})
    right = sets.withColumnsRenamed({"rank": "right", "set": "right_set"})
    both = pairs.join(left, "left").join(right, "right")
    chosen = both.select("left", "right", "left_set", "right_set")
    return chosen.mapInArrow(VerifyPairs(threshold), EDGE_COLUMNS)

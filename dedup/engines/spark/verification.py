"""Exact comparison of candidate pairs, joined to their contents."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from dedup.engines.spark.arrays import numbers, rows
from dedup.engines.spark.kind import Comparing
from dedup.engines.spark.stages import Stages
from dedup.text.hashing import Int64Array
from dedup.verify import BELOW

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

FEW_PLACES = 1 << 19
"""Documents whose contents are found without a shuffle of all: 16 MiB of places on the driver."""


@dataclass(frozen=True)
class VerifyPairs:
    """Leaves the pairs that match, with what they have in common."""

    compare: Callable[[pa.Array, pa.Array], Int64Array]
    is_real: bool

    def __call__(self, batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        """Yield (left, right, common) of (left, right, left_content, right_content) rows."""
        for batch in batches:
            if not batch.num_rows:
                continue
            common = self.compare(batch.column("left_content"), batch.column("right_content"))
            good = common != BELOW
            common = common[good]
            yield rows(
                {
                    "left": numbers(batch, "left")[good],
                    "right": numbers(batch, "right")[good],
                    "common": common.view(np.float64) if self.is_real else common,
                }
            )


def contents_of(
    stages: Stages, name: str, documents: DataFrame, units: DataFrame, comparing: Comparing
) -> DataFrame:
    """Return (rank, content) of some documents.

    The contents of all others stay where they are as long as few are wanted: a list of these goes
    to every executor. Else all contents are shuffled.

    Parameters
    ----------
    name : of the stage, a list of places.
    documents : their ranks, in all its columns, each as often as it likes.
    units : (rank, place) of all.
    """
    from pyspark.sql import functions as F  # noqa: N812

    wanted = documents.select(F.explode(F.array(*documents.columns)).alias("rank")).distinct()
    places = units.select("rank", "place").join(wanted, "rank", "left_semi")
    places = stages.written(f"{name}_places", places)
    if stages.rows[f"{name}_places"] <= FEW_PLACES:
        places = F.broadcast(places)
    return comparing.contents.join(places, "place").drop("place")


def verified(pairs: DataFrame, contents: DataFrame, comparing: Comparing) -> DataFrame:
    """Return (left, right, common) of the (left, right) pairs that match.

    Parameters
    ----------
    contents : (rank, content) of all documents of the pairs.
    """
    left = contents.withColumnsRenamed({"rank": "left", "content": "left_content"})
    right = contents.withColumnsRenamed({"rank": "right", "content": "right_content"})
    both = pairs.join(left, "left").join(right, "right")
    chosen = both.select("left", "right", "left_content", "right_content")
    work = VerifyPairs(comparing.compare, comparing.common_type == "double")
    return chosen.mapInArrow(work, f"left bigint, right bigint, common {comparing.common_type}")

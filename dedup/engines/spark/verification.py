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

FEW_PAIRS = 1 << 19
"""Pairs whose contents come to them in one shuffle: 40 MiB of places, two a pair, on the driver."""


@dataclass(frozen=True)
class Verified:
    """Pairs that match.

    Attributes
    ----------
    edges : (left, right, common).
    count : of them.
    here : the same, where so few are on the driver.
    """

    edges: DataFrame
    count: int
    here: pa.Table | None = None


@dataclass(frozen=True)
class VerifyPairs:
    """Leaves the pairs that match, with what they have in common."""

    compare: Callable[[pa.Array, pa.Array], Int64Array]
    is_real: bool

    def __call__(self, batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        """Yield (left, right, common) of (left, right, content) rows, two after another a pair."""
        waiting: pa.RecordBatch | None = None
        for new in batches:
            batch = new if waiting is None else pa.concat_batches([waiting, new])
            count = batch.num_rows // 2
            waiting = batch.slice(2 * count) if batch.num_rows % 2 else None
            if not count:
                continue
            is_left = np.arange(batch.num_rows) % 2 == 0
            is_left[2 * count :] = False
            first = batch.filter(pa.array(is_left))
            second = batch.slice(1).filter(pa.array(is_left[:-1]))
            common = self.compare(first.column("content"), second.column("content"))
            good = common != BELOW
            common = common[good]
            yield rows(
                {
                    "left": numbers(first, "left")[good],
                    "right": numbers(first, "right")[good],
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
    documents : their ranks, each as often as it likes.
    units : (rank, place) of all.
    """
    from pyspark.sql import functions as F  # noqa: N812

    places = units.select("rank", "place").join(documents.distinct(), "rank", "left_semi")
    places = stages.written(f"{name}_places", places)
    if stages.rows[f"{name}_places"] <= FEW_PLACES:
        places = F.broadcast(places)
    return comparing.contents.join(places, "place").drop("place")


def verified(
    stages: Stages,
    name: str,
    pairs: DataFrame,
    here: pa.Table | None,
    units: DataFrame,
    comparing: Comparing,
) -> DataFrame:
    """Return (left, right, common) of the pairs that match.

    Both sides of a pair come to one task in a single shuffle, so the contents are read once. Where
    there are few pairs, a list of whose content is wanted by which goes to every executor.

    Parameters
    ----------
    name : of the stages.
    pairs : (left, right).
    here : the same, where so few are on the driver.
    units : (rank, place) of all documents that are compared.
    """
    from pyspark.sql import functions as F  # noqa: N812

    sides = pairs.select("left", "right", F.explode(F.array("left", "right")).alias("rank"))
    if here is not None and len(here) <= FEW_PAIRS:
        places = units.select("rank", "place").join(F.broadcast(sides), "rank")
        both = comparing.contents.join(F.broadcast(places), "place")
    else:
        contents = contents_of(stages, name, sides.select("rank"), units, comparing)
        both = sides.join(contents, "rank")
    both = both.select("left", "right", "rank", "content")
    ordered = stages.sorted_by(both, ["left", "right"], ["rank"])
    work = VerifyPairs(comparing.compare, comparing.common_type == "double")
    columns = f"left bigint, right bigint, common {comparing.common_type}"
    return ordered.mapInArrow(work, columns)

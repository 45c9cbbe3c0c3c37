"""Keepers: the greedy maximal independent set over the verified pairs, in keeper order.

A document with no open pair to an earlier one is a keeper; what it touches is removed; and so on in
rounds, on DataFrames, until so few pairs are open that numpy settles them on the driver.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from dedup.cluster import Keepers
from dedup.edges import Edges
from dedup.engines.spark.stages import Stages
from dedup.engines.spark.verification import Verified
from dedup.spill.scratch import Scratch
from dedup.text.hashing import Int64Array

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

DRIVER_EDGES = 1 << 20
"""Verified pairs that are settled on the driver: 24 MiB of them come there, below the 64 MiB of a
small ``spark.driver.maxResultSize``."""


def greedy_removals(stages: Stages, name: str, verified: Verified, prefix: str = "") -> DataFrame:
    """Return (rank, keeper, common): each removed document with its keeper.

    Parameters
    ----------
    name : of the stage.
    prefix : of the names of the stages that lead to it.
    verified : pairs of which left is before right in keeper order.
    """
    if verified.count <= DRIVER_EDGES:
        return stages.settled(name, lambda: _settled_here(verified.edges, verified.here)).frame
    return stages.written(name, _settled_in_rounds(stages, verified.edges, verified.count, prefix))


def first_keepers(removals: DataFrame, edges: DataFrame) -> DataFrame:
    """Return (rank, keeper, common), where edges from a keeper may name an earlier one."""
    from pyspark.sql import functions as F  # noqa: N812

    named = edges.select(F.col("right").alias("rank"), F.col("left").alias("keeper"), "common")
    return _first(removals.unionByName(named))


def _first(removals: DataFrame) -> DataFrame:
    from pyspark.sql import functions as F  # noqa: N812

    common = F.min_by("common", "keeper").alias("common")
    return removals.groupBy("rank").agg(F.min("keeper").alias("keeper"), common)


def _settled_here(edges: DataFrame, here: pa.Table | None = None) -> pa.Table:
    few, documents, kind = collected(edges, here)
    keepers = Keepers(len(documents), Scratch())
    keepers.settle(few)
    removed = np.flatnonzero(keepers.removed)
    return pa.table(
        {
            "rank": documents[removed],
            "keeper": documents[keepers.keeper[removed]],
            "common": keepers.common[removed].view(kind),
        }
    )


def collected(
    edges: DataFrame, here: pa.Table | None = None
) -> tuple[Edges, Int64Array, np.dtype[Any]]:
    """Bring few edges to the driver, ascending by (right, left) and numbered densely.

    Parameters
    ----------
    here : the edges, if they are there already.

    Returns
    -------
    edges, documents : the rank of each number; and the type of whose bits ``common`` is.
    """
    table = edges.select("left", "right", "common").toArrow() if here is None else here
    left, right, common = (table[name].to_numpy() for name in ("left", "right", "common"))
    documents, dense = np.unique(np.concatenate([left, right]), return_inverse=True)
    left, right = np.split(dense, 2)
    order = np.lexsort((left, right))
    return Edges(left[order], right[order], common[order].view(np.int64)), documents, common.dtype


def _settled_in_rounds(stages: Stages, edges: DataFrame, num_edges: int, prefix: str) -> DataFrame:
    """Settle documents in rounds; the last edges on the driver."""
    from pyspark.sql import functions as F  # noqa: N812

    open_ = edges
    removed = None
    number = 0
    while num_edges > DRIVER_EDGES:
        blocked = open_.select(F.col("right").alias("rank")).distinct()
        free = open_.select(F.col("left").alias("rank")).distinct()
        kept = free.join(blocked, "rank", "left_anti")
        gone = open_.join(kept, open_["left"] == kept["rank"], "left_semi")
        found = stages.written(
            f"{prefix}removed_{number}", gone.select(F.col("right").alias("rank")).distinct()
        )
        removed = found if removed is None else removed.union(found)
        rest = open_
        for side in ("left", "right"):
            rest = rest.join(found.withColumnRenamed("rank", side), side, "left_anti")
        # What a keeper touched went with its right side, so no open pair has a known keeper.
        open_ = stages.written(f"{prefix}open_{number}", rest.select("left", "right", "common"))
        num_edges = stages.rows[f"{prefix}open_{number}"]
        number += 1
    last = stages.table(_settled_here(open_).select(["rank"]))
    removed = last if removed is None else removed.union(last)
    is_left = removed.withColumnRenamed("rank", "left")
    is_right = removed.withColumnRenamed("rank", "right")
    decided = edges.join(is_left, "left", "left_anti").join(is_right, "right", "left_semi")
    named = decided.select(F.col("right").alias("rank"), F.col("left").alias("keeper"), "common")
    return _first(named)

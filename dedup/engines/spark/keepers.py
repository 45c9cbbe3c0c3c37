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
from dedup.spill.scratch import Scratch
from dedup.text.hashing import Int64Array

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

DRIVER_EDGES = 1 << 20
"""Verified pairs that are settled on the driver: 24 MiB of them come there, below the 64 MiB of a
small ``spark.driver.maxResultSize``."""


def removal_columns(edges: DataFrame) -> str:
    """Return the columns of removals; what two have in common is of the type of the edges."""
    return f"rank bigint, keeper bigint, common {edges.schema['common'].dataType.simpleString()}"


def greedy_removals(stages: Stages, edges: DataFrame, num_edges: int) -> DataFrame:
    """Return `removal_columns`: each removed document with its keeper.

    Parameters
    ----------
    edges : (left, right, common), left before right in keeper order.
    """
    if num_edges <= DRIVER_EDGES:
        return _settled_here(edges)
    return _settled_in_rounds(stages, edges, num_edges)


def first_keepers(removals: DataFrame, edges: DataFrame) -> DataFrame:
    """Return `removal_columns`, where edges from a keeper may name an earlier one."""
    from pyspark.sql import functions as F  # noqa: N812

    named = edges.select(F.col("right").alias("rank"), F.col("left").alias("keeper"), "common")
    common = F.min_by("common", "keeper").alias("common")
    return removals.unionByName(named).groupBy("rank").agg(F.min("keeper").alias("keeper"), common)


def _settled_here(edges: DataFrame) -> DataFrame:
    here, documents, kind = collected(edges)
    keepers = Keepers(len(documents), Scratch())
    keepers.settle(here)
    removed = np.flatnonzero(keepers.removed)
    found = pa.table(
        {
            "rank": documents[removed],
            "keeper": documents[keepers.keeper[removed]],
            "common": keepers.common[removed].view(kind),
        }
    )
    return edges.sparkSession.createDataFrame(found, removal_columns(edges))


def collected(edges: DataFrame) -> tuple[Edges, Int64Array, np.dtype[Any]]:
    """Bring few edges to the driver, ascending by (right, left) and numbered densely.

    Returns
    -------
    edges, documents : the rank of each number; and the type of whose bits ``common`` is.
    """
    table = edges.select("left", "right", "common").toArrow()
    left, right, common = (table[name].to_numpy() for name in ("left", "right", "common"))
    documents, dense = np.unique(np.concatenate([left, right]), return_inverse=True)
    left, right = np.split(dense, 2)
    order = np.lexsort((left, right))
    return Edges(left[order], right[order], common[order].view(np.int64)), documents, common.dtype


def _settled_in_rounds(stages: Stages, edges: DataFrame, num_edges: int) -> DataFrame:
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
            f"removed_{number}", gone.select(F.col("right").alias("rank")).distinct()
        )
        removed = found if removed is None else removed.union(found)
        rest = open_
        for side in ("left", "right"):
            rest = rest.join(found.withColumnRenamed("rank", side), side, "left_anti")
        # What a keeper touched went with its right side, so no open pair has a known keeper.
        open_ = stages.written(f"open_{number}", rest.select("left", "right", "common"))
        num_edges = stages.rows[f"open_{number}"]
        number += 1
    last = _settled_here(open_).select("rank")
    removed = last if removed is None else removed.union(last)
    is_left = removed.withColumnRenamed("rank", "left")
    is_right = removed.withColumnRenamed("rank", "right")
    decided = edges.join(is_left, "left", "left_anti").join(is_right, "right", "left_semi")
    none = stages.spark.createDataFrame([], removal_columns(edges))
    return first_keepers(none, decided)

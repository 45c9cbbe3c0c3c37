"""Connected components of the verified pairs, by alternating large stars and small stars.

Each document gets the smallest number in its component. A large star hangs the larger neighbours
of every document under its smallest neighbour, a small star the smaller ones; a few alternations,
some log² n, leave stars. Each is two shuffles, and is written down.

References
----------
Kiveris, Lattanzi, Mirrokni, Rastogi, Vassilvitskii (2014), Connected components in MapReduce and
beyond.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from dedup.cluster import components
from dedup.engines.spark.keepers import DRIVER_EDGES, collected
from dedup.engines.spark.stages import Stages
from dedup.engines.spark.verification import Verified
from dedup.output.measures import UNKNOWN
from dedup.spill.scratch import Scratch

if TYPE_CHECKING:
    from pyspark.sql import DataFrame


def component_labels(stages: Stages, verified: Verified) -> DataFrame:
    """Return (rank, keeper, common): each unit but the first of its component, with that first one.

    ``common`` is `UNKNOWN` where the two were never compared.

    Parameters
    ----------
    verified : pairs, left < right.
    """
    from pyspark.sql import functions as F  # noqa: N812

    if verified.count <= DRIVER_EDGES:
        return stages.settled("labels", lambda: _labelled_here(verified)).frame
    labels = _stars(stages, verified.edges.select("left", "right"))
    known = verified.edges.withColumnsRenamed({"left": "keeper", "right": "rank"})
    common = F.coalesce("common", F.lit(UNKNOWN).cast("bigint"))
    found = labels.join(known, ["rank", "keeper"], "left")
    return stages.written("labels", found.select("rank", "keeper", common.alias("common")))


def _labelled_here(verified: Verified) -> pa.Table:
    """Label the documents of few edges on the driver."""
    here, documents, kind = collected(verified.edges, verified.here)
    label = components(len(documents), [here], Scratch())
    common = np.full(len(label), UNKNOWN, kind)
    of_first = label[here.right] == here.left
    common[here.right[of_first]] = here.common[of_first].view(kind)
    others = np.flatnonzero(label != np.arange(len(label)))
    return pa.table(
        {
            "rank": documents[others],
            "keeper": documents[label[others]],
            "common": common[others],
        }
    )


def _stars(stages: Stages, edges: DataFrame) -> DataFrame:
    from pyspark.sql import functions as F  # noqa: N812

    pairs = edges
    before: tuple[int, int | None] | None = None
    number = 0
    while True:
        name = f"component_stars_{number}"
        pairs = stages.written(name, _small_star(_large_star(pairs)))
        # The pairs are distinct: equal ones have equal exclusive ors, and others do once in 2**64.
        mark = pairs.agg(F.bit_xor(F.xxhash64("left", "right"))).collect()[0][0]
        now = (stages.rows[name], mark)
        if now == before:
            return pairs.select(F.col("right").alias("rank"), F.col("left").alias("keeper"))
        before = now
        number += 1


def _large_star(pairs: DataFrame) -> DataFrame:
    """Join each document's larger neighbours to the smallest of itself and its neighbours."""
    from pyspark.sql import functions as F  # noqa: N812

    turned = pairs.select(F.col("right").alias("left"), F.col("left").alias("right"))
    both = pairs.unionByName(turned).withColumnsRenamed({"left": "document", "right": "other"})
    least = both.groupBy("document").agg(F.min("other").alias("least"))
    larger = both.where(F.col("other") > F.col("document")).join(least, "document")
    return larger.select(
        F.least("least", "document").alias("left"), F.col("other").alias("right")
    ).distinct()


def _small_star(pairs: DataFrame) -> DataFrame:
    """Join each document, and its smaller neighbours, to the smallest of these."""
    from pyspark.sql import functions as F  # noqa: N812

    least = pairs.groupBy("right").agg(F.min("left").alias("least"))
    joined = pairs.join(least, "right")
    hung = joined.select(F.col("least").alias("left"), F.col("left").alias("right"))
    own = least.select(F.col("least").alias("left"), "right")
    return hung.unionByName(own).where(F.col("left") != F.col("right")).distinct()

"""What the search found, carried back from units to the documents that match others."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pyarrow as pa

from dedup.engines.spark.arrays import numbers
from dedup.engines.spark.kind import Kind
from dedup.engines.spark.runs import RunState
from dedup.engines.spark.search import Search
from dedup.engines.spark.stages import Stages
from dedup.output.measures import EQUAL_SETS

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

NAMED = ("doc_id", "position", "text_0", "text_1")
"""What the tables show of a keeper, beside the sizes that the measure hangs on."""


def decided(
    stages: Stages, documents: DataFrame, equals: DataFrame, found: Search, kind: Kind
) -> DataFrame:
    """Return the documents that match others, with what became of them, as ranks.

    All others, which are most as a rule, are kept: they do not move, and are not among these.

    ``removed_by`` and ``removed_common``, the first keeper that the document matches and the
    shingles in common; ``is_removed``; ``keeper`` and ``common``, those of its cluster, and
    ``cluster_size``. See `dedup.decisions.Decisions`. In a cluster of two or more, its keeper's
    `NAMED` columns and sizes stand beside, as ``keeper_doc_id``; where there are labels, also those
    of what removed the document, as ``removed_by_doc_id``.

    Parameters
    ----------
    documents, equals : see `dedup.engines.spark.collapse.collapsed`.
    """
    from pyspark.sql import functions as F  # noqa: N812

    labels = found.labels
    ends = found.edges.select(F.explode(F.array("left", "right")).alias("rank"))
    matching = documents.join(equals.select("rank").unionByName(ends), "rank", "left_semi")
    table = _with(matching, found.removals, "removed_by", "removed_common")
    if kind.keep_best > 1:
        table = _without_spared(stages, table, kind.keep_best)
    else:
        table = table.withColumn("is_removed", F.col("removed_by") != F.col("rank"))
    if labels is not None:
        table = _with_facts(_with(table, labels, "keeper", "common"), "removed_by", kind)
    else:
        table = table.withColumn("keeper", F.col("removed_by"))
        table = table.withColumn("common", F.col("removed_common"))
    table = _with_facts(table, "keeper", kind)
    is_clustered = F.col("cluster_size") > 1
    observe = {
        "clusters": F.count_if(is_clustered & (F.col("keeper") == F.col("rank"))),
        "clustered_documents": F.count_if(is_clustered),
        "largest_cluster": F.coalesce(F.max(F.when(is_clustered, F.col("cluster_size"))), F.lit(0)),
        "removed": F.count_if("is_removed"),
        "matched": F.count_if(F.col("removed_by") != F.col("rank")),
    }
    return stages.written("decisions", table, observe=observe)


def with_removed(documents: DataFrame, decisions: DataFrame) -> DataFrame:
    """Add ``is_removed`` to any documents, of which decisions tell what became of some."""
    from pyspark.sql import functions as F  # noqa: N812

    gone = decisions.where("is_removed").select("rank", "is_removed")
    found = documents.join(gone, "rank", "left")
    return found.withColumn("is_removed", F.coalesce("is_removed", F.lit(False)))


def _with_facts(documents: DataFrame, keeper: str, kind: Kind) -> DataFrame:
    """Add the facts of each document's keeper, which is the first of its documents."""
    from pyspark.sql import Window
    from pyspark.sql import functions as F  # noqa: N812

    names = (*NAMED, *kind.sizes)
    # One shuffle, and of a large cluster nothing but a buffer that Spark spills.
    cluster = Window.partitionBy(keeper)
    facts = F.min_by(F.struct(*names), "rank").over(cluster)
    found = documents.withColumn("cluster_size", F.count(F.lit(1)).over(cluster))
    found = found.withColumn("facts", F.when(F.col("cluster_size") > 1, facts))
    return found.select(
        *(name for name in found.columns if name != "facts"),
        *(F.col("facts")[name].alias(f"{keeper}_{name}") for name in names),
    )


def _with(documents: DataFrame, found: DataFrame, keeper: str, common: str) -> DataFrame:
    """Add the keeper of each document's lead; the lead itself where it has no other."""
    from pyspark.sql import functions as F  # noqa: N812

    others = found.withColumnsRenamed({"rank": "lead", "keeper": keeper, "common": common})
    return (
        documents.join(others, "lead", "left")
        .withColumn(keeper, F.coalesce(keeper, "lead"))
        .withColumn(common, F.coalesce(common, F.lit(EQUAL_SETS)))
    )


def _without_spared(stages: Stages, documents: DataFrame, keep_best: int) -> DataFrame:
    from pyspark.sql import functions as F  # noqa: N812
    from pyspark.sql.types import LongType, StructType

    schema = StructType([*documents.schema.fields]).add("place_there", LongType())
    ordered = stages.sorted_by(documents, ["removed_by"], ["rank"])
    placed = ordered.mapInArrow(_places, schema)
    is_removed = F.col("place_there") >= keep_best
    return placed.withColumn("is_removed", is_removed).drop("place_there")


def _places(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    """Add the place of each document among those of its keeper, which is the first of them."""
    state = RunState()
    for batch in batches:
        _, nth = state.mark([numbers(batch, "removed_by")], numbers(batch, "rank"))
        yield batch.append_column("place_there", pa.array(nth))

"""The tables of a result, with the columns of the local engine's."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dedup.output.measures import EQUAL_SETS, UNKNOWN
from dedup.output.schema import EQUAL, IDENTICAL, NEAR

if TYPE_CHECKING:
    from pyspark.sql import Column, DataFrame


def with_keepers(documents: DataFrame, found: DataFrame) -> DataFrame:
    """Add to all documents the rank of their keeper, the shingles in common, and who that is.

    Parameters
    ----------
    documents : with ``rank`` and ``lead``, the first rank of an equal set.
    found : (rank, keeper, common) of the leads that have another keeper than themselves.
    """
    from pyspark.sql import functions as F  # noqa: N812

    others = found.withColumnRenamed("rank", "lead")
    known = (
        documents.join(others, "lead", "left")
        .withColumn("keeper", F.coalesce("keeper", "lead"))
        .withColumn("common", F.coalesce("common", F.lit(EQUAL_SETS)))
    )
    keepers = documents.select(
        F.col("rank").alias("keeper"),
        F.col("position").alias("cluster_id"),
        F.col("doc_id").alias("keeper_id"),
        F.col("num_shingles").alias("keeper_shingles"),
        F.col("text_0").alias("keeper_text_0"),
        F.col("text_1").alias("keeper_text_1"),
    )
    sizes = known.groupBy("keeper").agg(F.count("*").alias("cluster_size"))
    chosen = sizes.where(F.col("cluster_size") > 1).join(keepers, "keeper")
    return known.join(chosen, "keeper")


def clusters_table(members: DataFrame) -> DataFrame:
    """Return a row for each document of a cluster of two or more, of `with_keepers`."""
    from pyspark.sql import functions as F  # noqa: N812

    same_text = (F.col("text_0") == F.col("keeper_text_0")) & (
        F.col("text_1") == F.col("keeper_text_1")
    )
    match = (
        F.when(same_text, F.lit(IDENTICAL))
        .when(F.col("common") == EQUAL_SETS, F.lit(EQUAL))
        .otherwise(F.lit(NEAR))
    )
    return members.select(
        "doc_id",
        "source",
        "position",
        "cluster_id",
        "cluster_size",
        (F.col("keeper") == F.col("rank")).alias("is_keeper"),
        "keeper_id",
        _jaccard("num_shingles", "keeper_shingles").alias("jaccard"),
        match.alias("match"),
    )


def decided_pairs(members: DataFrame) -> DataFrame:
    """Return each removed document with its keeper, of `with_keepers`."""
    from pyspark.sql import functions as F  # noqa: N812

    removed = members.where(F.col("keeper") != F.col("rank"))
    in_order = F.col("position") < F.col("cluster_id")

    def sides(document: str, keeper: str) -> tuple[Column, Column]:
        return (
            F.when(in_order, F.col(document)).otherwise(F.col(keeper)),
            F.when(in_order, F.col(keeper)).otherwise(F.col(document)),
        )

    left_id, right_id = sides("doc_id", "keeper_id")
    left, right = sides("position", "cluster_id")
    return removed.select(
        left_id.alias("left_id"),
        right_id.alias("right_id"),
        _jaccard("num_shingles", "keeper_shingles").alias("jaccard"),
        left.alias("left_position"),
        right.alias("right_position"),
    )


def _jaccard(left: str, right: str) -> Column:
    from pyspark.sql import functions as F  # noqa: N812

    common = F.col("common")
    measured = F.when(common != UNKNOWN, common / (F.col(left) + F.col(right) - common))
    return F.when(common == EQUAL_SETS, F.lit(1.0)).otherwise(measured)

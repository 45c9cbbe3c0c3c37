"""The tables of a result, with the columns of the local engine's."""

from __future__ import annotations

from collections.abc import Sequence
from math import isqrt
from typing import TYPE_CHECKING

from dedup.engines.spark.kind import Kind
from dedup.output.measures import EQUAL_SETS
from dedup.output.schema import EQUAL, IDENTICAL, NEAR

if TYPE_CHECKING:
    from pyspark.sql import Column, DataFrame


def clusters_table(decisions: DataFrame, kind: Kind, riding: Sequence[str]) -> DataFrame:
    """Return a row for each document of a cluster of two or more.

    Parameters
    ----------
    riding : further columns of the documents.
    """
    from pyspark.sql import functions as F  # noqa: N812

    sizes = decisions.groupBy("keeper").agg(F.count("*").alias("cluster_size"))
    keepers = sizes.where(F.col("cluster_size") > 1).join(_of(decisions, "keeper", kind), "keeper")
    same_text = (F.col("text_0") == F.col("keeper_text_0")) & (
        F.col("text_1") == F.col("keeper_text_1")
    )
    match = (
        F.when(same_text, F.lit(IDENTICAL))
        .when(F.col("common") == EQUAL_SETS, F.lit(EQUAL))
        .otherwise(F.lit(NEAR))
    )
    return decisions.join(keepers, "keeper").select(
        "doc_id",
        "source",
        "position",
        F.col("keeper_position").alias("cluster_id"),
        "cluster_size",
        (F.col("keeper") == F.col("rank")).alias("is_keeper"),
        "is_removed",
        F.col("keeper_doc_id").alias("keeper_id"),
        kind.measured("common", "", "keeper_").alias(kind.measure),
        match.alias("match"),
        *riding,
    )


def removed_table(decisions: DataFrame) -> DataFrame:
    """Return each removed document with its keeper."""
    removed = decisions.where("is_removed")
    names = {"rank": "removed_by", "position": "keeper_position"}
    keepers = decisions.select("rank", "position").withColumnsRenamed(names)
    return removed.join(keepers, "removed_by").select("doc_id", "position", "keeper_position")


def decided_pairs(decisions: DataFrame, kind: Kind) -> DataFrame:
    """Return each document that a keeper matches with the first such keeper."""
    from pyspark.sql import functions as F  # noqa: N812

    matched = decisions.where(F.col("removed_by") != F.col("rank"))
    pairs = matched.select(
        *_side("left", kind), "removed_by", F.col("removed_common").alias("common")
    )
    keepers = decisions.select(F.col("rank").alias("removed_by"), *_side("right", kind))
    return _pairs_table(pairs.join(keepers, "removed_by"), kind)


def all_pairs_table(decisions: DataFrame, edges: DataFrame, kind: Kind) -> DataFrame:
    """Return every verified pair, documents with equal digests expanded.

    Of a group of equal documents too large for ``max_comparisons`` pairs, only the first members in
    keeper order are paired with all, the others with the first alone; see `dedup.output.pairs`.

    Parameters
    ----------
    decisions : with ``lead``, and ``nth``, the place among those of the lead.
    edges : (left, right, common) of leads.
    """
    from pyspark.sql import functions as F  # noqa: N812

    full = max(2, (1 + isqrt(1 + 8 * kind.config.max_comparisons)) // 2)
    sizes = decisions.groupBy("lead").agg((F.max("nth") < full).alias("small"))
    members = decisions.join(sizes, "lead")

    def side(name: str) -> DataFrame:
        return members.select(
            F.col("lead").alias(name), *_side(name, kind), *_prefixed(name, "rank", "nth", "small")
        )

    left, right = side("left"), side("right")
    both_small = F.col("left_small") & F.col("right_small")
    between = (
        edges.select("left", "right", "common")
        .join(left, "left")
        .join(right, "right")
        .where(both_small | (F.col("left_nth") == 0))
    )
    same = left["left"] == right["right"]
    later = F.col("left_nth") < F.col("right_nth")
    inside = left.where(F.col("left_nth") < full).join(
        right.where(F.col("right_nth") < full), same & later
    )
    beyond = left.where(F.col("left_nth") == 0).join(right.where(F.col("right_nth") >= full), same)
    equal = inside.unionByName(beyond).withColumn("common", F.lit(EQUAL_SETS).cast("bigint"))
    return _pairs_table(between.unionByName(equal), kind)


def _of(decisions: DataFrame, name: str, kind: Kind) -> DataFrame:
    """Return the documents under the name of a column that holds their rank, each prefixed."""
    from pyspark.sql import functions as F  # noqa: N812

    named = ("doc_id", "position", *kind.sizes, "text_0", "text_1")
    return decisions.select(
        F.col("rank").alias(name), *(F.col(one).alias(f"{name}_{one}") for one in named)
    )


def _prefixed(side: str, *names: str) -> list[Column]:
    from pyspark.sql import functions as F  # noqa: N812

    return [F.col(name).alias(f"{side}_{name}") for name in names]


def _side(side: str, kind: Kind) -> list[Column]:
    """Return what a pair shows of one of its documents."""
    return _prefixed(side, "doc_id", "position", *kind.sizes)


def _pairs_table(pairs: DataFrame, kind: Kind) -> DataFrame:
    """Turn pairs, in any direction, into rows that stand as in the input."""
    from pyspark.sql import functions as F  # noqa: N812

    in_order = F.col("left_position") < F.col("right_position")

    def first(name: str) -> Column:
        return F.when(in_order, F.col(f"left_{name}")).otherwise(F.col(f"right_{name}"))

    def second(name: str) -> Column:
        return F.when(in_order, F.col(f"right_{name}")).otherwise(F.col(f"left_{name}"))

    return pairs.select(
        first("doc_id").alias("left_id"),
        second("doc_id").alias("right_id"),
        kind.measured("common", "left_", "right_").alias(kind.measure),
        first("position").alias("left_position"),
        second("position").alias("right_position"),
    )

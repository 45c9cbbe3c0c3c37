"""The tables of a result, with the columns of the local engine's."""

from __future__ import annotations

from collections.abc import Sequence
from math import isqrt
from typing import TYPE_CHECKING

from dedup.output.measures import EQUAL_SETS, UNKNOWN
from dedup.output.schema import EQUAL, IDENTICAL, NEAR

if TYPE_CHECKING:
    from pyspark.sql import Column, DataFrame


def clusters_table(decisions: DataFrame, riding: Sequence[str]) -> DataFrame:
    """Return a row for each document of a cluster of two or more.

    Parameters
    ----------
    riding : further columns of the documents.
    """
    from pyspark.sql import functions as F  # noqa: N812

    sizes = decisions.groupBy("keeper").agg(F.count("*").alias("cluster_size"))
    keepers = sizes.where(F.col("cluster_size") > 1).join(_of(decisions, "keeper"), "keeper")
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
        _jaccard("num_shingles", "keeper_num_shingles", "common").alias("jaccard"),
        match.alias("match"),
        *riding,
    )


def removed_table(decisions: DataFrame) -> DataFrame:
    """Return each removed document with its keeper, and of files the digest of its record."""
    from pyspark.sql import functions as F  # noqa: N812

    removed = decisions.where("is_removed")
    keepers = _of(decisions, "removed_by")
    digest = [F.col("record").alias("digest")] if "record" in decisions.columns else []
    return removed.join(keepers, "removed_by").select(
        "doc_id", "position", F.col("removed_by_position").alias("keeper_position"), *digest
    )


def decided_pairs(decisions: DataFrame) -> DataFrame:
    """Return each document that a keeper matches with the first such keeper."""
    from pyspark.sql import functions as F  # noqa: N812

    matched = decisions.where(F.col("removed_by") != F.col("rank"))
    pairs = matched.select(
        *_side("left", "rank"), "removed_by", F.col("removed_common").alias("common")
    )
    return _pairs_table(pairs.join(_named(decisions, "right", "removed_by"), "removed_by"))


def all_pairs_table(decisions: DataFrame, edges: DataFrame, max_comparisons: int) -> DataFrame:
    """Return every verified pair, documents with equal digests expanded.

    Of a group of equal documents too large for `max_comparisons` pairs, only the first members in
    keeper order are paired with all, the others with the first alone; see `dedup.output.pairs`.

    Parameters
    ----------
    decisions : with ``lead``, and ``nth``, the place among those of the lead.
    edges : (left, right, common) of leads.
    """
    from pyspark.sql import functions as F  # noqa: N812

    full = max(2, (1 + isqrt(1 + 8 * max_comparisons)) // 2)
    sizes = decisions.groupBy("lead").agg((F.max("nth") < full).alias("small"))
    members = decisions.join(sizes, "lead")

    def side(name: str) -> DataFrame:
        return members.select(
            F.col("lead").alias(name), *_side(name, "rank"), *_prefixed(name, "nth", "small")
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
    return _pairs_table(between.unionByName(equal))


def _of(decisions: DataFrame, name: str) -> DataFrame:
    """Return the documents under the name of a column that holds their rank, each prefixed."""
    from pyspark.sql import functions as F  # noqa: N812

    named = ("doc_id", "position", "num_shingles", "text_0", "text_1")
    return decisions.select(
        F.col("rank").alias(name), *(F.col(one).alias(f"{name}_{one}") for one in named)
    )


def _named(decisions: DataFrame, side: str, rank: str) -> DataFrame:
    from pyspark.sql import functions as F  # noqa: N812

    return decisions.select(F.col("rank").alias(rank), *_side(side, "rank"))


def _prefixed(side: str, *names: str) -> list[Column]:
    from pyspark.sql import functions as F  # noqa: N812

    return [F.col(name).alias(f"{side}_{name}") for name in names]


def _side(side: str, *more: str) -> list[Column]:
    """Return what a pair shows of one of its documents."""
    return _prefixed(side, "doc_id", "position", "num_shingles", *more)


def _pairs_table(pairs: DataFrame) -> DataFrame:
    """Turn pairs, in any direction, into rows that stand as in the input."""
    from pyspark.sql import functions as F  # noqa: N812

    in_order = F.col("left_position") < F.col("right_position")

    def first(name: str) -> Column:
        return F.when(in_order, F.col(f"left_{name}")).otherwise(F.col(f"right_{name}"))

    def second(name: str) -> Column:
        return F.when(in_order, F.col(f"right_{name}")).otherwise(F.col(f"left_{name}"))

    jaccard = _jaccard("left_num_shingles", "right_num_shingles", "common")
    return pairs.select(
        first("doc_id").alias("left_id"),
        second("doc_id").alias("right_id"),
        jaccard.alias("jaccard"),
        first("position").alias("left_position"),
        second("position").alias("right_position"),
    )


def _jaccard(left: str, right: str, common: str) -> Column:
    from pyspark.sql import functions as F  # noqa: N812

    shared = F.col(common)
    measured = F.when(shared != UNKNOWN, shared / (F.col(left) + F.col(right) - shared))
    return F.when(shared == EQUAL_SETS, F.lit(1.0)).otherwise(measured)

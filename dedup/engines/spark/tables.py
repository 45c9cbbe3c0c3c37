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

    same_text = (F.col("text_0") == F.col("keeper_text_0")) & (
        F.col("text_1") == F.col("keeper_text_1")
    )
    match = (
        F.when(same_text, F.lit(IDENTICAL))
        .when(F.col("common") == EQUAL_SETS, F.lit(EQUAL))
        .otherwise(F.lit(NEAR))
    )
    return decisions.where("cluster_size > 1").select(
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
    """Return each removed document with its keeper, and of files the digest of its record."""
    from pyspark.sql import functions as F  # noqa: N812

    position = F.col(f"{_remover(decisions)}_position").alias("keeper_position")
    digest = [F.col("record").alias("digest")] if "record" in decisions.columns else []
    return decisions.where("is_removed").select("doc_id", "position", position, *digest)


def decided_pairs(decisions: DataFrame, kind: Kind) -> DataFrame:
    """Return each document that a keeper matches with the first such keeper."""
    from pyspark.sql import functions as F  # noqa: N812

    matched = decisions.where(F.col("removed_by") != F.col("rank"))
    names = ("doc_id", "position", *kind.sizes)
    remover = _remover(decisions)
    pairs = matched.select(
        *_side("left", kind),
        *(F.col(f"{remover}_{name}").alias(f"right_{name}") for name in names),
        F.col("removed_common").alias("common"),
    )
    return _pairs_table(pairs, kind)


def _remover(decisions: DataFrame) -> str:
    """Return what the columns are called by that tell of what removed a document."""
    return "removed_by" if "removed_by_position" in decisions.columns else "keeper"


def paired_members(max_comparisons: int) -> int:
    """Return how many equal documents are paired each with each, before a cap leaves pairs out."""
    return max(2, (1 + isqrt(1 + 8 * max_comparisons)) // 2)


def all_pairs_table(decisions: DataFrame, edges: DataFrame, kind: Kind) -> DataFrame:
    """Return every verified pair, documents with equal digests expanded.

    Of a group of equal documents too large for `max_comparisons` pairs, only the first members in
    keeper order are paired with all, the others with the first alone; see `dedup.output.pairs`.

    Parameters
    ----------
    decisions : with ``lead``, and ``nth``, the place among those of the lead.
    edges : (left, right, common) of leads.
    """
    from pyspark.sql import Window
    from pyspark.sql import functions as F  # noqa: N812

    full = paired_members(kind.config.max_comparisons)
    # What has a pair is in a cluster, or has an edge to what another keeper removed.
    is_clustered = F.col("cluster_size") > 1
    with_edges = edges.select(F.explode(F.array("left", "right")).alias("lead"))
    alone = decisions.where(~is_clustered).join(with_edges, "lead", "left_semi")
    members = decisions.where(is_clustered).unionByName(alone)
    is_small = F.max("nth").over(Window.partitionBy("lead")) < full
    members = members.withColumn("small", is_small)
    groups = decisions.where("nth = 1").select(F.col("lead").alias("left"))
    equal = F.lit(EQUAL_SETS).cast(edges.schema["common"].dataType).alias("common")
    of_groups = edges.select("left", "right", "common").unionByName(
        groups.select("left", F.col("left").alias("right"), equal)
    )

    def side(name: str, pass_: Column) -> DataFrame:
        columns = (*_side(name, kind), *_prefixed(name, "nth", "small"))
        return members.select(F.col("lead").alias(name), pass_.alias("pass"), *columns)

    # The first of a group is paired with all of the other, in a pass of its own; then those that
    # are few are paired with each other.
    is_first, is_few = F.col("nth") == 0, F.col("nth") < full
    left = side("left", F.when(is_first, 0).otherwise(1)).where(F.col("left_nth") < full)
    passes = F.when(is_few, F.array(F.lit(0), F.lit(1))).otherwise(F.array(F.lit(0)))
    right = side("right", F.explode(passes))
    between = (F.col("pass") == 0) | (F.col("left_small") & F.col("right_small"))
    inside = F.col("left_nth") < F.col("right_nth")
    found = of_groups.join(left, "left").join(right, ["right", "pass"])
    return _pairs_table(
        found.where(F.when(F.col("left") == F.col("right"), inside).otherwise(between)), kind
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

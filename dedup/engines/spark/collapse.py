"""Exact collapse: of documents with equal digests the first in keeper order stands for all."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dedup.engines.spark.kind import Kind
from dedup.engines.spark.runs import MarkLeads
from dedup.engines.spark.stages import Stages

if TYPE_CHECKING:
    from pyspark.sql import DataFrame


def collapsed(stages: Stages, documents: DataFrame, kind: Kind) -> DataFrame:
    """Add ``lead``, the first rank with an equal digest, and ``is_unit``: whether it is searched.

    ``nth`` is the place among the documents of that digest.

    One shuffle by digest; of a million copies nothing but the first one's rank is held.
    """
    from pyspark.sql import functions as F  # noqa: N812
    from pyspark.sql.types import LongType, StructType

    compared = kind.compared()
    keys = ["digest_0", "digest_1", *(["group"] if kind.has_groups else [])]
    ordered = stages.sorted_by(documents.where(compared), keys, ["rank"])
    schema = StructType([*documents.schema.fields]).add("lead", LongType()).add("nth", LongType())
    is_first = (F.col("lead") == F.col("rank")) & kind.searched()
    alike = ordered.mapInArrow(MarkLeads(tuple(keys)), schema).withColumn("is_unit", is_first)
    others = documents.where(~compared).withColumn("lead", F.col("rank"))
    others = others.withColumn("nth", F.lit(0).cast("bigint"))
    return stages.written(
        "documents", alike.unionByName(others.withColumn("is_unit", F.lit(False)))
    )

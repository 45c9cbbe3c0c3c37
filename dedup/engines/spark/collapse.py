"""Exact collapse: of documents with equal digests the first in keeper order stands for all."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dedup.config import Config
from dedup.engines.spark.runs import MarkLeads
from dedup.engines.spark.stages import Stages

if TYPE_CHECKING:
    from pyspark.sql import Column, DataFrame


def is_blank() -> Column:
    """Tell which documents have null, empty or blank text: duplicates of nothing."""
    from pyspark.sql import functions as F  # noqa: N812

    return (F.col("digest_0") == 0) & (F.col("digest_1") == 0)


def collapsed(stages: Stages, documents: DataFrame, config: Config) -> DataFrame:
    """Add ``lead``, the first rank with an equal digest, and ``is_unit``: whether it is searched.

    ``nth`` is the place among the documents of that digest.

    One shuffle by digest; of a million copies nothing but the first one's rank is held.
    """
    from pyspark.sql import functions as F  # noqa: N812
    from pyspark.sql.types import LongType, StructType

    compared = ~is_blank() & (F.col("num_tokens") >= config.min_tokens)
    keys = ["digest_0", "digest_1"]
    if config.within is not None:
        compared &= F.col("group").isNotNull()
        keys.append("group")
    ordered = stages.sorted_by(documents.where(compared), keys, ["rank"])
    schema = StructType([*documents.schema.fields]).add("lead", LongType()).add("nth", LongType())
    is_first = (F.col("lead") == F.col("rank")) & (F.col("num_shingles") > 0)
    alike = ordered.mapInArrow(MarkLeads(tuple(keys)), schema).withColumn("is_unit", is_first)
    others = documents.where(~compared).withColumn("lead", F.col("rank"))
    others = others.withColumn("nth", F.lit(0).cast("bigint"))
    return stages.written(
        "documents", alike.unionByName(others.withColumn("is_unit", F.lit(False)))
    )

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

    keys = ["digest_0", "digest_1", *(["group"] if kind.has_groups else [])]
    found = documents.withColumn("compared", F.coalesce(kind.compared(), F.lit(False)))
    # Those that are not compared, all blank texts among them, are spread by their ranks.
    spread = [F.when(F.col("compared"), F.col(name)).otherwise(F.col("rank")) for name in keys]
    ordered = found.repartition(*stages.shuffle, *spread)
    ordered = ordered.sortWithinPartitions("compared", *keys, "rank")
    schema = StructType([*found.schema.fields]).add("lead", LongType()).add("nth", LongType())
    alike = ordered.mapInArrow(MarkLeads(tuple(keys), "compared"), schema)
    is_first = (F.col("lead") == F.col("rank")) & kind.searched()
    alike = alike.withColumn("is_unit", F.col("compared") & is_first).drop("compared")
    largest = F.coalesce(F.max("nth") + 1, F.lit(0))
    return stages.written("documents", alike, observe={"largest_group": largest})

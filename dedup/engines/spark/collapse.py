"""Exact collapse: of documents with equal digests the first in keeper order stands for all."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dedup.engines.spark.blocks import shared_entries
from dedup.engines.spark.kind import Kind
from dedup.engines.spark.stages import DRIVER_BYTES, Stages

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

_ROW_BYTES = 24


def collapsed(stages: Stages, documents: DataFrame, kind: Kind) -> tuple[DataFrame, DataFrame]:
    """Find documents with equal digests.

    One shuffle of digests; of a million copies nothing but the first one's rank is held. Where few
    documents have equals, a list of these goes to every executor, and nothing else moves.

    Returns
    -------
    documents : with ``lead``, the first rank with an equal digest; ``nth``, the place among the
        documents of that digest; and ``is_unit``, whether it is searched.
    equals : (rank, lead, nth) of those that have equals.
    """
    from pyspark.sql import functions as F  # noqa: N812

    keys = ("digest_0", "digest_1", *(("group",) if kind.has_groups else ()))
    found = documents.withColumn("compared", F.coalesce(kind.compared(), F.lit(False)))
    digests = found.where("compared").select(*keys, "rank")
    equals = shared_entries(stages, digests, keys, ("rank",)).select("rank", "lead", "nth")
    largest = F.coalesce(F.max("nth") + 1, F.lit(1))
    equals = stages.written("equals", equals, observe={"largest_group": largest})
    is_few = _ROW_BYTES * stages.rows["equals"] <= DRIVER_BYTES
    if is_few:
        equals = F.broadcast(stages.table(equals.toArrow()))
    found = found.join(equals, "rank", "left")
    found = found.withColumn("lead", F.coalesce("lead", "rank"))
    found = found.withColumn("nth", F.coalesce("nth", F.lit(0).cast("bigint")))
    is_first = (F.col("lead") == F.col("rank")) & kind.searched()
    found = found.withColumn("is_unit", F.col("compared") & is_first).drop("compared")
    return found if is_few else stages.written("documents", found), equals

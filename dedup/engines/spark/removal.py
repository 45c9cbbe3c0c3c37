"""What a run removes, by host and by keeper, counted as `dedup.output.removal` does it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dedup.config import Config
from dedup.corpus import FILE
from dedup.engines.spark.decisions import with_removed
from dedup.engines.spark.tables import removed_table
from dedup.output.removal import LEAST_DOCUMENTS, SHOWN

if TYPE_CHECKING:
    from pyspark.sql import DataFrame


def removal(
    documents: DataFrame, decisions: DataFrame, sketches: DataFrame, config: Config
) -> dict[str, Any]:
    """Return the groups and the keepers that lose most, at most ten of each, as JSON values.

    Parameters
    ----------
    documents : all of them.
    decisions : what became of those that match others.
    sketches : with the column of `Config.within`.
    """
    from pyspark.sql import functions as F  # noqa: N812

    columns = documents.columns
    column = config.within or ("host" if "host" in columns else FILE)
    if config.within is not None and column != FILE:
        values = sketches.select("place", F.col("within").alias("name"))
        named = documents.select("place", "position", "rank").join(values, "place")
    else:
        name = column if column in columns else "source"
        named = documents.select(F.col(name).alias("name"), "position", "rank")
    groups = (
        with_removed(named, decisions)
        .where(F.col("name").isNotNull())
        .groupBy("name")
        .agg(
            F.count("*").alias("documents"),
            F.count_if("is_removed").alias("gone"),
            F.min("position").alias("since"),
        )
    )
    most = groups.where("gone > 0").orderBy(F.desc("gone"), "since").limit(SHOWN)
    share = F.col("gone") / F.col("documents")
    large = groups.where(F.col("documents") >= LEAST_DOCUMENTS)
    highest = large.orderBy(F.desc(share), "since").limit(1)
    shown = most.withColumn("is_most", F.lit(True)).unionByName(
        highest.withColumn("is_most", F.lit(False))
    )
    rows = shown.collect()
    by_loss = sorted((row for row in rows if row.is_most), key=lambda row: (-row.gone, row.since))
    return {
        "column": column,
        "groups": [_group(row) for row in by_loss],
        "highest": next((_group(row) for row in rows if not row.is_most), None),
        "keepers": _keepers(decisions),
    }


def _group(row: Any) -> dict[str, Any]:
    return {"name": str(row.name), "documents": row.documents, "removed": row.gone}


def _keepers(decisions: DataFrame) -> list[dict[str, Any]]:
    from pyspark.sql import functions as F  # noqa: N812

    position = F.col("keeper_position").alias("position")
    counts = removed_table(decisions).groupBy(position).agg(F.count("*").alias("gone"))
    most = counts.orderBy(F.desc("gone"), "position").limit(SHOWN)
    rows = decisions.select("position", "doc_id").join(F.broadcast(most), "position").collect()
    return [
        {"id": str(row.doc_id), "removed": row.gone}
        for row in sorted(rows, key=lambda row: (-row.gone, row.position))
    ]

"""The summary of a run on Spark: that of the local engine, counted on the stages' tables."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dedup.config import Config
from dedup.engines.spark.search import Search
from dedup.engines.spark.texts import is_blank
from dedup.output.folder import SUMMARY_FORMAT
from dedup.output.summary import (
    banding_facts,
    short_texts_warning,
    skipped_warning,
    versions,
)
from dedup.search import banding_of

if TYPE_CHECKING:
    from pyspark.sql import Column, DataFrame

_SHOWN_SKIPPED = 10


def summarise(
    documents: DataFrame,
    found: Search,
    clusters: DataFrame,
    pairs: DataFrame,
    config: Config,
) -> dict[str, Any]:
    """Return what a run did, as JSON values: one small aggregate a table."""
    from pyspark.sql import functions as F  # noqa: N812

    facts = _input(documents, config)
    median = facts.pop("median_compared")
    units = facts.pop("units")
    skipped = _skipped(found.skipped, documents)
    buckets = _one(
        found.buckets,
        buckets=F.count_if(F.col("nth") == 1),
        largest_bucket=F.coalesce(F.max("nth") + 1, F.lit(0)),
    )
    sizes = _one(
        clusters,
        clusters=F.count_if("is_keeper"),
        clustered_documents=F.count("*"),
        largest_cluster=F.coalesce(F.max("cluster_size"), F.lit(0)),
    )
    removed = facts.pop("removed")
    spared = facts.pop("matched") - removed
    count = facts["documents"]
    import pyspark

    return {
        "format": SUMMARY_FORMAT,
        "versions": versions() | {"pyspark": pyspark.__version__},
        "config": config.to_dict(),
        "banding": banding_facts(banding_of(config), config),
        "input": facts,
        "search": {
            "distinct_sets": units,
            **buckets,
            "candidate_pairs": found.num_candidates,
            "compared_pairs": found.num_candidates,
            "measure": config.measure,
            "verified_pairs": found.num_edges,
            **skipped,
        },
        "result": {
            **sizes,
            "removed": removed,
            "kept": count - removed,
            "removed_share": removed / count if count else 0.0,
            "pairs": pairs.count(),
            **({} if config.keep_best == 1 else {"spared": spared}),
        },
        "ignored_shingles": None,
        "warnings": [
            *([] if count else ["the input holds no document"]),
            *short_texts_warning(median, config),
            *skipped_warning(
                skipped["skipped_comparisons"],
                skipped["documents_with_skipped_comparisons"],
                skipped["capped_buckets"],
                config,
            ),
        ],
    }


def _one(table: DataFrame, **aggregates: Column) -> dict[str, Any]:
    """Return aggregates of a whole table by their names."""
    chosen = [column.alias(name) for name, column in aggregates.items()]
    found: dict[str, Any] = table.agg(*chosen).collect()[0].asDict()
    return found


def _input(documents: DataFrame, config: Config) -> dict[str, Any]:
    from pyspark.sql import functions as F  # noqa: N812

    tokens = F.col("num_tokens")

    def total(column: str) -> Column:
        return F.coalesce(F.sum(column), F.lit(0))

    def median(least: int) -> Column:
        return F.percentile(F.when(tokens >= least, tokens), F.lit(0.5))

    facts = _one(
        documents,
        documents=F.count("*"),
        text_bytes=total("batch_bytes"),
        tokens=total("num_tokens"),
        shingles=total("num_shingles"),
        median_tokens=median(1),
        median_compared=median(max(1, config.min_tokens)),
        null_text=F.count_if("is_null"),
        blank_text=F.count_if(is_blank() & ~F.col("is_null")),
        without_tokens=F.count_if((tokens == 0) & ~is_blank()),
        too_short=F.count_if((tokens < config.min_tokens) & ~is_blank()),
        invalid_utf8=total("batch_invalid"),
        units=F.count_if("is_unit"),
        removed=F.count_if("is_removed"),
        matched=F.count_if(F.col("removed_by") != F.col("rank")),
    )
    return facts


def _skipped(hot: DataFrame, documents: DataFrame) -> dict[str, Any]:
    """Return what caps left out; the ten largest buckets that were cut short are named."""
    from pyspark.sql import functions as F  # noqa: N812

    is_bucket = F.col("members").isNotNull()
    is_document = F.col("left").isNull() & F.col("right").isNotNull()
    facts = _one(
        hot,
        skipped_comparisons=F.coalesce(F.sum("skipped"), F.lit(0)),
        documents_with_skipped_comparisons=F.count_distinct(F.when(is_document, F.col("right"))),
    )
    capped = []
    if facts["skipped_comparisons"]:
        members, looked_at = F.max("members"), F.max_by("looked_at", "members")
        largest = (
            hot.where(is_bucket)
            .groupBy(F.col("lead").alias("rank"))
            .agg(members.alias("members"), looked_at.alias("looked_at"))
            .orderBy(F.col("members").desc(), "rank")
            .limit(_SHOWN_SKIPPED)
        )
        rows = largest.join(documents.select("rank", "doc_id"), "rank").collect()
        capped = [
            {"first_id": row.doc_id, "documents": row.members, "looked_at": row.looked_at}
            for row in sorted(rows, key=lambda row: (-row.members, row.rank))
        ]
    return {**facts, "capped_buckets": capped}

"""The summary of a run on Spark: that of the local engine, counted on the stages' tables."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dedup.config import Config
from dedup.engines.spark.search import Search
from dedup.engines.spark.tables import paired_members
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
_SIDES = ("left", "right")


CLUSTERS = ("clusters", "clustered_documents", "largest_cluster")


def summarise(
    documents: DataFrame,
    found: Search,
    counts: dict[str, Any],
    config: Config,
) -> dict[str, Any]:
    """Return what a run did, as JSON values.

    Parameters
    ----------
    counts : see `Kind.summarise`.
    """
    facts = dict(counts)
    median = facts.pop("median_compared")
    units = facts.pop("units")
    skipped = skipped_facts(found, documents)
    clusters = {name: facts.pop(name) for name in CLUSTERS}
    num_pairs, removed = facts.pop("pairs"), facts.pop("removed")
    spared = facts.pop("matched") - removed
    count = facts["documents"]
    # Of smaller groups all pairs are listed.
    is_large = facts.pop("largest_group") > paired_members(config.max_comparisons)
    omits = is_large and config.pairs == "all"
    import pyspark

    return {
        "format": SUMMARY_FORMAT,
        "versions": versions() | {"pyspark": pyspark.__version__},
        "config": config.to_dict(),
        "banding": banding_facts(banding_of(config), config),
        "input": facts,
        "search": {
            "distinct_sets": units,
            "buckets": found.buckets.num_buckets,
            "largest_bucket": found.buckets.largest,
            "candidate_pairs": found.num_candidates,
            "compared_pairs": found.num_candidates,
            "ruled_out_by_length": None,  # before pairs are listed, and so not counted
            "measure": config.measure,
            "recall": config.recall,
            "verified_pairs": found.num_edges,
            **skipped,
        },
        "result": {
            **clusters,
            "removed": removed,
            "kept": count - removed,
            "removed_share": removed / count if count else 0.0,
            "pairs": num_pairs,
            "omitted_pairs": all_pairs(documents, found) - num_pairs if omits else 0,
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


def all_pairs(documents: DataFrame, found: Search) -> int:
    """Count the verified pairs, documents with equal digests expanded, of any size of group."""
    from pyspark.sql import functions as F  # noqa: N812

    copies = documents.groupBy("lead").agg(F.count("*").alias("copies"))
    left, right = (copies.withColumnsRenamed({"lead": s, "copies": f"{s}_copies"}) for s in _SIDES)
    between = found.edges.select(*_SIDES).join(left, "left").join(right, "right")
    inside = copies.select((F.col("copies") * (F.col("copies") - 1) / 2).alias("number"))
    counts = inside.unionByName(
        between.select((F.col("left_copies") * F.col("right_copies")).alias("number"))
    )
    return int(one_row(counts, total=F.coalesce(F.sum("number"), F.lit(0)))["total"])


def one_row(table: DataFrame, **aggregates: Column) -> dict[str, Any]:
    """Return aggregates of a whole table by their names."""
    chosen = [column.alias(name) for name, column in aggregates.items()]
    found: dict[str, Any] = table.agg(*chosen).collect()[0].asDict()
    return found


def counted(documents: DataFrame, config: Config) -> dict[str, Any]:
    """Return the counts of `Kind.counted`: one small aggregate."""
    from pyspark.sql import functions as F  # noqa: N812

    tokens = F.col("num_tokens")

    def total(column: str) -> Column:
        return F.coalesce(F.sum(column), F.lit(0))

    def median(least: int) -> Column:
        return F.percentile(F.when(tokens >= least, tokens), F.lit(0.5))

    return one_row(
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
    )


def skipped_facts(found: Search, documents: DataFrame) -> dict[str, Any]:
    """Return what caps left out; the ten largest buckets that were cut short are named."""
    from pyspark.sql import functions as F  # noqa: N812

    if not found.num_skipped:
        names = ("skipped_comparisons", "documents_with_skipped_comparisons")
        return {**dict.fromkeys(names, 0), "capped_buckets": []}
    hot = found.skipped
    is_bucket = F.col("members").isNotNull()
    is_document = F.col("left").isNull() & F.col("right").isNotNull()
    counts = one_row(hot, documents=F.count_distinct(F.when(is_document, F.col("right"))))
    members, looked_at = F.max("members"), F.max_by("looked_at", "members")
    largest = (
        hot.where(is_bucket)
        .groupBy(F.col("lead").alias("rank"))
        .agg(members.alias("members"), looked_at.alias("looked_at"))
        .orderBy(F.col("members").desc(), "rank")
        .limit(_SHOWN_SKIPPED)
    )
    rows = largest.join(documents.select("rank", "doc_id"), "rank").collect()
    return {
        "skipped_comparisons": found.num_skipped,
        "documents_with_skipped_comparisons": counts["documents"],
        "capped_buckets": [
            {"first_id": row.doc_id, "documents": row.members, "looked_at": row.looked_at}
            for row in sorted(rows, key=lambda row: (-row.members, row.rank))
        ],
    }

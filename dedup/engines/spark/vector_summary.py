"""The summary of a search among vectors on Spark, as that of the local engine."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from dedup.engines.spark.search import Search
from dedup.engines.spark.summary import CLUSTERS, all_pairs, skipped_facts
from dedup.output.folder import SUMMARY_FORMAT
from dedup.output.summary import versions
from dedup.vectors.summary import search_warnings, table_facts

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

    from dedup.engines.spark.vectors import VectorKind


def summarise(
    documents: DataFrame,
    found: Search,
    counts: dict[str, Any],
    kind: VectorKind,
) -> dict[str, Any]:
    """Return what a search did, as JSON values."""
    import pyspark

    config, hashing = kind.config, found.comparing.hashing
    assert hashing is not None  # vectors are always hashed
    count, removed = counts["documents"], counts["removed"]
    skipped = skipped_facts(found, documents)
    return {
        "format": SUMMARY_FORMAT,
        "versions": versions() | {"pyspark": pyspark.__version__},
        "config": config.to_dict(),
        "tables": table_facts(config, hashing.scheme, hashing.gate),
        "input": {
            "documents": count,
            "dimensions": kind.dim,
            "vector_bytes": count * kind.dim * np.dtype(kind.dtype).itemsize,
            "excluded": dict(kind.bad),
            "problems": {},
            "problem_lines": [],
        },
        "search": {
            "distinct_vectors": counts["units"],
            "buckets": found.buckets.num_buckets,
            "largest_bucket": found.buckets.largest,
            "candidate_pairs": found.num_candidates,
            "compared_pairs": found.num_candidates,
            "measure": config.measure,
            "recall": config.recall,
            "verified_pairs": found.num_edges,
            **skipped,
        },
        "result": {
            **{name: counts[name] for name in CLUSTERS},
            "removed": removed,
            "kept": count - removed,
            "removed_share": removed / count,
            "pairs": counts["pairs"],
            "omitted_pairs": all_pairs(documents, found) - counts["pairs"]
            if config.pairs == "all"
            else 0,
        },
        "warnings": search_warnings(
            hashing.scheme,
            skipped["skipped_comparisons"],
            skipped["documents_with_skipped_comparisons"],
            config,
        ),
    }

"""The summary of a search among vectors on Spark, as that of the local engine."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from dedup.engines.spark.search import Search
from dedup.engines.spark.summary import bucket_facts, cluster_facts, one_row, skipped_facts
from dedup.output.folder import SUMMARY_FORMAT
from dedup.output.summary import versions
from dedup.vectors.summary import search_warnings, table_facts

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

    from dedup.engines.spark.vectors import VectorKind


def summarise(
    documents: DataFrame,
    found: Search,
    clusters: DataFrame,
    pairs: DataFrame,
    kind: VectorKind,
) -> dict[str, Any]:
    """Return what a search did, as JSON values: one small aggregate a table."""
    import pyspark
    from pyspark.sql import functions as F  # noqa: N812

    config, hashing = kind.config, found.comparing.hashing
    assert hashing is not None  # vectors are always hashed
    facts = one_row(
        documents,
        documents=F.count("*"),
        units=F.count_if("is_unit"),
        removed=F.count_if("is_removed"),
    )
    count, removed = facts["documents"], facts["removed"]
    skipped = skipped_facts(found.skipped, documents)
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
            "distinct_vectors": facts["units"],
            **bucket_facts(found.buckets),
            "candidate_pairs": found.num_candidates,
            "compared_pairs": found.num_candidates,
            "measure": config.measure,
            "recall": config.recall,
            "verified_pairs": found.num_edges,
            **skipped,
        },
        "result": {
            **cluster_facts(clusters),
            "removed": removed,
            "kept": count - removed,
            "removed_share": removed / count,
            "pairs": pairs.count(),
        },
        "warnings": search_warnings(
            hashing.scheme,
            skipped["skipped_comparisons"],
            skipped["documents_with_skipped_comparisons"],
            config,
        ),
    }

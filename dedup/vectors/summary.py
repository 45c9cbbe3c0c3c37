"""The summary of a search among vectors: parameters, counts of every stage, warnings."""

from __future__ import annotations

import platform
from typing import Any

import numpy as np
import pyarrow as pa

from dedup.decisions import Decisions
from dedup.output.folder import SUMMARY_FORMAT
from dedup.output.pairs import Pairs
from dedup.vectors.config import VectorConfig
from dedup.vectors.corpus import VectorCorpus
from dedup.vectors.gate import Gate
from dedup.vectors.parameters import Scheme
from dedup.vectors.search import VectorSearch
from dedup.version import __version__


def summarise_vectors(
    corpus: VectorCorpus,
    search: VectorSearch,
    decisions: Decisions,
    config: VectorConfig,
    pairs: Pairs,
) -> dict[str, Any]:
    """Return what a search did, as JSON values; timing is added by who knows it."""
    count = len(corpus)
    clustered = decisions.cluster_size >= 2
    removed = int(decisions.removed.sum())
    skipped = search.clusters.skipped
    return {
        "format": SUMMARY_FORMAT,
        "versions": {
            "dedup": __version__,
            "python": platform.python_version(),
            "numpy": np.__version__,
            "pyarrow": pa.__version__,
        },
        "config": config.to_dict(),
        "tables": table_facts(config, search.scheme, search.gate),
        "input": {
            "files": len(corpus.files),
            "documents": count,
            "dimensions": int(corpus.values.shape[1]),
            "vector_bytes": corpus.values.nbytes,
            "excluded": dict(corpus.bad),
            "problems": {},
            "problem_lines": [],
        },
        "search": {
            "distinct_vectors": len(search.units),
            "buckets": search.num_buckets,
            "largest_bucket": search.largest_bucket,
            "bucket_pairs": search.num_pairs,
            "candidate_pairs": search.num_candidates,
            "compared_pairs": search.num_compared,
            "compared_in_products": search.num_products,
            "measure": search.measure,
            "recall": config.recall,
            "verified_pairs": search.clusters.num_verified,
            "skipped_comparisons": skipped.num_comparisons,
            "documents_with_skipped_comparisons": len(skipped.documents),
        },
        "result": {
            "clusters": int(((decisions.keeper == np.arange(count)) & clustered).sum()),
            "clustered_documents": int(clustered.sum()),
            "largest_cluster": int(decisions.cluster_size.max(initial=0)),
            "removed": removed,
            "kept": count - removed,
            "removed_share": removed / count,
            "pairs": pairs.num_rows,
            "omitted_pairs": pairs.num_omitted,
        },
        "warnings": search_warnings(
            search.scheme, skipped.num_comparisons, len(skipped.documents), config
        ),
    }


def table_facts(config: VectorConfig, scheme: Scheme, gate: Gate) -> dict[str, Any]:
    """Return how vectors were hashed."""
    return {
        "family": config.family,
        "tables": scheme.num_tables,
        "functions": scheme.num_functions,
        "min_tables": scheme.min_tables,
        "probes": scheme.num_probes,
        "probability_at_threshold": scheme.recall,
        "gate_bits": 64 * gate.words,
        "gate_most_unlike": gate.most_unlike,
    }


def search_warnings(
    scheme: Scheme, skipped_comparisons: int, skipped_vectors: int, config: VectorConfig
) -> list[str]:
    """Return what the user should know: a recall below the one asked for, comparisons left out."""
    found = []
    if scheme.recall < config.recall:
        cure = "leave --tables and --functions out, or give more tables"
        if config.tables is None and config.functions is None:
            most = scheme.num_tables
            cure = f"{most:,} tables are the most; ask for nearer pairs, or for less recall"
        found.append(
            f"{scheme.num_tables} tables of {scheme.num_functions} functions find a "
            f"pair at the threshold with probability {scheme.recall:.3f}, not "
            f"{config.recall:g}; {cure}"
        )
    if skipped_comparisons:
        found.append(
            f"up to {skipped_comparisons:,} comparisons inside large buckets were skipped "
            f"(--max-comparisons {config.max_comparisons:,}); the {skipped_vectors:,} "
            "vectors concerned are kept unless another comparison removes them"
        )
    return found

"""What a report says of a run on vectors that it says otherwise of one on texts."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from dedup.report.funnel import DOCUMENTS, PAIRS, Omission, Stage, caps_of
from dedup.vectors.config import VectorConfig
from dedup.vectors.parameters import found_probability, table_probability
from dedup.vectors.search import family_of

_CURVE_POINTS = 41

NO_TEXT = "Vectors have no words to show."


def stages_of_vectors(summary: dict[str, Any]) -> list[Stage]:
    """Return the stages of a run, in their order."""
    input_, search, result = summary["input"], summary["search"], summary["result"]
    documents, distinct = input_["documents"], search["distinct_vectors"]
    searched = documents - sum(input_["excluded"].values())
    least = f"exact cosine of {float(summary['config']['threshold']):g} or more"
    stages = [
        Stage("Documents", DOCUMENTS, documents, "read from the input"),
        Stage("Searched", DOCUMENTS, searched, "with a vector that can be compared"),
        Stage("Distinct vectors", DOCUMENTS, distinct, "equal vectors count once"),
        Stage("Possible pairs", PAIRS, distinct * (distinct - 1) // 2, "each with each other"),
    ]
    if "bucket_pairs" in search:  # Spark does not count them
        in_buckets = search["bucket_pairs"] + search["compared_in_products"]
        note = "share a bucket of a table; those of several tables count as often"
        stages.append(Stage("Bucket pairs", PAIRS, in_buckets, note))
    return [
        *stages,
        Stage("Compared pairs", PAIRS, search["compared_pairs"], "what the gate of bits let pass"),
        Stage("Verified pairs", PAIRS, search["verified_pairs"], least),
        Stage("Removed", DOCUMENTS, result["removed"], "each for a kept document that it matches"),
    ]


def omissions_of_vectors(summary: dict[str, Any]) -> list[Omission]:
    """Return what was left out on the way and what became of it."""
    return [
        Omission(f"vectors that are {reason}", count, DOCUMENTS, "left out (--skip-bad): kept")
        for reason, count in sorted(summary["input"]["excluded"].items(), key=lambda one: -one[1])
    ] + caps_of(summary)


def chance_of(summary: dict[str, Any]) -> Callable[[float], float]:
    """Return the chance that the tables make a pair of some cosine a candidate.

    It is computed at 41 cosines, and straight in between.
    """
    tables = summary["tables"]
    config = VectorConfig(**summary["config"])
    family = family_of(config, summary["input"]["dimensions"])
    cosines = np.linspace(max(0.0, float(config.threshold) - 0.25), 1, _CURVE_POINTS)
    chances = [
        found_probability(
            table_probability(family, math.acos(cosine), tables["functions"], tables["probes"]),
            tables["tables"],
            tables["min_tables"],
        )
        for cosine in cosines.tolist()
    ]
    return lambda cosine: float(np.interp(cosine, cosines, chances))


def curve_intro(summary: dict[str, Any], threshold: float) -> str:
    """Say what the curve is."""
    tables = summary["tables"]
    votes = f", of which {tables['min_tables']} must agree," if tables["min_tables"] > 1 else ""
    return (
        f"The curve is the chance that a pair of some cosine is compared, by {tables['tables']:,} "
        f"tables of {tables['functions']} functions ({tables['family']}){votes}: "
        f"{tables['probability_at_threshold']:.1%} at the threshold {threshold:g}. Bars are the "
        "pairs that were measured."
    )

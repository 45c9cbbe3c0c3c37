"""From documents to candidates, to verified pairs, to what is removed; and what fell out where."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

DOCUMENTS, PAIRS = "documents", "pairs"

_UNCOMPARED = {
    "null_text": "without a text: kept, and duplicates of nothing",
    "blank_text": "blank: kept, and duplicates of nothing",
    "too_short": "shorter than --min-tokens: kept, not compared",
}


@dataclass(frozen=True)
class Stage:
    """A step of a run: how many documents or pairs came to it, and why others did not."""

    name: str
    unit: str
    count: int
    note: str


@dataclass(frozen=True)
class Omission:
    """What a cap or a filter left out."""

    what: str
    count: int
    unit: str
    consequence: str


def stages_of(summary: dict[str, Any]) -> list[Stage]:
    """Return the stages of a run on texts, in their order."""
    input_, search, result = summary["input"], summary["search"], summary["result"]
    documents, sets = input_["documents"], search["distinct_sets"]
    compared, verified = search["compared_pairs"], search["verified_pairs"]
    dropped = sum(input_.get(name, 0) for name in _UNCOMPARED)
    candidates = search["candidate_pairs"]
    if candidates is None:  # compared with keepers only, so candidates were never listed
        candidates = compared + search["ruled_out_by_length"]
    stages = []
    excluded = sum(input_["excluded"].values())
    if excluded:
        stages.append(
            Stage("Records", DOCUMENTS, documents + excluded, "pages and all else in the archives")
        )
    stages += [
        Stage("Documents", DOCUMENTS, documents, "read from the input"),
        Stage("Searched", DOCUMENTS, documents - dropped, "with a text that can be compared"),
        Stage("Distinct sets", DOCUMENTS, sets, "copies with equal sets of shingles count once"),
        Stage("Possible pairs", PAIRS, sets * (sets - 1) // 2, "each set with each other"),
        Stage("Candidate pairs", PAIRS, candidates, _origin(summary)),
        Stage("Compared pairs", PAIRS, compared, "what is left when lengths have ruled out some"),
        Stage("Verified pairs", PAIRS, verified, _verdict(summary)),
        Stage("Removed", DOCUMENTS, result["removed"], "each for a kept document that it matches"),
    ]
    return stages


def _origin(summary: dict[str, Any]) -> str:
    config = summary["config"]
    if summary["search"]["measure"] == "containment" or config["method"] == "exact":
        return "have shingles in common, by an exact join"
    if config["method"] == "simhash":
        return f"fingerprints within {config['max_hamming']} bits"
    also = f", or lie within {config['max_hamming']} bits" if config["method"] == "both" else ""
    whole = "each with each" if summary["search"]["candidate_pairs"] is not None else "with keepers"
    return f"share a bucket{also}; {whole}"


def _verdict(summary: dict[str, Any]) -> str:
    name = {"jaccard": "Jaccard"}.get(summary["search"]["measure"], summary["search"]["measure"])
    return f"exact {name} of {float(summary['config']['threshold']):g} or more"


def omissions_of(summary: dict[str, Any]) -> list[Omission]:
    """Return what was left out of texts and what became of it, nothing where nothing was."""
    input_, search, result = summary["input"], summary["search"], summary["result"]
    found = [
        Omission(str(reason), count, "records", "no documents; filtered copies keep them")
        for reason, count in sorted(input_["excluded"].items(), key=lambda one: -one[1])
    ]
    found += [
        Omission(str(suffix), count, "files", "in a folder, of no known format: not read")
        for suffix, count in input_.get("skipped_files", {}).items()
    ]
    found += [
        Omission(str(reason), count, "records", "bad records: kept, not compared")
        for reason, count in input_["problems"].items()
    ]
    found += [
        Omission("documents", input_[name], DOCUMENTS, text)
        for name, text in _UNCOMPARED.items()
        if input_.get(name)
    ]
    if input_.get("without_tokens"):
        found.append(
            Omission(
                "documents without a word",
                input_["without_tokens"],
                DOCUMENTS,
                "compared by their exact text",
            )
        )
    ignored = summary.get("ignored_shingles")
    if ignored:
        found.append(
            Omission(
                "common shingles (--ignore-common)",
                ignored["shingles"],
                "shingles",
                f"left out of the comparison: {ignored['share_of_sets']:.1%} of all sets",
            )
        )
    if search["ruled_out_by_length"]:
        found.append(
            Omission(
                "candidates of unlike lengths",
                search["ruled_out_by_length"],
                PAIRS,
                "cannot reach the threshold: nothing is lost",
            )
        )
    if search.get("refused_by_check"):
        found.append(
            Omission(
                "pairs that the check refused",
                search["refused_by_check"],
                PAIRS,
                "reach the threshold, and were refused by the run's own check",
            )
        )
    if result.get("spared"):
        found.append(
            Omission("duplicates (--keep-best)", result["spared"], DOCUMENTS, "match, and stay")
        )
    return found + caps_of(summary)


def caps_of(summary: dict[str, Any]) -> list[Omission]:
    """Return what caps left out, of texts or vectors."""
    search, result = summary["search"], summary["result"]
    found = []
    if search["skipped_comparisons"]:
        found.append(
            Omission(
                "comparisons beyond --max-comparisons",
                search["skipped_comparisons"],
                PAIRS,
                f"never compared: {search['documents_with_skipped_comparisons']:,} documents "
                "concerned, kept unless another comparison removes them",
            )
        )
    if result.get("omitted_pairs"):
        found.append(
            Omission(
                "pairs inside large groups of copies",
                result["omitted_pairs"],
                PAIRS,
                "not written to pairs.parquet; clusters have all their documents",
            )
        )
    return found

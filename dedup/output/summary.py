"""The summary of a run: parameters, versions, counts of every stage, exclusions, warnings."""

from __future__ import annotations

import platform
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import xxhash

from dedup.config import Config
from dedup.corpus import Corpus
from dedup.decisions import Decisions
from dedup.lsh.parameters import Banding
from dedup.output.folder import SUMMARY_FORMAT
from dedup.output.pairs import Pairs
from dedup.output.variants import url_variants
from dedup.search import Search
from dedup.text.hashing import HASH_VERSION, Int64Array
from dedup.text.unicode import VERSION as UNICODE_VERSION
from dedup.version import __version__

_SHOWN_SKIPPED = 10
_SHOWN_BAD = 10
_UNIT_NAMES = {"word": "word", "char": "character"}


def summarise(
    corpus: Corpus,
    search: Search,
    decisions: Decisions,
    config: Config,
    banding: Banding | None,
    pairs: Pairs,
) -> dict[str, Any]:
    """Return what a run did, as JSON values; timing and output are added by who knows them."""
    num_documents = len(corpus)
    blank = int((~corpus.digests.any(axis=1)).sum())
    null = len(corpus.missing)
    tokenless = int((corpus.num_tokens == 0).sum()) - blank
    num_removed = int(decisions.removed.sum())
    clustered = decisions.cluster_size >= 2
    verifier, clusters, skipped = search.verifier, search.clusters, search.clusters.skipped
    return {
        "format": SUMMARY_FORMAT,
        "versions": versions(),
        "config": config.to_dict(),
        "banding": banding_facts(banding, config),
        "input": {
            "files": len(corpus.files),
            "documents": num_documents,
            "text_bytes": corpus.num_bytes,
            "tokens": int(corpus.num_tokens.sum()),
            "shingles": int(corpus.num_shingles.sum()),
            "median_tokens": _median_tokens(corpus),
            "null_text": null,
            "blank_text": blank - null,
            "without_tokens": tokenless,
            "too_short": _too_short(corpus, config),
            "invalid_utf8": corpus.num_invalid,
            "excluded": dict(corpus.excluded),
            "problems": dict(corpus.problem_counts),
            "problem_lines": corpus.problems,
            "unread": dict(corpus.unread),
        },
        "search": {
            "distinct_sets": len(search.units),
            "buckets": search.num_buckets,
            "largest_bucket": search.largest_bucket,
            "candidate_pairs": search.num_candidates,
            "compared_pairs": verifier.num_compared,
            "ruled_out_by_length": verifier.num_filtered,
            "measure": verifier.measure,
            "recall": _recall(config),
            "verified_pairs": clusters.num_verified,
            "skipped_comparisons": skipped.num_comparisons,
            "documents_with_skipped_comparisons": len(skipped.documents),
            "skipped_examples": _ids(corpus, search, skipped.documents[:_SHOWN_SKIPPED]),
            "capped_buckets": _capped_buckets(corpus, search),
        },
        "result": {
            "clusters": int(((decisions.keeper == np.arange(num_documents)) & clustered).sum()),
            "clustered_documents": int(clustered.sum()),
            "largest_cluster": int(decisions.cluster_size.max(initial=0)),
            "removed": num_removed,
            "kept": num_documents - num_removed,
            "removed_share": num_removed / num_documents if num_documents else 0.0,
            "pairs": pairs.num_rows,
            "omitted_pairs": pairs.num_omitted,
            **_spared(decisions, config),
            **_containment_counts(search, decisions),
            **url_variants(corpus, decisions),
        },
        "warnings": _warnings(corpus, search, decisions, config),
    }


def _spared(decisions: Decisions, config: Config) -> dict[str, int]:
    """Count the documents that have a keeper and stay all the same."""
    if config.keep_best == 1:
        return {}
    keepers = int((decisions.removed_by == np.arange(len(decisions.removed))).sum())
    return {"spared": len(decisions.removed) - keepers - int(decisions.removed.sum())}


def _containment_counts(search: Search, decisions: Decisions) -> dict[str, int]:
    """Return how many documents only containment removes, and how many kept ones lie in others.

    The latter come before the document that holds them in keeper order.
    """
    if search.verifier.measure != "containment":
        return {}
    keeper, common = search.clusters.keeper, search.clusters.common
    kept = keeper == np.arange(len(keeper))
    removed = np.flatnonzero(~kept)
    far = removed[~search.verifier.near(keeper[removed], removed, common[removed])]
    is_far = np.zeros(len(search.lead), np.bool_)
    is_far[search.units[far]] = True
    contained = np.zeros(len(keeper), np.bool_)
    for edges in search.edges or ():
        contained[edges.left[kept[edges.left] & kept[edges.right]]] = True
    return {
        "removed_by_containment_alone": int(
            (is_far[search.lead] & decisions.removed[search.order]).sum()
        ),
        "kept_but_contained": int(contained.sum()),
    }


def versions() -> dict[str, Any]:
    """Return the versions of all that results may depend on."""
    return {
        "dedup": __version__,
        "hash": HASH_VERSION,
        "unicode": UNICODE_VERSION,
        "python": platform.python_version(),
        "numpy": np.__version__,
        "pyarrow": pa.__version__,
        "xxhash": xxhash.VERSION,
    }


def banding_facts(banding: Banding | None, config: Config) -> dict[str, Any] | None:
    """Return what the bands of a run are, and the probability at the threshold they lead to."""
    if banding is None:
        return None
    return {
        "bands": banding.bands,
        "rows": banding.rows,
        "probability_at_threshold": banding.candidate_probability(float(config.threshold)),
    }


def _recall(config: Config) -> float | None:
    """Return the least probability that a pair at the threshold is compared; None where unknown.

    It is 1 of the exact joins, but for what a cap skipped.
    """
    if config.measure == "containment" or config.method == "exact":
        return 1.0
    return None if config.method == "simhash" else config.recall


def _too_short(corpus: Corpus, config: Config) -> int:
    """Count what `min_tokens` leaves out; null and blank text is out already."""
    short = corpus.num_tokens < config.min_tokens
    return int((short & corpus.digests.any(axis=1)).sum())


def _median_tokens(corpus: Corpus, least: int = 1) -> float | None:
    """Return the median of the documents that have so many tokens."""
    counts = corpus.num_tokens[corpus.num_tokens >= least]
    return float(np.median(counts)) if len(counts) else None


def _ids(corpus: Corpus, search: Search, units: Int64Array) -> list[Any]:
    ids: list[Any] = corpus.ids.take(search.order[search.units[units]]).to_pylist()
    return ids


def _capped_buckets(corpus: Corpus, search: Search) -> list[dict[str, Any]]:
    """Name the largest buckets that were cut short: templates, by their first document."""
    capped = search.clusters.skipped.buckets.values()
    largest = sorted(capped, key=lambda one: (-one.members, one.first))[:_SHOWN_SKIPPED]
    first = np.array([bucket.first for bucket in largest], np.int64)
    return [
        {"first_id": id_, "documents": bucket.members, "looked_at": bucket.looked_at}
        for id_, bucket in zip(_ids(corpus, search, first), largest, strict=True)
    ]


def unread_warning(unread: Counter[str]) -> list[str]:
    """Warn of places that could not be read, counted by file."""
    if not unread:
        return []
    first, places = next(iter(unread.items()))
    more = len(unread) - 1
    return [
        f"part of the input could not be read, {places:,} times in {first}"
        + (f", {unread.total() - places:,} times in {more:,} more files" if more else "")
        + "; the summary names them (input.problem_lines)"
    ]


def short_texts_warning(median: float | None, config: Config) -> list[str]:
    """Warn where the median document is too short for one changed word in the middle."""
    threshold = float(config.threshold)
    if median is None or threshold == 1:
        return []
    width = config.ngram
    # One word changes `width` shingles of the copy; the union has as many more.
    kept = 0 if config.measure == "containment" else config.threshold
    needed = float(width * (1 + kept) / (1 - config.threshold) + width - 1)
    if median >= needed:
        return []
    return [
        f"the median document has {median:.0f} tokens: below {needed:.0f}, one changed "
        f"{_UNIT_NAMES[config.unit]} in the middle takes a copy under the threshold "
        f"{threshold:g} at --ngram {width}; lower one of them to find such copies"
    ]


def _warnings(corpus: Corpus, search: Search, decisions: Decisions, config: Config) -> list[str]:
    found = unread_warning(corpus.unread)
    found += short_texts_warning(_median_tokens(corpus, max(1, config.min_tokens)), config)
    contained = _containment_counts(search, decisions).get("kept_but_contained", 0)
    if contained:
        found.append(
            f"{contained:,} kept documents are contained in another kept one that comes after them "
            f"by --keep {config.keep}; --keep largest keeps the containing ones instead"
        )
    skipped = search.clusters.skipped
    return found + skipped_warning(
        skipped.num_comparisons, len(skipped.documents), _capped_buckets(corpus, search), config
    )


def skipped_warning(
    num_comparisons: int, num_documents: int, capped: list[dict[str, Any]], config: Config
) -> list[str]:
    """Warn of what a cap left out."""
    if not num_comparisons:
        return []
    among = "among unlike documents of a bucket"
    if config.measure == "containment":
        among = "with larger documents that have a common shingle"
    text = (
        f"up to {num_comparisons:,} comparisons {among} were skipped "
        f"(--max-comparisons {config.max_comparisons:,}); the {num_documents:,} "
        "documents concerned are kept unless another comparison removes them"
    )
    for bucket in capped[:1]:
        text += (
            f"; the largest template is that of {bucket['first_id']}, "
            f"of {bucket['documents']:,} documents"
        )
    return [text]


def bad_file_warnings(bad: Sequence[Mapping[str, str]]) -> list[str]:
    """Return the warning that names files which could not be read, if there are any."""
    if not bad:
        return []
    names = ", ".join(file["name"] for file in bad[:_SHOWN_BAD])
    more = f" and {len(bad) - _SHOWN_BAD:,} more" if len(bad) > _SHOWN_BAD else ""
    what = "1 file" if len(bad) == 1 else f"{len(bad):,} files"
    return [
        f"{what} could not be read, and nothing of it is in the results or the copies: "
        f"{names}{more} (bad_files in the summary says why)"
    ]

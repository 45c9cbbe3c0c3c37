"""A finished run against a truth: its clusters, and the pairs that it wrote."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from dedup.cluster import components
from dedup.edges import Edges
from dedup.errors import InputError
from dedup.evaluation.agreement import Contingency, PairCounts, document_classes
from dedup.evaluation.bands import similarity_bands
from dedup.evaluation.joined import Joined, RunTables, once
from dedup.evaluation.truth import Truth, read_truth
from dedup.lsh.buckets import pack_pairs
from dedup.spill.scratch import Scratch
from dedup.text.hashing import Int64Array


def evaluate_folder(
    folder: str | os.PathLike[str],
    truth: str | os.PathLike[str] | pa.Table,
    pairs: Sequence[str] | None,
    labels: Sequence[str] | None,
) -> dict[str, Any]:
    """Return what `dedup.evaluate` does."""
    run = RunTables.read(folder)
    known = read_truth(truth, pairs, labels)
    scored = _of_labels(run, known) if known.kind == "labels" else _of_pairs(run, known)
    table, clusters = scored.pairs, scored.contingency
    found = {"clusters": scored.in_clusters, "pairs": table}
    basis = "pairs" if run.has_all_pairs else "clusters"
    precision = table.ratios.precision
    return {
        "documents": clusters.num_documents,
        "truth": {
            "name": known.name,
            "kind": known.kind,
            "columns": list(known.columns),
            "pairs": table.true,
        },
        "clusters": _described(scored.in_clusters),
        "pairs": _described(table)
        if run.has_all_pairs
        else _described(table) | {"precision": precision, "recall": None, "f1": None},
        "adjusted_rand_index": clusters.adjusted_rand_index,
        "b_cubed": clusters.b_cubed.to_dict(),
        "by_similarity_of": basis,
        "measure": run.measure,
        "by_similarity": similarity_bands(
            found[basis], scored.similarity, scored.is_true, scored.missed_similarity
        ),
        "text_dedup": document_classes(*scored.degrees, clusters.num_alone),
        "warnings": scored.warnings,
    }


def _described(counts: PairCounts) -> dict[str, Any]:
    return {"found": counts.found, "right": counts.both, **counts.ratios.to_dict()}


@dataclass
class _Scored:
    """What the measures are made of.

    Attributes
    ----------
    in_clusters, pairs : the pairs of the clusters, and those of the pairs table.
    similarity, is_true : of each pair of the pairs table.
    missed_similarity : of each true pair that was not found, where known; NaN else.
    degrees : of each document of the contingency table, see `document_classes`.
    """

    contingency: Contingency
    in_clusters: PairCounts
    pairs: PairCounts
    similarity: NDArray[np.float64]
    is_true: NDArray[np.bool_]
    missed_similarity: NDArray[np.float64]
    degrees: tuple[Int64Array, Int64Array, Int64Array]
    warnings: list[str] = field(default_factory=list)


def _of_labels(run: RunTables, truth: Truth) -> _Scored:
    joined = Joined.of(run, truth)
    rows = joined.known(joined.second >= 0, "rows", joined.first)
    if not rows.any():
        raise InputError(f"{truth.name} labels no document of the run; check the ids.")
    first, label = joined.first[rows], joined.second[rows]
    documents, place = np.unique(first, return_index=True)
    label_of = np.full(len(joined.cluster), -1)
    label_of[documents] = label[place]
    again = np.flatnonzero(label_of[first] != label)
    if len(again):
        row = np.flatnonzero(rows)[again[0]]
        raise InputError(
            f"{truth.name} gives the id {truth.first[row].as_py()!r} two labels; give each id one."
        )
    if len(documents) < len(first):
        joined.warnings.append(f"{len(first) - len(documents):,} rows of the truth repeat another")
    if len(documents) < run.num_documents:
        joined.warnings.append(
            f"{run.num_documents - len(documents):,} documents of the run have no label and are "
            "left out"
        )
    _warn_of_foreign(joined, len(documents), run)
    clusters = np.unique(joined.cluster[documents], return_inverse=True)[1].astype(np.int64)
    contingency = Contingency.of(label_of[documents], clusters)
    has_label = (label_of[joined.left] >= 0) & (label_of[joined.right] >= 0)
    left, right = joined.left[has_label], joined.right[has_label]
    similarity, left, right = once(left, right, joined.similarity[has_label])
    is_true = label_of[left] == label_of[right]
    inside = contingency.pairs
    table = PairCounts(inside.true, len(left), int(is_true.sum()))
    found = table if run.has_all_pairs else inside
    return _Scored(
        contingency=contingency,
        in_clusters=inside,
        pairs=table,
        similarity=similarity,
        is_true=is_true,
        missed_similarity=np.full(found.true - found.both, np.nan),
        degrees=_degrees(label_of[documents], clusters),
        warnings=joined.warnings,
    )


def _of_pairs(run: RunTables, truth: Truth) -> _Scored:
    joined = Joined.of(run, truth)
    every = np.ones(len(joined.first), np.bool_)
    rows = joined.known(every, "pairs", joined.first, joined.second)
    itself = joined.first == joined.second
    if (rows & itself).any():
        joined.warnings.append(
            f"{int((rows & itself).sum()):,} pairs of the truth are of a document with itself"
        )
    rows &= ~itself
    column = truth.similarity(run.measure)
    values = np.full(len(rows), np.nan) if column is None else column.to_numpy()
    values, a, b = once(joined.first[rows], joined.second[rows], values[rows])
    if len(a) < int(rows.sum()):
        joined.warnings.append(
            f"{int(rows.sum()) - len(a):,} pairs of the truth repeat another, in any direction"
        )
    count = len(joined.cluster)
    documents = np.arange(count) if joined.in_run is None else np.flatnonzero(joined.in_run)
    _warn_of_foreign(joined, len(documents), run)
    true = components(count, [Edges(a, b, a)], Scratch())
    num_alone = max(0, run.num_documents - len(documents))
    contingency = Contingency.of(true[documents], joined.cluster[documents], num_alone)
    together = joined.cluster[a] == joined.cluster[b]
    similarity, left, right = once(joined.left, joined.right, joined.similarity)
    keys = pack_pairs(a, b)
    is_true = np.isin(pack_pairs(left, right), keys)
    inside = contingency.pairs
    clusters = PairCounts(len(a), inside.found, int(together.sum()))
    table = PairCounts(len(a), len(left), int(is_true.sum()))
    found = np.isin(keys, pack_pairs(left, right)) if run.has_all_pairs else together
    num_true = np.bincount(np.concatenate([a, b]), minlength=count)
    num_both = np.bincount(np.concatenate([a[together], b[together]]), minlength=count)
    num_found = np.bincount(joined.cluster)[joined.cluster] - 1
    degrees = (num_true[documents], num_found[documents], num_both[documents])
    return _Scored(
        contingency=contingency,
        in_clusters=clusters,
        pairs=table,
        similarity=similarity,
        is_true=is_true,
        missed_similarity=values[~found],
        degrees=degrees,
        warnings=joined.warnings,
    )


def _warn_of_foreign(joined: Joined, count: int, run: RunTables) -> None:
    if count > run.num_documents:
        joined.warnings.append(
            f"truth and run have {count:,} ids together, and the run {run.num_documents:,} "
            "documents: some of the truth are not in the run"
        )


def _degrees(true: Int64Array, found: Int64Array) -> tuple[Int64Array, Int64Array, Int64Array]:
    """Return how many others each document has in its true cluster, in its found one, in both."""
    width = int(found.max(initial=0)) + 1
    cell, sizes = np.unique(true * width + found, return_inverse=True, return_counts=True)[1:]
    return np.bincount(true)[true] - 1, np.bincount(found)[found] - 1, sizes[cell] - 1

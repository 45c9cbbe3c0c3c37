"""`--ignore-common`: what many documents of a source share is left out before they are compared.

A shingle is common in a source (a file, or a value of a column) if it stands in more than the share
F of the source's documents and in at least 10 of them; documents with equal sets count once. A
document loses the common shingles of its source; one of which nothing is left is compared by its
whole set. Documents with equal whole sets stay equal: all are filtered as the first of them in the
input is, whatever its source. Documents too short for `min_tokens` count like others. Jaccard,
pairs and clusters then are those of the sets that are left.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from fractions import Fraction
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dedup.collapse import representatives
from dedup.config import Config
from dedup.corpus import FILE, Corpus, Groups
from dedup.documents import SketchParameters
from dedup.lsh.buckets import KeyRun, unique_pairs
from dedup.set_sketches import sketch_sets
from dedup.sketch.frequency import (
    CHUNK_SHINGLES,
    MAX_OWNERS,
    CommonShingles,
    OwnedDocuments,
    common_shingles,
)
from dedup.sketch.weights import unpacked
from dedup.spill.chunks import weighed_chunks
from dedup.spill.scratch import Scratch, Spool
from dedup.text.hashing import HASH_BITS, Int64Array, UInt64Array
from dedup.text.shingles import MAX_SLOTS

MIN_DOCUMENTS = 10
"""Least documents of a common shingle: fewer that are alike are near-duplicates, no template."""

_BATCH_SHINGLES = 1 << 15
_RUN_DOCUMENTS = 1 << 17
_SHOWN_SOURCES = 20


def bare_parameters(parameters: SketchParameters) -> SketchParameters:
    """Return what the sets depend on, without what is made of them once they are filtered."""
    return replace(parameters, banding=None, fingerprints=False)


def without_common(
    corpus: Corpus, config: Config, parameters: SketchParameters, scratch: Scratch
) -> tuple[Corpus, dict[str, Any]]:
    """Leave out the common shingles, and make band keys, fingerprints and digests of the rest.

    Parameters
    ----------
    corpus : sketched with `bare_parameters`.
    scratch : place for the sets that change.

    Returns
    -------
    corpus, counts : what is compared, and what was ignored, as `summary.json` has it.
    """
    sources = corpus.groups(config.common_within or FILE)
    present = corpus.num_shingles > 0
    lead = representatives(corpus.digests, np.arange(len(corpus)), present, scratch)
    sourced = np.flatnonzero(present & (sources.of_document >= 0))
    # A source's documents, equal sets once, by the number of the first document with that set.
    owners, counted = unique_pairs(sources.of_document[sourced], lead[sourced])
    num_counted = np.bincount(owners, minlength=len(sources.names))
    large = np.flatnonzero(num_counted >= MIN_DOCUMENTS)
    rank = np.full(len(sources.names) + 1, -1)  # its last place is that of documents of no source
    rank[large] = np.arange(len(large))
    counted = counted[rank[owners] >= 0]
    owners = rank[owners[rank[owners] >= 0]]
    distinct = np.flatnonzero(present & (lead == np.arange(len(corpus))))
    distinct_owners = rank[sources.of_document[distinct]]
    order = np.argsort(distinct_owners, kind="stable")
    distinct, distinct_owners = distinct[order], distinct_owners[order]
    least = _least(num_counted[large], Fraction(str(config.ignore_common)))
    num_shingles = np.bincount(owners, corpus.num_shingles[counted], len(large)).astype(np.int64)
    num_common = np.zeros(len(sources.names), np.int64)
    kept = _KeptSets(corpus, parameters, scratch)
    alone = distinct[: np.searchsorted(distinct_owners, 0)]
    kept.add(OwnedDocuments(corpus.sets, alone, np.zeros_like(alone)), CommonShingles.none())
    # A source, or a few thousand with so few shingles that a chunk holds all.
    for first, last in weighed_chunks(num_shingles, CHUNK_SHINGLES, MAX_OWNERS):
        inside = slice(*np.searchsorted(owners, [first, last]))
        group = OwnedDocuments(corpus.sets, counted[inside], owners[inside] - first)
        common = common_shingles(group, least[first:last])
        num_common[large[first:last]] = common.counts(last - first)
        inside = slice(*np.searchsorted(distinct_owners, [first, last]))
        group = OwnedDocuments(corpus.sets, distinct[inside], distinct_owners[inside] - first)
        kept.add(group, common)
    filtered = kept.corpus(lead, present)
    counts = _counts(corpus, filtered, sources, num_common)
    counts["large_sources"] = len(large)
    counts["whole_documents"] = int(kept.whole[lead].sum())
    return filtered, counts


def common_warnings(counts: dict[str, Any]) -> list[str]:
    """Return a warning where nothing could be common."""
    if counts["large_sources"]:
        return []
    return [
        f"no source has {MIN_DOCUMENTS} different documents, so --ignore-common had no effect; "
        "name a column whose values have more with --common-within"
    ]


def _least(num_documents: Int64Array, share: Fraction) -> Int64Array:
    """Return the documents of each source that a common shingle stands in at least."""
    num, den = share.as_integer_ratio()
    above = [num * count // den + 1 for count in num_documents.tolist()]
    return np.maximum(np.array(above, np.int64), MIN_DOCUMENTS)


@dataclass
class _KeptSets:
    """Filters sets batch by batch, and collects what is left of them and their sketches.

    Attributes
    ----------
    whole : bool, shape (documents,); those of which nothing was left.
    """

    original: Corpus
    parameters: SketchParameters
    scratch: Scratch
    whole: NDArray[np.bool_] = field(init=False)

    def __post_init__(self) -> None:
        count = len(self.original)
        banding = self.parameters.banding
        empty = self.scratch.empty
        self._keys: UInt64Array = empty((count, banding.bands if banding else 0), np.uint64)
        self._fingerprints: UInt64Array = empty(count, np.uint64)
        self._fingerprints[:] = 0
        self._digests: UInt64Array = self.scratch.held(self.original.digests)
        self._changed: list[Int64Array] = [np.zeros(0, np.int64)]
        self._sizes: list[Int64Array] = [np.zeros(0, np.int64)]
        self._values = Spool(self.scratch)
        self.whole = np.zeros(count, np.bool_)

    def add(self, owned: OwnedDocuments, common: CommonShingles) -> None:
        """Filter and sketch distinct documents."""
        for first, last in owned.chunks(_BATCH_SHINGLES):
            for start in range(first, last, MAX_SLOTS):
                self._add_batch(owned, start, min(last, start + MAX_SLOTS), common)

    def _add_batch(
        self, owned: OwnedDocuments, first: int, last: int, common: CommonShingles
    ) -> None:
        documents = owned.documents[first:last]
        sizes = owned.sets.sizes[documents]
        values = owned.sets.gather(documents)
        weights = None
        if self.parameters.weighted:
            values, weights = unpacked(values)
        left = sizes
        if len(common.keys):
            keep = ~common.have(owned.with_owners(values, first, last))
            left = _sums(keep, sizes)
            nothing = left == 0
            keep |= np.repeat(nothing, sizes)
            left[nothing] = sizes[nothing]
            self.whole[documents[nothing]] = True
            values = values[keep]
            weights = None if weights is None else weights[keep]
        slots = np.arange(len(documents), dtype=np.uint64) << np.uint64(HASH_BITS)
        found = sketch_sets(
            values | np.repeat(slots, left),
            values,
            np.concatenate([[0], np.cumsum(left)]),
            self.parameters.banding,
            self.parameters.fingerprints,
            weights,
        )
        self._keys[documents] = found.keys
        self._fingerprints[documents] = found.fingerprints
        self._digests[documents] = found.digests
        changed = (left < sizes) | (weights is not None)
        if changed.any():
            self._keep(documents[changed], left[changed], values[np.repeat(changed, left)])

    def _keep(self, documents: Int64Array, sizes: Int64Array, values: UInt64Array) -> None:
        self._changed.append(documents)
        self._sizes.append(sizes)
        self._values.append(values)

    def corpus(self, lead: Int64Array, present: NDArray[np.bool_]) -> Corpus:
        """Return the corpus with what is left; each document takes that of its `lead`."""
        documents, sizes = np.concatenate(self._changed), np.concatenate(self._sizes)
        values = [piece for (piece,) in self._values]
        sets = self.original.sets.replaced(documents, values, sizes).select(lead)
        digests = self.scratch.held(self.original.digests)
        digests[present] = self._digests[lead[present]]
        return replace(
            self.original,
            sets=sets,
            key_runs=list(self._key_runs(lead)),
            fingerprints=self.scratch.taken(self._fingerprints, lead),
            digests=digests,
        )

    def _key_runs(self, lead: Int64Array) -> Iterator[KeyRun]:
        if self._keys.shape[1]:
            for first in range(0, len(lead), _RUN_DOCUMENTS):
                run = KeyRun.of(self._keys[lead[first : first + _RUN_DOCUMENTS]], first)
                yield replace(run, entries=self.scratch.held(run.entries))


def _sums(chosen: NDArray[np.bool_], sizes: Int64Array) -> Int64Array:
    """Count the chosen among consecutive runs of the given sizes."""
    total = np.concatenate([[0], np.cumsum(chosen)])
    ends = np.cumsum(sizes)
    counts: Int64Array = total[ends] - total[ends - sizes]
    return counts


def _counts(
    before: Corpus, after: Corpus, sources: Groups, num_common: Int64Array
) -> dict[str, Any]:
    """Return what was ignored: in all, and by source for those with the most."""
    lost = before.num_shingles - after.num_shingles
    known = sources.of_document >= 0
    owner = sources.of_document[known]
    lost_of, all_of, documents = (
        np.bincount(owner, weights, len(sources.names)).astype(np.int64)
        for weights in (lost[known], before.num_shingles[known], before.num_shingles[known] > 0)
    )
    order = np.argsort(-lost_of, kind="stable")[:_SHOWN_SOURCES]
    total = int(before.num_shingles.sum())
    return {
        "shingles": int(num_common.sum()),
        "share_of_sets": int(lost.sum()) / total if total else 0.0,
        "sources": int((num_common > 0).sum()),
        "by_source": [
            {
                "source": sources.names[source],
                "documents": int(documents[source]),
                "shingles": int(num_common[source]),
                "share_of_sets": int(lost_of[source]) / int(all_of[source]),
            }
            for source in order.tolist()
            if num_common[source]
        ],
    }

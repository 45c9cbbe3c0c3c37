"""What a run found of its own vectors: some are compared with all, exactly, without hash tables."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from dedup.collapse import representatives
from dedup.edges import Edges
from dedup.evaluation.audit import Audit
from dedup.spill.scratch import Scratch
from dedup.text.hashing import Int64Array
from dedup.units import Units
from dedup.vectors.config import VectorConfig
from dedup.vectors.corpus import VectorCorpus
from dedup.vectors.store import Vectors, VectorVerifier
from dedup.verify import BELOW

_SOME = 1 << 10
_OTHERS = 1 << 13
"""Vectors on the sides of a product: 32 MB of it at a time."""


class VectorAudit(Audit):
    """Of vectors. Half of them take as long as all pairs, and no join is quicker."""

    census_share = 2
    census_most = 2

    def __init__(
        self, corpus: VectorCorpus, config: VectorConfig, folder: Path, scratch: Scratch
    ) -> None:
        order = np.arange(len(corpus))
        lead = representatives(corpus.text_digests, order, corpus.is_good, scratch)
        ranks = np.flatnonzero((lead == order) & corpus.is_good)
        super().__init__(corpus, Units(lead, ranks, ranks, None), config.measure, folder)
        vectors = Vectors.of(corpus.values, ranks, corpus.norms, config.measure)
        self._verifier = VectorVerifier(vectors, config.threshold)

    def pairs_with(self, units: Int64Array) -> Iterator[Edges]:
        """Yield the near pairs of some units with all others, these on the left."""
        for one, other in self._products(units, 0):
            yield self._near(one, other, one != other)

    def all_pairs(self) -> Iterator[Edges]:
        """Yield all near pairs of units, each once."""
        for one, other in self._products(np.arange(len(self.units)), None):
            yield self._near(one, other, one < other)

    def values(self, pairs: Edges) -> NDArray[np.float64]:
        """Return the cosines or distances of pairs; float64, shape (pairs,)."""
        return pairs.common.view(np.float64)

    def _products(
        self, units: Int64Array, first: int | None
    ) -> Iterator[tuple[Int64Array, Int64Array]]:
        """Yield what may be near of some units and all others, from a place on or their own."""
        vectors = self._verifier.vectors
        for begin in range(0, len(units), _SOME):
            some = units[begin : begin + _SOME]
            scaled = vectors.scaled(some)
            for start in range(begin if first is None else first, len(vectors), _OTHERS):
                others = slice(start, min(len(vectors), start + _OTHERS))
                left, right = np.nonzero(self._verifier.near(scaled, vectors.scaled(others)))
                yield some[left], right + start

    def _near(self, one: Int64Array, other: Int64Array, wanted: NDArray[np.bool_]) -> Edges:
        one, other = one[wanted], other[wanted]
        common = self._verifier.compare(one, other)
        return Edges(one, other, common).choose(common != BELOW)

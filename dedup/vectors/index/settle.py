"""The keepers of a batch: each vector against those that are stored, then the rest of the batch.

The greedy answer in the order of adding: stored keepers come first, so what one of them matches is
its duplicate; of the others, the first one stays. A pair is a candidate where it shares enough
tables, stored or not, so the keepers do not depend on how the vectors were cut into batches.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from dedup.collapse import representatives
from dedup.spill.scratch import Scratch
from dedup.text.hashing import Int64Array
from dedup.vectors.config import VectorConfig
from dedup.vectors.corpus import digests_of
from dedup.vectors.families.base import Float64Array, UInt32Array
from dedup.vectors.gate import Gate
from dedup.vectors.index.hashing import Hasher
from dedup.vectors.index.incoming import VectorBatch
from dedup.vectors.index.lookup import Candidates, candidates, exact_values
from dedup.vectors.index.segment import VectorSegment
from dedup.vectors.parameters import Scheme
from dedup.vectors.search import PairSearch
from dedup.vectors.tables import Keys

_ALL = 1 << 40
"""No cap on comparisons: an index leaves none out."""
_OPEN_GATE = Gate(1, 64, None)
"""Every pair passes: what is stored has no gate either."""


@dataclass(frozen=True)
class Settled:
    """What became of the vectors of a batch.

    Attributes
    ----------
    stored : the matches with stored keepers, one for each vector that has any.
    keeper : int64; of the others, the keeper's place in the batch, its own for a new vector.
    value : float64; the cosine, or distance, to the keeper.
    is_good : bool; whether a vector can be compared.
    """

    stored: Candidates
    keeper: Int64Array
    value: Float64Array
    is_good: NDArray[np.bool_]

    @property
    def is_new(self) -> NDArray[np.bool_]:
        """bool; the vectors that match nothing before them."""
        new: NDArray[np.bool_] = self.keeper == np.arange(len(self.keeper))
        new &= self.is_good
        new[self.stored.query] = False
        return new


def settle(
    batch: VectorBatch,
    keys: UInt32Array,
    segments: Sequence[VectorSegment],
    hasher: Hasher,
    scheme: Scheme,
    config: VectorConfig,
) -> Settled:
    """Find what each vector of a batch is.

    Parameters
    ----------
    keys : uint32, shape (tables, vectors).
    """
    count = len(batch)
    value = np.full(count, 1.0 if config.measure == "cosine" else 0.0)
    stored, values = _stored_keepers(batch, keys, segments, scheme, config)
    value[stored.query] = values
    open_ = batch.is_good.copy()
    open_[stored.query] = False
    scratch, everything = Scratch(), np.arange(count)
    lead = representatives(digests_of(batch.values), everything, open_, scratch)
    units = np.flatnonzero(open_ & (lead == everything))
    keeper = everything.copy()
    if len(units):
        vectors = replace(hasher.vectors(batch.values, batch.norms), rows=units)
        none = np.zeros((1, len(units)), np.uint64)
        found = PairSearch(
            vectors,
            Keys(keys[None][:, :, units], none),
            scheme,
            _OPEN_GATE,
            replace(config, max_comparisons=_ALL),
            scratch,
        )
        found.look()
        clusters, _ = found.decided()
        first = units[clusters.keeper]
        keeper[units] = first
        near = first != units
        value[units[near]] = clusters.common[near].view(np.float64)
    # A copy of a vector goes where that one goes.
    keeper = keeper[lead]
    copied = lead != everything
    value[copied] = value[lead[copied]]
    return Settled(stored, keeper, value, batch.is_good)


def _stored_keepers(
    batch: VectorBatch,
    keys: UInt32Array,
    segments: Sequence[VectorSegment],
    scheme: Scheme,
    config: VectorConfig,
) -> tuple[Candidates, Float64Array]:
    """Return for each vector the first stored keeper that it matches, and the value."""
    pieces, values = [], [np.zeros(0)]
    limit, is_cosine = float(config.threshold), config.measure == "cosine"
    for some in candidates(keys[None], segments, scheme.min_tables, keepers_only=True):
        some = some.take(np.flatnonzero(batch.is_good[some.query]))
        value = exact_values(batch, some, segments, config.measure)
        near = np.flatnonzero(value >= limit if is_cosine else value <= limit)
        some, value = some.take(near), value[near]
        first = some.first_of_each()
        pieces.append(some.take(first))
        values.append(value[first])
    return Candidates.joined(pieces), np.concatenate(values)


def removed_among(
    segments: Sequence[VectorSegment], hasher: Hasher, scheme: Scheme, config: VectorConfig
) -> NDArray[np.bool_]:
    """Return which of all stored vectors are no keepers, those that were removed left aside."""
    dim = len(hasher.center)
    batch = VectorBatch(
        None,
        np.concatenate([np.zeros((0, dim), np.float32), *(one.values for one in segments)]),
        np.concatenate([np.zeros(0), *(one.norms for one in segments)]),
        np.concatenate([np.zeros(0, np.bool_), *(one.is_live for one in segments)]),
    )
    keys = hasher.keys(batch.values, batch.norms)[0]
    return ~settle(batch, keys, [], hasher, scheme, config).is_new

"""From vectors to keepers and verified pairs.

As in `dedup.search`: vectors are renumbered by keeper order ("rank"), and then to "units", one for
each distinct vector, so that a smaller number is always the better keeper.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from dedup.check import Check, CorpusCheck
from dedup.cluster import Clusters, Keepers, components
from dedup.collapse import representatives
from dedup.edges import Edges, EdgeStore, verified_edges
from dedup.keeper import keeper_order
from dedup.lsh.buckets import pack_pairs, unpack_pairs
from dedup.outcome import Outcome, common_with
from dedup.output.schema import measure_column
from dedup.resources.timing import Stages
from dedup.spill.runs import SortedRuns
from dedup.spill.scratch import Scratch
from dedup.text.hashing import Int64Array, UInt64Array
from dedup.vectors.config import VectorConfig
from dedup.vectors.corpus import VectorCorpus
from dedup.vectors.families.base import Family, Float64Array
from dedup.vectors.families.cross_polytope import CrossPolytope
from dedup.vectors.families.hyperplanes import Hyperplanes
from dedup.vectors.families.rotation import Rotation
from dedup.vectors.families.stable import StableProjections
from dedup.vectors.gate import Gate, choose_gate
from dedup.vectors.hot import HotBuckets
from dedup.vectors.parameters import GATE_SHARE, Scheme, choose_scheme
from dedup.vectors.store import Vectors, VectorVerifier
from dedup.vectors.tables import Keys, all_tables, hash_vectors

_WIDTH = 4.0
"""Steps of stable projections, in thresholds: near pairs mostly stay in one."""


@dataclass(kw_only=True)
class VectorSearch(Outcome):
    """What the search among vectors found; units are distinct vectors.

    Attributes
    ----------
    scheme, gate : how vectors were hashed.
    num_compared : pairs that were compared one by one; `num_products` : in products of matrices.
    num_pairs : pairs of small buckets, which the gate looked at.
    num_refused : pairs at the threshold that the second check refused.
    """

    scheme: Scheme
    gate: Gate
    num_compared: int
    num_products: int
    num_pairs: int
    num_refused: int = 0


def near_distance(config: VectorConfig) -> float:
    """Return the distance of a pair at the threshold; an angle for cosine."""
    threshold = float(config.threshold)
    return math.acos(threshold) if config.measure == "cosine" else threshold


def family_of(config: VectorConfig, dim: int) -> Family:
    """Return the hash functions that a search takes."""
    if config.family == "stable":
        return StableProjections(config.width or _WIDTH * float(config.threshold))
    if config.family == "cross-polytope":
        return CrossPolytope(dim)
    if config.family == "rotation":
        return Rotation(config.rotation_buckets)
    return Hyperplanes()


class Hashing(NamedTuple):
    """How vectors are hashed: the functions, the tables made of them, and the gate."""

    family: Family
    scheme: Scheme
    gate: Gate


def choose_hashing(config: VectorConfig, far: Float64Array, count: int, dim: int) -> Hashing:
    """Choose how so many vectors are hashed.

    Parameters
    ----------
    far : float64; distances of some pairs drawn from them.
    """
    family, near = family_of(config, dim), near_distance(config)
    scheme = choose_scheme(family, near, far, count, dim, config)
    gate = choose_gate(config.measure, near, far, GATE_SHARE * (1 - config.recall))
    return Hashing(family, scheme, gate)


def search_vectors(
    corpus: VectorCorpus,
    config: VectorConfig,
    scratch: Scratch,
    stages: Stages,
    check: Check | None = None,
) -> VectorSearch:
    """Find the near-duplicates among vectors."""
    with stages("order"):
        nothing = np.zeros(len(corpus), np.int64)
        order = scratch.held(keeper_order(config.keep, nothing, nothing, corpus.columns))
        lead = representatives(corpus.text_digests, order, corpus.is_good, scratch)
        distinct = (lead == np.arange(len(order))) & corpus.is_good[order]
        ranks = scratch.held(np.flatnonzero(distinct))
        vectors = Vectors.of(
            corpus.values, scratch.taken(order, ranks), corpus.norms, config.measure
        )
    with stages("hash"):
        far = vectors.sampled_distances()
        family, scheme, gate = choose_hashing(config, far, len(vectors), vectors.dim)
        keys = hash_vectors(vectors, family, scheme, gate, int(config.seed), scratch)
    found = PairSearch(vectors, keys, scheme, gate, config, scratch)
    if check is not None:
        name = measure_column(config.measure)
        found.verifier.accepts = CorpusCheck(check, corpus, vectors.rows, name, as_values)
    with stages("buckets"):
        found.look()
    with stages("verify"):
        clusters, edges = found.decided()
    label = label_common = None
    if config.linkage == "components" and edges is not None:
        with stages("components"):
            label = components(len(vectors), edges, scratch)
            label_common = common_with(label, edges, scratch)
    return VectorSearch(
        measure=config.measure,
        threshold=config.threshold,
        order=order,
        lead=lead,
        units=ranks,
        clusters=clusters,
        edges=edges,
        label=label,
        label_common=label_common,
        num_candidates=found.num_candidates,
        num_buckets=found.num_buckets,
        largest_bucket=found.largest,
        scheme=scheme,
        gate=gate,
        num_compared=found.verifier.num_compared,
        num_products=found.hot.num_compared,
        num_pairs=found.num_pairs,
        num_refused=found.verifier.num_refused,
    )


class PairSearch:
    """Candidate pairs of units, and what their verification decides.

    Attributes
    ----------
    num_candidates : distinct pairs that passed the gate, or a product.
    num_buckets, largest, num_pairs : see `TableBuckets`; of all tables.
    """

    def __init__(
        self,
        vectors: Vectors,
        keys: Keys,
        scheme: Scheme,
        gate: Gate,
        config: VectorConfig,
        scratch: Scratch,
    ) -> None:
        self._keys, self._scheme, self._gate = keys, scheme, gate
        self._config, self._scratch, self._count = config, scratch, len(vectors)
        self._wants_all = config.pairs == "all" or config.linkage == "components"
        self._candidates = SortedRuns(scratch)
        self.verifier = VectorVerifier(vectors, config.threshold)
        self.hot = HotBuckets(self.verifier, config.max_comparisons)
        self.num_candidates = self.num_buckets = self.largest = self.num_pairs = 0

    def look(self) -> None:
        """Gather the candidates of all tables."""
        for table in all_tables(self._keys, self._scheme, self._gate, self._config.num_workers):
            self._candidates.add(table.pairs)
            self.hot.add(table.hot, table.hot_sizes)
            self.num_buckets += table.num_buckets
            self.largest = max(self.largest, table.largest)
            self.num_pairs += table.num_pairs
        listed = self.hot.all_pairs() if self._wants_all else self.hot.leader_pairs()
        for pairs in self._voted(listed):
            self._candidates.add(pairs)

    def _voted(self, listed: Iterable[UInt64Array]) -> Iterable[UInt64Array]:
        """Drop the pairs that share too few tables."""
        for pairs in listed:
            if self._scheme.min_tables > 1 and len(pairs):
                shared = self._keys.shared(*unpack_pairs(pairs))
                pairs = pairs[shared >= self._scheme.min_tables]
            yield pairs

    def decided(self) -> tuple[Clusters, EdgeStore | None]:
        """Verify the candidates; return the clusters, and all edges where they are wanted."""
        verified = SortedRuns(self._scratch, valued=True)
        self._verify(self._candidates, verified)
        keepers = self._settled(verified)
        while len(self.hot) and not self._wants_all:
            late = SortedRuns(self._scratch)
            for pairs in self._voted(self.hot.late_pairs(keepers.removed)):
                late.add(pairs)
            if not self._verify(late, verified):
                break
            keepers = self._settled(verified)
        edges = EdgeStore(self._scratch) if self._wants_all else None
        num_verified = 0
        for some in _edges(verified):
            num_verified += len(some)
            if edges is not None:
                edges.append(some)
        clusters = Clusters(keepers.keeper, keepers.common, num_verified, self.hot.skipped)
        return clusters, edges

    def _verify(self, pairs: SortedRuns, verified: SortedRuns) -> int:
        """Add the edges among pairs to those that are verified; return how many they are."""
        before, found = self.verifier.num_compared, 0
        for some in verified_edges(self.verifier, pairs):
            found += len(some)
            verified.add(pack_pairs(some.right, some.left), some.common)
        self.num_candidates += self.verifier.num_compared - before
        return found

    def _settled(self, verified: SortedRuns) -> Keepers:
        keepers = Keepers(self._count, self._scratch)
        for some in _edges(verified):
            keepers.settle(some)
        return keepers


def as_values(left: Int64Array, right: Int64Array, common: Int64Array) -> Float64Array:
    """Return the measures of pairs, from their bits."""
    return common.view(np.float64)


def _edges(verified: SortedRuns) -> Iterable[Edges]:
    for packed, common in verified.with_values():
        later, earlier = unpack_pairs(packed)
        yield Edges(earlier, later, common)


def positions_of(units: Int64Array, found: VectorSearch) -> Int64Array:
    """Return the positions of units."""
    return found.order[found.units[units]]

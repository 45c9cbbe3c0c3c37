"""Tables, functions and votes that honour a threshold and a recall.

A table's key is made of K functions (AND); two vectors are compared where they share a bucket in at
least t of L tables. With p the collision probability at their distance, one table finds them with
probability q = p**K, and enough of them do with

    P(L, K, t) = sum_{i >= t} C(L, i) q**i (1 - q)**(L - i),

exactly, for tables are independent. L is the least number that keeps the promise at the threshold;
30 % of the allowed misses are kept back, a tenth of all for the gate (`dedup.vectors.gate`).

The promise hangs on threshold and recall alone. K hangs on what the search would cost: it starts
from the rule of thumb dim**(1/4) and grows as long as that gets cheaper, by the collisions of pairs
drawn from the vectors: of unlike ones they are what a table costs.

References
----------
Indyk, Motwani (1998), Approximate nearest neighbors. Gionis, Indyk, Motwani (1999), Similarity
search in high dimensions via hashing. Lv, Josephson, Wang, Charikar, Li (2007), Multi-probe LSH.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from dedup.vectors.config import MAX_FUNCTIONS, MAX_TABLES, VectorConfig
from dedup.vectors.families.base import Family, Float64Array

_TABLES_SHARE = 0.7
GATE_SHARE = 0.1
"""Shares of the allowed misses that tables and gate may take."""

_PROBE_DRAWS = 20_000
_BINS = 12

_MULTIPLY_NS = 0.015
_ENTRY_NS = 25.0
_PAIR_NS = 6.0
"""What a multiplication, an entry of a table and a pair in a bucket take; only ratios matter."""


@dataclass(frozen=True)
class Scheme:
    """How vectors are hashed: L tables of K functions, and the votes that make a candidate.

    Attributes
    ----------
    num_probes : neighbouring buckets that a vector stands in too, in each table.
    at_threshold : the probability that one table finds a pair at the threshold.
    """

    num_tables: int
    num_functions: int
    min_tables: int
    num_probes: int
    at_threshold: float

    @property
    def recall(self) -> float:
        """The probability that a pair at the threshold becomes a candidate."""
        return found_probability(self.at_threshold, self.num_tables, self.min_tables)


def found_probability(by_one: float, tables: int, votes: int = 1) -> float:
    """Return the probability that at least `votes` of the tables find what one finds so often."""
    if by_one >= 1:
        return 1.0
    if by_one <= 0:
        return 0.0
    miss = math.fsum(
        math.exp(
            math.lgamma(tables + 1)
            - math.lgamma(i + 1)
            - math.lgamma(tables - i + 1)
            + i * math.log(by_one)
            + (tables - i) * math.log1p(-by_one)
        )
        for i in range(votes)
    )
    return 1 - miss


def least_tables(by_one: float, votes: int, recall: float) -> int | None:
    """Return the fewest tables that find a pair so often; None above `MAX_TABLES`."""
    if by_one <= 0 or found_probability(by_one, MAX_TABLES, votes) < recall:
        return None
    low, high = votes, MAX_TABLES
    while low < high:
        middle = (low + high) // 2
        if found_probability(by_one, middle, votes) >= recall:
            high = middle
        else:
            low = middle + 1
    return low


def choose_scheme(
    family: Family, near: float, far: Float64Array, count: int, dim: int, config: VectorConfig
) -> Scheme:
    """Choose tables and functions.

    Parameters
    ----------
    near : distance at the threshold.
    far : float64; distances of some pairs drawn from the vectors.
    count, dim : of the vectors.
    """
    recall = 1 - _TABLES_SHARE * (1 - config.recall)
    columns = family.directions(1, 1, 0).shape[1]
    unlike = _Collisions(family, far)
    best, least = None, math.inf
    given = config.functions
    first = max(config.probes, round(dim**0.25), 1)
    for functions in range(first, MAX_FUNCTIONS + 1) if given is None else (given,):
        by_one = table_probability(family, near, functions, config.probes)
        tables = config.tables or least_tables(by_one, config.min_tables, recall)
        if tables is None:
            break
        entries = 1 + config.probes
        pairs = (count - 1) / 2 * unlike.all_of(functions) * (1 + 2 * config.probes)
        cost = tables * (
            functions * columns * dim * _MULTIPLY_NS + entries * _ENTRY_NS + pairs * _PAIR_NS
        )
        if cost < least:
            least = cost
            best = Scheme(tables, functions, config.min_tables, config.probes, by_one)
        elif cost > 4 * least:
            break
    if best is None:
        tables = config.tables or MAX_TABLES
        by_one = table_probability(family, near, given or first, config.probes)
        best = Scheme(tables, given or first, config.min_tables, config.probes, by_one)
    return best


class _Collisions:
    """How often functions agree for pairs drawn from the vectors."""

    def __init__(self, family: Family, distances: Float64Array) -> None:
        counts, edges = np.histogram(distances, _BINS)
        used = np.flatnonzero(counts)
        middles = (edges[:-1] + edges[1:])[used] / 2
        self._share = counts[used] / max(1, counts.sum())
        self._collides = np.fromiter(
            map(family.collision_probability, middles.tolist()), np.float64
        )

    def all_of(self, functions: int) -> float:
        """Return the probability that so many functions agree for a pair."""
        return float((self._share * self._collides**functions).sum())


@lru_cache(maxsize=256)
def table_probability(family: Family, distance: float, functions: int, probes: int) -> float:
    """Return the probability that one table finds a pair at a distance.

    p**K. With probes there is no closed form: tables are drawn for two vectors in a plane, which
    loses nothing, for projections of a pair only depend on its distance; of the share that finds
    them, three standard errors are taken off.
    """
    by_one = family.collision_probability(distance)
    if not probes:
        return float(by_one**functions)
    pair = np.zeros((2, 3), np.float32)
    if family.measure == "cosine":
        pair[0, 0], pair[1, 0], pair[1, 1] = 1, math.cos(distance), math.sin(distance)
    else:
        pair[1, 0] = distance
    drawn = family.directions(3, functions * _PROBE_DRAWS, 1)
    projections = pair @ drawn[:3]
    if len(drawn) > 3:
        projections += drawn[3]
    keys = probed_keys(family, projections, functions, probes)
    found = (keys[0, 0] == keys[0, 1]) | (keys[1:, 0] == keys[0, 1]).any(axis=0)
    found |= (keys[1:, 1] == keys[0, 0]).any(axis=0)
    share = float(found.mean())
    return max(0.0, share - 3 * math.sqrt(share * (1 - share) / _PROBE_DRAWS))


def probed_keys(family: Family, projections: np.ndarray, functions: int, probes: int) -> np.ndarray:
    """Return the keys of each table, and of its likeliest neighbours.

    Neighbour i has the value that the i-th least certain function nearly had.

    Returns
    -------
    uint32, shape (1 + probes, vectors, tables).
    """
    if not probes:
        return family.fast_keys(projections, functions)[None]
    symbols = family.symbols(projections)
    second, margin = family.second(projections)
    shape = (len(symbols), -1, functions)
    order = np.argsort(margin.reshape(shape), axis=2)[:, :, :probes]
    found = [family.keys(symbols, functions)]
    for probe in range(probes):
        chosen = order[:, :, probe : probe + 1]
        changed = symbols.copy().reshape(shape)
        values = np.take_along_axis(second.reshape(shape), chosen, 2)
        np.put_along_axis(changed, chosen, values, 2)
        found.append(family.keys(changed.reshape(symbols.shape), functions))
    return np.stack(found)

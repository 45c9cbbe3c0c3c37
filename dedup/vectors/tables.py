"""Hash tables of vectors: their keys, and the pairs that share a bucket and pass the gate.

One product of matrices gives the keys of all tables, block by block. A table is one sort of
(key, vector); its buckets then are neighbours, and their gate bits are brought into the same order,
so that pairs are looked at where they lie side by side, in pieces that fit the cache.
"""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from dedup.lsh.buckets import pack_pairs
from dedup.spill.chunks import chunks
from dedup.spill.scratch import Scratch
from dedup.text.hashing import Int64Array, UInt64Array
from dedup.text.shingles import runs
from dedup.vectors.families.base import Family, Float32Array, UInt32Array
from dedup.vectors.gate import Gate
from dedup.vectors.parameters import Scheme, probed_keys
from dedup.vectors.store import Vectors

HOT_BUCKET = 64
"""Members above which a bucket is left to products of matrices: see `dedup.vectors.hot`."""

BLOCK_ROWS = 1 << 13
"""Vectors that are hashed at a time."""

_GROUP_COLUMNS = 1 << 10
_PIECE_ENTRIES = 1 << 14
_PIECE_PAIRS = 1 << 20
_PROBE = np.uint64(1 << 31)


@dataclass
class Keys:
    """What vectors are hashed to.

    Attributes
    ----------
    tables : uint32, shape (1 + probes, tables, units); the keys of each table, and of the
        neighbouring buckets.
    gate : uint64, shape (words, units).
    """

    tables: NDArray[np.uint32]
    gate: UInt64Array

    def shared(self, left: Int64Array, right: Int64Array) -> Int64Array:
        """Count the tables in which each pair shares a bucket; int64, shape (pairs,)."""
        total = np.zeros(len(left), np.int64)
        for keys in self.tables[0]:
            total += keys[left] == keys[right]
        return total


@dataclass(frozen=True)
class TableFunctions:
    """The functions of all tables, drawn.

    Attributes
    ----------
    drawn : float32, shape (dim or dim + 1, columns); see `Family.directions`.
    """

    family: Family
    num_tables: int
    num_functions: int
    drawn: Float32Array

    @staticmethod
    def draw(family: Family, scheme: Scheme, dim: int, seed: int) -> TableFunctions:
        """Draw the functions of a scheme."""
        count = scheme.num_tables * scheme.num_functions
        drawn = family.directions(dim, count, seed)
        return TableFunctions(family, scheme.num_tables, scheme.num_functions, drawn)

    @cached_property
    def _groups(self) -> list[tuple[int, Float32Array]]:
        """Some tables at a time: the first one, and the columns of their functions."""
        columns = self.drawn.shape[1] // self.num_tables
        step = max(1, _GROUP_COLUMNS // columns)
        return [
            (first, np.ascontiguousarray(self.drawn[:, first * columns : (first + step) * columns]))
            for first in range(0, self.num_tables, step)
        ]

    def write_keys(self, scaled: Float32Array, keys: UInt32Array) -> None:
        """Hash a block of vectors.

        Parameters
        ----------
        scaled : from `Vectors.scaled`.
        keys : uint32, shape (1 + probes, tables, vectors); the keys are written there.
        """
        probes = len(keys) - 1
        for first, part in self._groups:
            found = probed_keys(self.family, _projected(scaled, part), self.num_functions, probes)
            keys[:, first : first + found.shape[2]] = found.transpose(0, 2, 1)


def hash_vectors(
    vectors: Vectors, family: Family, scheme: Scheme, gate: Gate, seed: int, scratch: Scratch
) -> Keys:
    """Hash all vectors."""
    count = len(vectors)
    keys = Keys(
        scratch.empty((1 + scheme.num_probes, scheme.num_tables, count), np.uint32),
        scratch.empty((gate.words, count), np.uint64),
    )
    functions = TableFunctions.draw(family, scheme, vectors.dim, seed)
    gate_drawn = gate.directions(vectors.dim, seed)
    for start in range(0, count, BLOCK_ROWS):
        block = slice(start, min(count, start + BLOCK_ROWS))
        scaled = vectors.scaled(block)
        keys.gate[:, block] = gate.bits(_projected(scaled, gate_drawn))
        functions.write_keys(scaled, keys.tables[:, :, block])
    return keys


def _projected(block: NDArray[np.float32], drawn: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the products with each direction, and what is added to them."""
    found = block @ drawn[: block.shape[1]]
    if len(drawn) > block.shape[1]:
        found += drawn[-1]
    return found


@dataclass
class TableBuckets:
    """What was found in one table.

    Attributes
    ----------
    pairs : uint64, packed (later, earlier); of small buckets, that passed the gate.
    hot, hot_sizes : members of the large buckets, ascending inside a bucket, and their numbers.
    num_buckets, largest : of two or more members.
    num_pairs : pairs of small buckets.
    """

    pairs: UInt64Array
    hot: UInt32Array
    hot_sizes: Int64Array
    num_buckets: int
    largest: int
    num_pairs: int


def all_tables(keys: Keys, scheme: Scheme, gate: Gate, workers: int) -> Iterator[TableBuckets]:
    """Yield what each table finds, in the order of the tables."""

    def look(table: int) -> TableBuckets:
        return _look(keys, table, scheme.min_tables, gate.most_unlike)

    if workers == 1:
        yield from map(look, range(scheme.num_tables))
        return
    with ThreadPoolExecutor(workers) as pool:  # numpy sorts and counts without Python's lock
        for first in range(0, scheme.num_tables, workers):
            yield from pool.map(look, range(first, min(scheme.num_tables, first + workers)))


def _look(keys: Keys, table: int, min_tables: int, most_unlike: int) -> TableBuckets:
    entries = _sorted_entries(keys.tables[:, table])
    bounds = runs(entries >> np.uint64(32))
    sizes = np.diff(bounds)
    hot = sizes > HOT_BUCKET
    is_hot = np.repeat(hot, sizes)
    small = np.repeat((sizes >= 2) & ~hot, sizes)
    members = entries.astype(np.uint32)
    found = _small_pairs(members[small], sizes[(sizes >= 2) & ~hot], keys, min_tables, most_unlike)
    mates = sizes[(sizes >= 2) & ~hot]
    return TableBuckets(
        pairs=found,
        hot=members[is_hot] & np.uint32(int(_PROBE) - 1),
        hot_sizes=sizes[hot],
        num_buckets=int((sizes >= 2).sum()),
        largest=int(sizes.max(initial=0)),
        num_pairs=int((mates * (mates - 1) // 2).sum()),
    )


def _sorted_entries(keys: NDArray[np.uint32]) -> UInt64Array:
    """Return key above vector, sorted; bit 31 tells an entry in a neighbouring bucket."""
    probes, count = keys.shape
    entries = np.empty((probes, count), np.uint64)
    numbers = np.arange(count, dtype=np.uint64)
    for probe in range(probes):
        np.left_shift(keys[probe], np.uint64(32), out=entries[probe], dtype=np.uint64)
        entries[probe] |= numbers | (_PROBE if probe else np.uint64(0))
    flat = entries.reshape(-1)
    flat.sort()
    return flat


def _small_pairs(
    members: UInt32Array, sizes: Int64Array, keys: Keys, min_tables: int, most_unlike: int
) -> UInt64Array:
    """Return the pairs inside buckets that pass the gate, and share enough tables."""
    found = [np.zeros(0, np.uint64)]
    ends = np.cumsum(sizes)
    bounds = np.concatenate([[0], ends])
    for first, last in chunks(bounds, _PIECE_ENTRIES):
        piece = members[bounds[first] : bounds[last]]
        after = np.repeat(ends[first:last] - bounds[first], sizes[first:last])
        pairs = _piece_pairs(piece, after, keys.gate, most_unlike)
        if min_tables > 1 and len(pairs[0]):
            enough = keys.shared(*pairs) >= min_tables
            pairs = pairs[0][enough], pairs[1][enough]
        found.append(pack_pairs(*pairs))
    return np.concatenate(found)


def _piece_pairs(
    members: UInt32Array, after: Int64Array, gate: UInt64Array, most_unlike: int
) -> tuple[Int64Array, Int64Array]:
    """Return the pairs (later, earlier) of some buckets that pass the gate.

    Each member is paired with the next one of its bucket, then with the one after it, and so on:
    neighbours in memory.

    Parameters
    ----------
    after : int64; where each member's bucket ends.
    """
    is_probe = members >> np.uint32(31) > 0
    has_probes = bool(is_probe.any())
    units = (members & np.uint32(int(_PROBE) - 1)).astype(np.int64)
    words = [word[units] for word in gate]
    later, earlier = [np.zeros(0, np.int64)], [np.zeros(0, np.int64)]
    place = np.flatnonzero(after > np.arange(1, len(members) + 1))
    for step in range(1, HOT_BUCKET):
        if not len(place):
            break
        other = place + step
        differs = np.bitwise_count(words[0][place] ^ words[0][other]).astype(np.uint16)
        for word in words[1:]:
            differs += np.bitwise_count(word[place] ^ word[other])
        passed = np.flatnonzero(differs <= most_unlike)
        if has_probes:
            passed = passed[~(is_probe[place[passed]] & is_probe[other[passed]])]
        a, b = units[place[passed]], units[other[passed]]
        later.append(np.maximum(a, b))
        earlier.append(np.minimum(a, b))
        place = place[after[place] > other + 1]
    return np.concatenate(later), np.concatenate(earlier)

"""Shingle sets out of thin air: pairs of known Jaccard, and stores of given sets."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise

import numpy as np

from dedup.sketch.store import SetStore
from dedup.text.hashing import HASH_BITS, UInt64Array

_CHUNK_SHINGLES = 1 << 19


def hashes(rng: np.random.Generator, *shape: int) -> UInt64Array:
    """Return random 52-bit hashes; among a few thousand none is there twice."""
    return rng.integers(0, 1 << 64, size=shape, dtype=np.uint64) >> np.uint64(64 - HASH_BITS)


def composite_of(rows: UInt64Array) -> UInt64Array:
    """Return the batch of documents whose sets are the rows of a table."""
    slots = np.arange(len(rows), dtype=np.uint64)[:, None] << np.uint64(HASH_BITS)
    composite = (rows | slots).ravel()
    composite.sort()
    return composite


def similar_batches(
    num_pairs: int, union: int, common: int, seed: int
) -> Iterator[tuple[UInt64Array, UInt64Array, int]]:
    """Yield batches of independent pairs of sets, each pair with exactly this union and overlap.

    A batch is the composite of the left sets, that of the right sets, and how many there are.
    What a pair does not share is divided evenly between the two, an odd one goes to the right.
    """
    rng = np.random.default_rng([seed, union, common])
    left_only = (union - common) // 2
    done = 0
    while done < num_pairs:
        size = min(num_pairs - done, 2048, max(1, _CHUNK_SHINGLES // union))
        table = hashes(rng, size, union)
        left = table[:, : common + left_only]
        right = np.concatenate([table[:, :common], table[:, common + left_only :]], axis=1)
        yield composite_of(left), composite_of(right), size
        done += size


def ascending(shingles: Iterable[int]) -> UInt64Array:
    """Return a set as the kernels store it."""
    return np.array(sorted(shingles), np.uint64)


def joined(sets: Sequence[Iterable[int]]) -> tuple[UInt64Array, np.ndarray]:
    """Return sets one after the other, and their bounds."""
    arrays = [ascending(shingles) for shingles in sets]
    bounds = np.cumsum([0, *map(len, arrays)])
    return np.concatenate([np.zeros(0, np.uint64), *arrays]), bounds


def store_of(sets: Sequence[Iterable[int]], num_parts: int = 1) -> SetStore:
    """Return a store of the sets, in so many parts."""
    edges = np.linspace(0, len(sets), num_parts + 1).astype(int).tolist()
    return store_of_parts([sets[a:b] for a, b in pairwise(edges)])


def store_of_parts(parts: Sequence[Sequence[Iterable[int]]]) -> SetStore:
    """Return a store of the sets of all parts."""
    values = [joined(part)[0] for part in parts]
    sizes = [len(set(shingles)) for part in parts for shingles in part]
    return SetStore(values, np.array(sizes, np.int64))

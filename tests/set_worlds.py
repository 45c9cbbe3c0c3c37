"""Worlds of shingle sets: drifting families, pages of shared templates, unrelated documents."""

from __future__ import annotations

from collections.abc import Iterable
from fractions import Fraction
from itertools import combinations, pairwise

import numpy as np

from dedup.edges import Edges
from dedup.lsh.bands import band_keys
from dedup.lsh.buckets import Buckets, group_by_key
from dedup.sketch.minhash import signatures
from dedup.text.hashing import UInt64Array
from tests.random_sets import hashes, joined

ShingleSet = set[int]


def fresh(rng: np.random.Generator, size: int) -> ShingleSet:
    """Return a set that shares nothing with any other."""
    return set(hashes(rng, size).tolist())


def edited(rng: np.random.Generator, shingles: ShingleSet, changes: int) -> ShingleSet:
    """Return the set with some shingles replaced, and at times a few added or lost."""
    values = sorted(shingles)
    lost = min(len(values) - 1, changes + int(rng.integers(0, 3)))
    kept = rng.permutation(len(values))[lost:].tolist()
    return {values[place] for place in kept} | fresh(rng, changes + int(rng.integers(0, 3)))


def drifting_family(
    rng: np.random.Generator, start: ShingleSet, size: int, changes: int
) -> list[ShingleSet]:
    """Return edits of edits: neighbours are similar, the far ends are not (A ~ B ~ C)."""
    members = [start]
    while len(members) < size:
        source = members[int(rng.integers(max(0, len(members) - 3), len(members)))]
        members.append(edited(rng, source, changes))
    return members


def template_pages(
    rng: np.random.Generator, num_pages: int, template_size: int, own: int | tuple[int, int]
) -> list[ShingleSet]:
    """Return pages of one template, each with shingles of its own."""
    template = fresh(rng, template_size)
    low, high = (own, own + 1) if isinstance(own, int) else own
    return [template | fresh(rng, int(rng.integers(low, high))) for _ in range(num_pages)]


def set_world(seed: int, num_documents: int = 300) -> list[ShingleSet]:
    """Return a shuffled world: each third of it templates, families (some on them), loners."""
    rng = np.random.default_rng(seed)
    third = num_documents // 3
    found = template_pages(rng, third, int(rng.integers(20, 80)), (1, 25))
    while len(found) < 2 * third:
        size = int(rng.integers(1, 60))
        start = found[int(rng.integers(len(found)))] if rng.random() < 0.3 else fresh(rng, size)
        family = int(rng.integers(2, 12))
        found += drifting_family(rng, start, family, int(rng.integers(1, 2 + len(start) // 12)))
    while len(found) < num_documents:
        found.append(fresh(rng, int(rng.integers(1, 60))))
    return [found[place] for place in rng.permutation(len(found)).tolist()][:num_documents]


def nested_world(seed: int, num_documents: int = 160) -> list[ShingleSet]:
    """Return a shuffled world of pages inside pages, quotations, near-duplicates and loners.

    What a page takes from another is from all of it to a twentieth, of parts of parts as well.
    """
    rng = np.random.default_rng(seed)
    found: list[ShingleSet] = []
    while len(found) < num_documents:
        if not found or rng.random() < 0.2:
            found.append(fresh(rng, int(rng.integers(1, 200))))
            continue
        values = sorted(found[int(rng.integers(len(found)))])
        size = max(1, round(len(values) / int(rng.integers(1, 21))))
        start = int(rng.integers(len(values) - size + 1))
        part = set(values[start : start + size])
        own = int(rng.integers(0, 2 + int(size * rng.choice([0.1, 0.25, 1, 4]))))
        found.append(part | fresh(rng, own))
    return [found[place] for place in rng.permutation(len(found)).tolist()]


def jaccard(left: ShingleSet, right: ShingleSet) -> Fraction:
    """Return the exact Jaccard similarity of two sets that are not both empty."""
    common = len(left & right)
    return Fraction(common, len(left) + len(right) - common)


def similar_pairs(
    sets: list[ShingleSet], pairs: Iterable[tuple[int, int]], threshold: Fraction
) -> set[tuple[int, int]]:
    """Return the pairs at the threshold or above."""
    return {pair for pair in pairs if jaccard(sets[pair[0]], sets[pair[1]]) >= threshold}


def buckets_of(groups: Iterable[Iterable[int]]) -> Buckets:
    """Return buckets of given members, in the order given."""
    members = [np.array(sorted(group), np.int64) for group in groups]
    return Buckets.of([(each, np.array([len(each)])) for each in members])


def bucket_pairs(buckets: Buckets) -> set[tuple[int, int]]:
    """Return the pairs earlier < later that share a bucket."""
    edges = buckets.offsets.tolist()
    return {
        pair
        for start, stop in pairwise(edges)
        for pair in combinations(buckets.members[start:stop].tolist(), 2)
    }


def keys_of(sets: list[ShingleSet], bands: int = 17, rows: int = 6) -> UInt64Array:
    """Return the band keys of sets that are not empty."""
    values, bounds = joined(sets)
    slots = np.repeat(np.arange(len(sets), dtype=np.uint64), np.diff(bounds))
    table = signatures(values | slots << np.uint64(52), len(sets), bands * rows)
    return band_keys(table, bands, rows)


def buckets_by_key(keys: UInt64Array) -> Buckets:
    """Return the buckets of all bands."""
    return Buckets.of([group_by_key(keys[:, band].copy()) for band in range(keys.shape[1])])


def pairs_by_key(keys: UInt64Array) -> set[tuple[int, int]]:
    """Return the pairs that share a key of the same band, by comparing all with all."""
    return {
        (left, right)
        for left in range(len(keys))
        for right in (
            np.flatnonzero((keys[left + 1 :] == keys[left]).any(axis=1)) + left + 1
        ).tolist()
    }


def joined_edges(edges: Iterable[Edges]) -> Edges:
    """Return edges that come in pieces as one."""
    pieces = list(edges)
    return Edges(
        *(
            np.concatenate([np.zeros(0, np.int64), *(getattr(piece, side) for piece in pieces)])
            for side in ("left", "right", "common")
        )
    )

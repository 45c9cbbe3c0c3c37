"""MinHash and SimHash by their definitions, one component and one bit at a time; their statistics.

Symbols: u = shingles of the union of two sets, a = those in common, K = components.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from functools import cache

from tests.oracles_hashing import finalised

BITS = 52


@cache
def probe_sequence(bin_number: int, num_hashes: int) -> list[int]:
    """Return the bins in the order in which an empty bin asks them: itself, then a permutation."""

    def key(other: int) -> tuple[int, int]:
        cell = bin_number * num_hashes + other + 0x5851F42D4C957F2D
        return finalised(finalised(cell)), other

    others = [other for other in range(num_hashes) if other != bin_number]
    return [bin_number, *sorted(others, key=key)]


def signature(shingles: Iterable[int], num_hashes: int) -> list[int]:
    """Return the smallest hash of each bin; an empty bin copies the first bin that is not."""
    smallest: dict[int, int] = {}
    for value in shingles:
        # The bin is the place of the hash's upper 32 bits in their range.
        place = (value >> (BITS - 32)) * num_hashes >> 32
        smallest[place] = min(value, smallest.get(place, value))
    if not smallest:
        return [0] * num_hashes
    return [
        next(smallest[place] for place in probe_sequence(number, num_hashes) if place in smallest)
        for number in range(num_hashes)
    ]


def fingerprint(shingles: Iterable[int]) -> int:
    """Return the bits that more than half of the remixed hashes have."""
    mixed = [finalised(value) for value in shingles]
    counts = [sum(value >> bit & 1 for value in mixed) for bit in range(64)]
    return sum(1 << bit for bit, count in enumerate(counts) if 2 * count > len(mixed))


def occupancy(num_balls: int, num_bins: int) -> list[float]:
    """Return the probability of each number of filled bins, 0..num_bins."""
    share = [1.0] + [0.0] * num_bins
    for _ in range(num_balls):
        share = [
            share[filled] * filled / num_bins
            + (share[filled - 1] * (num_bins - filled + 1) / num_bins if filled else 0.0)
            for filled in range(num_bins + 1)
        ]
    return share


def estimate_variance(union: int, common: int, num_hashes: int) -> float:
    """Return the variance of the share of equal components, for optimal densification.

    Two components that show different bins agree both with probability J(a-1)/(u-1), without
    replacement; two that show the same bin (a donor and its copies) with probability J.
    """
    jaccard = common / union
    second = jaccard * (common - 1) / (union - 1)
    expected = 0.0
    for m, probability in enumerate(occupancy(union, num_hashes)):
        if m:
            n = num_hashes - m
            same = m + 3 * n + n * (n - 1) / m  # ordered pairs, each component with itself too
            expected += probability * (same * jaccard + (num_hashes**2 - same) * second)
    return expected / num_hashes**2 - jaccard**2


def short_set_miss(union: int, common: int, bands: int, rows: int) -> float:
    """Return the probability that a pair of short sets shares no band.

    The union fills m bins, and c of their smallest shingles are common: a sample of m without
    replacement. Nearly all components are copies, of any of the m donors alike.
    """
    missed = 0.0
    for m, probability in enumerate(occupancy(union, bands * rows)):
        for c in range(max(0, common - union + m), min(common, m) + 1):
            draws = math.comb(common, c) * math.comb(union - common, m - c) / math.comb(union, m)
            if m:
                missed += probability * draws * (1 - (c / m) ** rows) ** bands
    return missed


def expected_hamming(size_left: int, size_right: int, common: int) -> float:
    """Return the mean distance of two large sets' fingerprints: 64 angle / pi (Charikar 2002)."""
    return 64 * math.acos(common / math.sqrt(size_left * size_right)) / math.pi

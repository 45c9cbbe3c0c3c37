"""The block-permuted search for near fingerprints, against comparing all with all."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dedup.lsh.hamming import block_masks, choose_blocks, hamming_pairs

Pair = tuple[int, int]
NO_CAP = 10**12


def flipped(rng: np.random.Generator, fingerprint: int, num_bits: int) -> int:
    return fingerprint ^ sum(1 << bit for bit in rng.choice(64, num_bits, replace=False).tolist())


def planted(num_fingerprints: int, seed: int) -> np.ndarray:
    """Return distinct fingerprints: random ones, and families up to 14 bits apart."""
    rng = np.random.default_rng(seed)
    found = set(rng.integers(0, 1 << 64, num_fingerprints * 4 // 5, dtype=np.uint64).tolist())
    while len(found) < num_fingerprints:
        start = int(rng.integers(0, 1 << 64, dtype=np.uint64))
        for _ in range(int(rng.integers(2, 9))):
            found.add(flipped(rng, start, int(rng.integers(0, 8))))
    # Neighbours that differ in the lowest and in the highest bits.
    found |= {0, 1, 7, (1 << 64) - 1, (1 << 63) - 1, 0x7FF << 53}
    return rng.permutation(np.array(sorted(found), np.uint64))


def brute_force(fingerprints: np.ndarray, most: int) -> dict[Pair, int]:
    """Return the distance of every pair left < right within `most` bits."""
    found: dict[Pair, int] = {}
    for first in range(0, len(fingerprints), 64):
        rows = fingerprints[first : first + 64]
        distances = np.bitwise_count(rows[:, None] ^ fingerprints[None, first:])
        for row, column in zip(*(at.tolist() for at in np.nonzero(distances <= most)), strict=True):
            if row < column:
                found[first + row, first + column] = int(distances[row, column])
    return found


@pytest.fixture(scope="module")
def fingerprints() -> np.ndarray:
    return planted(50_000, seed=1)


@pytest.fixture(scope="module")
def distances(fingerprints: np.ndarray) -> dict[Pair, int]:
    return brute_force(fingerprints, 10)


@pytest.mark.parametrize("max_hamming", [3, 6, 10])
def test_the_pairs_of_50000_fingerprints_are_those_of_brute_force(
    fingerprints: np.ndarray, distances: dict[Pair, int], max_hamming: int
) -> None:
    found = hamming_pairs(fingerprints, max_hamming, NO_CAP)
    expected = {pair for pair, distance in distances.items() if distance <= max_hamming}
    assert set(zip(found.left.tolist(), found.right.tolist(), strict=True)) == expected
    assert len(found.left) == len(expected) > 1000
    assert found.num_skipped == 0
    # The bound counts: there are pairs at it, and just beyond.
    assert sum(distances[pair] == max_hamming for pair in expected) > 50


@pytest.mark.parametrize("max_hamming", range(17))
def test_every_distance_that_may_be_asked_for(max_hamming: int) -> None:
    fingerprints = planted(400, seed=2)
    found = hamming_pairs(fingerprints, max_hamming, NO_CAP)
    pairs = list(zip(found.left.tolist(), found.right.tolist(), strict=True))
    assert pairs == sorted(brute_force(fingerprints, max_hamming))


@given(
    st.lists(st.integers(0, (1 << 64) - 1), unique=True, max_size=12), st.integers(0, 32), st.data()
)
@settings(max_examples=60)
def test_few_fingerprints(values: list[int], max_hamming: int, data: st.DataObject) -> None:
    if values:
        bits = data.draw(st.lists(st.integers(0, 63), unique=True, max_size=max_hamming + 1))
        values = list(dict.fromkeys([*values, values[0] ^ sum(1 << bit for bit in bits)]))
    found = hamming_pairs(np.array(values, np.uint64), max_hamming, NO_CAP)
    expected = [
        (left, right)
        for left, right in combinations(range(len(values)), 2)
        if (values[left] ^ values[right]).bit_count() <= max_hamming
    ]
    assert sorted(zip(found.left.tolist(), found.right.tolist(), strict=True)) == expected


@pytest.mark.parametrize(("blocks", "max_hamming"), [(4, 3), (5, 3), (8, 6), (12, 10), (7, 0)])
def test_some_choice_of_blocks_agrees_whatever_bits_differ(blocks: int, max_hamming: int) -> None:
    masks = block_masks(blocks, max_hamming)
    assert len(set(masks)) == len(masks)
    rng = np.random.default_rng(3)
    for _ in range(500):
        difference = flipped(rng, 0, max_hamming)
        assert any(not mask & difference for mask in masks)
    # The worst case: each differing bit in a block of its own.
    assert all(mask < 1 << 64 and mask.bit_count() >= 64 // blocks for mask in masks)


def test_more_fingerprints_get_keys_of_more_bits() -> None:
    for max_hamming in (3, 6):
        blocks = [choose_blocks(10**power, max_hamming) for power in range(1, 9)]
        assert blocks == sorted(blocks)
        assert max_hamming < blocks[0] < blocks[-1] <= max_hamming + 8


@pytest.mark.parametrize("max_comparisons", [1, 2, 3, 10, 54, 55, 56, 1000])
def test_a_cap_compares_the_first_of_a_run_and_counts_the_rest(max_comparisons: int) -> None:
    rng = np.random.default_rng(4)
    # Crowds that agree in all but a few low bits share most choices of blocks.
    crowds = [int(start) << 8 for start in rng.integers(0, 1 << 56, 6).tolist()]
    values = [crowd + int(low) for crowd in crowds for low in rng.permutation(256)[:40]]
    values += rng.integers(0, 1 << 64, 200, dtype=np.uint64).tolist()
    values = [values[place] for place in rng.permutation(len(values)).tolist()]
    longest = max(n for n in range(2, 1000) if n * (n - 1) // 2 <= max_comparisons)
    expected: set[Pair] = set()
    skipped = 0
    for mask in block_masks(choose_blocks(len(values), 3), 3):
        runs: dict[int, list[int]] = {}
        for number, value in enumerate(values):
            runs.setdefault(value & mask, []).append(number)
        for run in runs.values():
            compared = set(combinations(run[:longest], 2))
            skipped += len(run) * (len(run) - 1) // 2 - len(compared)
            expected |= {
                (left, right)
                for left, right in compared
                if (values[left] ^ values[right]).bit_count() <= 3
            }
    found = hamming_pairs(np.array(values, np.uint64), 3, max_comparisons)
    assert set(zip(found.left.tolist(), found.right.tolist(), strict=True)) == expected
    assert found.num_skipped == skipped
    assert (skipped > 0) == (max_comparisons < 40 * 39 // 2)

"""Sorted runs give the groups of the full keys, and chunks depend on the buckets alone."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dedup.lsh import grouping
from dedup.lsh.buckets import KeyRun, group_by_key, place_bits
from dedup.lsh.grouping import BucketChunks, band_groups
from dedup.spill import scratch as scratch_module
from dedup.spill.scratch import Scratch
from dedup.text.hashing import Int64Array, UInt64Array

LAST = (1 << 64) - 1
Groups = list[list[int]]

# Keys that are equal, that differ in low bits or in high bits alone, and the least and the most.
KEYS = st.one_of(
    st.integers(0, 3).map(lambda n: n << 60),
    st.integers(0, 7),
    st.integers(LAST - 7, LAST),
    st.integers(0, LAST),
)
DOCUMENTS = st.lists(st.tuples(KEYS, KEYS), max_size=40)


def key_runs(keys: UInt64Array, cuts: list[int]) -> list[KeyRun]:
    edges = [0, *sorted(cut % (len(keys) + 1) for cut in cuts), len(keys)]
    return [KeyRun.of(keys[a:b], a) for a, b in pairwise(edges) if a < b]


def split(members: Int64Array, sizes: Int64Array) -> Groups:
    assert sizes.sum() == len(members)
    return (
        [group.tolist() for group in np.split(members, np.cumsum(sizes)[:-1])] if len(sizes) else []
    )


def groups_of(runs: list[KeyRun], band: int, unit: Int64Array, together: int) -> Groups:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(grouping, "_RANGE_ENTRIES", together)
        found = list(band_groups(runs, band, unit))
    assert len(found) == max(1, -(-len(unit) // together))
    return [group for members, sizes in found for group in split(members, sizes)]


def by_key(keys: UInt64Array, unit: Int64Array, kept: int) -> Groups:
    """Group units by the highest `kept` bits of their keys, ascending by key."""
    groups: dict[int, list[int]] = {}
    for key, number in zip(keys.tolist(), unit.tolist(), strict=True):
        if number >= 0:
            groups.setdefault(key >> (64 - kept), []).append(number)
    return [sorted(groups[key]) for key in sorted(groups) if len(groups[key]) >= 2]


@given(DOCUMENTS, st.lists(st.integers(0, 40), max_size=4), st.sampled_from([1, 2, 7, 1 << 22]))
def test_groups_are_those_of_the_full_keys(
    documents: list[tuple[int, int]], cuts: list[int], together: int
) -> None:
    keys = np.array(documents, np.uint64).reshape(-1, 2)
    runs = key_runs(keys, cuts)
    unit = np.arange(len(keys))
    for band in (0, 1):
        expected = split(*group_by_key(keys[:, band]))
        assert groups_of(runs, band, unit, together) == expected


@given(
    DOCUMENTS,
    st.lists(st.integers(0, 40), max_size=4),
    st.sampled_from([1, 3, 1 << 22]),
    st.randoms(use_true_random=False),
)
def test_any_numbering_of_units_and_some_not_compared(
    documents: list[tuple[int, int]], cuts: list[int], together: int, chooser: object
) -> None:
    keys = np.array(documents, np.uint64).reshape(-1, 2)
    numbers = list(range(len(keys)))
    chooser.shuffle(numbers)  # type: ignore[attr-defined]
    compared = chooser.randint(0, len(keys))  # type: ignore[attr-defined]
    unit = np.array([number if number < compared else -1 for number in numbers], np.int64)
    kept = 64 - int(place_bits(len(keys)))
    found = groups_of(key_runs(keys, cuts), 1, unit, together)
    assert found == by_key(keys[:, 1], unit, kept)


def test_many_documents_in_many_ranges() -> None:
    rng = np.random.default_rng(2)
    keys = rng.integers(0, 1 << 63, (3_000, 1)).astype(np.uint64) << np.uint64(1)
    keys[1_000:] = keys[rng.integers(0, 1_000, 2_000)]
    unit = rng.permutation(3_000)
    unit[unit >= 2_500] = -1
    found = groups_of(key_runs(keys, [1, 500, 501, 2_900]), 0, unit, 50)
    assert found == by_key(keys[:, 0], unit, 40)
    assert len(found) > 500


@pytest.mark.parametrize("shape", [(9, 1), (1, 9), (9, 2)])
def test_sorting_leaves_the_keys_of_the_caller(shape: tuple[int, int]) -> None:
    keys = np.random.default_rng(0).integers(1, 1 << 63, shape).astype(np.uint64)
    before = keys.copy()
    entries = KeyRun.of(keys, 0).entries
    assert np.array_equal(keys, before)
    assert entries.flags.c_contiguous
    assert (entries[:, 1:] > entries[:, :-1]).all()


@pytest.mark.parametrize("ranges", [3, 7, 16])
def test_ranges_cut_no_group(ranges: int) -> None:
    """Keys on both sides of every bound of a range, equal but for bits that are given up."""
    near = [max(0, (n << 64) // ranges + d) for n in range(ranges) for d in (-2, -1, 0, 1, 2)]
    keys = np.array([near * 2], np.uint64).T
    unit = np.arange(len(keys))
    found = groups_of(key_runs(keys, [7, 80]), 0, unit, len(keys) // ranges)
    assert found == split(*group_by_key(keys[:, 0]))
    assert sum(map(len, found)) == len(keys)


def test_no_runs_and_no_units() -> None:
    assert groups_of([], 0, np.zeros(0, np.int64), 1) == []
    runs = key_runs(np.zeros((5, 1), np.uint64), [])
    assert groups_of(runs, 0, np.full(5, -1), 2) == []


def naive_chunks(buckets: Groups, most: int) -> list[Groups]:
    chunks: list[Groups] = []
    room = 0
    for bucket in buckets:
        if not chunks or len(bucket) > room:
            chunks.append([])
            room = most
        chunks[-1].append(bucket)
        room -= len(bucket)
    return chunks


def chunks_of(pieces: list[Groups], most: int, place: Scratch) -> list[Groups]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(grouping, "CHUNK_ENTRIES", most)
        patch.setattr(scratch_module, "_SMALL_BYTES", 0)
        found = BucketChunks(place)
        for piece in pieces:
            members = np.array([member for bucket in piece for member in bucket], np.int64)
            found.add(members, np.array([len(bucket) for bucket in piece], np.int64))
        buckets = [bucket for piece in pieces for bucket in piece]
        assert found.num_buckets == len(buckets)
        assert found.largest == max(map(len, buckets), default=0)
        first, second = (
            [[c.members[a:b].tolist() for a, b in pairwise(c.offsets.tolist())] for c in found]
            for _ in range(2)
        )
        assert first == second
        assert all(c.members.dtype == c.offsets.dtype == np.int64 for c in found)
    return first


BUCKETS = st.lists(st.lists(st.integers(0, 99), min_size=2, max_size=9), max_size=25)


@given(BUCKETS, st.lists(st.integers(0, 25), max_size=6), st.sampled_from([1, 4, 10, 30, 1 << 21]))
def test_chunks_do_not_depend_on_the_pieces(buckets: Groups, cuts: list[int], most: int) -> None:
    edges = [0, *sorted(cut % (len(buckets) + 1) for cut in cuts), len(buckets)]
    pieces = [buckets[a:b] for a, b in pairwise(edges)]
    assert chunks_of(pieces, most, Scratch()) == naive_chunks(buckets, most)


def test_chunks_on_disk_are_the_same(tmp_path: Path) -> None:
    rng = np.random.default_rng(4)
    buckets = [
        rng.integers(0, (1 << 32) - 1, size).tolist() for size in rng.integers(2, 40, 300).tolist()
    ]
    place = Scratch(str(tmp_path), memory=0)
    pieces = [buckets[a : a + 11] for a in range(0, 300, 11)]
    assert chunks_of(pieces, 100, place) == naive_chunks(buckets, 100)


def test_a_bucket_larger_than_a_chunk_stays_whole() -> None:
    large = list(range(50))
    assert chunks_of([[[1, 2]], [large, [3, 4]]], 10, Scratch()) == [[[1, 2]], [large], [[3, 4]]]

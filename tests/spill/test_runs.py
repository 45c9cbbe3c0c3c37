"""External sorting gives what sorting a set does, however few keys a run may hold."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import dedup.spill.runs
import dedup.spill.scratch
from dedup.spill.runs import SortedRuns
from dedup.spill.scratch import Scratch
from dedup.text.hashing import UInt64Array

LAST = (1 << 64) - 1
KEYS = st.one_of(
    st.integers(0, 20),
    st.integers(LAST - 3, LAST),
    st.integers(0, 30).map(lambda n: n << 59),
    st.integers(0, LAST),
)
PIECES = st.lists(st.lists(KEYS, max_size=30), max_size=8)
RUN_LENGTHS = st.sampled_from([1, 2, 3, 7, 50, 1 << 22])


def _array(keys: list[int]) -> UInt64Array:
    return np.array(keys, np.uint64)


def _sorted_runs(scratch: Scratch, pieces: list[list[int]]) -> SortedRuns:
    found = SortedRuns(scratch)
    for piece in pieces:
        found.add(_array(piece))
    return found


@pytest.fixture(params=["memory", "files"], scope="module")
def scratch(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Scratch:
    if request.param == "memory":
        return Scratch()
    return Scratch(str(tmp_path_factory.mktemp("runs")), memory=0)


@pytest.fixture(autouse=True)
def _nothing_is_small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dedup.spill.scratch, "_SMALL_BYTES", 0)


@pytest.fixture
def short_runs(monkeypatch: pytest.MonkeyPatch) -> int:
    monkeypatch.setattr(dedup.spill.runs, "RUN_KEYS", 100)
    return 100


@given(PIECES, RUN_LENGTHS)
def test_keys_are_those_of_a_sorted_set(pieces: list[list[int]], run_keys: int) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(dedup.spill.runs, "RUN_KEYS", run_keys)
        found = _sorted_runs(Scratch(), pieces)
        expected = sorted({key for piece in pieces for key in piece})
        for times in (1, 2):
            read = list(found.ascending())
            assert [key for keys in read for key in keys.tolist()] == expected
            assert all(len(keys) and keys.dtype == np.uint64 for keys in read)
            assert found.num_read == times * len(expected)


@given(
    st.lists(st.lists(st.tuples(KEYS, st.integers(-9, 9)), max_size=20), max_size=8), RUN_LENGTHS
)
def test_each_key_has_one_of_its_values(pieces: list[list[tuple[int, int]]], run_keys: int) -> None:
    wanted: dict[int, set[int]] = {}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(dedup.spill.runs, "RUN_KEYS", run_keys)
        runs = SortedRuns(Scratch(), valued=True)
        for piece in pieces:
            runs.add(_array([k for k, _ in piece]), np.array([v for _, v in piece], np.int64))
            for key, value in piece:
                wanted.setdefault(key, set()).add(value)
        read = list(runs.with_values())
        assert all(len(keys) == len(values) for keys, values in read)
        found = [pair for k, v in read for pair in zip(k.tolist(), v.tolist(), strict=True)]
        assert [key for key, _ in found] == sorted(wanted)
        assert all(value in wanted[key] for key, value in found)
        assert [k.tolist() for k in runs.ascending()] == [k.tolist() for k, _ in read]


@given(PIECES)
def test_values_follow_their_keys(pieces: list[list[int]]) -> None:
    """A value that is a function of its key comes back whatever run it was in."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(dedup.spill.runs, "RUN_KEYS", 3)
        runs = SortedRuns(Scratch(), valued=True)
        for piece in pieces:
            keys = _array(piece)
            runs.add(keys, (keys >> np.uint64(2)).view(np.int64))
        for keys, values in runs.with_values():
            assert values.tolist() == [key >> 2 for key in keys.tolist()]


def test_many_runs_on_disk_come_range_by_range(scratch: Scratch, short_runs: int) -> None:
    rng = np.random.default_rng(0)
    keys = rng.integers(0, 1 << 63, 5_000).astype(np.uint64) << np.uint64(1)
    keys = np.concatenate([keys, keys[::7], _array([0, LAST])])
    runs = SortedRuns(scratch, valued=True)
    for piece in np.array_split(keys, 13):
        runs.add(piece, (piece ^ np.uint64(5)).view(np.int64))
    read = list(runs.with_values())
    assert np.array_equal(np.concatenate([k for k, _ in read]), np.unique(keys))
    assert all(np.array_equal(k ^ np.uint64(5), v.view(np.uint64)) for k, v in read)
    assert len(read) > 30
    assert max(len(k) for k, _ in read) < 4 * short_runs, "a range is about as long as a run"
    assert all(int(a[-1]) < int(b[0]) for (a, _), (b, _) in pairwise(read))


def test_keys_that_are_all_equal(scratch: Scratch, short_runs: int) -> None:
    for key in (0, 7, LAST):
        runs = _sorted_runs(scratch, [[key] * 1_000, [key] * 50])
        assert [keys.tolist() for keys in runs.ascending()] == [[key]]


def test_first_and_last_key(scratch: Scratch, short_runs: int) -> None:
    many = list(range(500)) + list(range(LAST - 500, LAST + 1))
    found = np.concatenate(list(_sorted_runs(scratch, [many, many]).ascending()))
    assert found.tolist() == many


@pytest.mark.parametrize("valued", [False, True])
def test_nothing_gives_nothing(scratch: Scratch, valued: bool) -> None:
    runs = SortedRuns(scratch, valued=valued)
    assert not list(runs.with_values())
    empty = np.zeros(0, np.int64)
    runs.add(_array([]), empty if valued else None)
    assert not list(runs.ascending())
    assert runs.num_read == 0


def test_more_may_be_added_after_reading(scratch: Scratch, short_runs: int) -> None:
    runs = _sorted_runs(scratch, [[5, 3, 5]])
    assert np.concatenate(list(runs.ascending())).tolist() == [3, 5]
    runs.add(_array([4, 3]))
    assert np.concatenate(list(runs.ascending())).tolist() == [3, 4, 5]
    assert runs.num_read == 5


def test_what_was_added_stays_as_it_was(scratch: Scratch, short_runs: int) -> None:
    """Keys are sorted in copies: those of the caller keep their order."""
    keys = _array([9, 1, 5] * 80)
    before = keys.copy()
    runs = SortedRuns(scratch)
    runs.add(keys)
    list(runs.ascending())
    assert np.array_equal(keys, before)

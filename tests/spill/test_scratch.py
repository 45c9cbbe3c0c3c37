"""Arrays lie in memory or in files without a name, and are the same in both."""

from __future__ import annotations

import errno
import gc
import os
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

import dedup.spill.scratch
from dedup.spill.scratch import Scratch, Spool
from tests.open_files import open_files

KINDS = st.sampled_from([np.bool_, np.uint8, np.int16, np.uint32, np.int64, np.uint64, np.float64])
ARRAYS = hnp.arrays(KINDS, hnp.array_shapes(min_dims=1, max_dims=3, min_side=0, max_side=9))


@pytest.fixture(autouse=True, scope="module")
def _nothing_is_small() -> Iterator[None]:
    patch = pytest.MonkeyPatch()
    patch.setattr(dedup.spill.scratch, "_SMALL_BYTES", 0)
    yield
    patch.undo()


@pytest.fixture(params=["memory", "files"], scope="module")
def scratch(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Scratch:
    if request.param == "memory":
        return Scratch()
    return Scratch(str(tmp_path_factory.mktemp("scratch")), memory=0)


def _is_mapped(array: np.ndarray) -> bool:
    while array is not None:
        if isinstance(array, np.memmap):
            return True
        array = getattr(array, "base", None)
    return False


def _same(found: np.ndarray, wanted: np.ndarray) -> None:
    assert type(found) is np.ndarray
    assert found.dtype == wanted.dtype
    np.testing.assert_array_equal(found, wanted, strict=True)


@given(ARRAYS)
def test_held_arrays_are_copies(scratch: Scratch, array: np.ndarray) -> None:
    held = scratch.held(array)
    _same(held, array)
    assert not np.shares_memory(held, array)
    assert _is_mapped(held) == (scratch.folder is not None and array.nbytes > 0)


@given(ARRAYS, st.data())
def test_taken_is_indexing(scratch: Scratch, array: np.ndarray, data: st.DataObject) -> None:
    places = st.integers(0, max(0, len(array) - 1))
    indices = np.array(data.draw(st.lists(places, max_size=20 * min(1, len(array)))), np.int64)
    _same(scratch.taken(array, indices), array[indices])


@given(st.lists(st.integers(0, 5), min_size=1), KINDS, st.sampled_from([(), (2,), (3, 2)]))
def test_joined_is_concatenation(
    scratch: Scratch, lengths: list[int], kind: type, shape: tuple[int, ...]
) -> None:
    rng = np.random.default_rng(len(lengths))
    arrays = [rng.integers(0, 100, (length, *shape)).astype(kind) for length in lengths]
    _same(scratch.joined(arrays), np.concatenate(arrays))


def test_empty_has_its_shape_and_can_be_written(scratch: Scratch) -> None:
    array = scratch.empty((5, 2), np.int64)
    array[:] = 7
    _same(array, np.full((5, 2), 7))
    _same(scratch.empty((0, 2), np.uint64), np.zeros((0, 2), np.uint64))
    _same(scratch.empty(0, "uint8"), np.zeros(0, np.uint8))


def test_an_eighth_of_the_memory_is_given_and_comes_back(tmp_path: Path) -> None:
    scratch = Scratch(str(tmp_path), memory=8_000)
    first = scratch.empty(600, np.uint8)
    second = scratch.empty(400, np.uint8)
    third = scratch.empty(1, np.uint8)
    assert [_is_mapped(array) for array in (first, second, third)] == [False, False, True]
    part = second[:10]
    del second
    gc.collect()
    assert not scratch.admits(1), "a slice of an array keeps all of it"
    del part
    gc.collect()
    assert not scratch.admits(401)
    assert scratch.admits(400)
    assert not scratch.admits(1)
    del first, third
    gc.collect()
    assert not scratch.admits(601), "a mapped array took nothing, and gives nothing back"
    scratch.release(400)
    assert scratch.admits(1_000)


def test_pieces_of_a_spool_are_given_back_with_it(tmp_path: Path) -> None:
    scratch = Scratch(str(tmp_path), memory=8_000)
    spool = Spool(scratch)
    spool.append(np.zeros(300, np.uint8), np.zeros(300, np.uint8))
    spool.append(np.zeros(401, np.uint8))
    spool.append(np.zeros(400, np.uint8))
    assert [_is_mapped(arrays[0]) for arrays in spool] == [False, True, False]
    assert not scratch.admits(1)
    del spool
    gc.collect()
    assert scratch.admits(1_000)
    assert not scratch.admits(1)


def test_small_arrays_stay_in_memory_and_are_not_counted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dedup.spill.scratch, "_SMALL_BYTES", 100)
    scratch = Scratch(str(tmp_path), memory=0)
    assert not _is_mapped(scratch.empty(100, np.uint8))
    assert _is_mapped(scratch.empty(101, np.uint8))
    scratch.release(100)
    assert not scratch.admits(101)


def test_without_a_folder_all_is_in_memory() -> None:
    scratch = Scratch(memory=0)
    assert not _is_mapped(scratch.empty(1_000_000, np.uint8))
    spool = Spool(scratch)
    spool.append(np.zeros(1_000_000, np.uint8))
    assert not _is_mapped(spool[0][0])


def test_files_have_no_name_and_are_closed(tmp_path: Path) -> None:
    scratch = Scratch(str(tmp_path), memory=0)
    array = scratch.held(np.arange(10_000))
    spool = Spool(scratch)
    spool.append(np.arange(10_000))
    (piece,) = spool[0]
    assert not os.listdir(tmp_path)
    assert open_files(tmp_path)
    del spool
    gc.collect()
    _same(piece, np.arange(10_000))
    _same(array, np.arange(10_000))
    del array, piece
    gc.collect()
    assert not open_files(tmp_path)


def test_a_full_disk_is_an_error_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []

    def full(descriptor: int, offset: int, length: int) -> None:
        asked.append((offset, length))
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "posix_fallocate", full)
    scratch = Scratch(str(tmp_path), memory=0)
    with pytest.raises(OSError, match="No space left"):
        scratch.empty((1_000, 2), np.int64)
    assert asked == [(0, 16_000)]
    assert not os.listdir(tmp_path)


def test_all_blocks_of_a_file_are_there_before_it_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scratch = Scratch(str(tmp_path), memory=0)
    opened = scratch.file()
    monkeypatch.setattr(scratch, "file", lambda: os.fdopen(os.dup(opened.fileno()), "r+b"))
    scratch.empty(1 << 20, np.uint8)
    assert os.fstat(opened.fileno()).st_blocks * 512 >= 1 << 20
    opened.close()


PIECES = st.lists(st.lists(ARRAYS, min_size=1, max_size=3), max_size=8)


@given(PIECES, st.data())
def test_pieces_come_back_whenever_they_are_read(
    scratch: Scratch, pieces: list[list[np.ndarray]], data: st.DataObject
) -> None:
    spool = Spool(scratch)
    kept = []
    for count, piece in enumerate(pieces, 1):
        spool.append(*piece)
        assert len(spool) == count
        if data.draw(st.booleans()):
            number = data.draw(st.integers(0, count - 1))
            kept.append((number, spool[number]))
    for _ in range(2):
        read = list(spool)
        assert len(read) == len(pieces)
        kept += enumerate(read)
    for number, found in kept:
        assert len(found) == len(pieces[number])
        for array, wanted in zip(found, pieces[number], strict=True):
            _same(array, wanted)
            assert _is_mapped(array) <= (scratch.folder is not None)


def test_slices_that_are_not_contiguous_are_written_as_seen(scratch: Scratch) -> None:
    table = np.arange(12).reshape(3, 4)
    spool = Spool(scratch)
    spool.append(table.T, table[:, ::2], np.asfortranarray(table))
    for array, wanted in zip(spool[0], (table.T, table[:, ::2], table), strict=True):
        _same(array, wanted)


def test_words_are_aligned_after_odd_bytes(tmp_path: Path) -> None:
    spool = Spool(Scratch(str(tmp_path), memory=0))
    spool.append(np.zeros(3, np.uint8), np.arange(2))
    spool.append(np.zeros(5, np.uint8))
    spool.append(np.arange(3.0))
    assert all(array.flags.aligned for arrays in spool for array in arrays)

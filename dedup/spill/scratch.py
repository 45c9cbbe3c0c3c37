"""Scratch: where arrays go that need not fit the memory.

Whatever grows with the number of documents, buckets or pairs lies here: in memory while it is
small, else in files that are mapped or read piece by piece. The files have no name, so nothing of
them outlives the process.
"""

from __future__ import annotations

import os
import tempfile
import weakref
from collections.abc import Iterator, Sequence
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import DTypeLike, NDArray

Arrays = tuple[NDArray[Any], ...]

_SHARE = 8
_SMALL_BYTES = 1 << 16
_ALIGNMENT = 8


class Scratch:
    """A place for arrays.

    Parameters
    ----------
    folder : folder for their files; None keeps all in memory.
    memory : bytes that a run may use.
    held : bytes of them that may be taken by what lies here in memory; an 8th, if not given.
    """

    def __init__(
        self, folder: str | None = None, memory: int = 1 << 34, held: int | None = None
    ) -> None:
        self.folder = folder
        self.memory = memory
        self._left = memory // _SHARE if held is None else held

    def admits(self, num_bytes: int) -> bool:
        """Take so many bytes of the memory, or say that they are better in a file."""
        if self.folder is None or num_bytes <= _SMALL_BYTES:
            return True
        if num_bytes > self._left:
            return False
        self._left -= num_bytes
        return True

    def release(self, num_bytes: int) -> None:
        """Give back what `admits` took."""
        if self.folder is not None and num_bytes > _SMALL_BYTES:
            self._left += num_bytes

    def empty(self, shape: int | tuple[int, ...], kind: DTypeLike) -> NDArray[Any]:
        """Return a new array; a mapped file, where it is large."""
        kind = np.dtype(kind)
        num_bytes = int(np.prod(shape)) * kind.itemsize
        if self.admits(num_bytes):
            array = np.empty(shape, kind)
            weakref.finalize(array, self.release, num_bytes)
            return array
        with self.file() as file:
            # A hole in a file would be filled when it is written to, and a full disk kill us there.
            os.posix_fallocate(file.fileno(), 0, num_bytes)
            return np.asarray(np.memmap(file, kind, "r+", shape=shape))

    def held(self, array: NDArray[Any]) -> NDArray[Any]:
        """Return a copy of the array that lies here."""
        copy = self.empty(array.shape, array.dtype)
        copy[:] = array
        return copy

    def taken(self, array: NDArray[Any], indices: NDArray[np.int64]) -> NDArray[Any]:
        """Return array[indices]."""
        found = self.empty((len(indices), *array.shape[1:]), array.dtype)
        return np.take(array, indices, axis=0, out=found, mode="clip")

    def joined(self, arrays: Sequence[NDArray[Any]]) -> NDArray[Any]:
        """Return arrays of one type, at least one, put together."""
        total = sum(len(array) for array in arrays)
        joined = self.empty((total, *arrays[0].shape[1:]), arrays[0].dtype)
        return np.concatenate(arrays, out=joined)

    def file(self) -> BinaryIO:
        """Open a file without a name."""
        return tempfile.TemporaryFile(dir=self.folder)


class Spool:
    """Pieces of arrays, appended one after the other and read as often as wanted."""

    def __init__(self, scratch: Scratch) -> None:
        self._scratch = scratch
        self._pieces: list[Arrays | list[tuple[int, np.dtype[Any], tuple[int, ...]]]] = []
        self._file: BinaryIO | None = None
        self._map: NDArray[np.uint8] | None = None
        self._size = 0

    def __len__(self) -> int:
        return len(self._pieces)

    def append(self, *arrays: NDArray[Any]) -> None:
        """Append a piece."""
        num_bytes = sum(array.nbytes for array in arrays)
        if self._scratch.admits(num_bytes):
            weakref.finalize(self, self._scratch.release, num_bytes)
            self._pieces.append(arrays)
            return
        if self._file is None:
            self._file = self._scratch.file()
            weakref.finalize(self, self._file.close)
        places = []
        for array in arrays:
            places.append((self._size, array.dtype, array.shape))
            self._file.write(np.ascontiguousarray(array).data)
            padding = -array.nbytes % _ALIGNMENT
            self._file.write(bytes(padding))
            self._size += array.nbytes + padding
        self._pieces.append(places)

    def __getitem__(self, number: int) -> Arrays:
        """Return a piece; its arrays are not to be changed."""
        piece = self._pieces[number]
        if isinstance(piece, tuple):
            return piece
        octets = self._mapped()
        return tuple(
            octets[start : start + kind.itemsize * int(np.prod(shape))].view(kind).reshape(shape)
            for start, kind, shape in piece
        )

    def __iter__(self) -> Iterator[Arrays]:
        for number in range(len(self)):
            yield self[number]

    def _mapped(self) -> NDArray[np.uint8]:
        if self._file is None:
            raise ValueError("nothing is on disk")
        if self._map is None or len(self._map) < self._size:
            self._file.flush()
            self._map = np.asarray(np.memmap(self._file, np.uint8, "r"))
        return self._map

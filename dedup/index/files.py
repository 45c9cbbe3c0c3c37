"""Files of an index: written once, to the disk itself, with a checksum of all their bytes."""

from __future__ import annotations

import os
from contextlib import suppress
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self

import numpy as np
import pyarrow as pa
import xxhash
from numpy.typing import NDArray

from dedup.errors import InputError

_READ_BYTES = 1 << 22


@dataclass(frozen=True)
class Stored:
    """A file as the manifest knows it: its name, length, and XXH3-128 in hexadecimal."""

    name: str
    bytes: int
    xxh3_128: str

    def check(self, folder: str) -> str | None:
        """Read the whole file; say what is wrong with it, None where nothing is."""
        digest = xxhash.xxh3_128()
        size = 0
        try:
            with open(os.path.join(folder, self.name), "rb") as file:
                while block := file.read(_READ_BYTES):
                    digest.update(block)
                    size += len(block)
        except OSError as error:
            return f"{self.name} cannot be read ({error.strerror})"
        if size != self.bytes:
            return f"{self.name} has {size} bytes, not {self.bytes}"
        if digest.hexdigest() != self.xxh3_128:
            return f"{self.name} has the checksum {digest.hexdigest()}, not {self.xxh3_128}"
        return None

    def mapped(self, folder: str) -> NDArray[np.uint8]:
        """Map the file.

        Raises
        ------
        FileNotFoundError : it is gone: the index was compacted meanwhile, or damaged.
        InputError : it is not as long as it should be.
        """
        path = os.path.join(folder, self.name)
        size = os.stat(path).st_size
        if size != self.bytes:
            raise InputError(
                f"{path} has {size} bytes, not {self.bytes}; restore the index from a copy."
            )
        if not size:
            return np.zeros(0, np.uint8)
        with pa.memory_map(path) as file:  # numpy would hold the file open
            return np.frombuffer(file.read_buffer(), np.uint8)


class NewFile:
    """A file of an index in the making; a context.

    It is removed where an error ends the block, else it is on the disk then, but for its name:
    `sync_folder` sees to that.

    Attributes
    ----------
    stored : what the manifest has to know of it, after the block.
    """

    stored: Stored

    def __init__(self, folder: str, name: str) -> None:
        self._path = os.path.join(folder, name)
        self._name = name
        self._digest = xxhash.xxh3_128()
        self._size = 0

    def __enter__(self) -> Self:
        self._file = open(self._path, "xb")
        return self

    def write(self, data: Any) -> int:
        """Append the bytes of anything contiguous."""
        view = memoryview(data).cast("B") if memoryview(data).nbytes else memoryview(b"")
        self._digest.update(view)
        self._size += view.nbytes
        self._file.write(view)
        return view.nbytes

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        try:
            if error is None:
                self._file.flush()
                os.fsync(self._file.fileno())
                self.stored = Stored(self._name, self._size, self._digest.hexdigest())
        except BaseException as failure:
            error = failure
            raise
        finally:
            with suppress(OSError):  # a full disk fails again as the rest is flushed
                self._file.close()
            if error is not None:
                with suppress(OSError):
                    os.unlink(self._path)


def write_array(folder: str, name: str, array: NDArray[Any]) -> Stored:
    """Write an array, raw."""
    with NewFile(folder, name) as file:
        file.write(np.ascontiguousarray(array))
    return file.stored


def write_column(folder: str, name: str, column: pa.Array) -> Stored:
    """Write a column as an Arrow IPC file."""
    sink = pa.BufferOutputStream()
    table = pa.table({name.rpartition(".")[2]: column})
    with pa.ipc.new_file(sink, table.schema) as writer:
        writer.write_table(table)
    with NewFile(folder, name) as file:
        file.write(sink.getvalue())
    return file.stored


def replace_whole(folder: str, name: str, text: str) -> None:
    """Write a file that has its old text, or all of the new one on the disk."""
    path = os.path.join(folder, name)
    partial = f"{path}.partial"
    try:
        with open(partial, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
    except BaseException:
        with suppress(OSError):
            os.unlink(partial)
        raise
    os.replace(partial, path)
    sync_folder(folder)


def sync_folder(folder: str) -> None:
    """Bring the names in a folder to the disk."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)

"""Sketch a run of parts of the input: read, sketch, spill what is large to files.

The same in a worker process and in the parent.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

import numpy as np
import pyarrow as pa

from dedup.documents import BATCH_BYTES, Sketches, SketchParameters, sketch_texts
from dedup.io.base import Part, Problem
from dedup.io.formats import FORMATS
from dedup.io.values import join_tables
from dedup.text.hashing import Int64Array, UInt64Array

READ_BYTES = 8 << 20
"""Text read at a time."""


@dataclass
class PartRecords:
    """What was read of one part: its records (documents), lines, and what was wrong with them."""

    part: Part
    rows: int = 0
    lines: int = 0
    problems: list[Problem] = field(default_factory=list)


@dataclass
class PartSketches:
    """What is known of the documents of consecutive parts.

    The arrays are those of `Sketches`, for all documents. `sets` may be a memory-mapped file.

    Attributes
    ----------
    missing : int64; the documents without text.
    columns : a row for each document.
    """

    records: list[PartRecords]
    sets: UInt64Array
    keys: UInt64Array
    num_shingles: Int64Array
    num_tokens: Int64Array
    num_chars: Int64Array
    fingerprints: UInt64Array
    digests: UInt64Array
    text_digests: UInt64Array
    missing: Int64Array
    columns: pa.Table
    excluded: Counter[str]
    num_bytes: int
    num_invalid: int

    def __len__(self) -> int:
        return len(self.num_shingles)

    @property
    def bounds(self) -> Int64Array:
        """int64, shape (documents + 1,): document i has the shingles bounds[i] to bounds[i+1]."""
        return np.concatenate([[0], np.cumsum(self.num_shingles)])


@dataclass(frozen=True)
class SketchTask:
    """Sketch consecutive parts.

    Attributes
    ----------
    spill : path without suffix to write sets and band keys to; None keeps them in memory.
    """

    parts: tuple[Part, ...]
    parameters: SketchParameters
    spill: str | None
    read_bytes: int
    batch_documents: int

    def run(self) -> PartSketches:
        """Read and sketch the documents of the parts."""
        with _Columns(self.spill, self.parameters) as columns:
            reading = _Reading()
            for text in reading.texts(self.parts, self.read_bytes):
                for sketches in sketch_texts(text, self.parameters, self.batch_documents):
                    columns.append(sketches)
            return columns.finish(
                records=reading.records,
                missing=np.concatenate([np.zeros(0, np.int64), *reading.missing]),
                columns=join_tables(reading.tables),
                excluded=reading.excluded,
                num_bytes=reading.num_bytes,
            )


class _Reading:
    """Reads parts and collects all but the text; small texts come together in one array."""

    def __init__(self) -> None:
        self.records: list[PartRecords] = []
        self.missing: list[Int64Array] = []
        self.tables: list[tuple[pa.Table, int]] = []
        self.excluded: Counter[str] = Counter()
        self.num_bytes = 0
        self._num_documents = 0

    def texts(self, parts: tuple[Part, ...], read_bytes: int) -> Iterator[pa.Array]:
        """Yield the texts of all documents in order, a kernel's batch or more at a time."""
        waiting: list[pa.Array] = []
        size = 0
        for text in self._batches(parts, read_bytes):
            if waiting and (size + text.nbytes > BATCH_BYTES or text.type != waiting[0].type):
                yield _joined(waiting)
                waiting, size = [], 0
            waiting.append(text)
            size += text.nbytes
        if waiting:
            yield _joined(waiting)

    def _batches(self, parts: tuple[Part, ...], read_bytes: int) -> Iterator[pa.Array]:
        for part in parts:
            record = PartRecords(part)
            self.records.append(record)
            for batch in FORMATS[part.file.format].read(part, read_bytes):
                record.problems += [p.moved(record.rows, record.lines) for p in batch.problems]
                record.rows += len(batch)
                record.lines += batch.lines
                self.excluded += batch.excluded
                self.tables.append((batch.columns, len(batch)))
                if batch.text.null_count:
                    nulls = np.flatnonzero(batch.text.is_null().to_numpy(zero_copy_only=False))
                    self.missing.append(nulls + self._num_documents)
                self._num_documents += len(batch)
                self.num_bytes += batch.text.nbytes
                yield batch.text


def _joined(arrays: list[pa.Array]) -> pa.Array:
    return arrays[0] if len(arrays) == 1 else pa.concat_arrays(arrays)


class _Columns:
    """Collects sketches; sets and band keys go to files where a path is given."""

    _SPILLED = ("sets", "keys")
    _KEPT = (
        "num_shingles",
        "num_tokens",
        "num_chars",
        "fingerprints",
        "digests",
        "text_digests",
    )

    def __init__(self, spill: str | None, parameters: SketchParameters) -> None:
        self._spill = spill
        self._bands = parameters.banding.bands if parameters.banding else 0
        self._stack = ExitStack()
        self._files: dict[str, BinaryIO] = {}
        self._blocks: dict[str, list[np.ndarray[tuple[int, ...], np.dtype[np.generic]]]] = {
            name: [] for name in (*self._SPILLED, *self._KEPT)
        }
        self._num_invalid = 0

    def __enter__(self) -> _Columns:
        if self._spill is not None:
            for name in self._SPILLED:
                path = Path(f"{self._spill}.{name}")
                self._files[name] = self._stack.enter_context(path.open("wb"))
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def append(self, sketches: Sketches) -> None:
        """Add the sketches of one batch."""
        self._num_invalid += sketches.num_invalid
        for name in self._SPILLED:
            block = getattr(sketches, name)
            if self._files:
                self._files[name].write(memoryview(block).cast("B") if block.size else b"")
            else:
                self._blocks[name].append(block)
        for name in self._KEPT:
            self._blocks[name].append(getattr(sketches, name))

    def finish(self, **rest: object) -> PartSketches:
        """Return all that was added; spilled columns come as the path of their file."""
        empty = {
            "sets": np.zeros(0, np.uint64),
            "keys": np.zeros((0, self._bands), np.uint64),
            "fingerprints": np.zeros(0, np.uint64),
            "digests": np.zeros((0, 2), np.uint64),
            "text_digests": np.zeros((0, 2), np.uint64),
        }
        arrays = {
            name: np.concatenate([empty.get(name, np.zeros(0, np.int64)), *blocks])
            for name, blocks in self._blocks.items()
        }
        for file in self._files.values():
            file.flush()
        return PartSketches(**arrays, **rest, num_invalid=self._num_invalid)  # type: ignore[arg-type]


def open_spilled(sketches: PartSketches, spill: str) -> PartSketches:
    """Map the spilled sets of a part, and read its band keys, in the process that needs them."""
    documents = len(sketches)
    if os.path.getsize(f"{spill}.sets"):
        sketches.sets = np.memmap(f"{spill}.sets", np.uint64, "r")
    keys = np.fromfile(f"{spill}.keys", np.uint64)
    sketches.keys = keys.reshape(documents, -1) if documents else keys.reshape(0, 0)
    os.unlink(f"{spill}.keys")
    return sketches

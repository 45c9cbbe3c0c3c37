"""Sketch one part of the input: read its documents, sketch them, spill what is large to files.

The same in a worker process and in the parent.
"""

from __future__ import annotations

import os
from collections import Counter
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import numpy as np
import pyarrow as pa

from dedup.io.base import Part, Problem
from dedup.io.formats import FORMATS
from dedup.io.values import join_tables
from dedup.sketch.documents import Sketches, SketchParameters, sketch_texts
from dedup.text.hashing import Int64Array, UInt64Array

READ_BYTES = 8 << 20
"""Text read at a time."""


@dataclass
class PartSketches:
    """What is known of the documents of one part.

    The arrays are those of `Sketches`, for all documents of the part. `sets` and `keys` may be
    memory-mapped files.
    """

    part: Part
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
    problems: list[Problem]
    excluded: Counter[str]
    num_lines: int
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
    """Sketch a part.

    Attributes
    ----------
    spill : path without suffix to write sets and band keys to; None keeps them in memory.
    """

    part: Part
    parameters: SketchParameters
    spill: str | None
    read_bytes: int
    batch_documents: int

    def run(self) -> PartSketches:
        """Read and sketch the documents of the part."""
        with _Columns(self.spill, self.parameters) as columns:
            problems: list[Problem] = []
            excluded: Counter[str] = Counter()
            tables: list[tuple[pa.Table, int]] = []
            missing = [np.zeros(0, np.int64)]
            num_documents = num_lines = num_bytes = 0
            for batch in FORMATS[self.part.file.format].read(self.part, self.read_bytes):
                problems += [p.moved(num_documents, num_lines) for p in batch.problems]
                excluded += batch.excluded
                tables.append((batch.columns, len(batch)))
                if batch.text.null_count:
                    nulls = np.flatnonzero(batch.text.is_null().to_numpy(zero_copy_only=False))
                    missing.append(nulls + num_documents)
                num_bytes += batch.text.nbytes
                for sketches in sketch_texts(batch.text, self.parameters, self.batch_documents):
                    columns.append(sketches)
                num_documents += len(batch)
                num_lines += batch.lines
            return columns.finish(
                part=self.part,
                missing=np.concatenate(missing),
                columns=join_tables(tables),
                problems=problems,
                excluded=excluded,
                num_lines=num_lines,
                num_bytes=num_bytes,
            )


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

"""Sketch consecutive parts of the input: read, sketch, hand over.

The same in a worker process and in the parent.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from dedup.documents import BATCH_BYTES, SketchParameters, sketch_texts
from dedup.engines.part_writer import PartWriter
from dedup.engines.parts import PartRecords, PartSketches
from dedup.io.base import Part
from dedup.io.formats import FORMATS
from dedup.io.values import join_tables
from dedup.text.hashing import Int64Array, UInt64Array

READ_BYTES = 8 << 20
"""Text read at a time."""


@dataclass(frozen=True)
class SketchTask:
    """Sketch consecutive parts.

    Attributes
    ----------
    stem : path without suffix of the files to write; None keeps the sketches in memory.
    """

    parts: tuple[Part, ...]
    parameters: SketchParameters
    stem: str | None
    read_bytes: int
    batch_documents: int

    def run(self) -> PartSketches | None:
        """Read and sketch the documents of the parts; None where they are on disk then."""
        banding = self.parameters.banding
        with PartWriter(self.stem, banding.bands if banding else 0) as writer:
            reading = _Reading()
            for text in reading.texts(self.parts, self.read_bytes):
                for sketches in sketch_texts(text, self.parameters, self.batch_documents):
                    writer.append(sketches)
            return writer.finish(
                records=reading.records,
                missing=np.concatenate([np.zeros(0, np.int64), *reading.missing]),
                columns=join_tables(reading.tables),
                excluded=reading.excluded,
                num_bytes=reading.num_bytes,
                record_digests=reading.digests,
            )


class _Reading:
    """Reads parts and collects all but the text; small texts come together in one array."""

    def __init__(self) -> None:
        self.records: list[PartRecords] = []
        self.missing: list[Int64Array] = []
        self.tables: list[tuple[pa.Table, int]] = []
        self.excluded: Counter[str] = Counter()
        self.num_bytes = 0
        self.digests: list[tuple[int, UInt64Array]] = []
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
            record = PartRecords(part.file.ordinal, part)
            self.records.append(record)
            for batch in FORMATS[part.file.format].read(part, read_bytes):
                record.add(batch.problems)
                record.rows += len(batch)
                record.lines += batch.lines
                self.excluded += batch.excluded
                self.tables.append((batch.columns, len(batch)))
                if batch.text.null_count:
                    nulls = np.flatnonzero(batch.text.is_null().to_numpy(zero_copy_only=False))
                    self.missing.append(nulls + self._num_documents)
                if batch.digests is not None:
                    self.digests.append((self._num_documents, batch.digests))
                self._num_documents += len(batch)
                self.num_bytes += batch.text.nbytes
                yield batch.text


def _joined(arrays: list[pa.Array]) -> pa.Array:
    return arrays[0] if len(arrays) == 1 else pa.concat_arrays(arrays)

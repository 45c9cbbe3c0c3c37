"""What comes to an index, as batches of text, and their sketches."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any

import numpy as np
import pyarrow as pa

from dedup.documents import SketchParameters, sketch_texts
from dedup.engines.parts import PartRecords
from dedup.engines.sketching import READ_BYTES
from dedup.io.arrow import batches_of
from dedup.io.base import Batch, Columns, InputFile, Part
from dedup.io.columns import Selection
from dedup.io.formats import FORMATS
from dedup.io.inputs import STDIN
from dedup.io.values import text_array
from dedup.sketch.digest import NO_DIGEST
from dedup.text.hashing import Int64Array, UInt64Array

Batches = Iterator[tuple[pa.Array, pa.Array | None]]
"""Texts, and their ids where they have any."""

PART_BYTES = 32 << 20
"""Text of a part of a file; see `Format.split`."""
BATCH_DOCUMENTS = 1 << 16
"""Documents that are compared together, at most."""


@dataclass(frozen=True)
class Incoming:
    """Sketched documents that an index is asked about; see `dedup.documents.Sketches`.

    Attributes
    ----------
    ids : the users' ids; None where they have none.
    set_bounds : int64, shape (documents + 1,); document i has sets[set_bounds[i]:set_bounds[i+1]].
    key_bits : low bits of the keys that are lost, as in a `KeyRun`.
    """

    ids: pa.Array | None
    sets: UInt64Array
    set_bounds: Int64Array
    keys: UInt64Array
    digests: UInt64Array
    text_digests: UInt64Array
    key_bits: int = 0

    def __len__(self) -> int:
        return len(self.digests)

    @property
    def sizes(self) -> Int64Array:
        """int64, shape (documents,); shingles of each."""
        return np.diff(self.set_bounds)

    def set_of(self, document: int) -> UInt64Array:
        """Return the set of a document."""
        return self.sets[self.set_bounds[document] : self.set_bounds[document + 1]]


def sketched(text: pa.Array, ids: pa.Array | None, parameters: SketchParameters) -> Incoming:
    """Sketch a batch."""
    found = list(sketch_texts(text, parameters))
    bands = parameters.banding.bands if parameters.banding else 0
    none = np.zeros(0, np.uint64)
    sizes = np.concatenate([np.zeros(0, np.int64), *(one.num_shingles for one in found)])
    return Incoming(
        ids=ids,
        sets=np.concatenate([none, *(one.sets for one in found)]),
        set_bounds=np.concatenate([[0], np.cumsum(sizes)]),
        keys=np.concatenate([none.reshape(0, bands), *(one.keys for one in found)]),
        digests=np.concatenate([none.reshape(0, 2), *(one.digests for one in found)]),
        text_digests=np.concatenate([none.reshape(0, 2), *(one.text_digests for one in found)]),
    )


def has_digest(digests: UInt64Array) -> Any:
    """Tell which documents can be duplicates at all: those with any text."""
    return (digests != np.frombuffer(NO_DIGEST, np.uint64)).any(axis=1)


def batches(data: Any, columns: Columns) -> Batches:
    """Yield text and ids of anything that holds documents.

    Parameters
    ----------
    data : a text or a sequence of texts (null for no text), or a table, as for
        `dedup.find_duplicates`. Of no document there is one empty batch, whose answer has columns.
    """
    if isinstance(data, (str, bytes)):
        yield text_array([data])[0], None
    elif isinstance(data, Sequence):
        for first in range(0, max(1, len(data)), BATCH_DOCUMENTS):
            yield text_array(data[first : first + BATCH_DOCUMENTS])[0], None
    else:
        from dedup.api import as_batches

        records, schema = as_batches(data)
        selection = Selection(schema, columns, InputFile(0, 0, "", "the table", "arrow"))
        found = batches_of(records, selection, READ_BYTES)
        none = pa.RecordBatch.from_pylist([], schema)
        start = next(found, Batch(selection.text_of(none), selection.others_of(none)))
        yield from _cut(chain([start], found), PartRecords(0, None))


def file_batches(
    files: Iterable[InputFile], columns: Columns, scratch: str, records: list[PartRecords]
) -> Batches:
    """Yield text and ids of the documents of files, in input order.

    Parameters
    ----------
    scratch : folder for what comes by standard input.
    records : a list that is told what was read, and what was wrong with it.
    """
    for file in files:
        reader = FORMATS[file.format]
        if file.path == STDIN:
            parts: Iterable[Part] = reader.spool(file, columns, scratch, PART_BYTES)
        else:
            parts = reader.split(file, columns, PART_BYTES)
        for part in parts:
            record = PartRecords(file.ordinal, part)
            records.append(record)
            yield from _cut(reader.read(part, READ_BYTES), record)
            if part.path is not None:
                os.unlink(part.path)


def _cut(found: Iterable[Batch], record: PartRecords) -> Batches:
    for batch in found:
        record.add(batch.problems)
        record.rows += len(batch)
        record.lines += batch.lines
        names = batch.columns.column_names
        ids = batch.columns["doc_id"].combine_chunks() if "doc_id" in names else None
        for first in range(0, max(1, len(batch)), BATCH_DOCUMENTS):
            some = slice(first, first + BATCH_DOCUMENTS)
            yield batch.text[some], None if ids is None else ids[some]

"""Arrow IPC files, in the file and in the stream layout; in-memory tables reach workers this way.

Files are memory-mapped and read without a copy (compressed ones are unpacked batch by batch). A
part is some record batches, or an equal share of the rows of one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from itertools import islice
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from dedup.io.base import Batch, Columns, InputFile, Part, Problem, unreadable
from dedup.io.columns import Selection, decided_schema, empty_file_batch, with_decisions
from dedup.io.places import is_remote, whole_of
from dedup.io.records import token_digests

if TYPE_CHECKING:
    from dedup.io.base import DecisionRows, Format
    from dedup.io.records import RecordCheck

__all__ = ["FORMAT", "ArrowFormat", "batches_of", "stored"]

FILE_MAGIC = b"ARROW1"
STORED_ROWS = 8_192
"""Rows of a record batch of a stored table."""
MAX_SHARES = 256
MAX_UNPACKED_SHARES = 8
"""Of one record batch, if it is compressed: each share unpacks all of it."""
CODEC_NAMES = ("lz4", "zstd")
"""By number, as in the schema of the format (Message.fbs, CompressionType)."""


class ArrowFormat:
    """Reader and writer of Arrow IPC files and streams, Feather 2 among them."""

    def needs_spool(self, file: InputFile) -> bool:
        """Tell that record batches are shared without help."""
        return False

    def split(self, file: InputFile, columns: Columns, target_bytes: int) -> list[Part]:
        """Cut into runs of record batches, and big ones into equal shares of rows."""
        if file.size == 0:
            return [Part(file, columns)]
        damage = None
        with _opened(file) as reader:
            found = Selection(reader.schema, columns, file).columns
            if isinstance(reader, pa.RecordBatchFileReader):
                count = reader.num_record_batches
            else:
                count, damage = _count_messages(file)
        size = file.size // max(1, count)
        run = max(1, target_bytes // max(1, size))
        most = MAX_SHARES if _compression(file) is None else MAX_UNPACKED_SHARES
        shares = max(1, min(most, size // target_bytes)) if run == 1 else 1
        parts = [
            Part(file, found, i, min(i + run, count), size * run // shares, (k, shares))
            for i in range(0, count, run)
            for k in range(shares)
        ]
        parts = parts or [Part(file, found)]
        if damage is not None:
            parts[-1] = replace(parts[-1], damage=damage)
        return parts

    def spool(
        self, file: InputFile, columns: Columns, scratch: str, chunk_bytes: int
    ) -> Iterator[Part]:
        """Yield the parts of `split`: there is nothing to unpack."""
        yield from self.split(file, columns, chunk_bytes)

    def read(self, part: Part, batch_bytes: int) -> Iterator[Batch]:
        """Stream the rows of a part; uncompressed text lies in the memory map."""
        if part.file.size == 0:
            yield empty_file_batch()
            return
        with _opened(part.file) as reader:
            selection = Selection(reader.schema, part.columns, part.file)
            k, shares = part.share
            for whole in _batches(reader, part.file, part.start, part.stop):
                rows = whole.num_rows
                begin, end = rows * k // shares, rows * (k + 1) // shares
                yield from batches_of([whole.slice(begin, end - begin)], selection, batch_bytes)
        if part.damage is not None:
            none = pa.array([], pa.large_string())
            yield Batch(none, pa.table({}), [part.damage])

    def copy(
        self,
        parts: Sequence[Part],
        mask: NDArray[np.bool_],
        out_path: str,
        *,
        others: bool,
        check: RecordCheck | None = None,
    ) -> int:
        """Write the chosen rows, one record batch for each one of the file."""

        def chosen(batch: pa.RecordBatch, row: int) -> pa.RecordBatch:
            return batch.filter(pa.array(mask[row : row + batch.num_rows]))

        return _rewrite(parts, out_path, chosen, None, check)

    def annotate(
        self,
        parts: Sequence[Part],
        decisions: DecisionRows,
        out_path: str,
        check: RecordCheck | None = None,
    ) -> int:
        """Write all rows with the decisions; columns of the same names are replaced."""

        def annotated(batch: pa.RecordBatch, row: int) -> pa.RecordBatch:
            return with_decisions(batch, decisions.slice(row, batch.num_rows))

        return _rewrite(parts, out_path, annotated, decisions.schema, check)

    def annotated_name(self, name: str) -> str:
        """Keep the name."""
        return name


def batches_of(
    batches: Iterable[pa.RecordBatch], selection: Selection, batch_bytes: int
) -> Iterator[Batch]:
    """Yield in-memory record batches as `Batch`es of about `batch_bytes` of text; no copy."""
    for whole in batches:
        text, others = selection.text_of(whole), selection.others_of(whole)
        rows = max(1, len(text) * batch_bytes // max(1, text.nbytes))
        for i in range(0, len(text), rows):
            some = text.slice(i, rows)
            other = others.slice(i, rows) if others.num_columns else others
            yield Batch(some, other, digests=token_digests(some))


def stored(batches: Iterable[pa.RecordBatch], schema: pa.Schema, path: str, name: str) -> InputFile:
    """Write record batches to a file that workers can memory-map, and return it as an input.

    Parameters
    ----------
    batches : of an in-memory table or stream; big ones are cut.
    path : of the file in scratch.
    name : what messages and the column ``source`` call it.
    """
    with pa.OSFile(path, "wb") as sink, pa.ipc.new_stream(sink, schema) as writer:
        for batch in batches:
            writer.write_table(pa.Table.from_batches([batch], schema), STORED_ROWS)
    with pa.OSFile(path) as source:
        size = source.size()
    return InputFile(0, 0, path, name, "arrow", None, size, name)


@contextmanager
def _opened(file: InputFile) -> Iterator[Any]:
    """Give a RecordBatchFileReader or a RecordBatchStreamReader on the memory-mapped file."""
    try:
        source = _source(file)
    except OSError as error:
        raise unreadable(file, "Arrow IPC", error) from error
    with source:
        try:
            magic = source.read(len(FILE_MAGIC))
            if magic.startswith(b"FEA1"):
                raise pa.ArrowInvalid("it is Feather 1; pyarrow.feather can turn it into Feather 2")
            source.seek(0)
            options = pa.ipc.IpcReadOptions(use_threads=False)
            if magic == FILE_MAGIC:
                reader = pa.ipc.open_file(source, options=options)
            else:
                reader = pa.ipc.open_stream(source, options=options)
        except (OSError, pa.ArrowException) as error:
            raise unreadable(file, "Arrow IPC", error) from error
        yield reader


def _source(file: InputFile) -> Any:
    """Map a local file, open a remote one."""
    if is_remote(file.path):
        return pa.PythonFile(whole_of(file.path), "r")
    return pa.memory_map(file.path)


def _batches(reader: Any, file: InputFile, start: int, stop: int) -> Iterator[pa.RecordBatch]:
    try:
        if isinstance(reader, pa.RecordBatchFileReader):
            for i in range(start, stop):
                yield reader.get_batch(i)
        else:
            yield from islice(reader, start, stop)
    except (OSError, pa.ArrowException) as error:
        raise unreadable(file, "Arrow IPC", error) from error


def _messages(file: InputFile) -> Iterator[Any]:
    """Yield the raw messages of a stream, or of a file (whose footer ends them)."""
    with _source(file) as source:
        if source.read(len(FILE_MAGIC)) == FILE_MAGIC:
            source.seek(8)
        else:
            source.seek(0)
        yield from pa.ipc.MessageReader.open_stream(source)


def _count_messages(file: InputFile) -> tuple[int, Problem | None]:
    """Return the record batches of a stream, and what is wrong with its end."""
    count = 0
    try:
        for message in _messages(file):
            count += message.type == "record batch"
    except (OSError, pa.ArrowException) as error:
        return count, Problem("truncated", detail=str(error))
    return count, None


def _compression(file: InputFile) -> str | None:
    """Return the codec of the first record batch."""
    for message in _messages(file):
        if message.type == "record batch":
            return _body_codec(message.metadata.to_pybytes())
    return None


def _body_codec(metadata: bytes) -> str | None:
    """Read RecordBatch.compression out of a message's flatbuffer; pyarrow does not tell it."""

    def number(at: int, size: int) -> int:
        return int.from_bytes(metadata[at : at + size], "little")

    def field(table: int, index: int) -> int:
        """Return where a table's field lies, 0 where it is not set."""
        vtable = table - int.from_bytes(metadata[table : table + 4], "little", signed=True)
        slot = 4 + 2 * index
        offset = number(vtable + slot, 2) if slot < number(vtable, 2) else 0
        return table + offset if offset else 0

    message = number(0, 4)
    header = field(message, 2)
    batch = header + number(header, 4)
    compression = field(batch, 3)
    if not compression:
        return None
    codec = field(compression + number(compression, 4), 0)
    return CODEC_NAMES[number(codec, 1) if codec else 0]


def _rewrite(
    parts: Sequence[Part],
    out_path: str,
    change: Callable[[pa.RecordBatch, int], pa.RecordBatch],
    added: pa.Schema | None,
    check: RecordCheck | None,
) -> int:
    """Pass every record batch through `change`, keeping layout and codec."""
    file = parts[0].file
    if file.size == 0:
        open(out_path, "wb").close()
        return 0
    stop = max(part.stop for part in parts)
    options = pa.ipc.IpcWriteOptions(
        compression=_compression(file), use_threads=False, emit_dictionary_deltas=True
    )
    written = row = 0
    with _opened(file) as reader, pa.OSFile(out_path, "wb") as sink:
        is_file = isinstance(reader, pa.RecordBatchFileReader)
        selection = Selection(reader.schema, parts[0].columns, file)
        new = pa.ipc.new_file if is_file else pa.ipc.new_stream
        with new(sink, decided_schema(reader.schema, added), options=options) as writer:
            for batch in _batches(reader, file, 0, stop):
                if check is not None:
                    check.add_texts(selection.text_of(batch))
                changed = change(batch, row)
                row += batch.num_rows
                written += changed.num_rows
                if changed.num_rows:
                    writer.write_batch(changed)
    if check is not None:
        check.finish()
    return written


FORMAT: Format = ArrowFormat()

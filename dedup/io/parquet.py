"""Parquet files: a part is some row groups, or an equal share of the rows of one big row group.

Column chunks are read through a buffer of 1 MiB: as fast as reading them whole or memory-mapping
the file (1.4 GB/s of news text on one core), at a tenth of the memory.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from dedup.io.base import Batch, Columns, InputFile, Part, unreadable
from dedup.io.columns import Selection, decided_schema, empty_file_batch, with_decisions
from dedup.io.places import is_remote, whole_of
from dedup.io.records import token_digests

if TYPE_CHECKING:
    from dedup.io.base import DecisionRows, Format
    from dedup.io.records import RecordCheck

__all__ = ["FORMAT", "ParquetFormat"]

BUFFER_BYTES = 1 << 20
REMOTE_BUFFER_BYTES = 8 << 20
"""Of a column chunk, asked for at a time. Arrow would buffer all chunks of a row group, whatever
their size; the waiting is shared by the workers."""
MAX_SHARES = 8
"""Of one row group. Each share decodes the rows before it too: 8 of them cost 4.5 decodings, a
third of the time that the kernels take for the same text."""
MAX_BATCH_ROWS = 16_384
MAX_GROUP_BYTES = 256 << 20
"""A rewritten row group is cut here; it bounds the memory of a rewrite."""
CODECS = {"UNCOMPRESSED": "none", "LZ4_RAW": "lz4", "LZO": "zstd"}
"""Codecs that pyarrow writes under another name, or not at all."""

Change = Callable[[pa.RecordBatch, int], pa.RecordBatch]
"""(batch, number of its first record in the file) -> what to write of it."""


class ParquetFormat:
    """Reader and writer of Parquet files."""

    def needs_spool(self, file: InputFile) -> bool:
        """Tell that row groups are shared without help."""
        return False

    def split(self, file: InputFile, columns: Columns, target_bytes: int) -> list[Part]:
        """Cut into runs of row groups, and big row groups into equal shares of rows."""
        if file.size == 0:
            return [Part(file, columns)]
        with _opened(file) as source:
            selection = Selection(source.schema_arrow, columns, file)
            sizes = _text_bytes(source, selection)
        parts: list[Part] = []
        first, total = 0, 0
        for group, size in enumerate(sizes):
            total += size
            last = group + 1 == len(sizes)
            if total >= target_bytes or last or sizes[group + 1] >= 2 * target_bytes:
                alone = first == group
                shares = min(MAX_SHARES, total // target_bytes) if alone else 1
                shares = max(1, shares)
                parts += [
                    Part(file, selection.columns, first, group + 1, total // shares, (k, shares))
                    for k in range(shares)
                ]
                first, total = group + 1, 0
        return parts or [Part(file, selection.columns)]

    def spool(
        self, file: InputFile, columns: Columns, scratch: str, chunk_bytes: int
    ) -> Iterator[Part]:
        """Yield the parts of `split`: there is nothing to unpack."""
        yield from self.split(file, columns, chunk_bytes)

    def read(self, part: Part, batch_bytes: int) -> Iterator[Batch]:
        """Stream the rows of a part; text buffers are those that pyarrow decoded."""
        if part.file.size == 0:
            yield empty_file_batch()
            return
        with _opened(part.file) as source:
            selection = Selection(source.schema_arrow, part.columns, part.file)
            groups = list(range(part.start, part.stop))
            if not groups:
                return
            rows = sum(source.metadata.row_group(group).num_rows for group in groups)
            k, shares = part.share
            begin, end = rows * k // shares, rows * (k + 1) // shares
            row_bytes = max(1, part.size // max(1, end - begin))
            batches = _batches(
                source,
                part.file,
                row_groups=groups,
                columns=[".".join(path) for path in selection.paths()],
                batch_size=max(1, min(MAX_BATCH_ROWS, batch_bytes // row_bytes)),
            )
            row = 0
            for whole in batches:
                low, high = max(begin - row, 0), min(end - row, whole.num_rows)
                row += whole.num_rows
                if low < high:
                    batch = whole.slice(low, high - low)
                    text = selection.text_of(batch)
                    others = selection.others_of(batch)
                    yield Batch(text, others, digests=token_digests(text))
                if row >= end:
                    break

    def copy(
        self,
        parts: Sequence[Part],
        mask: NDArray[np.bool_],
        out_path: str,
        *,
        others: bool,
        check: RecordCheck | None = None,
    ) -> int:
        """Write the chosen rows with the schema, codecs and row groups of the file."""

        def chosen(batch: pa.RecordBatch, row: int) -> pa.RecordBatch:
            return batch.filter(pa.array(mask[row : row + batch.num_rows]))

        return _rewrite(parts[0], out_path, chosen, None, check)

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

        return _rewrite(parts[0], out_path, annotated, decisions.schema, check)

    def annotated_name(self, name: str) -> str:
        """Keep the name."""
        return name


def _opened(file: InputFile) -> Any:
    try:
        buffer = REMOTE_BUFFER_BYTES if is_remote(file.path) else BUFFER_BYTES
        return pq.ParquetFile(whole_of(file.path), buffer_size=buffer, pre_buffer=False)
    except (OSError, pa.ArrowException) as error:
        raise unreadable(file, "Parquet", error) from error


def _batches(source: Any, file: InputFile, **options: Any) -> Iterator[pa.RecordBatch]:
    try:
        yield from source.iter_batches(use_threads=False, **options)
    except (OSError, pa.ArrowException) as error:
        raise unreadable(file, "Parquet", error) from error


def _text_bytes(source: Any, selection: Selection) -> list[int]:
    """Return the uncompressed bytes of the text columns of each row group."""
    metadata = source.metadata
    names = [".".join(path) for path in selection.text]
    # The leaf of a column of lists has a longer path.
    leaves = [
        i
        for i in range(metadata.num_columns)
        if any(f"{metadata.schema.column(i).path}.".startswith(f"{name}.") for name in names)
    ]
    return [
        sum(metadata.row_group(group).column(i).total_uncompressed_size for i in leaves)
        for group in range(metadata.num_row_groups)
    ]


def _rewrite(
    part: Part,
    out_path: str,
    change: Change,
    added: pa.Schema | None,
    check: RecordCheck | None,
) -> int:
    """Pass every row group through `change`, one row group out for each one in."""
    file = part.file
    if file.size == 0:
        open(out_path, "wb").close()
        return 0
    written = row = 0
    with _opened(file) as source:
        schema = decided_schema(source.schema_arrow, added)
        selection = Selection(source.schema_arrow, part.columns, file)
        with pq.ParquetWriter(out_path, schema, **_layout(source.metadata)) as writer:
            for group in range(source.metadata.num_row_groups):
                pending: list[pa.RecordBatch] = []
                for batch in _batches(source, file, row_groups=[group], batch_size=MAX_BATCH_ROWS):
                    if check is not None:
                        check.add_texts(selection.text_of(batch))
                    pending.append(change(batch, row))
                    row += batch.num_rows
                    if sum(one.nbytes for one in pending) >= MAX_GROUP_BYTES:
                        written += _flush(writer, pending, schema)
                written += _flush(writer, pending, schema)
    if check is not None:
        check.finish()
    return written


def _flush(writer: pq.ParquetWriter, pending: list[pa.RecordBatch], schema: pa.Schema) -> int:
    table = pa.Table.from_batches(pending, schema)
    pending.clear()
    if table.num_rows:
        writer.write_table(table, row_group_size=table.num_rows)
    return int(table.num_rows)


def _layout(metadata: Any) -> dict[str, Any]:
    """Return the options that make a writer use the codecs and dictionaries of a file."""
    if metadata.num_row_groups == 0:
        return {}
    group = metadata.row_group(0)
    leaves = [group.column(i) for i in range(group.num_columns)]
    coded = [
        leaf.path_in_schema
        for leaf in leaves
        if {"RLE_DICTIONARY", "PLAIN_DICTIONARY"} & set(leaf.encodings)
    ]
    return {
        "compression": {
            leaf.path_in_schema: CODECS.get(leaf.compression, leaf.compression.lower())
            for leaf in leaves
        },
        "use_dictionary": coded or False,
    }


FORMAT: Format = ParquetFormat()

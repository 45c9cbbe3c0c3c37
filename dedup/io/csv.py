"""CSV and TSV with a header record; a part is a range of bytes that holds whole records.

Fields are cut as bytes: no limit on their size, and invalid UTF-8 stays as it is. Values are
strings (the file has no types); an empty field is null, in the text columns it is empty text.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from dedup.io.base import (
    DECISION_COLUMNS,
    Batch,
    Columns,
    InputFile,
    Part,
    Problem,
    missing_column,
)
from dedup.io.codecs import DamagedError, packed
from dedup.io.columns import empty_file_batch
from dedup.io.lines import (
    BOM,
    copy_records,
    file_lines,
    part_lines,
    spool_records,
    stored_records,
)
from dedup.io.places import opened
from dedup.io.quoting import assembled, ends_quoted, is_open, line_end, raw_fields, spans, value
from dedup.io.records import record_digest
from dedup.io.values import as_text, column_of, text_array

if TYPE_CHECKING:
    from dedup.io.base import DecisionRows, Format
    from dedup.io.records import RecordCheck

__all__ = ["FORMAT", "CsvFormat"]

MAX_BATCH_ROWS = 16_384
ANNOTATE_ROWS = 65_536


class CsvFormat:
    """Reader and writer of CSV (commas) and TSV (tabs), plain or compressed."""

    def needs_spool(self, file: InputFile) -> bool:
        """Tell whether the file is compressed."""
        return file.codec is not None

    def split(self, file: InputFile, columns: Columns, target_bytes: int) -> list[Part]:
        """Cut a plain file into ranges of whole records, which takes one look at all its quotes."""
        if file.size == 0:
            return [Part(file, columns)]
        header, found = _looked_at(file, columns)
        start = len(header)
        whole = Part(file, found, start, file.size, file.size - start, header=header)
        if file.codec is not None:
            return [replace(whole, size=3 * file.size)]
        if whole.size < 2 * target_bytes:
            return [whole]
        stops = list(_record_ends(file, start, target_bytes))
        return [
            replace(whole, start=a, stop=b, size=b - a)
            for a, b in zip([start, *stops[:-1]], stops, strict=True)
        ]

    def spool(
        self, file: InputFile, columns: Columns, scratch: str, chunk_bytes: int
    ) -> Iterator[Part]:
        """Unpack into chunks of whole records."""
        header, found = _looked_at(file, columns)
        records = assembled(file_lines(file, len(header)), delimiter_of(file))
        yield from spool_records(file, records, found, header, scratch, chunk_bytes)

    def read(self, part: Part, batch_bytes: int) -> Iterator[Batch]:
        """Stream the records; what cannot be used is a record without text, and a problem."""
        if part.path is None and part.file.size == 0:
            yield empty_file_batch()
            return
        damage = part.damage
        collected = _Collected(part)
        if part.start == len(part.header):
            collected.lines = part.header.count(b"\n")
        try:
            for record in assembled(part_lines(part), delimiter_of(part.file)):
                collected.add(record)
                if collected.size >= batch_bytes or len(collected.texts) >= MAX_BATCH_ROWS:
                    yield collected.batch()
                    collected = _Collected(part)
        except DamagedError as error:
            damage = error.problem()
        if damage is not None:
            collected.problems.append(damage)
        if collected.lines or collected.problems:
            yield collected.batch()

    def copy(
        self,
        parts: Sequence[Part],
        mask: NDArray[np.bool_],
        out_path: str,
        *,
        others: bool,
        check: RecordCheck | None = None,
    ) -> int:
        """Write the header and the chosen records byte for byte."""
        delimiter = delimiter_of(parts[0].file)

        def records_of(lines: Iterable[bytes]) -> Iterator[bytes]:
            return assembled(lines, delimiter)

        return copy_records(parts, mask, out_path, records_of, is_blank, others=others, check=check)

    def annotate(
        self,
        parts: Sequence[Part],
        decisions: DecisionRows,
        out_path: str,
        check: RecordCheck | None = None,
    ) -> int:
        """Write all records with the decisions as last columns, in place of any of their names.

        The other fields stay as they are; a record that is too short is filled up first, and one
        whose quote never closes passes through unchanged.
        """
        file, header = parts[0].file, parts[0].header
        delimiter = delimiter_of(file)
        names = _names(header, delimiter)
        replaced = {*DECISION_COLUMNS, *decisions.schema.names}
        kept = [i for i, name in enumerate(names) if name not in replaced]
        row = 0

        def widened(record: bytes, added: Iterable[bytes]) -> bytes:
            if is_open(record, spans(record, delimiter)[-1]):
                return record
            cells = raw_fields(record, delimiter)
            if len(kept) < len(names):
                spare = cells[len(names) :]
                cells = [cells[i] for i in kept if i < len(cells)] + spare
            cells += [b""] * (len(kept) - len(cells))
            return delimiter.join([*cells, *added]) + record[line_end(record) :]

        with packed(out_path, file.codec) as out:
            if header:
                bom = BOM if header.startswith(BOM) else b""
                out.write(
                    bom + widened(header[len(bom) :], map(str.encode, decisions.schema.names))
                )
            additions = _additions(decisions, delimiter)
            for record in stored_records(parts, lambda lines: assembled(lines, delimiter)):
                if is_blank(record):
                    out.write(record)
                else:
                    if check is not None:
                        check.add(record)
                    out.write(widened(record, next(additions)))
                    row += 1
        if check is not None:
            check.finish()
        return row

    def annotated_name(self, name: str) -> str:
        """Keep the name."""
        return name


def delimiter_of(file: InputFile) -> bytes:
    """Return the delimiter by the file's suffix."""
    stem = file.name.lower().removesuffix(".gz").removesuffix(".zst").removesuffix(".bz2")
    return b"\t" if stem.endswith(".tsv") else b","


def is_blank(record: bytes) -> bool:
    """Tell whether a line is no record."""
    return not record.strip(b"\r\n")


class _Collected:
    """Records of the batch that is being filled."""

    def __init__(self, part: Part) -> None:
        columns = part.columns
        self.delimiter = delimiter_of(part.file)
        names = _names(part.header, self.delimiter)
        self.width = len(names)
        places = {name: names.index(name) for name in names}  # the first of equal names
        self.text_at = [places[name] for name in columns.text if name in places]
        self.others_at = {name: places[name] for name in columns.extra if name in places}
        if columns.id in places:
            self.others_at = {"doc_id": places[columns.id], **self.others_at}
        self.texts: list[bytes | None] = []
        self.others: dict[str, list[object]] = {name: [] for name in self.others_at}
        self.problems: list[Problem] = []
        self.line_numbers: list[int] = []
        self.digests: list[int] = []
        self.lines = self.size = 0

    def add(self, record: bytes) -> None:
        """Take in one raw record."""
        line = self.lines + 1
        self.lines += record.count(b"\n") or 1
        if is_blank(record):
            return
        self.size += len(record)
        row = len(self.texts)
        self.line_numbers.append(line)
        self.digests.append(record_digest(record))
        cells = spans(record, self.delimiter)
        if len(cells) != self.width:
            detail = f"{len(cells)} for {self.width} columns"
            self.problems.append(Problem("wrong number of fields", row, line, detail))
        if is_open(record, cells[-1]):
            self.problems.append(Problem("quote never closed", row, line))
        found = [value(record, cells[i]) for i in self.text_at if i < len(cells)]
        self.texts.append(b"\n".join(found) if found else None)
        for name, i in self.others_at.items():
            other = value(record, cells[i]).decode("utf-8", "replace") if i < len(cells) else ""
            self.others[name].append(other or None)

    def batch(self) -> Batch:
        """Return what was collected."""
        text, invalid = text_array(self.texts)
        self.problems += [Problem("invalid UTF-8", row, self.line_numbers[row]) for row in invalid]
        columns = {
            name: column_of(values, is_id=name == "doc_id") for name, values in self.others.items()
        }
        digests = np.array(self.digests, np.uint64)
        return Batch(text, pa.table(columns), self.problems, self.lines, digests=digests)


def _looked_at(file: InputFile, columns: Columns) -> tuple[bytes, Columns]:
    """Return the header record, byte order mark included, and the columns as found."""
    try:
        header = next(assembled(file_lines(file), delimiter_of(file)), b"")
    except DamagedError:  # before any record; said when the file is read
        return b"", columns
    names = _names(header, delimiter_of(file))
    for what, wanted in (("text", columns.text), ("extra", columns.extra)):
        for name in wanted:
            if name not in names:
                raise missing_column(file, name, names, what)
    if columns.id is None or columns.id in names:
        return header, columns
    if columns.id_optional:
        return header, replace(columns, id=None)
    raise missing_column(file, columns.id, names, "id")


def _names(header: bytes, delimiter: bytes) -> list[str]:
    bare = header.removeprefix(BOM)
    cells = spans(bare, delimiter)
    return [value(bare, cell).decode("utf-8", "replace") for cell in cells]


def _record_ends(file: InputFile, start: int, target_bytes: int) -> Iterator[int]:
    """Yield the ends of runs of whole records of about `target_bytes`, up to the file's end."""
    delimiter = delimiter_of(file)
    with opened(file.path) as source:
        source.seek(start)
        while block := source.read(target_bytes) + source.readline():
            quoted = ends_quoted(block, delimiter, quoted=False)
            while quoted and (line := source.readline()):
                quoted = ends_quoted(line, delimiter, quoted=True)
            yield source.tell()


def _additions(decisions: DecisionRows, delimiter: bytes) -> Iterator[list[bytes]]:
    """Yield the cells to add to each record."""
    for start in range(0, decisions.num_rows, ANNOTATE_ROWS):
        rows = decisions.slice(start, ANNOTATE_ROWS)
        columns = [rows.column(name).to_pylist() for name in rows.column_names]
        for values in zip(*columns, strict=True):
            yield [_cell(value, delimiter) for value in values]


def _cell(value: object, delimiter: bytes) -> bytes:
    """Return a value as a raw field; null is empty."""
    if value is None:
        return b""
    raw = (repr(value) if isinstance(value, float) else as_text(value)).encode()
    if any(special in raw for special in (b'"', b"\n", b"\r", delimiter)):
        return b'"' + raw.replace(b'"', b'""') + b'"'
    return raw


FORMAT: Format = CsvFormat()

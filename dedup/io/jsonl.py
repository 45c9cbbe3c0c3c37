"""JSON Lines: one object a line, read line by line; a part is a range of bytes.

Lines are split by us: pyarrow's reader fails on lines over its block size, on ids that change their
type, and on one bad line. Every line but blank ones is a record, also one that cannot be used.
0.6 GB/s of news text on one core, most of it in `json`.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from dedup.errors import InputError
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
from dedup.io.inputs import STDIN
from dedup.io.lines import (
    BOM,
    byte_ranges,
    copy_records,
    file_lines,
    part_lines,
    peeked,
    spool_records,
    stored_records,
)
from dedup.io.values import as_text, column_of, text_array, utf8

if TYPE_CHECKING:
    from dedup.io.base import Format

__all__ = ["FORMAT", "JsonLinesFormat"]

MAX_BATCH_ROWS = 16_384
ANNOTATE_ROWS = 65_536
JSON_SPACE = " \t\r\n"
KINDS = {
    bool: "true or false",
    int: "a number",
    float: "a number",
    str: "a string",
    list: "a list",
    dict: "an object",
    type(None): "null",
}
raw_decode = json.JSONDecoder().raw_decode


class JsonLinesFormat:
    """Reader and writer of JSON Lines, plain or compressed."""

    def needs_spool(self, file: InputFile) -> bool:
        """Tell whether the file is a stream: compressed, or standard input."""
        return file.codec is not None or file.path == STDIN

    def split(self, file: InputFile, columns: Columns, target_bytes: int) -> list[Part]:
        """Cut a plain file into ranges of bytes; a compressed one stays whole."""
        if file.path != STDIN and file.size == 0:
            return [Part(file, columns)]
        taken, _ = peeked(file_lines(file))
        header, found = _looked_at(file, taken, columns)
        if file.codec is not None:
            return [Part(file, found, len(header), file.size, 3 * file.size, header=header)]
        ranges = byte_ranges(file.size - len(header), target_bytes)
        return [
            Part(file, found, len(header) + a, len(header) + b, b - a, header=header)
            for a, b in ranges
        ]

    def spool(
        self, file: InputFile, columns: Columns, scratch: str, chunk_bytes: int
    ) -> Iterator[Part]:
        """Unpack into chunks of whole lines."""
        taken, lines = peeked(file_lines(file))
        header, found = _looked_at(file, taken, columns)
        yield from spool_records(file, _bare(lines, header), found, header, scratch, chunk_bytes)

    def read(self, part: Part, batch_bytes: int) -> Iterator[Batch]:
        """Stream the records; what cannot be used is a record without text, and a problem."""
        if part.path is None and part.file.size == 0:
            yield empty_file_batch()
            return
        collected = _Collected(part.columns)
        damage = part.damage
        try:
            for line in part_lines(part):
                collected.add(line)
                if collected.size >= batch_bytes or len(collected.texts) >= MAX_BATCH_ROWS:
                    yield collected.batch()
                    collected = _Collected(part.columns)
        except DamagedError as error:
            damage = error.problem()
        if damage is not None:
            collected.problems.append(damage)
        if collected.lines or collected.problems:
            yield collected.batch()

    def copy(
        self, parts: Sequence[Part], mask: NDArray[np.bool_], out_path: str, *, others: bool
    ) -> int:
        """Write the chosen lines byte for byte."""
        return copy_records(parts, mask, out_path, iter, is_blank, others=others)

    def annotate(self, parts: Sequence[Part], decisions: pa.Table, out_path: str) -> int:
        """Add the decisions as keys at the end of each object, in place of keys of their names.

        The rest of the line stays as it is; a line that is no object passes through unchanged.
        """
        row = 0
        additions = _additions(decisions)
        with packed(out_path, parts[0].file.codec) as out:
            out.write(parts[0].header)
            for line in stored_records(parts, iter):
                if is_blank(line):
                    out.write(line)
                else:
                    out.write(_annotated(line, next(additions)))
                    row += 1
        return row

    def annotated_name(self, name: str) -> str:
        """Keep the name."""
        return name


def is_blank(line: bytes) -> bool:
    """Tell whether a line is no record."""
    return not line.strip()


class _Collected:
    """Records of the batch that is being filled."""

    def __init__(self, columns: Columns) -> None:
        self.columns = columns
        self.texts: list[str | None] = []
        self.others: dict[str, list[object]] = {name: [] for name in columns.extra}
        if columns.id is not None:
            self.others = {"doc_id": [], **self.others}
        self.names = [columns.id] if columns.id is not None else []
        self.names += columns.extra
        self.problems: list[Problem] = []
        self.line_numbers: list[int] = []
        self.size = 0
        self.lines = 0

    def add(self, line: bytes) -> None:
        """Take in one raw line."""
        self.lines += 1
        if is_blank(line):
            return
        self.size += len(line)
        self.line_numbers.append(self.lines)
        try:
            decoded = line.decode()
        except UnicodeDecodeError as error:
            decoded = line.decode("utf-8", "surrogateescape")
            self.problem("invalid UTF-8", f"byte {error.start + 1} of the line")
        try:
            record, end = raw_decode(decoded)
            if end + 1 < len(decoded) and decoded[end:].strip(JSON_SPACE):
                raise ValueError
        except (ValueError, RecursionError):
            record = self.parsed(decoded)
        self.texts.append(self.text_of(record))
        for values, name in zip(self.others.values(), self.names, strict=True):
            values.append(_get(record, name, None))

    def parsed(self, decoded: str) -> object:
        """Parse a line the thorough way, and say what is wrong with it."""
        try:
            return json.loads(decoded)
        except (ValueError, RecursionError) as error:
            self.problem("not JSON", str(error))
            return _MISSING

    def text_of(self, record: object) -> str | None:
        """Return the text of an object, None where it has none."""
        if not isinstance(record, dict):
            if record is not _MISSING:
                self.problem("not an object", f"it is {_kind(record)}")
            return None
        found: list[str] = []
        for name in self.columns.text:
            value = _get(record, name, _MISSING)
            if isinstance(value, str):
                found.append(value)
            elif value is _MISSING:
                self.problem("no text field", f"no {name!r}")
            elif value is not None:
                self.problem("text is no string", f"{name!r} is {_kind(value)}")
        return "\n".join(found) if found else None

    def problem(self, reason: str, detail: str) -> None:
        """Note a problem of the current line."""
        self.problems.append(Problem(reason, len(self.texts), self.lines, detail))

    def batch(self) -> Batch:
        """Return what was collected."""
        text, invalid = text_array(self.texts)
        known = {problem.row for problem in self.problems if problem.reason == "invalid UTF-8"}
        self.problems += [
            Problem("invalid UTF-8", row, self.line_numbers[row], "lone surrogate")
            for row in invalid
            if row not in known
        ]
        columns = {
            name: column_of(values, is_id=name == "doc_id") for name, values in self.others.items()
        }
        return Batch(text, pa.table(columns), self.problems, self.lines)


_MISSING = object()


def _get(record: object, name: str, default: object) -> object:
    """Return the value at a name, or at its dotted path into nested objects."""
    if not isinstance(record, dict):
        return default
    if name in record:
        return record[name]
    for i, letter in enumerate(name):
        if letter == "." and name[:i] in record:
            value = _get(record[name[:i]], name[i + 1 :], _MISSING)
            if value is not _MISSING:
                return value
    return default


def _kind(value: object) -> str:
    return KINDS[type(value)]


def _bare(lines: Iterator[bytes], header: bytes) -> Iterator[bytes]:
    """Yield the lines without the byte order mark."""
    first = next(lines, b"")[len(header) :]
    if first:
        yield first
    yield from lines


def _looked_at(file: InputFile, taken: list[bytes], columns: Columns) -> tuple[bytes, Columns]:
    """Return the byte order mark and the columns as found, from the first lines of a file.

    A column must stand in one of their objects at least; without any object all may be right.
    """
    header = BOM if taken and taken[0].startswith(BOM) else b""
    lines = [taken[0][len(header) :], *taken[1:]] if taken else []
    lines = [line for line in lines if not is_blank(line)]
    stem = file.name.lower().removesuffix(".gz").removesuffix(".zst").removesuffix(".bz2")
    if lines and stem.endswith(".json"):
        start = lines[0].strip()
        if start.startswith(b"[") or start == b"{":
            raise InputError(
                f"{file.name} is one JSON value, not JSON Lines; "
                f"turn it into one object a line, as in `jq -c '.[]' {file.name}`."
            )
    records = [record for line in lines if isinstance(record := _tried(line), dict)]
    names = list(dict.fromkeys(name for record in records for name in _names(record)))
    if not records:
        return header, columns

    def is_there(name: str) -> bool:
        return any(_get(record, name, _MISSING) is not _MISSING for record in records)

    for what, wanted in (("text", columns.text), ("extra", columns.extra)):
        for name in wanted:
            if not is_there(name):
                raise missing_column(file, name, names, what)
    if columns.id is None or is_there(columns.id):
        return header, columns
    if columns.id_optional:
        return header, replace(columns, id=None)
    raise missing_column(file, columns.id, names, "id")


def _tried(line: bytes) -> object:
    try:
        return json.loads(line.decode("utf-8", "surrogateescape"))
    except (ValueError, RecursionError):
        return None


def _names(record: dict[str, object]) -> Iterator[str]:
    """Yield the keys of an object, those of nested objects dotted."""
    for name, value in record.items():
        if isinstance(value, dict) and value:
            yield from (f"{name}.{inner}" for inner in _names(value))
        else:
            yield name


def _additions(decisions: pa.Table) -> Iterator[dict[str, object]]:
    for start in range(0, decisions.num_rows, ANNOTATE_ROWS):
        yield from decisions.slice(start, ANNOTATE_ROWS).to_pylist()


def _annotated(line: bytes, decision: dict[str, object]) -> bytes:
    """Return the line with keys added before its last brace."""
    record = _tried(line)
    if not isinstance(record, dict):
        return line
    body = line.rstrip()
    end = line[len(body) :]
    if any(name in record for name in DECISION_COLUMNS):
        for name in DECISION_COLUMNS:
            record.pop(name, None)
        body = utf8(json.dumps(record, ensure_ascii=False))
    added = json.dumps(decision, ensure_ascii=False, default=as_text).encode()
    start = body[:-1].rstrip()
    return start + (b", " if record else b"") + added[1:] + end


FORMAT: Format = JsonLinesFormat()

"""JSON Lines: one object a line, read line by line; a part is a range of bytes.

Lines are split by us: pyarrow's reader fails on lines over its block size, on ids that change their
type, and on one bad line. Every line but blank ones is a record, also one that cannot be used.
0.6 GB/s of news text on one core, most of it in `json`.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from itertools import chain
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
)
from dedup.io.codecs import DamagedError, packed
from dedup.io.columns import check_token_lists, empty_file_batch
from dedup.io.inputs import STDIN
from dedup.io.json_texts import Tokens, json_texts, tokens_of
from dedup.io.lines import (
    BOM,
    broken,
    byte_ranges,
    copy_records,
    file_lines,
    part_lines,
    peeked,
    spool_records,
    stored_records,
)
from dedup.io.objects import MISSING, field, kind_of, looked_at, parsed
from dedup.io.records import record_digest
from dedup.io.values import as_text, column_of, utf8

if TYPE_CHECKING:
    from dedup.io.base import DecisionRows, Format
    from dedup.io.records import RecordCheck

__all__ = ["FORMAT", "JsonLinesFormat"]

MAX_BATCH_ROWS = 16_384
ANNOTATE_ROWS = 65_536
JSON_SPACE = " \t\r\n"
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
        header, lines = _bare(file_lines(file))
        found = looked_at(file, lines, columns)
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
        header, lines = _bare(file_lines(file))
        taken, lines = peeked(lines)
        found = looked_at(file, taken, columns)
        yield from spool_records(file, lines, found, header, scratch, chunk_bytes)

    def read(self, part: Part, batch_bytes: int) -> Iterator[Batch]:
        """Stream the records; what cannot be used is a record without text, and a problem."""
        if part.path is None and part.file.size == 0:
            yield empty_file_batch()
            return
        collected = _Collected(part)
        damage = part.damage
        try:
            for line in part_lines(part):
                collected.add(line)
                if collected.size >= batch_bytes or len(collected.texts) >= MAX_BATCH_ROWS:
                    yield from collected.batches()
                    collected = _Collected(part)
        except DamagedError as error:
            damage = error.problem()
        if damage is not None:
            collected.problems.append(damage)
        if collected.lines or collected.problems:
            yield from collected.batches()

    def copy(
        self,
        parts: Sequence[Part],
        mask: NDArray[np.bool_],
        out_path: str,
        *,
        others: bool,
        check: RecordCheck | None = None,
    ) -> int:
        """Write the chosen lines byte for byte."""
        return copy_records(parts, mask, out_path, iter, is_blank, others=others, check=check)

    def annotate(
        self,
        parts: Sequence[Part],
        decisions: DecisionRows,
        out_path: str,
        check: RecordCheck | None = None,
    ) -> int:
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
                    if check is not None:
                        check.add(line)
                    out.write(_annotated(line, next(additions)))
                    row += 1
        if check is not None:
            check.finish()
        return row

    def annotated_name(self, name: str) -> str:
        """Keep the name."""
        return name


def is_blank(line: bytes) -> bool:
    """Tell whether a line is no record."""
    return not line.strip()


class _Collected:
    """Records of the batch that is being filled."""

    def __init__(self, part: Part) -> None:
        self.file, self.columns = part.file, part.columns
        columns = part.columns
        self.texts: list[str | Tokens | None] = []
        self.others: dict[str, list[object]] = {name: [] for name in columns.extra}
        if columns.id is not None:
            self.others = {"doc_id": [], **self.others}
        self.names = [columns.id] if columns.id is not None else []
        self.names += columns.extra
        self.problems: list[Problem] = []
        self.line_numbers: list[int] = []
        self.digests: list[int] = []
        self.size = 0
        self.lines = 0

    def add(self, line: bytes) -> None:
        """Take in one raw line."""
        self.lines += 1
        if is_blank(line):
            return
        self.size += len(line)
        self.line_numbers.append(self.lines)
        self.digests.append(record_digest(line))
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
            record = self.explained(decoded)
        self.texts.append(self.text_of(record))
        for values, name in zip(self.others.values(), self.names, strict=True):
            values.append(field(record, name, None))

    def explained(self, decoded: str) -> object:
        """Parse a line the thorough way, and say what is wrong with it."""
        try:
            return json.loads(decoded)
        except (ValueError, RecursionError) as error:
            self.problem("not JSON", str(error))
            return MISSING

    def text_of(self, record: object) -> str | Tokens | None:
        """Return the text of an object, or its tokens; None where it has none."""
        if not isinstance(record, dict):
            if record is not MISSING:
                self.problem("not an object", f"it is {kind_of(record)}")
            return None
        found: list[str] = []
        for name in self.columns.text:
            value = field(record, name, MISSING)
            if isinstance(value, str):
                found.append(value)
            elif isinstance(value, list):
                check_token_lists(name, self.columns, self.file)
                tokens = tokens_of(value)
                if not isinstance(tokens, str):
                    return tokens
                self.problem("text is no string", f"{name!r} is {tokens}")
            elif value is MISSING:
                self.problem("no text field", f"no {name!r}")
            elif value is not None:
                self.problem("text is no string", f"{name!r} is {kind_of(value)}")
        return "\n".join(found) if found else None

    def problem(self, reason: str, detail: str) -> None:
        """Note a problem of the current line."""
        self.problems.append(Problem(reason, len(self.texts), self.lines, detail))

    def batches(self) -> Iterator[Batch]:
        """Yield what was collected: one batch, unless some texts are tokens and some are not."""
        texts, invalid = json_texts(self.texts)
        known = {problem.row for problem in self.problems if problem.reason == "invalid UTF-8"}
        self.problems += [
            Problem("invalid UTF-8", row, self.line_numbers[row], "lone surrogate")
            for row in invalid
            if row not in known
        ]
        columns = {
            name: column_of(values, is_id=name == "doc_id") for name, values in self.others.items()
        }
        table, problems, lines = pa.table(columns), self.problems, self.lines
        digests = np.array(self.digests, np.uint64)
        for start, text in texts:
            rows = table.slice(start, len(text)) if columns else table
            yield Batch(text, rows, problems, lines, digests=digests[start : start + len(text)])
            problems, lines = [], 0  # all told with the first


def _bare(lines: Iterator[bytes]) -> tuple[bytes, Iterator[bytes]]:
    """Return the byte order mark, if there is one, and the lines without it."""
    try:
        first = next(lines, b"")
    except DamagedError as error:  # before any line; said when the file is read
        return b"", broken(error)
    header = BOM if first.startswith(BOM) else b""
    rest = first[len(header) :]
    return header, chain([rest] if rest else [], lines)


def _additions(decisions: DecisionRows) -> Iterator[dict[str, object]]:
    for start in range(0, decisions.num_rows, ANNOTATE_ROWS):
        yield from decisions.slice(start, ANNOTATE_ROWS).to_pylist()


def _annotated(line: bytes, decision: dict[str, object]) -> bytes:
    """Return the line with keys added before its last brace."""
    record = parsed(line)
    if not isinstance(record, dict):
        return line
    body = line.rstrip()
    end = line[len(body) :]
    replaced = {*DECISION_COLUMNS, *decision}
    if any(name in record for name in replaced):
        for name in replaced:
            record.pop(name, None)
        body = utf8(json.dumps(record, ensure_ascii=False))
    added = json.dumps(decision, ensure_ascii=False, default=as_text).encode()
    start = body[:-1].rstrip()
    return start + (b", " if record else b"") + added[1:] + end


FORMAT: Format = JsonLinesFormat()

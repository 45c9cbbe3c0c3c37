"""Files of every format for the tests of dedup.io, and a reader that takes all of them apart."""

from __future__ import annotations

import bz2
import csv
import gzip
import io
import json
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from dedup.io.base import Columns, Part, Problem
from dedup.io.formats import FORMATS
from dedup.io.inputs import InputFile, discover

Rows = Sequence[tuple[str, str | None]]
ID = Columns(("text",), "id")

TEXTS: list[str | None] = [
    "plain words",
    "",
    "two\nlines, a comma",
    None,
    'a "quoted" word',
    '"',
    "ends in CR\r\nand LF\n",
    "Grüße, 東京, ไทย, 🦜",
    " leading and trailing ",
    "tab\there",
    "x" * 5000,
    "\ufeffstarts with a BOM",
    "plain words",
]
ROWS: list[tuple[str, str | None]] = [(f"d{i}", text) for i, text in enumerate(TEXTS)]


def packed(content: bytes, suffix: str) -> bytes:
    """Compress by a suffix."""
    if suffix.endswith(".gz"):
        half = len(content) // 2  # two members, as concatenated files have
        return gzip.compress(content[:half]) + gzip.compress(content[half:])
    if suffix.endswith(".bz2"):
        return bz2.compress(content)
    if suffix.endswith(".zst"):
        return bytes(pa.Codec("zstd").compress(content, asbytes=True))
    return content


def unpacked(path: Path) -> bytes:
    """Return the content of a file that may be compressed."""
    content = path.read_bytes()
    if path.name.endswith(".gz"):
        return gzip.decompress(content)
    if path.name.endswith(".bz2"):
        return bz2.decompress(content)
    if path.name.endswith(".zst"):
        return bytes(pa.CompressedInputStream(pa.BufferReader(content), "zstd").read())
    return content


def json_lines(rows: Rows) -> bytes:
    """Return rows as JSON Lines."""
    return "".join(
        json.dumps({"id": id, "text": text}, ensure_ascii=bool(i % 2)) + "\n"
        for i, (id, text) in enumerate(rows)
    ).encode()


def csv_bytes(rows: Rows, delimiter: str = ",") -> bytes:
    """Return rows as CSV, written by Python's own module."""
    out = io.StringIO(newline="")
    writer = csv.writer(out, delimiter=delimiter, lineterminator="\n")
    writer.writerow(["id", "text"])
    writer.writerows(rows)
    return out.getvalue().encode()


def table(rows: Rows) -> pa.Table:
    """Return rows as a table."""
    return pa.table({"id": [id for id, _ in rows], "text": pa.array([t for _, t in rows])})


def _write_arrow(path: Path, rows: Rows, *, stream: bool, codec: str | None) -> None:
    options = pa.ipc.IpcWriteOptions(compression=codec)
    data = table(rows)
    new = pa.ipc.new_stream if stream else pa.ipc.new_file
    with new(str(path), data.schema, options=options) as writer:
        writer.write_table(data, max_chunksize=4)


def _write_parquet(path: Path, rows: Rows) -> None:
    pq.write_table(table(rows), path, row_group_size=4, compression="zstd")


Writer = Callable[[Path, Rows], object]
WRITERS: dict[str, Writer] = {
    ".parquet": _write_parquet,
    ".arrow": lambda path, rows: _write_arrow(path, rows, stream=False, codec=None),
    "-stream.arrow": lambda path, rows: _write_arrow(path, rows, stream=True, codec=None),
    "-lz4.feather": lambda path, rows: _write_arrow(path, rows, stream=False, codec="lz4"),
    "-zstd.arrow": lambda path, rows: _write_arrow(path, rows, stream=True, codec="zstd"),
}
for _codec in ("", ".gz", ".zst", ".bz2"):
    for _suffix in (".jsonl", ".ndjson", ".json"):
        WRITERS[_suffix + _codec] = lambda path, rows: path.write_bytes(
            packed(json_lines(rows), path.name)
        )
    WRITERS[".csv" + _codec] = lambda path, rows: path.write_bytes(
        packed(csv_bytes(rows), path.name)
    )
    WRITERS[".tsv" + _codec] = lambda path, rows: path.write_bytes(
        packed(csv_bytes(rows, "\t"), path.name)
    )


@dataclass
class Read:
    """All that was read of some files."""

    texts: list[str | bytes | None] = field(default_factory=list)
    ids: list[Any] = field(default_factory=list)
    columns: list[pa.Table] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    """Rows and lines counted from the file's start."""
    parts: list[Part] = field(default_factory=list)
    excluded: Counter[str] = field(default_factory=Counter)
    kinds: set[pa.DataType] = field(default_factory=set)

    def reasons(self) -> list[str]:
        """Return the reasons of all problems."""
        return [problem.reason for problem in self.problems]

    def damage(self) -> list[str]:
        """Return the reasons of all but short texts, which are no fault of the file."""
        return [reason for reason in self.reasons() if not reason.startswith("text under")]


def one(path: Path | str) -> InputFile:
    """Return the one file at a path."""
    return discover([path]).files[0]


def read(
    file: InputFile | Path | str,
    columns: Columns = ID,
    target: int = 1 << 30,
    batch: int = 1 << 20,
    scratch: Path | None = None,
) -> Read:
    """Read a file, part by part; through `spool` where a scratch folder is given."""
    if not isinstance(file, InputFile):
        file = one(file)
    reader = FORMATS[file.format]
    if scratch is None:
        parts = reader.split(file, columns, target)
    else:
        parts = list(reader.spool(file, columns, str(scratch), target))
    found = Read(parts=parts)
    rows = lines = 0
    for part in parts:
        for one_batch in reader.read(part, batch):
            found.problems += [problem.moved(rows, lines) for problem in one_batch.problems]
            found.kinds.add(one_batch.text.type)
            found.texts += one_batch.text.to_pylist()
            if one_batch.columns.num_columns:
                assert one_batch.columns.num_rows == len(one_batch)
                found.columns.append(one_batch.columns)
                if "doc_id" in one_batch.columns.column_names:
                    found.ids += one_batch.columns["doc_id"].to_pylist()
            found.excluded += one_batch.excluded
            rows += len(one_batch)
            lines += one_batch.lines
    return found

"""The documents of a run, joined from the parts that were sketched: the search starts from here."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from dedup.engines.sketching import PartSketches
from dedup.errors import InputError
from dedup.io.base import InputFile, Part
from dedup.io.values import join_tables, numbers
from dedup.sketch.store import SetStore
from dedup.text.hashing import Int64Array, UInt64Array

_PROBLEMS_KEPT = 1_000


@dataclass
class Corpus:
    """All documents in input order; a document's number is its position.

    Attributes
    ----------
    files, file_offsets : the input, and the position where each file's documents start
        (int64, shape (files + 1,)).
    parts : the parts of each file, to copy its records from.
    keys : uint64, shape (documents of the part, bands), for each part.
    columns : ``doc_id`` and the columns of the keeper policy.
    problems : what was wrong with the input, a line each, at most 1,000; all are counted by reason.
    """

    files: list[InputFile]
    file_offsets: Int64Array
    parts: list[list[Part]]
    sets: SetStore
    keys: list[UInt64Array]
    num_tokens: Int64Array
    num_chars: Int64Array
    fingerprints: UInt64Array
    digests: UInt64Array
    text_digests: UInt64Array
    missing: Int64Array
    columns: pa.Table
    problems: list[str]
    problem_counts: Counter[str]
    excluded: Counter[str]
    num_bytes: int
    num_invalid: int

    def __len__(self) -> int:
        return len(self.num_tokens)

    @property
    def num_shingles(self) -> Int64Array:
        """int64, shape (documents,)."""
        return self.sets.sizes

    def band(self, number: int) -> UInt64Array:
        """uint64, shape (documents,): the keys of one band."""
        empty = np.zeros(0, np.uint64)
        return np.concatenate([empty, *(keys[:, number] for keys in self.keys if len(keys))])


def join_parts(files: list[InputFile], parts: list[PartSketches]) -> Corpus:
    """Join sketched parts, given in input order."""
    rows = np.zeros(len(files), np.int64)
    lines = Counter[int]()
    by_file: list[list[Part]] = [[] for _ in files]
    problems: list[str] = []
    counts: Counter[str] = Counter()
    excluded: Counter[str] = Counter()
    missing = [np.zeros(0, np.int64)]
    total = 0
    for part in parts:
        for record in part.records:
            ordinal = record.part.file.ordinal
            for problem in record.problems:
                counts[problem.reason] += 1
                if len(problems) < _PROBLEMS_KEPT:
                    moved = problem.moved(int(rows[ordinal]), lines[ordinal])
                    problems.append(moved.describe(record.part.file.name))
            by_file[ordinal].append(record.part)
            rows[ordinal] += record.rows
            lines[ordinal] += record.lines
        missing.append(part.missing + total)
        excluded += part.excluded
        total += len(part)

    def joined(name: str) -> NDArray[Any]:
        return np.concatenate([getattr(part, name) for part in parts])

    return Corpus(
        files=files,
        file_offsets=np.concatenate([[0], np.cumsum(rows)]),
        parts=by_file,
        sets=SetStore([(part.sets, part.bounds) for part in parts]),
        keys=[part.keys for part in parts],
        num_tokens=joined("num_tokens"),
        num_chars=joined("num_chars"),
        fingerprints=joined("fingerprints"),
        digests=joined("digests"),
        text_digests=joined("text_digests"),
        missing=np.concatenate(missing),
        columns=_columns(files, [part for part in parts if len(part)], total),
        problems=problems,
        problem_counts=counts,
        excluded=excluded,
        num_bytes=sum(part.num_bytes for part in parts),
        num_invalid=sum(part.num_invalid for part in parts),
    )


def _columns(files: list[InputFile], parts: list[PartSketches], total: int) -> pa.Table:
    """Join the parts' columns; doc_id is the position where a file has none."""
    tables = []
    offset = 0
    for part in parts:
        table = part.columns
        if "doc_id" not in table.column_names:
            positions = pa.array(np.arange(offset, offset + len(part)))
            others = {name: table[name] for name in table.column_names}
            table = pa.table({"doc_id": positions, **others})
        tables.append((table, len(part)))
        offset += len(part)
    joined = join_tables(tables) if tables else pa.table({"doc_id": np.arange(total)})
    if any(file.format == "csv" for file in files):
        for place, name in enumerate(joined.column_names):
            values = None if name == "doc_id" else numbers(joined[name])
            if values is not None:
                joined = joined.set_column(place, name, values)
    return joined


def check_ids(ids: pa.ChunkedArray, strict: bool) -> list[str]:
    """Return warnings about null and duplicate ids.

    Raises
    ------
    InputError : there are some, and `strict` is set.
    """
    nulls = ids.null_count
    distinct = pc.count_distinct(ids, mode="only_valid").as_py()
    duplicates = len(ids) - nulls - distinct
    found = [
        f"{count} {what} ids"
        for count, what in ((nulls, "null"), (duplicates, "duplicate"))
        if count
    ]
    if found and strict:
        raise InputError(
            f"the documents have {' and '.join(found)}; mend them or run without --strict-ids."
        )
    return [f"{text}: documents are told apart by position" for text in found]

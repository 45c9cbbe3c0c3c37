"""The documents of a run, joined from the parts that were sketched: the search starts from here."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from dedup.config import Config
from dedup.engines.parts import DOCUMENT_ARRAYS, MAX_NAMED, PartRecords, PartSketches
from dedup.ids import Ids
from dedup.io.base import UNREAD, InputFile, Part
from dedup.io.formats import TABLE
from dedup.io.values import join_tables, numbers
from dedup.lsh.buckets import KeyRun
from dedup.page_ids import told_apart
from dedup.sketch.store import SetStore
from dedup.spill.scratch import Scratch
from dedup.text.hashing import Int64Array, UInt64Array

_PROBLEMS_KEPT = 1_000

FILE = "file"
"""Stands for the file of a document where a column is asked for."""


@dataclass(frozen=True)
class Sketched:
    """What the search starts from.

    Attributes
    ----------
    parts : the sketches of the files' documents, in input order.
    config : by which they were sketched; a search may have another one.
    """

    files: list[InputFile]
    parts: list[PartSketches]
    config: Config


@dataclass(frozen=True)
class Groups:
    """The group of each document (-1 for none), int64 by position, and the groups' names."""

    of_document: Int64Array
    names: Sequence[str]


class _Names(Sequence[str]):
    """Names of groups in Arrow's memory: there may be as many as documents."""

    def __init__(self, values: pa.Array) -> None:
        self._values = values

    def __len__(self) -> int:
        return len(self._values)

    def __getitem__(self, place: Any) -> Any:
        return str(self._values[place].as_py())


@dataclass
class Listed:
    """Who the documents of some input are, whatever is compared of them: what tables are made of.

    A document's number is its position.

    Attributes
    ----------
    files, file_offsets : the input, and the position where each file's documents start
        (int64, shape (files + 1,)).
    text_digests : uint64, shape (documents, 2); of the exact text, or vector.
    columns : ``doc_id`` and the columns of the keeper policy.
    """

    files: list[InputFile]
    file_offsets: Int64Array
    text_digests: UInt64Array
    columns: pa.Table

    def __len__(self) -> int:
        return len(self.text_digests)

    @cached_property
    def ids(self) -> Ids:
        """The user's ids, by position."""
        return Ids(self.columns["doc_id"])

    @property
    def num_shingles(self) -> Int64Array:
        """int64, shape (documents,): sizes of the sets; 0 of what is compared by something else."""
        return np.zeros(len(self), np.int64)

    @cached_property
    def riding(self) -> list[pa.Field]:
        """The columns that the files' formats offer by themselves, for the clusters table."""
        formats = dict.fromkeys(file.format for file in self.files)
        names = [name for format in formats for name in TABLE[format].rides_along]
        known = self.columns.schema
        return [known.field(name) for name in dict.fromkeys(names) if name in known.names]


@dataclass
class Corpus(Listed):
    """All documents in input order, sketched.

    Attributes
    ----------
    parts : the parts of each file, to copy its records from.
    key_runs : the band keys of all documents, run by run.
    problems : what was wrong with the input, a line each: of a file at most `MAX_NAMED`, and as
        many places that could not be read, of all files 1,000; all are counted by reason.
    unread : places that could not be read, by the name of the file.
    """

    parts: list[list[Part]]
    sets: SetStore
    key_runs: list[KeyRun]
    num_tokens: Int64Array
    num_chars: Int64Array
    fingerprints: UInt64Array
    digests: UInt64Array
    record_digests: UInt64Array
    missing: Int64Array
    problems: list[str]
    problem_counts: Counter[str]
    unread: Counter[str]
    excluded: Counter[str]
    num_bytes: int
    num_invalid: int
    known: NDArray[np.bool_] | None = None
    """bool, by position; documents that a reference has: removed, and compared no more."""

    def groups(self, column: str) -> Groups:
        """Return the documents' groups: the values of a column, or `FILE`."""
        if column == FILE and column not in self.columns.column_names:
            rows = np.diff(self.file_offsets)
            return Groups(np.repeat(np.arange(len(rows)), rows), [file.name for file in self.files])
        values = self.columns[column]
        if pa.types.is_null(values.type) or not values.num_chunks:
            return Groups(np.full(len(self), -1), [])
        encoded = values.dictionary_encode().unify_dictionaries()
        indices = [chunk.indices.fill_null(-1).to_numpy() for chunk in encoded.chunks]
        names = _Names(encoded.chunk(0).dictionary)
        return Groups(np.concatenate(indices).astype(np.int64), names)

    @property
    def num_bands(self) -> int:
        """Bands that there are keys of."""
        return self.key_runs[0].entries.shape[0] if self.key_runs else 0

    @property
    def num_shingles(self) -> Int64Array:
        """int64, shape (documents,)."""
        return self.sets.sizes


def join_parts(sketched: Sketched, scratch: Scratch) -> Corpus:
    """Join sketched parts."""
    files, parts = sketched.files, sketched.parts
    records = [record for part in parts for record in part.records]
    problems, counts, unread = described_problems(files, records)
    rows = np.zeros(len(files), np.int64)
    by_file: list[list[Part]] = [[] for _ in files]
    for record in records:
        if record.part is not None:
            by_file[record.file].append(record.part)
        rows[record.file] += record.rows
    excluded: Counter[str] = Counter()
    missing = [np.zeros(0, np.int64)]
    key_runs: list[KeyRun] = []
    total = 0
    for part in parts:
        missing.append(part.missing + total)
        key_runs += [replace(run, first=run.first + total) for run in part.key_runs]
        excluded += part.excluded
        total += len(part)

    arrays = {
        name: scratch.joined([np.zeros((0, *shape), kind), *(part.arrays[name] for part in parts)])
        for name, (kind, shape) in DOCUMENT_ARRAYS.items()
    }
    return Corpus(
        files=files,
        file_offsets=np.concatenate([[0], np.cumsum(rows)]),
        parts=by_file,
        sets=SetStore([part.sets for part in parts], arrays.pop("num_shingles"), scratch),
        key_runs=key_runs,
        **arrays,
        missing=np.concatenate(missing),
        columns=_columns(
            files,
            [part for part in parts if len(part)],
            total,
            scratch if sketched.config.id_column is None else None,
        ),
        problems=problems,
        problem_counts=counts,
        unread=unread,
        excluded=excluded,
        num_bytes=sum(part.num_bytes for part in parts),
        num_invalid=sum(part.num_invalid for part in parts),
    )


def described_problems(
    files: Sequence[InputFile], records: Iterable[PartRecords]
) -> tuple[list[str], Counter[str], Counter[str]]:
    """Return what was wrong with the input.

    Returns
    -------
    problems : a line each, of the first ones.
    counts : of all, by reason.
    unread : places that could not be read, by the name of the file.
    """
    rows, lines = Counter[int](), Counter[int]()
    problems: list[str] = []
    counts: Counter[str] = Counter()
    unread: Counter[str] = Counter()
    named: Counter[object] = Counter()
    for record in records:
        ordinal = record.file
        name = files[ordinal].name
        counts += record.problem_counts
        unread[name] += sum(n for why, n in record.problem_counts.items() if why in UNREAD)
        for problem in record.problems:
            kind = (ordinal, problem.reason in UNREAD)
            if named[kind] < MAX_NAMED and named[kind[1]] < _PROBLEMS_KEPT:
                named.update((kind, kind[1]))
                moved = problem.moved(rows[ordinal], lines[ordinal])
                problems.append(moved.describe(name))
        rows[ordinal] += record.rows
        lines[ordinal] += record.lines
    return problems, counts, +unread


def _columns(
    files: list[InputFile], parts: list[PartSketches], total: int, scratch: Scratch | None
) -> pa.Table:
    """Join the parts' columns; doc_id is the position where a file has none.

    Parameters
    ----------
    scratch : place to tell the ids of crawled pages apart; None leaves them as they are.
    """
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
    is_crawl = any("offset" in TABLE[file.format].rides_along for file in files)
    if scratch is None or not is_crawl or "offset" not in joined.column_names:
        return joined
    return told_apart(joined, scratch)

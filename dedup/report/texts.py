"""The texts of a run's documents, read again from its input, and only where that is unchanged.

A run stores no text. Its summary names each input file, with its rows and a fingerprint of its
content (see `dedup.jobs.run_input.content_fingerprint`); evidence has a digest of every text.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
import pyarrow as pa

from dedup.config import Config
from dedup.errors import DedupError, InputError
from dedup.io.base import Batch
from dedup.io.formats import FORMATS, format_of
from dedup.io.inputs import InputFile
from dedup.io.places import place_of
from dedup.io.wacz import as_member
from dedup.jobs.run_input import change_of
from dedup.output.evidence import open_evidence
from dedup.output.folder import EVIDENCE_DIR, read_text_run
from dedup.pipeline import needed_columns
from dedup.report.difference import Text
from dedup.sketch.digest import digests
from dedup.text.hashing import Int64Array, UInt64Array, hash_constants
from dedup.text.own_tokens import OwnTokens

_PART_BYTES = 16 << 20
_BATCH_BYTES = 1 << 20


@dataclass(frozen=True)
class Record:
    """A document as it was read.

    Attributes
    ----------
    columns : by name; ``doc_id`` and those that the run looks at.
    """

    position: int
    text: Text
    columns: dict[str, Any]


class Texts:
    """The texts of the documents of a run.

    Parameters
    ----------
    folder : the output of a run.
    files : the files of that run, in its order, where they lie elsewhere now, or have to be
        opened with credentials, which no summary keeps.

    Attributes
    ----------
    folder : the path of that output.
    summary, config : the run's.
    problems : file -> why its texts cannot be had, of those that were asked for.

    Raises
    ------
    InputError : there is no summary, or it names not as many files as are given.
    """

    def __init__(
        self,
        folder: str | os.PathLike[str],
        files: Sequence[InputFile] = (),
    ) -> None:
        self.folder, self.summary = read_text_run(folder)
        self.config = Config(**self.summary["config"])
        self.problems: dict[str, str] = {}
        self._sources: list[dict[str, Any]] = self.summary["input"].get("sources", [])
        self._files = dict(enumerate(files))
        if files and len(files) != len(self._sources):
            raise InputError(
                f"{len(files)} files are given and {folder} is of {len(self._sources)}; "
                "give the arguments of that run in its order."
            )
        rows = [source["rows"] for source in self._sources]
        self._starts: Int64Array = np.concatenate([[0], np.cumsum(np.array(rows, np.int64))])
        self._checked: set[int] = set()

    def read(self, positions: Iterable[int]) -> Iterator[tuple[int, Text]]:
        """Yield (position, text) in input order; a file that changed yields none.

        Each file is read once, up to the last document that is asked for. What is missing then has
        its reason in `why_not`.
        """
        for record in self.records(positions):
            yield record.position, record.text

    def records(self, positions: Iterable[int]) -> Iterator[Record]:
        """Yield the same with the columns that the run read."""
        wanted = np.unique(np.fromiter(positions, np.int64))
        for ordinal in range(len(self._sources)):
            first, last = np.searchsorted(wanted, self._starts[ordinal : ordinal + 2]).tolist()
            if first == last or not self._is_unchanged(ordinal):
                continue
            start = int(self._starts[ordinal])
            rows = wanted[first:last] - start
            for first_row, batch in self._batches(ordinal, int(rows[-1]) + 1):
                places = rows[(rows >= first_row) & (rows < first_row + len(batch))] - first_row
                for place in places.tolist():
                    text, position = batch.text.slice(place, 1), start + first_row + place
                    if self._is_same(position, text):
                        names = batch.columns.column_names
                        columns = {name: batch.columns[name][place].as_py() for name in names}
                        yield Record(position, text_of(text), columns)

    def batches(self) -> Iterator[tuple[int, Batch]]:
        """Yield the first position and the documents of each batch of all files that are there."""
        for ordinal, start in enumerate(self._starts[:-1].tolist()):
            if self._is_unchanged(ordinal):
                for row, batch in self._batches(ordinal, int(self._starts[ordinal + 1]) - start):
                    yield start + row, batch

    def why_not(self, position: int) -> str:
        """Say why a text was not there, as half a sentence."""
        if not self._sources:
            return "the run was of a table in memory"
        return self.problems.get(self.source_of(position), "there is no such document")

    def source_of(self, position: int) -> str:
        """Return the name of a document's file; empty where the run was of a table in memory."""
        if not self._sources:
            return ""
        ordinal = int(np.searchsorted(self._starts, position, side="right")) - 1
        return str(self._sources[min(ordinal, len(self._sources) - 1)]["name"])

    def _batches(self, ordinal: int, stop: int) -> Iterator[tuple[int, Batch]]:
        """Yield the first row and the records of each batch of a file, up to a row."""
        file, row = self._files[ordinal], 0
        reader = FORMATS[file.format]
        # The keeper policy may need a column, or a file, that is not wanted here.
        columns = needed_columns(replace(self.config, keep="first"))
        for part in reader.split(file, columns, _PART_BYTES):
            for batch in reader.read(part, _BATCH_BYTES):
                yield row, batch
                row += len(batch)
                if row >= stop:
                    return

    def _is_unchanged(self, ordinal: int) -> bool:
        source = self._sources[ordinal]
        if ordinal not in self._checked:
            self._checked.add(ordinal)
            try:
                if ordinal not in self._files:
                    self._files[ordinal] = _file(ordinal, source)
                problem = change_of(source, self._files[ordinal])
            except DedupError as error:  # a store that cannot be reached
                problem = str(error).rstrip(".")
            if problem:
                self.problems[source["name"]] = problem
        return source["name"] not in self.problems

    def _is_same(self, position: int, text: pa.Array) -> bool:
        """Tell whether a text is the run's, as far as evidence can tell."""
        if self._evidence is None:
            return True
        bounds, stored = self._evidence
        part = int(np.searchsorted(bounds, position, side="right")) - 1
        if (stored[part][position - bounds[part]] == _digest(text, self.config)).all():
            return True
        name = self.source_of(position)
        self.problems[name] = f"{name} changed since the run"
        return False

    @cached_property
    def _evidence(self) -> tuple[Int64Array, list[UInt64Array]] | None:
        """The first position of each part, and the digests of its texts."""
        if not (self.folder / EVIDENCE_DIR).is_dir():
            return None
        parts = open_evidence(self.folder / EVIDENCE_DIR).parts
        bounds = np.concatenate([[0], np.cumsum([len(part) for part in parts])])
        return bounds[:-1], [part.arrays["text_digests"] for part in parts]


def _file(ordinal: int, source: dict[str, Any]) -> InputFile:
    format_name, codec = format_of(source["path"]) or ("jsonl", None)
    size = int(source["size"])
    path = as_member(source["path"]) or place_of(source["path"])
    return InputFile(ordinal, 0, path, source["name"], format_name, codec, size)


def text_of(text: pa.Array) -> Text:
    """Return the one text of an array; what is no UTF-8 becomes U+FFFD, null an empty text."""
    value = text[0].as_py()
    if isinstance(value, list):
        return [t.decode("utf-8", "replace") if isinstance(t, bytes) else t for t in value]
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    return str(value or "")


def _digest(text: pa.Array, config: Config) -> UInt64Array:
    """Return the digest of a text, or of own tokens, as the sketches have it."""
    if pa.types.is_large_list(text.type):
        own = OwnTokens.of(text)
        hashes = own.hashes(0, 1, hash_constants(int(config.seed), config.ngram))
        return digests(hashes, np.array([0, len(hashes)])).ravel()
    value = text[0].as_py() or b""
    raw = np.frombuffer(value if isinstance(value, bytes) else value.encode(), np.uint8)
    return digests(raw, np.array([0, len(raw)])).ravel()

"""The nouns of reading, and the protocol that each format implements.

Arguments become `InputFile`s (`dedup.io.inputs`), a file becomes `Part`s in the parent process, a
part becomes `Batch`es in a worker. The batches of a file's parts, in order, are the file's records:
the same records whatever the size of parts and batches. Parts are picklable and say all that a
worker must know. Nothing here imports pyarrow at run time.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Protocol

from dedup.errors import InputError, UnreadableError
from dedup.io.inputs import InputFile

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa
    from numpy.typing import NDArray

    from dedup.io.records import RecordCheck

__all__ = [
    "DECISION_COLUMNS",
    "UNREAD",
    "Batch",
    "Columns",
    "Format",
    "InputFile",
    "Part",
    "Problem",
    "missing_column",
    "unreadable",
]

DECISION_COLUMNS = ("cluster_id", "is_keeper", "is_removed", "keeper_id", "jaccard")
"""The columns that ``--annotated`` adds; columns of these names in the input are replaced, and so
are those of a measure that comes with them."""


UNREAD = frozenset(("truncated", "damaged", "not JSON", "quote never closed"))
"""Reasons of problems that mean: here stands something that nobody could read. The others are of
records that were read, with something amiss (no text, invalid UTF-8)."""


@dataclass(frozen=True, slots=True)
class Columns:
    """Names of the columns to read; ``page.text`` is the field ``text`` of the column ``page``.

    A column whose own name holds the dot comes before a nested field.
    """

    text: tuple[str, ...] = ("text",)
    """One or more; several are joined by a newline, nulls left out, all null = null."""
    id: str | None = None
    extra: tuple[str, ...] = ()
    """Columns that the keeper policy and the like need, returned under the name as asked for."""
    id_optional: bool = False
    """Files without the column `id` get no ``doc_id`` instead of an error (for the default id)."""
    text_options: tuple[str, ...] = ()
    """Names of the options in force that lists of tokens, in place of text, cannot take."""
    extract: str = "main"
    """What is taken of HTML: ``main`` content, ``all`` text, or ``none``: the HTML itself."""


@dataclass(frozen=True, slots=True)
class Problem:
    """Something wrong with a record that was kept, or with a file's end."""

    reason: str
    """One of few, to count by: ``not JSON``, ``truncated``, ``empty file``..."""
    row: int | None = None
    """Record in its batch, 0-based; None where it concerns no record."""
    line: int | None = None
    """Line in its batch, 1-based; None where the format has no lines."""
    detail: str = ""

    def moved(self, rows: int, lines: int) -> Problem:
        """Return the problem counted from the file's start, given what came before its batch."""
        return replace(
            self,
            row=None if self.row is None else self.row + rows,
            line=None if self.line is None else self.line + lines,
        )

    def describe(self, name: str) -> str:
        """Return one line for people, such as ``a.jsonl, line 17: not JSON (Expecting ...)``."""
        place = name
        if self.line is not None:
            place += f", line {self.line}"
        elif self.row is not None:
            place += f", record {self.row}"
        return f"{place}: {self.reason}" + (f" ({self.detail})" if self.detail else "")


@dataclass(frozen=True, slots=True)
class Part:
    """A piece of one file that one worker reads on its own."""

    file: InputFile
    columns: Columns
    """As found in this file: `id` is None where the file has no such column."""
    start: int = 0
    stop: int = 0
    """In the format's own unit: row groups, record batches, bytes."""
    size: int = 0
    """About how many bytes of text it holds; engines may group small parts."""
    share: tuple[int, int] = (0, 1)
    """(k, m): only the k-th of m equal slices of the rows (one big row group for many workers)."""
    path: str | None = None
    """A chunk of raw records in scratch to read instead of the file; whoever asked deletes it."""
    header: bytes = b""
    """What stands before the first record of the file: CSV's header record, a byte order mark."""
    damage: Problem | None = None
    """What was found wrong at the end of the file while it was cut or unpacked."""


@dataclass(slots=True)
class Batch:
    """Consecutive records of a part."""

    text: pa.Array
    """string, large_string, binary or large_binary; null = no text. Binary may be invalid UTF-8.

    Or the user's own tokens: large_list of large_binary or int64, none of them null.
    """
    columns: pa.Table
    """One row a record: ``doc_id`` if asked for or made by the format, and the extra columns.

    Without any column it is the empty table, whose num_rows is 0.
    """
    problems: list[Problem] = field(default_factory=list)
    lines: int = 0
    """Lines of the file that the batch covers, blank ones too; 0 in formats without lines."""
    excluded: Counter[str] = field(default_factory=Counter)
    """What the format left out because it is no document, by reason (WARC)."""
    digests: NDArray[np.uint64] | None = None
    """Of the records as the file has them; None where the text is all that a digest is of."""

    def __len__(self) -> int:
        return len(self.text)


class DecisionRows(Protocol):
    """The columns of `DECISION_COLUMNS`, a row for each record of a file: a table, or one to be."""

    @property
    def num_rows(self) -> int:
        """Return how many rows there are."""

    @property
    def schema(self) -> pa.Schema:
        """Return the columns."""

    def slice(self, start: int, length: int) -> pa.Table:
        """Return some rows."""


class Format(Protocol):
    """One kind of file. Adding a kind is one module with this protocol, and a line in `formats`.

    Every method raises InputError for a file it cannot open or that is no such file, and for a
    column that the file does not have (the message lists those it has).
    """

    def needs_spool(self, file: InputFile) -> bool:
        """Tell whether only `spool` can share this file among workers.

        `split` still gives one part for the whole of it, right where files outnumber workers;
        standard input can only be spooled.
        """

    def split(self, file: InputFile, columns: Columns, target_bytes: int) -> list[Part]:
        """Cut the file into parts of about `target_bytes` of text, from its metadata alone."""

    def spool(
        self, file: InputFile, columns: Columns, scratch: str, chunk_bytes: int
    ) -> Iterator[Part]:
        """Decompress into files of about `chunk_bytes` in the folder `scratch`, a part each.

        Yields each part as soon as its chunk is complete. The chunks hold whole records.
        """

    def read(self, part: Part, batch_bytes: int) -> Iterator[Batch]:
        """Stream the records of a part, in batches of about `batch_bytes` of text."""

    def copy(
        self,
        parts: Sequence[Part],
        mask: NDArray[np.bool_],
        out_path: str,
        *,
        others: bool,
        check: RecordCheck | None = None,
    ) -> int:
        """Write the records of one file for which `mask` is True, byte for byte.

        Parameters
        ----------
        parts : all parts of the file. Chunks are read where they are still there.
        mask : shape (records of the file,).
        out_path : written from scratch, in the file's own format and codec. Not written where no
            record is chosen in a format of one document a file.
        others : also write what is no record (blank lines, WARC records that are no documents),
            so that a mask of ones gives the file back.
        check : takes every record, chosen or not.

        Returns
        -------
        The number of records written.
        """

    def annotate(
        self,
        parts: Sequence[Part],
        decisions: DecisionRows,
        out_path: str,
        check: RecordCheck | None = None,
    ) -> int:
        """Write all records of one file with the columns of `decisions` added.

        Parameters
        ----------
        decisions : a row for each record of the file.
        out_path : as `annotated_name` gives it.
        check : takes every record.

        Returns
        -------
        The number of records written.
        """

    def annotated_name(self, name: str) -> str:
        """Return the name of the annotated copy: the same, unless it needs another format."""


def missing_column(file: InputFile, name: str, names: Sequence[str], what: str) -> InputError:
    """Return the InputError for a column that is not there; it lists at most 40 that are."""
    shown = ", ".join(names[:40]) + (f" and {len(names) - 40} more" if len(names) > 40 else "")
    return InputError(
        f"{file.name} has no {what} column {name!r}; it has: {shown or 'no columns at all'}."
    )


def unreadable(file: InputFile, kind: str, error: BaseException) -> UnreadableError:
    """Return the error of a file that is damaged, or not of its kind."""
    detail = " ".join(str(error).split()) or type(error).__name__
    return UnreadableError(
        file.path,
        f"not readable as {kind}",
        f"{file.name} cannot be read as {kind} ({detail}); repair it or leave it out.",
    )

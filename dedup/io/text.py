"""Text files: one document a file, its name the ``doc_id``."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Sequence
from typing import IO, TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from dedup.io.base import Batch, Columns, InputFile, Part, Problem, missing_column, unreadable
from dedup.io.places import opened
from dedup.io.records import one_digest
from dedup.io.values import text_array

if TYPE_CHECKING:
    from dedup.io.base import DecisionRows, Format
    from dedup.io.records import RecordCheck

__all__ = ["FORMAT", "TextFormat"]


class TextFormat:
    """Reader and writer of plain text files. Names of text and id columns do not concern it.

    Attributes
    ----------
    digested_bytes : how much of a file is read, and digested; all, if negative.
    """

    digested_bytes = -1

    def needs_spool(self, file: InputFile) -> bool:
        """Tell that one document needs one worker."""
        return False

    def split(self, file: InputFile, columns: Columns, target_bytes: int) -> list[Part]:
        """Return the file as one part."""
        for name in columns.extra:
            raise missing_column(file, name, ["doc_id", "text"], "extra")
        return [Part(file, columns, 0, file.size, file.size)]

    def spool(
        self, file: InputFile, columns: Columns, scratch: str, chunk_bytes: int
    ) -> Iterator[Part]:
        """Yield the part of `split`: there is nothing to unpack."""
        yield from self.split(file, columns, chunk_bytes)

    def read(self, part: Part, batch_bytes: int) -> Iterator[Batch]:
        """Give the one document; an empty file is one of empty text."""
        try:
            with opened(part.file.path) as source:
                content = source.read()
        except OSError as error:
            raise unreadable(part.file, "text", error) from error
        text, invalid = text_array([content])
        problems = [Problem("invalid UTF-8", 0)] if invalid else []
        if not content:
            problems = [Problem("empty file", 0)]
        ids = pa.table({"doc_id": pa.array([part.file.name])})
        yield Batch(text, ids, problems, digests=one_digest(content))

    def copy(
        self,
        parts: Sequence[Part],
        mask: NDArray[np.bool_],
        out_path: str,
        *,
        others: bool,
        check: RecordCheck | None = None,
    ) -> int:
        """Copy the file if its document is chosen, else write nothing."""
        with opened(parts[0].file.path) as source:
            if check is not None:
                self._check(source, check)
            if mask[0]:
                source.seek(0)
                with open(out_path, "wb") as out:
                    shutil.copyfileobj(source, out)
        return int(mask[0])

    def annotate(
        self,
        parts: Sequence[Part],
        decisions: DecisionRows,
        out_path: str,
        check: RecordCheck | None = None,
    ) -> int:
        """Write a Parquet file of ``doc_id`` and the decision: text has no place for it."""
        if check is not None:
            with opened(parts[0].file.path) as source:
                self._check(source, check)
        ids = pa.array([parts[0].file.name])
        rows = decisions.slice(0, decisions.num_rows)
        pq.write_table(rows.add_column(0, "doc_id", ids), out_path)
        return 1

    def _check(self, source: IO[bytes], check: RecordCheck) -> None:
        check.add(source.read(self.digested_bytes))
        check.finish()

    def annotated_name(self, name: str) -> str:
        """Return the name with ``.parquet`` added."""
        return f"{name}.parquet"


FORMAT: Format = TextFormat()

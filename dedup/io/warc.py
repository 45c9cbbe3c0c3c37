"""Web archives (WARC, WET): a document is a page that was answered; through the extra ``crawl``.

Responses of status 200, resources and conversions are documents if they are HTML or plain text; all
other records are excluded, counted by reason. ``doc_id`` is the target URI and the date; where that
came before in the input, `dedup.page_ids` adds file and offset.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from dedup.io.archive import Reader, sound_records
from dedup.io.base import Batch, Columns, InputFile, Part, Problem, missing_column, unreadable
from dedup.io.columns import empty_file_batch
from dedup.io.pages import Page, misfit, page_of
from dedup.io.places import opened
from dedup.io.warc_records import WarcReader
from dedup.io.whole_records import copy_ranges, layout, repack

if TYPE_CHECKING:
    from dedup.io.base import DecisionRows, Format
    from dedup.io.records import RecordCheck

__all__ = ["COLUMNS", "FORMAT", "WarcFormat"]

Referring = list[tuple[int, tuple[str, ...]]]
"""Of revisit records: the record's number in the file, and the names of the one it refers to."""
COLUMNS = {
    "url": pa.string(),
    "host": pa.string(),
    "date": pa.string(),
    "status": pa.int64(),
    "mime": pa.string(),
    "record_id": pa.string(),
    "file": pa.string(),
    "offset": pa.int64(),
    "language": pa.string(),
    "canonical": pa.string(),
}
"""Columns of every page; ``file`` is that of ``offset``: of a WACZ, the WARC file in it."""


class WarcFormat:
    """Reader and writer of WARC files. The name of the text column does not concern it."""

    reader: type[Reader] = WarcReader

    def pages(
        self,
        path: str,
        excluded: Counter[str],
        problems: list[Problem],
        referring: Referring | None = None,
    ) -> Iterator[tuple[int, Page | None]]:
        """Yield (offset, page) of every record in order; None where it is no document.

        Parameters
        ----------
        excluded : counts why records are no documents.
        problems : gets one for each place that cannot be read.
        referring : takes the revisit records that say what they refer to.
        """
        for number, record in enumerate(sound_records(self.reader(), path, problems)):
            if isinstance(record, int):
                yield record, None
                continue
            if referring is not None and record.refers_to:
                referring.append((number, record.refers_to))
            page, reason = page_of(record)
            if reason:
                excluded[reason] += 1
            yield record.offset, page

    def needs_spool(self, file: InputFile) -> bool:
        """Tell that a file is read by one worker."""
        return False

    def split(self, file: InputFile, columns: Columns, target_bytes: int) -> list[Part]:
        """Return the file as one part."""
        if file.format == "wacz":  # one with WARC files would have become these
            raise unreadable(file, "WACZ", ValueError("it is no zip file with WARC files"))
        try:
            opened(file.path).close()
        except OSError as error:  # which the readers would take for damage
            raise unreadable(file, "a web archive", error) from error
        for name in columns.extra:
            if name not in COLUMNS:
                raise missing_column(file, name, ["doc_id", "text", *COLUMNS], "extra")
        return [Part(file, columns, 0, file.size, file.size * (3 if file.codec else 1))]

    def spool(
        self, file: InputFile, columns: Columns, scratch: str, chunk_bytes: int
    ) -> Iterator[Part]:
        """Yield the part of `split`: there is nothing to unpack."""
        yield from self.split(file, columns, chunk_bytes)

    def read(self, part: Part, batch_bytes: int) -> Iterator[Batch]:
        """Stream the pages."""
        if part.file.size == 0:
            yield empty_file_batch()
            return
        collected = _Collected(part.columns, part.file.name)
        found = self.pages(part.file.path, collected.excluded, collected.problems)
        for _, page in found:
            if page is not None:
                collected.add(page)
                if collected.size >= batch_bytes:
                    yield collected.batch()
                    collected.clear()
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
        """Write the records of the chosen pages byte for byte, compressed as they were.

        With `others` the records that are no documents are written too, and the bytes after the
        last record that can be read; but a revisit record goes with the page it refers to.
        """
        file = parts[0].file
        if file.size == 0:
            open(out_path, "wb").close()
            return 0
        referring: Referring = []
        offsets, is_page, digests = layout(
            lambda path, excluded, problems: self.pages(path, excluded, problems, referring),
            file.path,
        )
        if check is not None:
            check.add_digests(digests)
            check.finish()
        chosen = np.full(len(offsets), others)
        chosen[is_page] = mask
        if check is not None:
            follow = [number for number, names in referring if check.is_removed(names)]
            chosen[follow] = not others
        if len(offsets) == 0 or np.all(np.diff(offsets) > 0):
            stops = np.append(offsets[1:], file.size)
            copy_ranges(file.path, out_path, offsets, stops, chosen)
        else:
            repack(self.pages, file, out_path, chosen)
        return int(np.count_nonzero(mask))

    def annotate(
        self,
        parts: Sequence[Part],
        decisions: DecisionRows,
        out_path: str,
        check: RecordCheck | None = None,
    ) -> int:
        """Write a Parquet file of ``doc_id`` and the decision: a record has no place for it."""
        file = parts[0].file
        found: list[Page] = []
        digests: list[int] = []
        for _, page in self.pages(file.path, Counter(), []) if file.size else ():
            if page is not None:
                digests.append(page.digest)
                found.append(replace(page, body=b""))
        if check is not None:
            check.add_digests(np.array(digests, np.uint64))
            check.finish()
        rows = decisions.slice(0, decisions.num_rows)
        rows = rows.add_column(0, "doc_id", pa.array([_id(page) for page in found], pa.string()))
        rows = rows.add_column(1, "offset", pa.array([page.offset for page in found], pa.int64()))
        pq.write_table(rows, out_path)
        return len(found)

    def annotated_name(self, name: str) -> str:
        """Return the name with ``.parquet`` added."""
        return f"{name}.parquet"


def _id(page: Page) -> str:
    return _valid(f"{page.url} {page.date}".rstrip())


def _valid(text: str) -> str:
    """Return the text without lone surrogates, as headers that are not UTF-8 leave them."""
    return text if text.isascii() else text.encode("utf-8", "replace").decode()


class _Collected:
    """Pages of the batch that is being filled."""

    def __init__(self, columns: Columns, file: str) -> None:
        self.id = columns.id if columns.id in COLUMNS else None
        self.extract = columns.extract
        self.file = file
        self.excluded: Counter[str] = Counter()
        self.problems: list[Problem] = []
        self.clear()

    def clear(self) -> None:
        """Forget all that was collected."""
        self.texts: list[str | None] = []
        self.ids: list[str] = []
        self.digests: list[int] = []
        self.values: dict[str, list[object]] = {name: [] for name in COLUMNS}
        self.problems.clear()
        self.excluded.clear()
        self.size = 0

    def add(self, page: Page) -> None:
        """Take in one page."""
        row, place = len(self.texts), f"at byte {page.offset} of {self.file}"
        if page.damage:
            detail = f"the body of {page.url} {place}: {page.damage}"
            self.problems.append(Problem("damaged", row, None, detail))
        content = page.content(self.extract)
        if content.is_deep:
            detail = f"{page.url} {place}: all its text is taken, not the main content"
            self.problems.append(Problem("nested too deep", row, None, detail))
        reason = misfit(content.text)
        if reason:
            self.problems.append(Problem(reason, row, None, f"{page.url} {place}"))
        self.texts.append(None if reason else _valid(content.text))
        self.size += len(content.text)
        self.ids.append(_id(page))
        self.digests.append(page.digest)
        for name, values in self.values.items():
            if name == "canonical":
                value = page.canonical(content)
            else:
                value = self.file if name == "file" else getattr(page, name)
            values.append(_valid(value) if isinstance(value, str) else value)

    def batch(self) -> Batch:
        """Return what was collected."""
        columns = {name: pa.array(self.values[name], kind) for name, kind in COLUMNS.items()}
        ids = pa.array(self.ids, pa.string()) if self.id is None else columns[self.id]
        text = pa.array(self.texts, pa.large_string())
        table = pa.table({"doc_id": ids} | columns)
        digests = np.array(self.digests, np.uint64)
        return Batch(text, table, list(self.problems), 0, Counter(self.excluded), digests)


FORMAT: Format = WarcFormat()

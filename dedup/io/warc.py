"""Web archives (WARC, WET): a document is a page that was answered; through the extra ``crawl``.

Responses of status 200, resources and conversions are documents if they are HTML or plain text; all
other records are excluded, counted by reason. ``doc_id`` is the target URI, with the date after it
from its second appearance in a file on.
"""

from __future__ import annotations

import gzip
import os
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import IO, TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from dedup.io.base import Batch, Columns, InputFile, Part, Problem, missing_column
from dedup.io.codecs import DamagedError, unpacked
from dedup.io.columns import empty_file_batch
from dedup.io.pages import Page, pages

if TYPE_CHECKING:
    from dedup.io.base import DecisionRows, Format

__all__ = ["FORMAT", "WarcFormat"]

COLUMNS = {
    "url": pa.string(),
    "host": pa.string(),
    "date": pa.string(),
    "status": pa.int64(),
    "mime": pa.string(),
    "offset": pa.int64(),
}
COPY_BYTES = 1 << 20


class WarcFormat:
    """Reader and writer of WARC files. The name of the text column does not concern it."""

    def needs_spool(self, file: InputFile) -> bool:
        """Tell that a file is read by one worker."""
        return False

    def split(self, file: InputFile, columns: Columns, target_bytes: int) -> list[Part]:
        """Return the file as one part."""
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
        ids = _Ids()
        collected = _Collected(part.columns)
        try:
            for _, page in pages(part.file.path, collected.excluded):
                if page is not None:
                    collected.add(page, ids.of(page))
                    if collected.size >= batch_bytes:
                        yield collected.batch()
                        collected.clear()
        except DamagedError as error:
            collected.problems.append(error.problem())
        yield collected.batch()

    def copy(
        self, parts: Sequence[Part], mask: NDArray[np.bool_], out_path: str, *, others: bool
    ) -> int:
        """Write the records of the chosen pages byte for byte, compressed as they were.

        With `others` the records that are no documents are written too, and the bytes after the
        last record that can be read.
        """
        file = parts[0].file
        if file.size == 0:
            open(out_path, "wb").close()
            return 0
        offsets, is_page = _layout(file.path)
        chosen = np.full(len(offsets), others)
        chosen[is_page] = mask
        if len(offsets) == 0 or np.all(np.diff(offsets) > 0):
            stops = np.append(offsets[1:], file.size)
            _copy_ranges(file.path, out_path, offsets, stops, chosen)
        else:
            _repack(file, out_path, chosen)
        return int(np.count_nonzero(mask))

    def annotate(self, parts: Sequence[Part], decisions: DecisionRows, out_path: str) -> int:
        """Write a Parquet file of ``doc_id`` and the decision: a record has no place for it."""
        file = parts[0].file
        ids = _Ids()
        names: list[str] = []
        try:
            if file.size:
                names.extend(
                    ids.of(page) for _, page in pages(file.path, Counter()) if page is not None
                )
        except DamagedError:  # said when the file was read
            pass
        rows = decisions.slice(0, decisions.num_rows)
        pq.write_table(rows.add_column(0, "doc_id", pa.array(names, pa.string())), out_path)
        return len(names)

    def annotated_name(self, name: str) -> str:
        """Return the name with ``.parquet`` added."""
        return f"{name}.parquet"


class _Ids:
    """Gives each page of a file its ``doc_id``."""

    def __init__(self) -> None:
        self.seen: set[str] = set()

    def of(self, page: Page) -> str:
        """Return the URI; with the date where the URI came before."""
        if page.url in self.seen:
            return f"{page.url} {page.date}"
        self.seen.add(page.url)
        return page.url


class _Collected:
    """Pages of the batch that is being filled."""

    def __init__(self, columns: Columns) -> None:
        self.id = columns.id if columns.id in COLUMNS else None
        self.extra = columns.extra
        self.excluded: Counter[str] = Counter()
        self.clear()

    def clear(self) -> None:
        """Forget all that was collected."""
        self.texts: list[str] = []
        self.ids: list[object] = []
        self.others: dict[str, list[object]] = {name: [] for name in self.extra}
        self.problems: list[Problem] = []
        self.excluded.clear()
        self.size = 0

    def add(self, page: Page, doc_id: str) -> None:
        """Take in one page."""
        if page.is_cut:
            detail = f"the file ends inside {page.url}"
            self.problems.append(Problem("truncated", len(self.texts), None, detail))
        text = page.text()
        self.texts.append(text)
        self.size += len(text)
        self.ids.append(doc_id if self.id is None else getattr(page, self.id))
        for name, values in self.others.items():
            values.append(getattr(page, name))

    def batch(self) -> Batch:
        """Return what was collected."""
        kind = pa.string() if self.id is None else COLUMNS[self.id]
        columns = {"doc_id": pa.array(self.ids, kind)}
        columns |= {name: pa.array(values, COLUMNS[name]) for name, values in self.others.items()}
        text = pa.array(self.texts, pa.large_string())
        return Batch(text, pa.table(columns), self.problems, 0, Counter(self.excluded))


def _layout(path: str) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """Return the offset of every record, and whether it is a page."""
    offsets: list[int] = []
    is_page: list[bool] = []
    try:
        for offset, page in pages(path, Counter()):
            offsets.append(offset)
            is_page.append(page is not None)
    except DamagedError:  # said when the file was read
        pass
    return np.array(offsets, np.int64), np.array(is_page, np.bool_)


def _copy_ranges(
    path: str,
    out_path: str,
    starts: NDArray[np.int64],
    stops: NDArray[np.int64],
    chosen: NDArray[np.bool_],
) -> None:
    """Write the chosen ranges of bytes."""
    with open(path, "rb") as source, open(out_path, "wb") as out:
        for start, stop in zip(starts[chosen].tolist(), stops[chosen].tolist(), strict=True):
            _copy_range(source, start, stop, out)


def _copy_range(source: IO[bytes], start: int, stop: int, out: IO[bytes]) -> None:
    source.seek(start)
    while start < stop and (block := source.read(min(COPY_BYTES, stop - start))):
        out.write(block)
        start += len(block)


def _repack(file: InputFile, out_path: str, chosen: NDArray[np.bool_]) -> None:
    """Write the chosen records of a file that was compressed in one piece, a member each."""
    plain_path = f"{out_path}.plain"
    try:
        with open(plain_path, "wb") as plain:
            try:
                for block in unpacked(file.path, file.codec):
                    plain.write(block)
            except DamagedError:
                pass
            size = plain.tell()
        offsets, _ = _layout(plain_path)
        stops = np.append(offsets[1:], size)
        with open(plain_path, "rb") as source, open(out_path, "wb") as out:
            for start, stop in zip(offsets[chosen].tolist(), stops[chosen].tolist(), strict=True):
                with gzip.GzipFile("", "wb", compresslevel=6, fileobj=out, mtime=0) as member:
                    _copy_range(source, start, stop, member)  # type: ignore[arg-type]
    finally:
        os.remove(plain_path)


FORMAT: Format = WarcFormat()

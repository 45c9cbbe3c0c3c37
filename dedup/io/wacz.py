"""WACZ: a zip file with the WARC files of a crawl in its folder ``archive``."""

from __future__ import annotations

import zipfile
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from dedup.errors import InputError
from dedup.io.base import Batch, Columns, DecisionRows, InputFile, Part, unreadable
from dedup.io.codecs import DamagedError
from dedup.io.formats import format_of
from dedup.io.pages import Page, pages
from dedup.io.places import opened
from dedup.io.warc import WarcFormat, batches

if TYPE_CHECKING:
    from dedup.io.base import Format
    from dedup.io.records import RecordCheck

__all__ = ["FORMAT", "WaczFormat"]

_ENDED = (zipfile.BadZipFile, EOFError, RuntimeError, NotImplementedError, OSError)


class WaczFormat(WarcFormat):
    """Reader of WACZ files, a part for each WARC file in them.

    They are not written: their indexes and digests would no longer be true.
    """

    def split(self, file: InputFile, columns: Columns, target_bytes: int) -> list[Part]:
        """Return a part for each WARC, in the order of their names."""
        (whole,) = super().split(file, columns, target_bytes)
        try:
            with opened(file.path) as whole_file, zipfile.ZipFile(whole_file) as archive:
                sizes = {info.filename: info.file_size for info in archive.infolist()}
        except _ENDED as error:
            raise unreadable(file, "WACZ", error) from error
        names = [name for name in sorted(sizes) if (format_of(name) or ("",))[0] == "warc"]
        parts = [replace(whole, header=name.encode(), size=3 * sizes[name]) for name in names]
        return parts or [whole]

    def read(self, part: Part, batch_bytes: int) -> Iterator[Batch]:
        """Stream the pages of one WARC."""
        member = part.header.decode()
        if member:
            name = f"{part.file.name}/{member}"
            yield from batches(part, batch_bytes, name, lambda out: _pages(part, member, out))

    def copy(
        self,
        parts: Sequence[Part],
        mask: NDArray[np.bool_],
        out_path: str,
        *,
        others: bool,
        check: RecordCheck | None = None,
    ) -> int:
        """Refuse."""
        raise _not_written(parts[0].file)

    def annotate(
        self,
        parts: Sequence[Part],
        decisions: DecisionRows,
        out_path: str,
        check: RecordCheck | None = None,
    ) -> int:
        """Refuse."""
        raise _not_written(parts[0].file)


def _pages(part: Part, member: str, excluded: Counter[str]) -> Iterator[tuple[int, Page | None]]:
    try:
        with (
            opened(part.file.path) as file,
            zipfile.ZipFile(file) as archive,
            archive.open(member) as source,
        ):
            yield from pages(source, excluded)
    except _ENDED as error:
        raise DamagedError("damaged", f"{member}: {error}") from error


def _not_written(file: InputFile) -> InputError:
    return InputError(
        f"{file.name} is a WACZ, of which dedup writes no copies; unzip it and give its WARC files."
    )


FORMAT: Format = WaczFormat()

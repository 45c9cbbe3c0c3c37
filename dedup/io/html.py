"""HTML files: one page a file, its name the ``doc_id``; through the extra ``crawl``."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pyarrow as pa

from dedup.io.base import Batch, Part, Problem, unreadable
from dedup.io.nesting import excess
from dedup.io.pages import MAX_PAGE_BYTES, TOO_LARGE, misfit, text_of
from dedup.io.places import opened
from dedup.io.records import one_digest
from dedup.io.text import TextFormat

if TYPE_CHECKING:
    from dedup.io.base import Format

__all__ = ["FORMAT", "HtmlFormat"]


class HtmlFormat(TextFormat):
    """Reader and writer of HTML files; one with too much of something is compared with none."""

    digested_bytes = MAX_PAGE_BYTES + 1

    def read(self, part: Part, batch_bytes: int) -> Iterator[Batch]:
        """Give the one page."""
        try:
            with opened(part.file.path) as source:
                body = source.read(self.digested_bytes)
        except OSError as error:
            raise unreadable(part.file, "HTML", error) from error
        problems: list[Problem] = []
        text: str | None = None
        if not body:
            problems.append(Problem("empty file", 0))
        too_much = TOO_LARGE if len(body) > MAX_PAGE_BYTES else excess(body)
        if too_much:
            problems.append(Problem(too_much, 0))
        else:
            text, is_deep = text_of(body, None, part.columns.extract, is_html=True)
            reason = misfit(text)
            if reason:
                problems.append(Problem(reason, 0))
            text = None if reason else text.encode("utf-8", "replace").decode()
            if is_deep:
                problems.append(Problem("nested too deep", 0, None, "all its text is taken"))
        ids = pa.table({"doc_id": pa.array([part.file.name])})
        digests = one_digest(body)
        yield Batch(pa.array([text], pa.large_string()), ids, problems, digests=digests)


FORMAT: Format = HtmlFormat()

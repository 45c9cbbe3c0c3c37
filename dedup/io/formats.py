"""The one table of formats: name -> suffixes, codecs, and the object that reads them.

Suffixes are known without loading any format; `FORMATS[name]` imports the module at first use.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from typing import TYPE_CHECKING, cast

if TYPE_CHECKING:
    from dedup.io.base import Format

__all__ = ["CODECS", "FORMATS", "TABLE", "Entry", "format_of", "known_suffixes"]

CODECS = {".gz": "gzip", ".zst": "zstd", ".bz2": "bz2", ".lz4": "lz4"}
"""Suffix -> codec of a compressed stream."""


@dataclass(frozen=True, slots=True)
class Entry:
    """What is known of a format before it is loaded."""

    module: str
    suffixes: tuple[str, ...]
    codecs: tuple[str, ...] = ()
    """Suffixes from `CODECS` that may follow."""
    extra: str = ""
    """The extra that it needs, if any..."""
    needs: tuple[str, ...] = ()
    """...and the modules that the extra installs."""
    rides_along: tuple[str, ...] = ()
    """Columns that it offers unasked, for the clusters table."""


_STREAMS = (".gz", ".zst", ".bz2")
_READERS = ("fastwarc", "resiliparse")
_CRAWL = (
    "url",
    "host",
    "date",
    "status",
    "mime",
    "record_id",
    "file",
    "offset",
    "language",
    "canonical",
)

TABLE: dict[str, Entry] = {
    "parquet": Entry("dedup.io.parquet", (".parquet",)),
    "arrow": Entry("dedup.io.arrow", (".arrow", ".feather")),
    "jsonl": Entry("dedup.io.jsonl", (".jsonl", ".ndjson", ".json"), _STREAMS),
    "csv": Entry("dedup.io.csv", (".csv", ".tsv"), _STREAMS),
    "text": Entry("dedup.io.text", (".txt", ".md", ".text")),
    "html": Entry("dedup.io.html", (".html", ".htm"), (), "crawl", _READERS),
    "warc": Entry(
        "dedup.io.warc", (".warc", ".wet"), (".gz", ".zst", ".lz4"), "crawl", _READERS, _CRAWL
    ),
    "wacz": Entry("dedup.io.warc", (".wacz",), (), "crawl", _READERS, _CRAWL),
    "arc": Entry("dedup.io.arc", (".arc",), (".gz",), "crawl", (*_READERS, "warcio"), _CRAWL),
}


class _Formats(Mapping[str, "Format"]):
    """Name -> format; a format's module is its implementation: it defines ``FORMAT``."""

    def __getitem__(self, name: str) -> Format:
        return cast("Format", import_module(TABLE[name].module).FORMAT)

    def __iter__(self) -> Iterator[str]:
        return iter(TABLE)

    def __len__(self) -> int:
        return len(TABLE)


FORMATS: Mapping[str, Format] = _Formats()


@cache
def known_suffixes() -> dict[str, tuple[str, str | None]]:
    """Return suffix -> (format, codec), compressed suffixes included."""
    known: dict[str, tuple[str, str | None]] = {}
    for name, entry in TABLE.items():
        for suffix in entry.suffixes:
            known[suffix] = (name, None)
            for codec in entry.codecs:
                known[suffix + codec] = (name, CODECS[codec])
    return known


def format_of(path: str) -> tuple[str, str | None] | None:
    """Return (format, codec) of a path by its suffix, case ignored; None where it is unknown."""
    name = path.replace("\\", "/").rpartition("/")[2].lower()
    dots = [i for i, letter in enumerate(name) if letter == "."]
    known = known_suffixes()
    return next((known[name[i:]] for i in dots[-2:] if name[i:] in known), None)

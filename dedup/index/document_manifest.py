"""The manifest of an index of documents."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from typing import Any, ClassVar, cast

from dedup.config import Config
from dedup.index.document_segment import DocumentEntry, DocumentSegment
from dedup.index.manifest import Manifest
from dedup.index.merge import merge
from dedup.index.options import OPTIONS, SKETCH_OPTIONS
from dedup.index.segment import SegmentEntry
from dedup.lsh.parameters import Banding, choose_banding
from dedup.text.hashing import HASH_VERSION
from dedup.text.unicode import VERSION as UNICODE_VERSION


@dataclass(frozen=True, kw_only=True)
class DocumentManifest(Manifest[DocumentSegment]):
    """One state of an index of documents.

    Attributes
    ----------
    config : the options of `OPTIONS`, as `Config.to_dict` writes them.
    bands, rows : of the signatures, as chosen when the index was made.
    """

    format: ClassVar[str] = "dedup-index"
    versions: ClassVar[Mapping[str, Any]] = {
        "format_version": 1,
        "hash_version": HASH_VERSION,
        "unicode_version": UNICODE_VERSION,
    }
    made_by: ClassVar[str] = "dedup index create"
    entry: ClassVar[type[SegmentEntry]] = DocumentEntry

    bands: int
    rows: int

    @staticmethod
    def of(config: Config, store: str) -> DocumentManifest:
        """Return the manifest of an index without documents."""
        banding = choose_banding(config.threshold, config.recall)
        options = {name: value for name, value in config.to_dict().items() if name in OPTIONS}
        return DocumentManifest(config=options, store=store, bands=banding.bands, rows=banding.rows)

    @property
    def banding(self) -> Banding:
        """How signatures are cut."""
        return Banding(self.bands, self.rows)

    @property
    def threshold(self) -> Fraction:
        """Least Jaccard similarity of a match."""
        return self.as_config().threshold

    def as_config(self) -> Config:
        """Return the options as a Config."""
        return self._as_config

    @cached_property
    def _as_config(self) -> Config:
        return Config(**self.config)

    def opened(self, folder: str, entry: SegmentEntry) -> DocumentSegment:
        """Map a segment."""
        return DocumentSegment(folder, cast(DocumentEntry, entry), self.bands)

    def merged(
        self, folder: str, stem: str, segments: Sequence[DocumentSegment]
    ) -> SegmentEntry | None:
        """Write segments as one; None where no document is left."""
        return merge(folder, stem, segments)

    def wanted(self, asked: dict[str, Any]) -> dict[str, Any]:
        """Return the `SKETCH_OPTIONS` of some options; those of `READING_OPTIONS` may differ."""
        values = Config(**asked).to_dict()
        return {name: values[name] for name in SKETCH_OPTIONS if name in asked}

    def facts(self) -> dict[str, Any]:
        """Return the number of shingles, and the bands."""
        shingles = sum(cast(DocumentEntry, entry).shingles for entry in self.segments)
        return {"shingles": shingles, "bands": self.bands, "rows": self.rows}

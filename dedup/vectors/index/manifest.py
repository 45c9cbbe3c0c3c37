"""The manifest of an index of vectors."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar

from dedup.index.files import Stored
from dedup.index.manifest import Manifest
from dedup.index.segment import SegmentEntry
from dedup.text.hashing import HASH_VERSION
from dedup.vectors.config import VectorConfig
from dedup.vectors.index.hashing import scheme_of
from dedup.vectors.index.options import SEARCH_OPTIONS
from dedup.vectors.index.segment import VectorSegment, merge_vectors
from dedup.vectors.parameters import Scheme


@dataclass(frozen=True, kw_only=True)
class VectorManifest(Manifest[VectorSegment]):
    """One state of an index of vectors.

    Attributes
    ----------
    config : the options of `OPTIONS`, as `VectorConfig.to_dict` writes them, but with the tables
        and functions that were chosen when the index was made.
    dim : values of a vector.
    functions : the file of the hash functions.
    """

    format: ClassVar[str] = "dedup-vector-index"
    versions: ClassVar[Mapping[str, Any]] = {"format_version": 1, "hash_version": HASH_VERSION}
    holds: ClassVar[str] = "vectors"
    made_by: ClassVar[str] = "dedup vectors index create"

    dim: int
    functions: Stored

    @cached_property
    def options(self) -> VectorConfig:
        """The options as a VectorConfig."""
        return VectorConfig(**self.config)

    @cached_property
    def scheme(self) -> Scheme:
        """The tables."""
        return scheme_of(self.options, self.dim)

    @property
    def files(self) -> tuple[Stored, ...]:
        """All files of the index."""
        return (self.functions, *super().files)

    def opened(self, folder: str, entry: SegmentEntry) -> VectorSegment:
        """Map a segment."""
        return VectorSegment(folder, entry, self.dim, self.scheme.num_tables)

    def merged(
        self, folder: str, stem: str, segments: Sequence[VectorSegment]
    ) -> SegmentEntry | None:
        """Write segments as one; None where no vector is left."""
        return merge_vectors(folder, stem, segments, self.dim)

    def wanted(self, asked: dict[str, Any]) -> dict[str, Any]:
        """Return the `SEARCH_OPTIONS` of some options; those of reading may differ."""
        values = VectorConfig(**asked).to_dict()
        return {name: values[name] for name in SEARCH_OPTIONS if name in asked}

    def facts(self) -> dict[str, Any]:
        """Return the dimension, and how surely a pair at the threshold is found."""
        return {"dimensions": self.dim, "at_threshold": round(self.scheme.recall, 6)}

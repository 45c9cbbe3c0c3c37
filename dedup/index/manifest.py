"""The manifest: which segments an index is, and what its keys depend on.

One small file, swapped atomically: whoever reads it has one consistent state of the index, and
until it is swapped nothing has happened.
"""

from __future__ import annotations

import json
import os
import sys
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any, ClassVar, Generic, Self, TypeVar

import xxhash

from dedup.errors import ConfigError, DedupError, FormatVersionError, InputError
from dedup.index.files import Stored, replace_whole
from dedup.index.options import STORES
from dedup.index.segment import Segment, SegmentEntry

MANIFEST_FILE = "manifest.json"

S = TypeVar("S", bound=Segment)


@dataclass(frozen=True, kw_only=True)
class Manifest(ABC, Generic[S]):
    """One state of an index.

    Attributes
    ----------
    config : the options of the index, as JSON values.
    store : ``new`` (keepers alone) or ``all`` documents are stored.
    generation : counts the states of the index.
    added : documents that were ever added, stored or not; the number of the next one.
    files_made : counts the names of files, so that none is ever given twice.
    """

    format: ClassVar[str]
    versions: ClassVar[Mapping[str, Any]]
    """What a reader must have as well, by name."""
    holds: ClassVar[str]
    """What stands in it, in the plural."""
    made_by: ClassVar[str]
    """The command that makes such an index."""
    entry: ClassVar[type[SegmentEntry]] = SegmentEntry

    config: dict[str, Any]
    store: str
    generation: int = 0
    added: int = 0
    files_made: int = 0
    segments: tuple[SegmentEntry, ...] = field(default=())

    def __post_init__(self) -> None:
        check_store(self.store)

    @abstractmethod
    def opened(self, folder: str, entry: SegmentEntry) -> S:
        """Map a segment."""

    @abstractmethod
    def merged(self, folder: str, stem: str, segments: Sequence[S]) -> SegmentEntry | None:
        """Write segments as one; None where no document is left."""

    @abstractmethod
    def wanted(self, asked: dict[str, Any]) -> dict[str, Any]:
        """Return those of some options that the answers depend on, as `config` has them."""

    @property
    def files(self) -> tuple[Stored, ...]:
        """All files of the index."""
        return tuple(file for segment in self.segments for file in segment.files)

    def facts(self) -> dict[str, Any]:
        """Return what `Snapshot.stats` says beside what it says of every index."""
        return {}

    def next(self, **changes: Any) -> Self:
        """Return the state that follows."""
        return replace(self, generation=self.generation + 1, **changes)

    def check(self, asked: dict[str, Any], folder: str) -> None:
        """Raise ConfigError where options are asked for that the index does not have."""
        differences = [
            f"{name} {self.config[name]}, not {value}"
            for name, value in self.wanted(asked).items()
            if self.config[name] != value
        ]
        if differences:
            raise ConfigError(
                f"{folder} was made with {'; '.join(differences)}: use its options, or create "
                "another index."
            )

    def save(self, folder: str) -> None:
        """Make this the state of the index; all its files must be on the disk by then."""
        values = {"format": self.format} | dict(self.versions) | asdict(self)
        values["xxh3_128"] = _checksum(values)
        replace_whole(folder, MANIFEST_FILE, json.dumps(values, indent=1) + "\n")

    @classmethod
    def read(cls, folder: str) -> Self:
        """Read the state of an index.

        Raises
        ------
        InputError : there is no index of this kind, or its manifest is damaged.
        FormatVersionError : what made it had other versions.
        """
        values = _read(folder, cls.made_by)
        found = values.pop("format")
        if found != cls.format:
            raise InputError(
                f"{folder} holds no {cls.holds} (its format is {found}); make another index with "
                f"{cls.made_by}."
            )
        differences = [
            f"{name} {values.get(name)}, not {version}"
            for name, version in cls.versions.items()
            if values.get(name) != version
        ]
        if differences:
            raise FormatVersionError(
                f"{folder} has {'; '.join(differences)}: use the version of dedup that made it, or "
                "make it again."
            )
        if sys.byteorder != "little":
            raise DedupError(f"{folder} holds little-endian numbers, which this machine has not.")
        known = values.pop("xxh3_128", None)
        if known != _checksum({"format": found} | values):
            path = os.path.join(folder, MANIFEST_FILE)
            raise InputError(f"{path} is damaged (its checksum is wrong); restore it from a copy.")
        for name in cls.versions:
            del values[name]
        segments = tuple(cls.entry(**_with_files(one)) for one in values.pop("segments"))
        return cls(segments=segments, **_with_files(values))


def check_store(store: str) -> None:
    """Raise ConfigError where it is none of `STORES`."""
    if store not in STORES:
        raise ConfigError(f"store is {store!r}; give one of {', '.join(STORES)}.")


def _read(folder: str, made_by: str) -> dict[str, Any]:
    """Read the manifest of an index of any kind; its ``format`` tells which."""
    path = os.path.join(folder, MANIFEST_FILE)
    try:
        with open(path, encoding="utf-8") as file:
            values = json.load(file)
    except (FileNotFoundError, NotADirectoryError):
        raise InputError(f"{folder} is no index; make one with {made_by}.") from None
    except (OSError, ValueError) as error:
        raise InputError(f"{path} cannot be read ({error}); restore it from a copy.") from error
    if not isinstance(values, dict) or not str(values.get("format", "")).startswith("dedup-"):
        raise InputError(f"{folder} is no index of dedup; make one with {made_by}.")
    return values


def _with_files(values: dict[str, Any]) -> dict[str, Any]:
    """Return the values with each file as a `Stored`."""
    return {
        name: Stored(**value) if isinstance(value, dict) and "xxh3_128" in value else value
        for name, value in values.items()
    }


def _checksum(values: dict[str, Any]) -> str:
    text = json.dumps(values, sort_keys=True, separators=(",", ":"))
    return xxhash.xxh3_128_hexdigest(text.encode())

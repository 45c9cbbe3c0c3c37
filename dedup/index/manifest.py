"""The manifest: which segments an index is, and what its sketches depend on.

One small file, swapped atomically: whoever reads it has one consistent state of the index, and
until it is swapped nothing has happened.
"""

from __future__ import annotations

import json
import os
import sys
from dataclasses import asdict, dataclass, field, replace
from fractions import Fraction
from functools import cached_property
from typing import Any

import xxhash

from dedup.config import Config
from dedup.errors import ConfigError, DedupError, FormatVersionError, InputError
from dedup.index.files import Stored, replace_whole
from dedup.index.options import OPTIONS, SKETCH_OPTIONS, STORES
from dedup.lsh.parameters import Banding, choose_banding
from dedup.text.hashing import HASH_VERSION
from dedup.text.unicode import VERSION as UNICODE_VERSION

MANIFEST_FILE = "manifest.json"
FORMAT = "dedup-index"
FORMAT_VERSION = 1


@dataclass(frozen=True)
class SegmentEntry:
    """A segment as the manifest knows it.

    Attributes
    ----------
    documents, shingles : how many it holds.
    data, ids, marks : its files; see `dedup.index.segment`. `marks` changes when documents are
        removed, the others never.
    """

    documents: int
    shingles: int
    data: Stored
    ids: Stored
    marks: Stored

    @property
    def files(self) -> tuple[Stored, ...]:
        """All files of the segment."""
        return (self.data, self.ids, self.marks)


@dataclass(frozen=True)
class Manifest:
    """One state of an index.

    Attributes
    ----------
    config : the options of `OPTIONS`, as `Config.to_dict` writes them.
    store : ``new`` (keepers alone) or ``all`` documents are stored.
    bands, rows : of the signatures, as chosen when the index was made.
    generation : counts the states of the index.
    added : documents that were ever added, stored or not; the number of the next one.
    files_made : counts the names of files, so that none is ever given twice.
    """

    config: dict[str, Any]
    store: str
    bands: int
    rows: int
    generation: int = 0
    added: int = 0
    files_made: int = 0
    segments: tuple[SegmentEntry, ...] = field(default=())

    @staticmethod
    def of(config: Config, store: str) -> Manifest:
        """Return the manifest of an index without documents."""
        if store not in STORES:
            raise ConfigError(f"store is {store!r}; give one of {', '.join(STORES)}.")
        banding = choose_banding(config.threshold, config.recall)
        options = {name: value for name, value in config.to_dict().items() if name in OPTIONS}
        return Manifest(options, store, banding.bands, banding.rows)

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

    def next(self, **changes: Any) -> Manifest:
        """Return the state that follows."""
        return replace(self, generation=self.generation + 1, **changes)

    def check(self, asked: dict[str, Any], folder: str) -> None:
        """Raise where options are asked for that the index does not have.

        Parameters
        ----------
        asked : options of `Config` by name; those of `READING_OPTIONS` may differ.
        """
        wanted = Config(**asked).to_dict()
        differences = [
            f"{name} {self.config[name]}, not {wanted[name]}"
            for name in SKETCH_OPTIONS
            if name in asked and self.config[name] != wanted[name]
        ]
        if differences:
            raise ConfigError(
                f"{folder} was made with {'; '.join(differences)}: use its options, or create "
                "another index."
            )

    def save(self, folder: str) -> None:
        """Make this the state of the index; all its files must be on the disk by then."""
        values = {
            "format": FORMAT,
            "format_version": FORMAT_VERSION,
            "hash_version": HASH_VERSION,
            "unicode_version": UNICODE_VERSION,
        } | asdict(self)
        values["xxh3_128"] = _checksum(values)
        replace_whole(folder, MANIFEST_FILE, json.dumps(values, indent=1) + "\n")


def read_manifest(folder: str) -> Manifest:
    """Read the state of an index.

    Raises
    ------
    InputError : there is no index, or its manifest is damaged.
    FormatVersionError : another version of the format, of the hashes or of Unicode made it.
    """
    path = os.path.join(folder, MANIFEST_FILE)
    try:
        with open(path, encoding="utf-8") as file:
            values = json.load(file)
    except (FileNotFoundError, NotADirectoryError):
        raise InputError(f"{folder} is no index; make one with dedup index create.") from None
    except (OSError, ValueError) as error:
        raise InputError(f"{path} cannot be read ({error}); restore it from a copy.") from error
    if not isinstance(values, dict) or values.pop("format", None) != FORMAT:
        raise InputError(f"{folder} is no index of dedup; make one with dedup index create.")
    ours = (
        ("format_version", FORMAT_VERSION),
        ("hash_version", HASH_VERSION),
        ("unicode_version", UNICODE_VERSION),
    )
    differences = [
        f"{name} {values.get(name)}, not {version}"
        for name, version in ours
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
    if known != _checksum({"format": FORMAT} | values):
        raise InputError(f"{path} is damaged (its checksum is wrong); restore it from a copy.")
    for name, _ in ours:
        del values[name]
    segments = tuple(
        SegmentEntry(
            entry["documents"],
            entry["shingles"],
            *(Stored(**entry[kind]) for kind in ("data", "ids", "marks")),
        )
        for entry in values.pop("segments")
    )
    return Manifest(segments=segments, **values)


def _checksum(values: dict[str, Any]) -> str:
    text = json.dumps(values, sort_keys=True, separators=(",", ":"))
    return xxhash.xxh3_128_hexdigest(text.encode())

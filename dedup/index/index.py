"""An index on disk: add, query, remove, compact, verify.

An `Index` sees one consistent state, that of its opening or its last change; others may read and
write beside it. A change takes the lock, brings the new files to the disk and swaps the manifest:
it has happened then, and not before.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from dedup.config import Config
from dedup.documents import SketchParameters
from dedup.errors import ConfigError, OutputExistsError
from dedup.index.answers import id_type, matches_table
from dedup.index.change import Change, remove_unnamed
from dedup.index.incoming import Batches, batches, sketched
from dedup.index.lock import LOCK_FILE, writing
from dedup.index.lookup import Lookup
from dedup.index.manifest import MANIFEST_FILE, Manifest
from dedup.index.options import OPTIONS, READING_OPTIONS
from dedup.index.segment import DUPLICATE, REMOVED, Segment
from dedup.index.snapshot import Snapshot
from dedup.io.base import Columns
from dedup.io.values import join_tables
from dedup.pipeline import needed_columns
from dedup.resources.failures import in_one_sentence
from dedup.search import sketch_parameters

PathLike = str | os.PathLike[str]

PATIENCE_SECONDS = 60.0
"""How long a writer waits for another one."""


class Index:
    """A persistent index of documents; see `create` and `open`.

    Attributes
    ----------
    path : its folder.
    """

    def __init__(self, path: PathLike) -> None:
        self.path = os.fspath(path)
        self._snapshot = Snapshot.of(self.path)

    @classmethod
    def create(cls, path: PathLike, *, store: str = "new", **options: Any) -> Index:
        """Make an index without documents.

        Parameters
        ----------
        path : a folder that is not there, or empty.
        store : ``new`` stores the documents that match nothing before them, the keepers; ``all``
            stores every document, which `clusters` needs.
        **options : the fields of `Config` that `OPTIONS` names.

        Raises
        ------
        OutputExistsError : something is there.
        """
        wrong = [name for name in options if name not in OPTIONS]
        if wrong:
            raise ConfigError(f"an index has no option {wrong[0]!r}; it has {', '.join(OPTIONS)}.")
        manifest = Manifest.of(Config(**options), store)
        folder = os.fspath(path)
        with in_one_sentence([folder]):
            os.makedirs(folder, exist_ok=True)
            if set(os.listdir(folder)) - {LOCK_FILE}:
                raise OutputExistsError(f"{folder} is there; give another path, or add to it.")
            with writing(folder, PATIENCE_SECONDS):
                if MANIFEST_FILE in os.listdir(folder):
                    raise OutputExistsError(f"{folder} is there; give another path, or add to it.")
                manifest.save(folder)
        return cls(folder)

    @classmethod
    def open(cls, path: PathLike, **options: Any) -> Index:
        """Open an index that is there.

        Parameters
        ----------
        **options : what the index must have been made with, such as ``threshold=0.8``.

        Raises
        ------
        InputError, FormatVersionError, ConfigError : there is none, none of this version, or none
            with these options; the message spells out the differences.
        """
        index = cls(path)
        index.manifest.check(options, index.path)
        return index

    def refresh(self) -> None:
        """See the state of now: what others have added or removed."""
        self._snapshot = Snapshot.of(self.path, self._snapshot)

    @property
    def manifest(self) -> Manifest:
        """The state that is seen."""
        return self._snapshot.manifest

    @property
    def segments(self) -> Sequence[Segment]:
        """The segments of that state."""
        return self._snapshot.segments

    def __len__(self) -> int:
        """Return how many documents it holds."""
        return self._snapshot.num_live

    def __repr__(self) -> str:
        return f"<Index {self.path}: {len(self):,} documents>"

    @property
    def config(self) -> Config:
        """The options of the index."""
        return self.manifest.as_config()

    @property
    def parameters(self) -> SketchParameters:
        """What its sketches depend on."""
        return replace(sketch_parameters(self.config), banding=self.manifest.banding)

    def columns(self, **names: Any) -> Columns:
        """Return the columns that are read of documents.

        Parameters
        ----------
        **names : `READING_OPTIONS`, where they are not those of the index.
        """
        wrong = [name for name in names if name not in READING_OPTIONS]
        if wrong:
            raise ConfigError(f"there is no {wrong[0]!r}; give {', '.join(READING_OPTIONS)}.")
        given = {name: value for name, value in names.items() if value is not None}
        return needed_columns(replace(self.config, **given))

    def add(self, data: Any, *, text: str | None = None, id: str | None = None) -> pa.Table:
        """Add documents, all or none of them, and say for each what it is.

        Parameters
        ----------
        data : a text, a list of texts, or a table as for `dedup.find_duplicates`.
        text, id : columns of a table, if not those of the index.

        Returns
        -------
        A row for each document: ``doc_id``, ``match`` (new, identical, equal or near),
        ``keeper_id`` and ``jaccard`` (null for what is new).
        """
        found = list(self.adding(batches(data, self.columns(text_column=text, id_column=id))))
        return _joined(found)

    def adding(self, found: Batches) -> Iterator[pa.Table]:
        """Add batches and yield what `add` returns for each; all are added when the last is done.

        Where it ends before that, by an error or because nobody asks on, nothing is added.
        """
        with self._changing() as change:
            for text, ids in found:
                yield change.add(text, ids)
            change.commit()

    def query(
        self,
        data: Any,
        *,
        top: int | None = None,
        limit: int | None = None,
        text: str | None = None,
        id: str | None = None,
    ) -> pa.Table:
        """Return the stored documents that match; nothing changes.

        Parameters
        ----------
        data, text, id : as for `add`.
        top : most matches of a document, the best; all if not given.
        limit : most stored documents that a document is compared with, in the order of adding: a
            bound of time for pages of a template. All if not given.

        Returns
        -------
        A row for each match: ``query`` (the document's place), ``query_id`` (where it has one),
        ``doc_id``, ``jaccard``, ``match``, and when it was ``added``; the best first.
        """
        for name, value in (("top", top), ("limit", limit)):
            if value is not None and value < 1:
                raise ConfigError(f"{name} is {value}; give a number of at least 1.")
        found = batches(data, self.columns(text_column=text, id_column=id))
        return _joined(list(self.querying(found, top, limit)))

    def querying(
        self, found: Batches, top: int | None = None, limit: int | None = None
    ) -> Iterator[pa.Table]:
        """Yield what `query` returns, batch by batch."""
        first = 0
        kind = id_type(self.segments)
        for text, ids in found:
            batch = sketched(text, ids, self.parameters)
            lookup = Lookup(self.manifest.threshold, keepers_only=False, limit=limit)
            matches = lookup.matches(batch, self.segments)
            matches = matches.best_of_each(len(matches) if top is None else top)
            yield matches_table(first, batch, matches, self.segments, kind)
            first += len(batch)

    def remove(self, ids: Sequence[Any]) -> int:
        """Remove the documents of these ids, and return how many there were.

        They can be added again. What was a duplicate of a removed keeper is one no more: where all
        documents are stored, the keepers are found anew, which takes a search of the whole index.
        """
        from dedup.index.clusters import settled_again

        wanted = pa.array([str(one) for one in ids], pa.string())
        with self._changing() as change:
            marks = []
            count, lost_keeper = 0, False
            for segment in change.segments:
                named = pc.is_in(segment.ids.cast(pa.string()), value_set=wanted)
                gone = named.to_numpy(zero_copy_only=False).astype(np.bool_) & segment.is_live
                count += int(gone.sum())
                lost_keeper |= bool((gone & ((segment.marks & DUPLICATE) == 0)).any())
                marks.append(segment.marks | np.where(gone, REMOVED, 0).astype(np.uint8))
            if count:
                change.mark(marks)
                if lost_keeper and self.manifest.store == "all":
                    change.mark(settled_again(change.segments, self.config))
                change.commit()
        return count

    def compact(self) -> None:
        """Make one segment of all, without what was removed; no answer changes."""
        with self._changing() as change:
            change.compact()
            change.commit()

    def clusters(self, linkage: str = "keeper") -> pa.Table:
        """Return the clusters of two or more of the stored documents, keeper first.

        Parameters
        ----------
        linkage : ``keeper``, as `add` decided; ``components``: connected components of all verified
            pairs, the same for any order and cutting of what was added.

        Raises
        ------
        ConfigError : the index stores new documents alone.
        """
        from dedup.index.clusters import clusters_table

        if self.manifest.store != "all":
            raise ConfigError(
                f"{self.path} stores new documents alone, so it has no clusters; create an index "
                "with --store all."
            )
        return clusters_table(self.segments, self.config, linkage)

    def verify(self) -> list[str]:
        """Read every byte and return what is damaged, a sentence each; none where all is well."""
        self.refresh()
        while problems := self._snapshot.problems():
            generation = self.manifest.generation
            self.refresh()
            if self.manifest.generation == generation:
                break  # else another process has replaced what was read
        return problems

    def stats(self) -> dict[str, Any]:
        """Return counts and sizes, as JSON values."""
        return self._snapshot.stats()

    @contextmanager
    def _changing(self) -> Iterator[Change]:
        """Hold the lock on the newest state; see it changed, if it was, afterwards."""
        with in_one_sentence([self.path]), writing(self.path, PATIENCE_SECONDS):
            self.refresh()
            change = Change(self.path, self.manifest, self.segments, self.parameters)
            try:
                yield change
            finally:
                self.refresh()
                remove_unnamed(self.path, self.manifest)


def _joined(tables: Sequence[pa.Table]) -> pa.Table:
    """Join the answers to batches; ids of different types become strings."""
    return join_tables([(table, len(table)) for table in tables])

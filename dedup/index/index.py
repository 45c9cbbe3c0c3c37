"""The index of documents: add, query, clusters."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from dedup.config import Config
from dedup.documents import SketchParameters
from dedup.errors import ConfigError
from dedup.index.answers import id_type, joined, matches_table
from dedup.index.base import PathLike, StoredIndex, making
from dedup.index.document_change import DocumentChange
from dedup.index.document_manifest import DocumentManifest
from dedup.index.document_segment import DocumentSegment
from dedup.index.incoming import Batches, batches, sketched
from dedup.index.lookup import Lookup
from dedup.index.options import OPTIONS, READING_OPTIONS
from dedup.io.base import Columns
from dedup.pipeline import needed_columns
from dedup.search import sketch_parameters


class Index(StoredIndex[DocumentManifest, DocumentSegment, DocumentChange]):
    """A persistent index of documents; see `create` and `open`.

    Attributes
    ----------
    path : its folder.
    """

    manifest_type = DocumentManifest

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
        manifest = DocumentManifest.of(Config(**options), store)
        with making(path) as folder:
            manifest.save(folder)
        return cls(folder)

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
        return joined(found)

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
        return joined(list(self.querying(found, top, limit)))

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

    def _change(self) -> DocumentChange:
        return DocumentChange(self.path, self.manifest, self.segments, self.parameters)

    def _settled_again(self, segments: Sequence[DocumentSegment]) -> list[NDArray[np.uint8]]:
        from dedup.index.clusters import settled_again

        return settled_again(segments, self.config)

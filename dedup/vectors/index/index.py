"""An index of vectors: what came today against everything seen before, and who is nearest."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from dedup.errors import ConfigError, InputError
from dedup.index.answers import id_type, joined
from dedup.index.base import PathLike, StoredIndex, making, marked_again
from dedup.index.change import Change
from dedup.index.manifest import check_store
from dedup.vectors.config import MAX_FUNCTIONS, VectorConfig
from dedup.vectors.families.base import Float64Array
from dedup.vectors.index.answers import added_table, nearest_table
from dedup.vectors.index.hashing import FUNCTIONS_FILE, Hasher, scheme_for
from dedup.vectors.index.incoming import VectorBatch, batches, read_batch
from dedup.vectors.index.lookup import Candidates, candidates, exact_values, rank_in_group
from dedup.vectors.index.manifest import VectorManifest
from dedup.vectors.index.options import OPTIONS, READING_OPTIONS
from dedup.vectors.index.segment import NewVectors, VectorSegment, sorted_entries
from dedup.vectors.index.settle import removed_among, settle
from dedup.vectors.store import Vectors

_TOP = 10


class VectorChange(Change[VectorManifest, VectorSegment]):
    """A change of an index of vectors."""

    def __init__(
        self,
        folder: str,
        manifest: VectorManifest,
        segments: Sequence[VectorSegment],
        hasher: Hasher,
    ) -> None:
        super().__init__(folder, manifest, segments)
        self._hasher = hasher

    def add(self, batch: VectorBatch) -> pa.Table:
        """Add a batch of vectors; see `VectorIndex.add`."""
        manifest, count = self.manifest, len(batch)
        keys = self._hasher.keys(batch.values, batch.norms)[0]
        settled = settle(
            batch, keys, self.segments, self._hasher, manifest.scheme, manifest.options
        )
        numbers = np.arange(count) + manifest.added
        ids = pa.array(numbers) if batch.ids is None else batch.ids
        kind = id_type(self.segments, [ids.type])
        answer = added_table(batch, ids, settled, self.segments, manifest.options.measure, kind)
        self.manifest = replace(manifest, added=manifest.added + count)
        is_new = settled.is_new
        stored = np.flatnonzero(is_new if manifest.store == "new" else batch.is_good)
        if len(stored):
            new = NewVectors(
                ids=ids.take(pa.array(stored)),
                numbers=numbers[stored],
                added=np.full(len(stored), int(time.time())),
                num_rows=len(keys),
                entries=sorted_entries(keys[:, stored]),
                duplicate=~is_new[stored],
                norms=batch.norms[stored],
                values=[batch.values[stored]],
            )
            self.append(new.write(self.folder, self.stem(), manifest.dim))
        return answer


class VectorIndex(StoredIndex[VectorManifest, VectorSegment, VectorChange]):
    """A persistent index of vectors; see `create` and `open`.

    Attributes
    ----------
    path : its folder.
    """

    manifest_type = VectorManifest

    def __init__(self, path: PathLike) -> None:
        super().__init__(path)
        made = self.manifest
        self._hasher = Hasher.read(self.path, made.functions, made.options, made.dim)

    @classmethod
    def create(
        cls, path: PathLike, sample: Any, *, store: str = "new", **options: Any
    ) -> VectorIndex:
        """Make an index without vectors.

        Parameters
        ----------
        path : a folder that is not there, or empty.
        sample : some thousands of such vectors as will come, in any form that
            `dedup.vectors.find_duplicates` takes: their dimension is the index's, and the cheapest
            functions are chosen by how alike they are. They are not added; bad ones do not matter.
        store : ``new`` stores the vectors that match nothing before them, the keepers; ``all``
            stores every vector, so that any may be among the nearest.
        **options : the fields of `VectorConfig` that `OPTIONS` names.

        Raises
        ------
        OutputExistsError : something is there.
        """
        wrong = [name for name in options if name not in OPTIONS]
        if wrong:
            raise ConfigError(f"an index has no option {wrong[0]!r}; it has {', '.join(OPTIONS)}.")
        check_store(store)
        config = VectorConfig(**options)
        drawn = read_batch(sample, replace(config, skip_bad=True))
        rows = np.flatnonzero(drawn.is_good)
        if not len(rows):
            raise InputError("no vector of the sample can be compared; give others.")
        vectors = Vectors.of(drawn.values, rows, drawn.norms, config.measure)
        scheme = scheme_for(vectors, config)
        config = replace(config, tables=scheme.num_tables, functions=scheme.num_functions)
        hasher = Hasher.draw(vectors, config)
        with making(path, [FUNCTIONS_FILE]) as folder:
            VectorManifest(
                config={name: value for name, value in config.to_dict().items() if name in OPTIONS},
                store=store,
                dim=vectors.dim,
                functions=hasher.write(folder),
            ).save(folder)
        return cls(folder)

    def reading(self, *, skip_bad: bool = False, **names: Any) -> VectorConfig:
        """Return how vectors are read.

        Parameters
        ----------
        **names : `READING_OPTIONS`, where they are not those of the index.
        """
        wrong = [name for name in names if name not in READING_OPTIONS]
        if wrong:
            raise ConfigError(f"there is no {wrong[0]!r}; give {', '.join(READING_OPTIONS)}.")
        given = {name: value for name, value in names.items() if value is not None}
        return replace(self.manifest.options, skip_bad=skip_bad, **given)

    def add(
        self,
        data: Any,
        *,
        vector: str | None = None,
        id: str | None = None,
        skip_bad: bool = False,
    ) -> pa.Table:
        """Add vectors, all or none of them, and say for each what it is.

        Parameters
        ----------
        data : as for `dedup.vectors.find_duplicates`.
        vector, id : columns of a table, if not those of the index.
        skip_bad : whether vectors that cannot be compared are left out, instead of an error.

        Returns
        -------
        A row for each vector: ``doc_id``, ``match`` (new, identical or near; null where it was left
        out), ``keeper_id``, and ``similarity`` or ``distance`` (null for what is new).
        """
        config = self.reading(skip_bad=skip_bad, vector=vector, id_column=id)
        return joined(list(self.adding(self.batches(data, config))))

    def batches(self, data: Any, config: VectorConfig) -> Iterator[VectorBatch]:
        """Yield the vectors of an input; see `reading`."""
        return batches(data, config, self.manifest.dim, self.path)

    def adding(self, found: Iterator[VectorBatch]) -> Iterator[pa.Table]:
        """Add batches and yield what `add` returns for each; all are added when the last is done.

        Where it ends before that, by an error or because nobody asks on, nothing is added.
        """
        with self._changing() as change:
            for batch in found:
                yield change.add(batch)
            change.commit()

    def query(
        self,
        data: Any,
        *,
        top: int = _TOP,
        limit: int | None = None,
        probes: int = 0,
        vector: str | None = None,
        id: str | None = None,
        skip_bad: bool = False,
    ) -> pa.Table:
        """Return the nearest stored vectors, however far; nothing changes.

        Parameters
        ----------
        data, vector, id, skip_bad : as for `add`.
        top : most of them for a vector.
        limit : most stored vectors that a vector is compared with, those that share most buckets
            with it; twice the tables if not given, 0 for all.
        probes : neighbouring buckets of each table that are looked up too, the likeliest first.

        Returns
        -------
        A row for each, the nearest first: ``query`` (the vector's place), ``query_id`` (where it
        has one), ``doc_id``, ``similarity`` or ``distance``, exact; ``match`` (identical, near, or
        null beyond the threshold), and when it was ``added``.
        """
        config = self.reading(skip_bad=skip_bad, vector=vector, id_column=id)
        return joined(list(self.querying(self.batches(data, config), top, limit, probes)))

    def querying(
        self,
        found: Iterator[VectorBatch],
        top: int = _TOP,
        limit: int | None = None,
        probes: int = 0,
    ) -> Iterator[pa.Table]:
        """Yield what `query` returns, batch by batch."""
        scheme = self.manifest.scheme
        most = min(scheme.num_functions, MAX_FUNCTIONS)
        for name, value, least in (("top", top, 1), ("limit", limit, 0), ("probes", probes, 0)):
            if value is not None and value < least:
                raise ConfigError(f"{name} is {value}; give a number of at least {least}.")
        if probes > most:
            raise ConfigError(f"probes is {probes}; give no more than the {most} functions.")
        kind, measure = id_type(self.segments), self.manifest.options.measure
        capped = 2 * scheme.num_tables if limit is None else limit
        first = 0
        for batch in found:
            its, values = self._nearest(batch, top, capped, probes)
            is_near = self._is_near(values)
            yield nearest_table(first, batch, its, values, self.segments, is_near, measure, kind)
            first += len(batch)

    def _nearest(
        self, batch: VectorBatch, top: int, limit: int, probes: int
    ) -> tuple[Candidates, Float64Array]:
        """Return the nearest of each vector's candidates, and their values."""
        keys = self._hasher.keys(batch.values, batch.norms, probes)
        measure, min_tables = self.manifest.options.measure, self.manifest.scheme.min_tables
        pieces, values = [], [np.zeros(0)]
        for some in candidates(keys, self.segments, min_tables, keepers_only=False):
            some = some.take(np.flatnonzero(batch.is_good[some.query]))
            some = some.most_votes(limit) if limit else some
            value = exact_values(batch, some, self.segments, measure)
            order = np.lexsort((some.number, -value if measure == "cosine" else value, some.query))
            order = order[rank_in_group(some.query[order]) < top]
            pieces.append(some.take(order))
            values.append(value[order])
        return Candidates.joined(pieces), np.concatenate(values)

    def _is_near(self, value: Float64Array) -> NDArray[np.bool_]:
        limit = float(self.manifest.options.threshold)
        is_cosine = self.manifest.options.measure == "cosine"
        near: NDArray[np.bool_] = value >= limit if is_cosine else value <= limit
        return near

    def _change(self) -> VectorChange:
        return VectorChange(self.path, self.manifest, self.segments, self._hasher)

    def _settled_again(self, segments: Sequence[VectorSegment]) -> list[NDArray[np.uint8]]:
        manifest = self.manifest
        removed = removed_among(segments, self._hasher, manifest.scheme, manifest.options)
        return marked_again(segments, removed)

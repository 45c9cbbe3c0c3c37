"""What a reference has already: an index, or documents that are made one for the run.

A document of the run is known where it matches any document of the reference, by the bands and the
exact Jaccard of both; known documents are removed, and the rest are searched as ever.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from dedup.check import Check
from dedup.config import Config
from dedup.corpus import Corpus
from dedup.errors import ConfigError
from dedup.index.answers import id_type, matches_table
from dedup.index.incoming import Incoming, file_batches
from dedup.index.index import Index
from dedup.index.lookup import Lookup
from dedup.index.manifest import MANIFEST_FILE
from dedup.index.options import SKETCH_OPTIONS
from dedup.io.inputs import discover
from dedup.jobs.local import temporary_folder
from dedup.lsh.buckets import place_bits
from dedup.spill.chunks import chunks

_SHINGLES_TOGETHER = 1 << 22
_ONLY = {"measure": ("jaccard",), "method": ("minhash", "both"), "ignore_common": (None,)}
_ONLY |= {"within": (None,)}
"""Values of other options that go with a reference: its sets and buckets are those of all."""


@dataclass(frozen=True)
class Known:
    """The documents of a run that a reference has.

    Attributes
    ----------
    mask : bool, by position.
    table : ``doc_id source position reference_id jaccard match`` of each, with the best match.
    """

    mask: NDArray[np.bool_]
    table: pa.Table


def check_options(config: Config, check: Check | None) -> None:
    """Raise ConfigError where options do not go with a reference."""
    for name, values in _ONLY.items():
        given = getattr(config, name)
        if given not in values:
            raise ConfigError(f"against is given with {name} {given!r}; leave one of them out.")
    if check is not None:
        raise ConfigError("against is given with check, which sees no reference; leave one out.")


@contextmanager
def opened_reference(path: str, config: Config, scratch: str | None) -> Iterator[Index]:
    """Give the reference, as an index.

    Parameters
    ----------
    path : an index, which must have been made with the options of the run; or a file, folder or
        glob of documents, whose columns are named as in the run.
    scratch : folder for the index that is made of documents.

    Raises
    ------
    InputError, ConfigError : there is nothing, or an index of other options.
    """
    options = {name: getattr(config, name) for name in SKETCH_OPTIONS}
    if os.path.exists(os.path.join(path, MANIFEST_FILE)):
        yield Index.open(path, **options)
        return
    files = discover([path]).files
    with temporary_folder(scratch) as folder:
        index = Index.create(
            os.path.join(folder, "reference"),
            store="all",
            text_column=config.text_column,
            id_column=config.id_column,
            extract=config.extract,
            **options,
        )
        for _ in index.adding(file_batches(files, index.columns(), folder, [])):
            pass  # what the reference's documents are to each other does not matter
        yield index


def known_documents(corpus: Corpus, index: Index, config: Config) -> Known:
    """Return which documents the reference has."""
    mask = np.zeros(len(corpus), np.bool_)
    segments = index.segments
    kind = id_type(segments)
    tables = []
    for first, batch in _batches(corpus):
        lookup = Lookup(config.threshold, keepers_only=False)
        matches = lookup.matches(batch, segments).best_of_each(1)
        is_long = corpus.num_tokens[first + matches.query] >= config.min_tokens
        matches = matches.take(np.flatnonzero(is_long))
        positions = first + matches.query
        mask[positions] = True
        sources = np.searchsorted(corpus.file_offsets, positions, side="right") - 1
        found = matches_table(first, batch, matches, segments, kind)
        tables.append(
            pa.table(
                {
                    "doc_id": corpus.ids.take(positions),
                    "source": pa.array([file.name for file in corpus.files], pa.string()).take(
                        pa.array(sources)
                    ),
                    "position": found["query"],
                    "reference_id": found["doc_id"],
                    "jaccard": found["jaccard"],
                    "match": found["match"],
                }
            )
        )
    return Known(mask, pa.concat_tables(tables) if tables else _empty(corpus, kind))


def _empty(corpus: Corpus, kind: pa.DataType) -> pa.Table:
    types = {
        "doc_id": corpus.ids.type,
        "source": pa.string(),
        "position": pa.int64(),
        "reference_id": kind,
        "jaccard": pa.float64(),
        "match": pa.string(),
    }
    return pa.schema(types).empty_table()


def _batches(corpus: Corpus) -> Iterator[tuple[int, Incoming]]:
    """Yield consecutive documents, with the position of the first; keys as the runs have them."""
    for run in corpus.key_runs:
        bits = place_bits(len(run))
        keys = np.empty((len(run), len(run.entries)), np.uint64)
        for band, entries in enumerate(run.entries):
            keys[run.documents(entries) - run.first, band] = (entries >> bits) << bits
        its = slice(run.first, run.first + len(run))
        bounds = np.concatenate([[0], np.cumsum(corpus.num_shingles[its])])
        for low, high in chunks(bounds, _SHINGLES_TOGETHER):
            places = np.arange(run.first + low, run.first + high)
            yield (
                run.first + low,
                Incoming(
                    ids=None,
                    sets=corpus.sets.gather(places),
                    set_bounds=bounds[low : high + 1] - bounds[low],
                    keys=keys[low:high],
                    digests=np.asarray(corpus.digests[places]),
                    text_digests=np.asarray(corpus.text_digests[places]),
                    key_bits=int(bits),
                ),
            )

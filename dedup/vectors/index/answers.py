"""What an index of vectors says, as tables."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from dedup.index.answers import NEW, stored_ids
from dedup.text.hashing import Int64Array
from dedup.vectors.families.base import Float64Array
from dedup.vectors.index.incoming import VectorBatch
from dedup.vectors.index.lookup import Candidates
from dedup.vectors.index.segment import VectorSegment
from dedup.vectors.index.settle import Settled

KINDS = (NEW, "identical", "near")
_NEW, _IDENTICAL, _NEAR = range(len(KINDS))
VALUE_NAMES = {"cosine": "similarity", "euclidean": "distance"}
_VALUE_OF_COPIES = {"cosine": 1.0, "euclidean": 0.0}


def added_table(
    batch: VectorBatch,
    ids: pa.Array,
    settled: Settled,
    segments: Sequence[VectorSegment],
    measure: str,
    kind: pa.DataType,
) -> pa.Table:
    """Return what `VectorIndex.add` says of a batch.

    Parameters
    ----------
    ids : of the batch.
    segments : those that the batch was compared with.
    kind : of all ids.
    """
    count = len(batch)
    stored = settled.stored
    same = (batch.values == batch.values[settled.keeper]).all(axis=1)
    same[stored.query] = _is_copy(batch, stored, segments)
    kinds = np.where(same, _IDENTICAL, _NEAR)
    kinds[settled.is_new] = _NEW
    value = np.where(same, _VALUE_OF_COPIES[measure], settled.value)
    # The keeper of a vector is stored, else it is another one of the batch.
    choice = settled.keeper.copy()
    choice[stored.query] = count + np.arange(len(stored))
    keepers = stored_ids(segments, stored.segment, stored.place, kind)
    known = pa.concat_arrays([ids.cast(kind), keepers])
    none = settled.is_new | ~batch.is_good
    return pa.table(
        {
            "doc_id": ids.cast(kind),
            "match": pa.array(KINDS).take(pa.array(kinds, mask=~batch.is_good)),
            "keeper_id": known.take(pa.array(choice, mask=none)),
            VALUE_NAMES[measure]: pa.array(value, mask=none),
        }
    )


def nearest_table(
    first: int,
    batch: VectorBatch,
    found: Candidates,
    value: Float64Array,
    segments: Sequence[VectorSegment],
    is_near: NDArray[np.bool_],
    measure: str,
    kind: pa.DataType,
) -> pa.Table:
    """Return what `VectorIndex.query` says of a batch.

    Parameters
    ----------
    first : vectors in the batches before.
    is_near : bool; whether a stored vector is as near as the threshold asks.
    """
    same = _is_copy(batch, found, segments)
    added = np.zeros(len(found), np.int64)
    for number, rows in _by_segment(found):
        added[rows] = segments[number].added[found.place[rows]]
    columns = {"query": pa.array(found.query + first)}
    if batch.ids is not None:
        columns["query_id"] = batch.ids.take(pa.array(found.query))
    columns["doc_id"] = stored_ids(segments, found.segment, found.place, kind)
    columns[VALUE_NAMES[measure]] = pa.array(np.where(same, _VALUE_OF_COPIES[measure], value))
    kinds = np.where(same, _IDENTICAL, _NEAR)
    columns["match"] = pa.array(KINDS).take(pa.array(kinds, mask=~(same | is_near)))
    columns["added"] = pa.array(added).cast(pa.timestamp("s", "UTC"))
    return pa.table(columns)


def _is_copy(
    batch: VectorBatch, found: Candidates, segments: Sequence[VectorSegment]
) -> NDArray[np.bool_]:
    """Tell which stored vectors have the very values."""
    same = np.zeros(len(found), np.bool_)
    for number, rows in _by_segment(found):
        stored = segments[number].values[found.place[rows]]
        same[rows] = (batch.values[found.query[rows]] == stored).all(axis=1)
    return same


def _by_segment(found: Candidates) -> list[tuple[int, Int64Array]]:
    return [
        (number, np.flatnonzero(found.segment == number))
        for number in np.unique(found.segment).tolist()
    ]

"""What an index says, as tables: ids, exact Jaccard, and how two documents match."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from dedup.index.document_segment import DocumentSegment
from dedup.index.incoming import Incoming
from dedup.index.lookup import EQUAL, Matches
from dedup.index.segment import Segment
from dedup.index.settle import Settled
from dedup.io.values import join_tables, unified
from dedup.text.hashing import Int64Array

NEW = "new"
_KINDS = pa.array([NEW, "identical", "equal", "near"])
_NEW, _IDENTICAL, _EQUAL, _NEAR = range(4)


def id_type(segments: Sequence[Segment], more: Sequence[pa.DataType] = ()) -> pa.DataType:
    """Return the one type of all ids: their own, or strings where they differ."""
    kinds = {segment.ids.type for segment in segments} | set(more)
    arrays = [pa.array([], kind) for kind in sorted(kinds, key=str)]
    joined = unified(arrays, is_id=True)
    return joined[0].type if joined else pa.string()


def joined(tables: Sequence[pa.Table]) -> pa.Table:
    """Join the answers to batches; ids of different types become strings."""
    return join_tables([(table, len(table)) for table in tables])


def stored_ids(
    segments: Sequence[Segment], segment: Int64Array, place: Int64Array, kind: pa.DataType
) -> pa.Array:
    """Return the ids of stored documents, by the numbers of their segments and their places."""
    pieces, order = [pa.array([], kind)], [np.zeros(0, np.int64)]
    for number in np.unique(segment).tolist():
        rows = np.flatnonzero(segment == number)
        found = segments[number].ids.take(pa.array(place[rows])).combine_chunks()
        pieces.append(found.cast(kind))
        order.append(rows)
    back = np.empty(len(segment), np.int64)
    back[np.concatenate(order)] = np.arange(len(segment))
    return pa.concat_arrays(pieces).take(pa.array(back))


def matches_table(
    first: int,
    batch: Incoming,
    matches: Matches,
    segments: Sequence[DocumentSegment],
    kind: pa.DataType,
) -> pa.Table:
    """Return what `Index.query` says of a batch.

    Parameters
    ----------
    first : documents in the batches before.
    """
    same = np.zeros(len(matches), np.bool_)
    added = np.zeros(len(matches), np.int64)
    for number in np.unique(matches.segment).tolist():
        rows = np.flatnonzero(matches.segment == number)
        places = matches.place[rows]
        same[rows] = _identical(batch, matches.query[rows], segments[number].text_digests[places])
        added[rows] = segments[number].added[places]
    kinds = np.where(same, _IDENTICAL, np.where(matches.kind == EQUAL, _EQUAL, _NEAR))
    columns = {"query": pa.array(matches.query + first)}
    if batch.ids is not None:
        columns["query_id"] = batch.ids.take(pa.array(matches.query))
    columns["doc_id"] = stored_ids(segments, matches.segment, matches.place, kind)
    columns["jaccard"] = pa.array(matches.jaccard)
    columns["match"] = _KINDS.take(pa.array(kinds))
    columns["added"] = pa.array(added).cast(pa.timestamp("s", "UTC"))
    return pa.table(columns)


def added_table(
    batch: Incoming,
    ids: pa.Array,
    settled: Settled,
    segments: Sequence[DocumentSegment],
    kind: pa.DataType,
) -> pa.Table:
    """Return what `Index.add` says of a batch.

    Parameters
    ----------
    ids : of the batch.
    segments : those that the batch was compared with.
    kind : of all ids.
    """
    count = len(batch)
    is_new, stored = settled.is_new, settled.stored
    kinds = np.where(settled.is_equal, _EQUAL, _NEAR)
    kinds[_identical(batch, np.arange(count), batch.text_digests[settled.keeper])] = _IDENTICAL
    jaccard = settled.common / settled.union
    kinds[stored.query] = np.where(stored.kind == EQUAL, _EQUAL, _NEAR)
    jaccard[stored.query] = stored.jaccard
    for number in np.unique(stored.segment).tolist():
        rows = np.flatnonzero(stored.segment == number)
        queries = stored.query[rows]
        texts = segments[number].text_digests[stored.place[rows]]
        kinds[queries[_identical(batch, queries, texts)]] = _IDENTICAL
    kinds[is_new] = _NEW
    # The keeper of a document is stored, else it is another one of the batch.
    choice = settled.keeper.copy()
    choice[stored.query] = count + np.arange(len(stored))
    stored_keepers = stored_ids(segments, stored.segment, stored.place, kind)
    known = pa.concat_arrays([ids.cast(kind), stored_keepers])
    return pa.table(
        {
            "doc_id": ids.cast(kind),
            "match": _KINDS.take(pa.array(kinds)),
            "keeper_id": known.take(pa.array(choice, mask=is_new)),
            "jaccard": pa.array(jaccard, mask=is_new),
        }
    )


def _identical(batch: Incoming, query: Int64Array, texts: NDArray[np.uint64]) -> NDArray[np.bool_]:
    same: NDArray[np.bool_] = (batch.text_digests[query] == texts).all(axis=1)
    return same

"""Ids of pages told apart: the same URI at the same date may stand in a crawl many times."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from dedup.ids import Ids
from dedup.spill.scratch import Scratch


def told_apart(table: pa.Table, scratch: Scratch) -> pa.Table:
    """Return the table with `` file:offset`` after each ``doc_id`` that came before in the input.

    The first in input order stays as it is, so that ids depend on the input alone, not on how it
    was cut. Only rows with an offset, those of archives, are changed.
    """
    ids = Ids(table["doc_id"])
    repeated = ids.repeated(scratch)
    if not len(repeated):
        return table
    file = Ids(table["file"]).take(repeated).cast(pa.string())
    offset = Ids(table["offset"]).take(repeated).cast(pa.string())
    place = pc.binary_join_element_wise(file, offset, ":")
    old = ids.take(repeated).cast(pa.string())
    new = pc.coalesce(pc.binary_join_element_wise(old, place, " "), old)
    chunks = []
    start = 0
    for chunk in table["doc_id"].chunks:
        first, last = np.searchsorted(repeated, [start, start + len(chunk)]).tolist()
        mask = np.zeros(len(chunk), np.bool_)
        mask[repeated[first:last] - start] = True
        text = chunk.cast(pa.string())
        chunks.append(pc.replace_with_mask(text, pa.array(mask), new[first:last]))
        start += len(chunk)
    place_of_ids = table.column_names.index("doc_id")
    return table.set_column(place_of_ids, "doc_id", pa.chunked_array(chunks, pa.string()))

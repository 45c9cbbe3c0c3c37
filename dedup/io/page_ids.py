"""Ids of pages told apart: the same URI at the same date may stand in a crawl many times."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

__all__ = ["told_apart"]


def told_apart(table: pa.Table) -> pa.Table:
    """Return the table with `` file:offset`` after each ``doc_id`` that came before in the input.

    The first in input order stays as it is, so that ids depend on the input alone, not on how it
    was cut. Only rows with an offset, those of archives, are changed.
    """
    ids = table["doc_id"].cast(pa.large_string()).combine_chunks()
    # Codes are given in the order of first appearance.
    codes = pc.fill_null(ids.dictionary_encode().indices, -1).to_numpy().astype(np.int64)
    before = np.maximum.accumulate(np.concatenate([[-1], codes]))[:-1]
    repeated = pa.array((codes >= 0) & (codes <= before))
    if not pc.any(repeated).as_py():
        return table
    colon, blank = pa.scalar(":", pa.large_string()), pa.scalar(" ", pa.large_string())
    file, offset = (table[name].cast(pa.large_string()) for name in ("file", "offset"))
    place = pc.binary_join_element_wise(file, offset, colon)
    longer = pc.binary_join_element_wise(ids, place, blank)
    chosen = pc.and_(repeated, pc.is_valid(longer))
    return table.set_column(
        table.column_names.index("doc_id"),
        "doc_id",
        pc.if_else(chosen, longer, ids).cast(pa.string()),
    )

"""Exact collapse: documents with equal digests become one before the search."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from dedup.lsh.buckets import group_by_key
from dedup.spill.scratch import Scratch
from dedup.text.hashing import Int64Array, UInt64Array, mix64_array

_BLOCK = 1 << 20
_RANGE_DOCUMENTS = 1 << 21
"""Documents that are grouped at a time, by a range of digests; about 60 bytes each."""


def representatives(
    digests: UInt64Array,
    order: Int64Array,
    compared: NDArray[np.bool_],
    scratch: Scratch,
    group: Int64Array | None = None,
) -> Int64Array:
    """Return for each rank the first rank with the same digest.

    Parameters
    ----------
    digests : uint64, shape (documents, 2).
    order : int64, shape (documents,); the document of each rank.
    compared : bool, shape (documents,); the documents that may equal others.
    group : int64, shape (documents,); documents of different groups do not.

    Returns
    -------
    int64, shape (documents,); itself where it is not compared.
    """
    first: Int64Array = scratch.empty(len(order), np.int64)
    first[:] = np.arange(len(order))
    num_ranges = max(1, -(-len(order) // _RANGE_DOCUMENTS))
    for number in range(num_ranges):
        ranks, chosen = _in_range(digests, order, compared, group, number, num_ranges)
        # Groups by the leading bits of the digest, then by all of it: they differ almost never.
        members, sizes = group_by_key(chosen[:, 0])
        owner = np.repeat(np.arange(len(sizes)), sizes)
        sorted_ = np.lexsort((members, chosen[members, 1], chosen[members, 0], owner))
        members = members[sorted_]
        full = chosen[members]
        starts = np.ones(len(members), np.bool_)
        starts[1:] = (full[1:] != full[:-1]).any(axis=1) | (owner[1:] != owner[:-1])
        lead = np.flatnonzero(starts)
        sizes = np.diff(np.append(lead, len(members)))
        first[ranks[members]] = np.repeat(ranks[members[lead]], sizes)
    return first


def _in_range(
    digests: UInt64Array,
    order: Int64Array,
    compared: NDArray[np.bool_],
    group: Int64Array | None,
    number: int,
    num_ranges: int,
) -> tuple[Int64Array, UInt64Array]:
    """Return the ranks, and the digests, of the documents in one of equal ranges of digests."""
    low = np.uint64((number << 64) // num_ranges)
    high = np.uint64((((number + 1) << 64) // num_ranges) - 1)
    ranks, found = [np.zeros(0, np.int64)], [np.zeros((0, 2), np.uint64)]
    for start in range(0, len(order), _BLOCK):
        documents = order[start : start + _BLOCK]
        block = digests[documents]
        if group is not None:
            block[:, 1] ^= mix64_array(group[documents].view(np.uint64))
        inside = compared[documents] & (block[:, 0] >= low) & (block[:, 0] <= high)
        ranks.append(np.flatnonzero(inside) + start)
        found.append(block[inside])
    return np.concatenate(ranks), np.concatenate(found)

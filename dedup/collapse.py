"""Exact collapse: documents with equal digests become one before the search."""

from __future__ import annotations

import numpy as np

from dedup.lsh.buckets import group_by_key
from dedup.text.hashing import Int64Array, UInt64Array


def representatives(digests: UInt64Array) -> Int64Array:
    """Return for each document the first with the same digest; itself where the digest is zero.

    Parameters
    ----------
    digests : uint64, shape (documents, 2).

    Returns
    -------
    int64, shape (documents,).
    """
    first = np.arange(len(digests))
    present = np.flatnonzero(digests.any(axis=1))
    if len(present) < 2:
        return first
    # Groups by the leading bits of the digest, then by all of it: they differ almost never.
    members, sizes = group_by_key(digests[present, 0])
    members = present[members]
    group = np.repeat(np.arange(len(sizes)), sizes)
    order = np.lexsort((members, digests[members, 1], digests[members, 0], group))
    members = members[order]
    full = digests[members]
    starts = np.ones(len(members), np.bool_)
    starts[1:] = (full[1:] != full[:-1]).any(axis=1) | (group[1:] != group[:-1])
    lead = np.flatnonzero(starts)
    first[members] = np.repeat(members[lead], np.diff(np.append(lead, len(members))))
    return first

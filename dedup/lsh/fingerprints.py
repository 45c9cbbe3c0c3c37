"""Groups of fingerprints that are near each other: the buckets of SimHash."""

from __future__ import annotations

import numpy as np

from dedup.lsh.hamming import hamming_pairs
from dedup.text.hashing import Int64Array, UInt64Array


def fingerprint_groups(
    prints: UInt64Array, max_hamming: int, max_comparisons: int
) -> tuple[list[tuple[Int64Array, Int64Array]], int]:
    """Return groups whose members are all within `max_hamming` of each other, for all such pairs.

    Equal fingerprints make one group; each two fingerprints that are near make another.

    Returns
    -------
    groups : (members, sizes), members ascending inside a group.
    num_skipped : comparisons of fingerprints that the cap left out.
    """
    by_print = np.argsort(prints, kind="stable")
    values, starts, sizes = np.unique(prints[by_print], return_index=True, return_counts=True)
    shared = np.repeat(sizes >= 2, sizes)
    groups = [(by_print[shared], sizes[sizes >= 2])]
    found = hamming_pairs(values, max_hamming, max_comparisons)
    left, right = found.left, found.right
    both = np.stack([left, right], axis=1).ravel()
    counts = sizes[both]
    inside = np.arange(int(counts.sum())) - np.repeat(np.cumsum(counts) - counts, counts)
    members = by_print[np.repeat(starts[both], counts) + inside]
    totals = sizes[left] + sizes[right]
    owner = np.repeat(np.arange(len(totals)), totals)
    members = members[np.lexsort((members, owner))]
    groups.append((members, totals))
    return groups, found.num_skipped

"""What a search found, whatever it compared: tables are made of it.

Ranks number documents, units number distinct contents, in keeper order.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from dedup.cluster import Clusters
from dedup.edges import Edges, EdgeStore
from dedup.spill.scratch import Scratch
from dedup.text.hashing import Int64Array


@dataclass(kw_only=True)
class Outcome:
    """Who is kept, who is removed, and what was looked at for it.

    Attributes
    ----------
    order : int64; the position of each rank.
    lead : int64; for each rank the first rank with an equal digest.
    units : int64; the rank of each unit.
    clusters : keepers, and what they remove, in units.
    edges : the verified pairs of units, where all of them are wanted.
    label, label_common : int64, shape (units,); the first unit of each unit's connected component,
        and the edge's `common` with it, -1 where they were never compared. None where clusters
        are keepers with what they remove.
    """

    measure: str
    threshold: Fraction
    order: Int64Array
    lead: Int64Array
    units: Int64Array
    clusters: Clusters
    edges: EdgeStore | None
    label: Int64Array | None
    label_common: Int64Array | None
    num_candidates: int | None
    num_buckets: int
    largest_bucket: int

    def directed(self, edges: Edges) -> Edges:
        """Return edges as the pairs table wants them; only containment has a direction."""
        return edges


def common_with(label: Int64Array, edges: EdgeStore, scratch: Scratch) -> Int64Array:
    """Return what each unit has in common with its label, -1 where unknown."""
    common: Int64Array = scratch.empty(len(label), np.int64)
    common[:] = -1
    for some in edges:
        chosen = some.choose(some.left == label[some.right])
        common[chosen.right] = chosen.common
    return common

"""Units: one for each distinct set of shingles, in keeper order. They are what is compared."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from dedup.collapse import representatives
from dedup.config import Config
from dedup.corpus import Corpus
from dedup.lsh.buckets import split_groups
from dedup.spill.scratch import Scratch
from dedup.text.hashing import Int64Array


@dataclass
class Units:
    """The units of a corpus.

    Attributes
    ----------
    lead : int64, by rank in keeper order; the first rank with an equal digest.
    ranks, documents : int64, shape (units,); the rank and the position of each unit.
    group : int64, shape (units,); the group it is compared in; None where there are no groups.
    """

    lead: Int64Array
    ranks: Int64Array
    documents: Int64Array
    group: Int64Array | None

    def __len__(self) -> int:
        return len(self.ranks)

    def inside(self, members: Int64Array, sizes: Int64Array) -> tuple[Int64Array, Int64Array]:
        """Part buckets by group."""
        if self.group is None:
            return members, sizes
        return split_groups(members, sizes, self.group)


def units_of(corpus: Corpus, config: Config, order: Int64Array, scratch: Scratch) -> Units:
    """Return the units of the documents that a run compares.

    Parameters
    ----------
    order : int64; the position of each rank.
    """
    may_match = corpus.num_tokens >= config.min_tokens
    if corpus.known is not None:
        may_match &= ~corpus.known
    group = None
    if config.within is not None:
        group = scratch.held(corpus.groups(config.within).of_document)
        may_match &= group >= 0
    has_digest = corpus.digests.any(axis=1)
    lead = representatives(corpus.digests, order, has_digest & may_match, scratch, group)
    has_set = (corpus.num_shingles > 0) & may_match
    distinct = (lead == np.arange(len(order))) & has_set[order]
    ranks = scratch.held(np.flatnonzero(distinct))
    documents = scratch.taken(order, ranks)
    return Units(lead, ranks, documents, None if group is None else scratch.taken(group, documents))

"""What the search found, carried back from units to all documents."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dedup.corpus import Listed
from dedup.outcome import Outcome
from dedup.output.measures import EQUAL_SETS
from dedup.spill.scratch import Scratch
from dedup.text.hashing import Int64Array

_BLOCK = 1 << 20


@dataclass(frozen=True)
class Decisions:
    """What became of every document; arrays by position.

    Attributes
    ----------
    keeper : int64; the position of the keeper of the document's cluster, its own where it is one.
    common : int64; the shingles in common with that keeper, or `measures.EQUAL_SETS`, or
        `measures.UNKNOWN` where components never compared them.
    identical : bool; whether the text is that keeper's, byte for byte.
    removed_by, removed_common : int64; the first keeper that the document matches, itself where it
        is one. They differ from `keeper` and `common` with components only, which annotate and
        never remove.
    removed : bool; whether the document is removed: it is no keeper, and `keep_best` does not
        spare it; or a reference has it (see `Corpus.known`), and then it has no keeper here.
    cluster_size : int64; documents in the document's cluster.
    """

    keeper: Int64Array
    common: Int64Array
    identical: NDArray[np.bool_]
    removed_by: Int64Array
    removed_common: Int64Array
    removed: NDArray[np.bool_]
    cluster_size: Int64Array


def decide(
    corpus: Listed,
    search: Outcome,
    scratch: Scratch,
    keep_best: int = 1,
    known: NDArray[np.bool_] | None = None,
) -> Decisions:
    """Carry the search's answer from units back to all documents.

    Parameters
    ----------
    keep_best : how many stay of a keeper and those that it matches first: itself, and the first of
        the others in keeper order, copies among them.
    known : marks what a reference has, which is removed as well.
    """
    count = len(search.order)
    unit_of_rank: Int64Array = scratch.empty(count, np.int64)
    unit_of_rank[:] = -1
    unit_of_rank[search.units] = np.arange(len(search.units))
    removed_by, removed_common = _by_unit(
        search, unit_of_rank, search.clusters.keeper, search.clusters.common, scratch
    )
    keeper, common = removed_by, removed_common
    if search.label is not None and search.label_common is not None:
        keeper, common = _by_unit(search, unit_of_rank, search.label, search.label_common, scratch)
    removed, identical = np.zeros(count, np.bool_), np.zeros(count, np.bool_)
    texts = corpus.text_digests
    for start, stop in _blocks(count):
        block = slice(start, stop)
        removed[block] = removed_by[block] != np.arange(start, stop)
        identical[block] = (texts[block] == texts[keeper[block]]).all(axis=1)
    if keep_best > 1:
        _spare(removed, removed_by, search.order, keep_best - 1, scratch)
    if known is not None:
        removed |= known
    size = scratch.held(np.bincount(keeper, minlength=count))
    return Decisions(
        keeper=keeper,
        common=common,
        identical=identical,
        removed_by=removed_by,
        removed_common=removed_common,
        removed=removed,
        cluster_size=scratch.taken(size, keeper),
    )


def _spare(
    removed: NDArray[np.bool_],
    removed_by: Int64Array,
    order: Int64Array,
    most: int,
    scratch: Scratch,
) -> None:
    """Take back the removal of the first `most` documents of each keeper, in keeper order."""
    room: Int64Array = scratch.empty(len(order), np.int64)
    room[:] = most
    for start, stop in _blocks(len(order)):
        positions = order[start:stop]
        positions = positions[removed[positions]]
        keepers = removed_by[positions]
        by_keeper = np.argsort(keepers, kind="stable")
        keepers = keepers[by_keeper]
        first = np.flatnonzero(np.diff(keepers, prepend=-1))
        sizes = np.diff(first, append=len(keepers))
        place = np.arange(len(keepers)) - np.repeat(first, sizes)
        removed[positions[by_keeper[place < room[keepers]]]] = False
        room[keepers[first]] = np.maximum(0, room[keepers[first]] - sizes)


def _by_unit(
    search: Outcome,
    unit_of_rank: Int64Array,
    keeper: Int64Array,
    common: Int64Array,
    scratch: Scratch,
) -> tuple[Int64Array, Int64Array]:
    """Return by position the keeper's position, and the shingles in common with it.

    Parameters
    ----------
    keeper, common : int64, shape (units,).
    """
    count = len(search.order)
    keepers: Int64Array = scratch.empty(count, np.int64)
    commons: Int64Array = scratch.empty(count, np.int64)
    for start, stop in _blocks(count):
        lead = search.lead[start:stop]
        unit = unit_of_rank[lead]
        found = np.full(len(lead), EQUAL_SETS)
        rank = lead.copy()
        has = np.flatnonzero(unit >= 0)
        unit = unit[has]
        rank[has] = search.units[keeper[unit]]
        other = keeper[unit] != unit
        found[has[other]] = common[unit[other]]
        positions = search.order[start:stop]
        keepers[positions] = search.order[rank]
        commons[positions] = found
    return keepers, commons


def _blocks(count: int) -> Iterator[tuple[int, int]]:
    for start in range(0, count, _BLOCK):
        yield start, min(count, start + _BLOCK)

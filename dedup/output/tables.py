"""The clusters table, and the columns of annotated copies, made some rows at a time."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from dedup.corpus import Listed
from dedup.decisions import Decisions
from dedup.ids import Ids
from dedup.lsh.buckets import pack_pairs, unpack_pairs
from dedup.outcome import Outcome
from dedup.output.measures import EQUAL_SETS, measured
from dedup.output.schema import CONTAINED, EQUAL, IDENTICAL, NEAR, clusters_schema, decisions_schema
from dedup.spill.runs import SortedRuns
from dedup.spill.scratch import Scratch
from dedup.text.hashing import Int64Array
from dedup.verify import reaches

ROWS = 1 << 20
"""Rows of a table that are made at a time, and of a row group in its file."""

_BLOCK = 1 << 20
_MATCHES = pa.array([IDENTICAL, EQUAL, NEAR, CONTAINED])


def cluster_batches(
    corpus: Listed, search: Outcome, decisions: Decisions, scratch: Scratch
) -> Iterator[pa.Table]:
    """Yield the clusters of two or more documents, sorted by cluster, keeper first."""
    members = SortedRuns(scratch)
    for start in range(0, len(corpus), _BLOCK):
        sizes = decisions.cluster_size[start : start + _BLOCK]
        found = np.flatnonzero(sizes >= 2) + start
        # The keeper stands before all others of its cluster.
        keeper = decisions.keeper[found]
        members.add(pack_pairs(keeper, np.where(keeper == found, 0, found + 1)))
    for some in in_rows(members.ascending()):
        keeper, place = unpack_pairs(some)
        yield _cluster_rows(corpus, search, decisions, np.where(place == 0, keeper, place - 1))


def in_rows(pieces: Iterable[NDArray[Any]]) -> Iterator[NDArray[Any]]:
    """Cut consecutive pieces anew, into `ROWS` rows each."""
    waiting: list[NDArray[Any]] = []
    count = 0
    for piece in pieces:
        while count + len(piece) >= ROWS:
            missing = ROWS - count
            yield np.concatenate([*waiting, piece[:missing]])
            waiting, count, piece = [], 0, piece[missing:]
        waiting.append(piece)
        count += len(piece)
    if count:
        yield np.concatenate(waiting)


def _cluster_rows(
    corpus: Listed, search: Outcome, decisions: Decisions, members: Int64Array
) -> pa.Table:
    measure = search.measure
    keeper, common = decisions.keeper[members], decisions.common[members]
    sources = np.searchsorted(corpus.file_offsets, members, side="right") - 1
    names = pa.array([file.name for file in corpus.files], pa.string())
    match = np.where(decisions.identical[members], 0, np.where(common == EQUAL_SETS, 1, 2))
    if measure == "containment":
        union = corpus.num_shingles[keeper] + corpus.num_shingles[members] - common
        match[(common != EQUAL_SETS) & ~reaches(search.threshold, common, union)] = 3
    return pa.Table.from_arrays(
        [
            corpus.ids.take(members),
            pa.DictionaryArray.from_arrays(pa.array(sources, pa.int32()), names),
            members,
            keeper,
            decisions.cluster_size[members],
            keeper == members,
            decisions.removed[members],
            corpus.ids.take(keeper),
            *_nullable(measured(corpus, measure, keeper, members, common)),
            pa.DictionaryArray.from_arrays(pa.array(match, pa.int32()), _MATCHES),
            *(Ids(corpus.columns[field.name]).take(members) for field in corpus.riding),
        ],
        schema=clusters_schema(corpus.ids.type, measure, corpus.riding),
    )


def _nullable(
    values: NDArray[np.float64], masked: NDArray[np.bool_] | bool = False
) -> list[pa.Array]:
    return [pa.array(column, mask=masked | np.isnan(column)) for column in values]


class DecisionColumns:
    """The columns that annotated copies of the input gain, made as they are asked for.

    Parameters
    ----------
    first, stop : the positions of the documents that the rows are of.
    """

    def __init__(
        self, corpus: Listed, measure: str, decisions: Decisions, first: int, stop: int
    ) -> None:
        self._corpus = corpus
        self._measure = measure
        self._decisions = decisions
        self._first = first
        self.num_rows = stop - first
        self.schema = decisions_schema(corpus.ids.type, measure)
        self.column_names: list[str] = self.schema.names

    def slice(self, start: int, length: int) -> pa.Table:
        """Return some of the rows."""
        first = self._first + start
        rows = np.arange(first, min(first + length, self._first + self.num_rows))
        decisions = self._decisions
        keeper, common = decisions.keeper[rows], decisions.common[rows]
        alone = decisions.cluster_size[rows] == 1
        return pa.Table.from_arrays(
            [
                pa.array(keeper, mask=alone),
                (keeper == rows) & ~decisions.removed[rows],
                decisions.removed[rows],
                self._corpus.ids.take(keeper, alone),
                *_nullable(measured(self._corpus, self._measure, keeper, rows, common), alone),
            ],
            schema=self.schema,
        )

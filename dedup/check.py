"""A second check of verified pairs by the user's function: it may reject a pair, never make one."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from dedup.corpus import Listed
from dedup.errors import InputError
from dedup.ids import Ids
from dedup.text.hashing import Int64Array

_PAIRS_SHOWN = 1 << 12
"""Pairs that the function sees at once: it may ask for the whole texts."""

CheckFunction = Callable[[pa.RecordBatch], Any]
"""Takes verified pairs, a row each, and returns a boolean for each: whether it stands.

The columns are ``left_id``, ``right_id``, ``jaccard`` (of vectors ``similarity`` or ``distance``),
and for each column asked for
``left_COLUMN`` and ``right_COLUMN``; left stands before right in keeper order. The answer for a
pair must depend on that pair alone: which pairs are asked about, how often and in what batches,
depends on the engine.
"""


@dataclass(frozen=True)
class Check:
    """A second check.

    Documents of one shingle set are one document to the search: of them it sees the first.

    Attributes
    ----------
    columns : of the input, that the function sees of both documents.
    """

    function: CheckFunction
    columns: tuple[str, ...] = ()

    def accepts(
        self,
        ids: tuple[pa.Array, pa.Array],
        measure: str,
        value: NDArray[np.float64],
        columns: Sequence[tuple[pa.Array, pa.Array]],
    ) -> NDArray[np.bool_]:
        """Tell which pairs stand.

        Parameters
        ----------
        measure, value : the column that says how alike they are, and what it says.
        ids, columns : of the left and of the right documents; `columns` in the order asked for.

        Raises
        ------
        InputError : the function returns something else than a boolean for each pair.
        """
        arrays = [*ids, pa.array(value), *(side for pair in columns for side in pair)]
        sides = [f"{side}_{name}" for name in self.columns for side in ("left", "right")]
        names = ["left_id", "right_id", measure, *sides]
        answer = self.function(pa.RecordBatch.from_arrays(arrays, names=names))
        if isinstance(answer, pa.Array | pa.ChunkedArray):
            answer = answer.to_numpy(zero_copy_only=False)
        found = np.asarray(answer)
        if found.dtype != np.bool_ or found.shape != value.shape:
            raise InputError(
                f"the check returned {found.shape} of {found.dtype} for {len(value)} pairs; "
                "return a boolean for each."
            )
        return found


@dataclass(frozen=True)
class CorpusCheck:
    """A second check of pairs of units of a corpus.

    Attributes
    ----------
    documents : int64, shape (units,); the position of each unit.
    name : the column that says how alike two are.
    measured : gives it for pairs of units (left, right) and what they have in common.
    """

    check: Check
    corpus: Listed
    documents: Int64Array
    name: str
    measured: Callable[[Int64Array, Int64Array, Int64Array], NDArray[np.float64]]

    def __call__(
        self, left: Int64Array, right: Int64Array, common: Int64Array
    ) -> NDArray[np.bool_]:
        """Tell which pairs of units, with so much in common, stand."""
        value = self.measured(left, right, common)
        shown = [self.corpus.ids, *(Ids(self.corpus.columns[name]) for name in self.check.columns)]
        stands = np.zeros(len(left), np.bool_)
        for first in range(0, len(left), _PAIRS_SHOWN):
            some = slice(first, first + _PAIRS_SHOWN)
            a, b = self.documents[left[some]], self.documents[right[some]]
            ids, *columns = [(values.take(a), values.take(b)) for values in shown]
            stands[some] = self.check.accepts(ids, self.name, value[some], columns)
        return stands

"""Counts by file or host, held as an Arrow table with a row for each."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

NO_NAME = "(none)"

_COUNTS = ("documents", "clustered", "removed")
_ROWS = 1 << 17


class Groups:
    """Documents, documents in clusters, and removed ones, by name.

    Attributes
    ----------
    knows_documents : whether somebody has counted all documents, not those in clusters alone.
    """

    def __init__(self) -> None:
        self.knows_documents = False
        self._tables: list[pa.Table] = []

    def add_documents(self, names: pa.Array | Sequence[str], counts: Sequence[int] = ()) -> None:
        """Add documents, by default one of each name; a null has no name."""
        self.knows_documents = True
        zeros = np.zeros(len(names), np.int64)
        self._add(names, np.array(counts, np.int64) if len(counts) else zeros + 1, zeros, zeros)

    def add_clustered(self, names: pa.Array, gone: NDArray[np.bool_]) -> None:
        """Add documents of clusters, and whether they are removed."""
        zeros = np.zeros(len(names), np.int64)
        self._add(names, zeros, zeros + 1, gone.astype(np.int64))

    def __len__(self) -> int:
        return len(self._summed())

    def most_removed(self, count: int) -> list[tuple[str, int, int, int]]:
        """Return (name, documents, in clusters, removed) of those that lose most."""
        order = [("removed", "descending"), ("clustered", "descending"), ("name", "ascending")]
        table = self._summed().sort_by(order).slice(0, count)
        return list(zip(*(table[name].to_pylist() for name in ("name", *_COUNTS)), strict=True))

    def _add(self, names: pa.Array | Sequence[str], *counts: NDArray[np.int64]) -> None:
        if not isinstance(names, pa.Array):
            names = pa.array(names, pa.string())
        columns = [pc.fill_null(names, NO_NAME), *map(pa.array, counts)]
        self._tables.append(pa.Table.from_arrays(columns, ["name", *_COUNTS]))
        if sum(map(len, self._tables)) > 2 * len(self._tables[0]) + _ROWS:
            self._summed()

    def _summed(self) -> pa.Table:
        """Make one table of all, a row for each name."""
        whole = pa.concat_tables(self._tables) if self._tables else _EMPTY
        summed = whole.group_by("name", use_threads=False).aggregate([(c, "sum") for c in _COUNTS])
        self._tables = [summed.rename_columns(["name", *_COUNTS])]
        return self._tables[0]


_EMPTY = pa.schema([("name", pa.string()), *((name, pa.int64()) for name in _COUNTS)]).empty_table()

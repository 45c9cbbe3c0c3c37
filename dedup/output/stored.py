"""The decisions of an earlier run, out of its clusters table, for annotated copies."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from dedup.output.folder import CLUSTERS_FILE
from dedup.output.schema import decisions_schema
from dedup.output.stored_table import StoredTable


class StoredDecisions:
    """The columns that annotated copies gain, as `tables.DecisionColumns` has them in a run.

    Those of documents in clusters are in memory; the others are alone, and there is no more to say.
    """

    def __init__(self, folder: Path, measure: str) -> None:
        path = folder / CLUSTERS_FILE
        id_type = StoredTable(path).schema.field("keeper_id").type
        self._schema = decisions_schema(id_type, measure)
        table = pq.read_table(path, columns=["position", *self._schema.names])
        self._table = table.sort_by("position")
        self._positions = self._table["position"].to_numpy()

    def rows(self, first: int, stop: int) -> StoredRows:
        """Return the rows of the documents from one position to another."""
        a, b = np.searchsorted(self._positions, [first, stop])
        inside = self._table.slice(a, b - a).select(self._schema.names)
        return StoredRows(inside.cast(self._schema), self._positions[a:b] - first, stop - first)


class StoredRows:
    """A row for each record of a file.

    Parameters
    ----------
    table : of those in clusters.
    places : int64, ascending; their numbers in the file.
    """

    def __init__(self, table: pa.Table, places: np.ndarray, num_rows: int) -> None:
        self._table = table
        self._places = places
        self.num_rows = num_rows
        self.schema = table.schema

    def slice(self, start: int, length: int) -> pa.Table:
        """Return some of the rows."""
        stop = min(start + length, self.num_rows)
        a, b = np.searchsorted(self._places, [start, stop])
        index = np.zeros(stop - start, np.int64)
        alone = np.ones(stop - start, np.bool_)
        index[self._places[a:b] - start] = np.arange(a, b)
        alone[self._places[a:b] - start] = False
        rows = self._table.take(pa.array(index, mask=alone))
        for name, value in (("is_keeper", True), ("is_removed", False)):
            at = self.schema.get_field_index(name)
            filled = rows.column(name).fill_null(value)
            rows = rows.set_column(at, self.schema.field(name), filled)
        return rows

"""A table of a finished run, read some rows at a time, whichever engine wrote it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cached_property
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from dedup.text.hashing import Int64Array


class StoredTable:
    """One Parquet file, or a folder of them as Spark writes it, in the order of their names.

    Parameters
    ----------
    path : of the file or folder.
    """

    def __init__(self, path: Path) -> None:
        self._files = [path]
        if path.is_dir():
            self._files = sorted(
                file for file in path.iterdir() if not file.name.startswith(("_", "."))
            )

    @cached_property
    def schema(self) -> pa.Schema:
        """The columns."""
        return pq.read_schema(self._files[0])

    def iter_batches(
        self, size: int, columns: Sequence[str] | None = None
    ) -> Iterator[pa.RecordBatch]:
        """Yield all rows in order, so many at a time at the most."""
        for path in self._files:
            with pq.ParquetFile(path) as file:
                yield from file.iter_batches(size, columns=columns and list(columns))

    def batches_around(
        self, starts: Int64Array, stops: Int64Array, size: int, columns: Sequence[str]
    ) -> Iterator[tuple[int, pa.RecordBatch]]:
        """Yield the first row, and the rows, of row groups that hold some of the wanted ones.

        Parameters
        ----------
        starts, stops : int64; the wanted rows, run by run.
        """
        start = 0
        for path in self._files:
            with pq.ParquetFile(path) as file:
                for group in range(file.num_row_groups):
                    stop = start + file.metadata.row_group(group).num_rows
                    if ((starts < stop) & (stops > start)).any():
                        first = start
                        for batch in file.iter_batches(
                            size, row_groups=[group], columns=list(columns)
                        ):
                            yield first, batch
                            first += len(batch)
                    start = stop

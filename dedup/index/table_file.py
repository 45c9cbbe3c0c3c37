"""The rows that a command answers with: JSON Lines or Parquet, whole or not there."""

from __future__ import annotations

import json
import os
import sys
from contextlib import suppress
from types import TracebackType
from typing import Any, Self

import pyarrow as pa
import pyarrow.parquet as pq

from dedup.io.values import as_text, join_tables
from dedup.resources.failures import in_one_sentence


class TableFile:
    """Writes tables one after the other; a context, after which the file is there.

    Parameters
    ----------
    path : ``-`` is standard output, None is nowhere; Parquet where it ends in ``.parquet``, else
        JSON Lines.
    """

    def __init__(self, path: str | None) -> None:
        self._path = None if path == "-" else path
        self._partial = f"{path}.partial"
        self._lines: Any = sys.stdout if path == "-" else None
        self._tables: list[pa.Table] = []
        """What becomes a Parquet file, whose types are known when all is."""

    @property
    def _is_parquet(self) -> bool:
        return self._path is not None and self._path.endswith(".parquet")

    def __enter__(self) -> Self:
        if self._path is not None:
            with in_one_sentence([os.path.dirname(self._path) or "."]):
                self._lines = open(self._partial, "w", encoding="utf-8")
        return self

    def write(self, table: pa.Table) -> None:
        """Append rows."""
        if self._is_parquet:
            self._tables.append(table)
        elif self._lines is not None:
            for row in table.to_pylist():
                line = json.dumps(row, ensure_ascii=False, default=as_text)
                self._lines.write(f"{line}\n")

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._path is None:
            return
        try:
            with in_one_sentence([os.path.dirname(self._path) or "."]):
                self._lines.close()
                if error is None and self._is_parquet:
                    joined = join_tables([(table, len(table)) for table in self._tables])
                    pq.write_table(joined, self._partial, compression="zstd")
                if error is None:
                    os.replace(self._partial, self._path)
        finally:
            with suppress(FileNotFoundError):
                os.unlink(self._partial)

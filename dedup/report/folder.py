"""What a run has left in its output folder, opened for a report."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from dedup.errors import InputError
from dedup.output.evidence import PARTS_DIR, REJECTED_FILE
from dedup.output.folder import (
    CLUSTERS_FILE,
    EVIDENCE_DIR,
    PAIRS_FILE,
    of_vectors,
    read_run,
    table_in,
)
from dedup.output.schema import measure_column
from dedup.output.stored_table import StoredTable

ROWS = 1 << 15
"""Rows of a table that are held at a time."""

_HOST = r"^[A-Za-z][A-Za-z0-9+.-]*://(?:[^/?#@]*@)?(?P<host>[^/?#:]+)"


@dataclass(frozen=True)
class RunFolder:
    """A folder that a run has written.

    Attributes
    ----------
    summary : the run's summary, as `dedup.output.summary` made it.
    """

    path: Path
    summary: dict[str, Any]

    @classmethod
    def open(cls, folder: str | os.PathLike[str]) -> RunFolder:
        """Open a folder.

        Raises
        ------
        InputError : no run has written it, a table is missing, or it measured distances.
        """
        path, summary = read_run(folder)
        if summary["search"]["measure"] == "euclidean":
            raise InputError(
                f"{path} measured distances, and a report shows similarities; look at it with "
                "dedup show, eval or audit."
            )
        for name in (CLUSTERS_FILE, PAIRS_FILE):
            table_in(path, name)
        return cls(path, summary)

    @property
    def measure(self) -> str:
        """What the threshold is of."""
        return str(self.summary["search"]["measure"])

    @property
    def column(self) -> str:
        """The column of the similarity that the threshold is of."""
        return measure_column(self.measure)

    @property
    def is_of_vectors(self) -> bool:
        """Whether the run compared vectors."""
        return of_vectors(self.summary)

    @property
    def sources(self) -> list[dict[str, Any]]:
        """Name, rows and fingerprint of each input file; none where the input was a table."""
        return list(self.summary["input"].get("sources", ()))

    @property
    def has_evidence(self) -> bool:
        """Whether the run kept the rejected pairs and all documents' columns."""
        return (self.path / EVIDENCE_DIR / REJECTED_FILE).is_file()

    @cached_property
    def clusters(self) -> StoredTable:
        """The clusters table."""
        return StoredTable(self.path / CLUSTERS_FILE)

    @cached_property
    def pairs(self) -> StoredTable:
        """The pairs table."""
        return StoredTable(self.path / PAIRS_FILE)

    @cached_property
    def rejected(self) -> pa.Table | None:
        """The best rejected pairs, nearest to the threshold first; None without evidence."""
        if not self.has_evidence:
            return None
        return pq.read_table(self.path / EVIDENCE_DIR / REJECTED_FILE)

    @property
    def host_column(self) -> str | None:
        """The column of the clusters table that tells the host, None where none does."""
        schema = self.clusters.schema
        if "host" in schema.names:
            return "host"
        names = [name for name in ("url", "doc_id") if name in schema.names]
        return next((name for name in names if is_text(schema.field(name).type)), None)

    def evidence_hosts(self) -> Iterator[pa.Array]:
        """Yield the hosts of all documents, part by part, where the evidence has them."""
        for place in sorted((self.path / EVIDENCE_DIR / PARTS_DIR).glob("*.arrow")):
            with pa.memory_map(os.fspath(place)) as source:
                file = pa.ipc.open_file(source)
                if "host" not in file.schema.names:
                    return
                for number in range(file.num_record_batches):
                    yield file.get_batch(number).column("host")


def is_text(kind: pa.DataType) -> bool:
    """Tell whether a column holds text."""
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind))


def hosts_of(column: pa.Array, name: str) -> pa.Array:
    """Return the hosts of a column: itself, or those of its URLs; null where there is none."""
    if pa.types.is_dictionary(column.type):
        column = column.dictionary_decode()
    if name != "host":
        column = pc.struct_field(pc.extract_regex(column, _HOST), "host")
    return pc.utf8_lower(column.cast(pa.string()))

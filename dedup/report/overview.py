"""The largest clusters of a run, from its output folder alone, in little memory.

`clusters.parquet` is sorted by cluster, keeper first: one pass over three narrow columns finds the
largest, a second one reads only the row groups that hold them, some rows at a time: 200,000
clusters of 800,000 documents take 95 MB.
"""

from __future__ import annotations

import os
from collections import Counter
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from dedup.errors import InputError
from dedup.output.folder import CLUSTERS_FILE, read_run, table_in
from dedup.output.schema import measure_column
from dedup.output.stored_table import StoredTable
from dedup.text.hashing import Int64Array

_ROWS = 1 << 16


@dataclass(frozen=True)
class LargeCluster:
    """A cluster in short.

    Attributes
    ----------
    cluster_id : the position of the keeper.
    size : documents, the keeper too.
    keeper_id, source : the keeper's id and file.
    matches : ``identical``, ``equal``, ``near`` or ``contained`` -> the other documents that match
        their keeper so.
    least : the least value of the run's measure between another document and the keeper; None where
        none was measured.
    """

    cluster_id: int
    size: int
    keeper_id: Any
    source: str
    matches: dict[str, int]
    least: float | None


@dataclass(frozen=True)
class Overview:
    """What `dedup show` prints.

    Attributes
    ----------
    summary : as in `summary.json`.
    largest : clusters, the largest first, equal ones by position.
    """

    summary: dict[str, Any]
    largest: tuple[LargeCluster, ...]

    def to_dict(self) -> dict[str, Any]:
        """Return JSON values: ``input``, ``search``, ``result``, ``warnings``, ``largest``."""
        names = ("config", "input", "search", "result", "warnings")
        return {name: self.summary[name] for name in names} | {
            "largest": [
                asdict(cluster) | {"keeper_id": json_id(cluster.keeper_id)}
                for cluster in self.largest
            ]
        }


def show(folder: str | os.PathLike[str], top: int = 10) -> Overview:
    """Return the summary of a run and its largest clusters.

    Parameters
    ----------
    folder : the output of a run; nothing else is read.
    top : clusters to return.

    Raises
    ------
    InputError : `folder` holds no results.
    """
    path, summary = read_run(folder)
    path = table_in(path, CLUSTERS_FILE)
    try:
        table = StoredTable(path)
        rows = _largest(table, top)
        return Overview(summary, _described(table, rows, summary["search"]["measure"]))
    except (OSError, pa.ArrowException) as error:
        raise InputError(f"{path} cannot be read ({error}); run anew.") from error


def json_id(value: Any) -> Any:
    """Return an id as a JSON value: text for whatever JSON has no type for."""
    return value if value is None or isinstance(value, (str, int, float)) else str(value)


def _largest(table: StoredTable, top: int) -> Int64Array:
    """Return cluster_size, cluster_id and first row of the largest; int64, shape (clusters, 3)."""
    best = np.zeros((0, 3), np.int64)
    start = 0
    columns = ["cluster_size", "cluster_id", "is_keeper"]
    for batch in table.iter_batches(_ROWS, columns):
        keepers = np.flatnonzero(batch["is_keeper"].to_numpy(zero_copy_only=False))
        found = [batch[name].to_numpy()[keepers] for name in columns[:2]]
        best = np.concatenate([best, np.stack([*found, keepers + start], axis=1)])
        best = best[np.lexsort((best[:, 1], -best[:, 0]))[:top]]
        start += len(batch)
    return best


def _described(table: StoredTable, largest: Int64Array, measure: str) -> tuple[LargeCluster, ...]:
    matches = [Counter[str]() for _ in largest]
    least = [float("inf") for _ in largest]
    keepers: dict[int, tuple[Any, str]] = {}
    column = measure_column(measure)
    firsts, stops = largest[:, 2], largest[:, 2] + largest[:, 0]
    columns = ["doc_id", "source", "match", column]
    for start, batch in table.batches_around(firsts, stops, _ROWS, columns):
        for number, (size, _, first) in enumerate(largest.tolist()):
            begin, end = max(first - start, 0), min(first + size - start, len(batch))
            if begin >= end:
                continue
            if start + begin == first:
                rows = batch.slice(begin, 1)
                keepers[number] = rows["doc_id"][0].as_py(), rows["source"][0].as_py()
                begin += 1
            others = batch.slice(begin, end - begin)
            counts = pc.value_counts(others["match"].drop_null()).to_pylist()
            matches[number].update({one["values"]: one["counts"] for one in counts})
            value = pc.min(others[column]).as_py()
            least[number] = min(least[number], float("inf") if value is None else value)
    return tuple(
        LargeCluster(
            cluster_id=cluster_id,
            size=size,
            keeper_id=keepers[number][0],
            source=keepers[number][1],
            matches=dict(sorted(matches[number].items())),
            least=least[number] if np.isfinite(least[number]) else None,
        )
        for number, (size, cluster_id, _) in enumerate(largest.tolist())
    )

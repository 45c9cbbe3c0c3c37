"""One pass over the clusters table: sizes, least similarities, and who loses how much.

Memory: 28 bytes a cluster, a bit for each document, and a row for each host.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from dedup.report.folder import ROWS, RunFolder, hosts_of
from dedup.text.hashing import Int64Array

_NO_HOST = "(none)"
_GROUPS_TOGETHER = 1 << 16


@dataclass(frozen=True)
class Census:
    """The clusters of a run, in the order of their table.

    Attributes
    ----------
    ids, sizes, starts : int64, shape (clusters,); cluster id, documents, first row in the table.
    least : float64, shape (clusters,); the least measured similarity of a member to its keeper, NaN
        where none was measured.
    matches : how many removed documents match in which way.
    sources, hosts : name -> (documents, or -1 where that is not known; in clusters; removed).
    """

    ids: Int64Array
    sizes: Int64Array
    starts: Int64Array
    least: NDArray[np.float64]
    matches: Counter[str]
    sources: dict[str, tuple[int, int, int]]
    hosts: dict[str, tuple[int, int, int]]

    def __len__(self) -> int:
        return len(self.ids)

    def size_counts(self) -> list[tuple[int, int]]:
        """Return (size, clusters of it), by size."""
        sizes, counts = np.unique(self.sizes, return_counts=True)
        return list(zip(sizes.tolist(), counts.tolist(), strict=True))

    def largest(self, count: int) -> Int64Array:
        """Return the places of the largest clusters, largest first, earlier ones first."""
        return np.argsort(-self.sizes, kind="stable")[:count]


def take_census(folder: RunFolder) -> Census:
    """Count the clusters of a run."""
    table, removed, host = folder.clusters, folder.removed, folder.host_column
    keeper_only = folder.summary["config"]["linkage"] == "keeper"
    ids: list[Int64Array] = []
    sizes: list[Int64Array] = []
    starts: list[Int64Array] = []
    least: list[NDArray[np.float64]] = []
    matches: Counter[str] = Counter()
    sources, hosts = _Groups(), _Groups()
    columns = ["source", "position", "cluster_id", "cluster_size", "is_keeper", "match"]
    columns += [folder.measure, *([host] if host else [])]
    row = 0
    for batch in table.iter_batches(ROWS, columns=list(dict.fromkeys(columns))):
        is_keeper = batch.column("is_keeper").to_numpy(zero_copy_only=False)
        first = np.flatnonzero(is_keeper)
        ids.append(batch.column("cluster_id").to_numpy()[first])
        sizes.append(batch.column("cluster_size").to_numpy()[first])
        starts.append(first + row)
        values = batch.column(folder.measure).to_numpy(zero_copy_only=False)
        values = np.where(is_keeper, np.nan, values.astype(np.float64))
        if len(first) == 0 or first[0] > 0:  # the rest of a cluster of the batch before
            rest = values[: first[0] if len(first) else len(values)]
            least[-1][-1] = np.fmin.reduce(rest, initial=least[-1][-1])
        if len(first):
            least.append(np.fmin.reduceat(values, first))
        gone = ~is_keeper & keeper_only
        if removed is not None:
            gone = removed[batch.column("position").to_numpy()]
        for found in pc.value_counts(batch.column("match").filter(pa.array(gone))):
            matches[found["values"].as_py()] += found["counts"].as_py()
        sources.add(batch.column("source").dictionary_decode(), gone)
        if host is not None:
            hosts.add(hosts_of(batch.column(host), host), gone)
        row += len(batch)
    empty = np.zeros(0, np.int64)
    return Census(
        ids=np.concatenate([empty, *ids]),
        sizes=np.concatenate([empty, *sizes]),
        starts=np.concatenate([empty, *starts]),
        least=np.concatenate([np.zeros(0), *least]),
        matches=matches,
        sources=sources.counts({one["name"]: one["rows"] for one in folder.sources}),
        hosts=hosts.counts(_totals(folder.evidence_hosts())),
    )


class _Groups:
    """Counts by group of documents in clusters, and of the removed among them."""

    def __init__(self) -> None:
        self._tables: list[pa.Table] = []

    def add(self, names: pa.Array, gone: NDArray[np.bool_]) -> None:
        names = pc.fill_null(names, _NO_HOST)
        ones = pa.array(np.ones(len(names), np.int64))
        self._tables.append(
            pa.table({"name": names, "clustered": ones, "removed": pa.array(gone.astype(np.int64))})
        )
        if sum(map(len, self._tables)) > _GROUPS_TOGETHER:
            self._tables = [self._summed()]

    def _summed(self) -> pa.Table:
        whole = pa.concat_tables(self._tables).group_by("name", use_threads=False)
        found = whole.aggregate([("clustered", "sum"), ("removed", "sum")])
        return found.rename_columns(["name", "clustered", "removed"])

    def counts(self, totals: dict[str, int]) -> dict[str, tuple[int, int, int]]:
        """Return name -> (documents, in clusters, removed), most removed first."""
        found = {name: (total, 0, 0) for name, total in totals.items()}
        if self._tables:
            columns = self._summed().to_pydict()
            for name, clustered, removed in zip(*columns.values(), strict=True):
                found[name] = (totals.get(name, -1), clustered, removed)
        return dict(sorted(found.items(), key=lambda one: (-one[1][2], -one[1][0], one[0])))


def _totals(columns: Iterable[pa.Array]) -> dict[str, int]:
    """Count the documents of each host."""
    counts: Counter[str] = Counter()
    for column in columns:
        for found in pc.value_counts(pc.fill_null(hosts_of(column, "host"), _NO_HOST)):
            counts[found["values"].as_py()] += found["counts"].as_py()
    return dict(counts)

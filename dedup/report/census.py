"""One pass over the clusters table: sizes, least similarities, and who loses how much.

Memory: 32 bytes a cluster, a byte a document, and a row for each host.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from dedup.report.folder import ROWS, RunFolder, hosts_of
from dedup.report.groups import Groups
from dedup.text.hashing import Int64Array


@dataclass(frozen=True)
class Census:
    """The clusters of a run, in the order of their table.

    Attributes
    ----------
    ids, sizes, starts : int64, shape (clusters,); cluster id, documents, first row in the table.
    least : float64, shape (clusters,); the least measured similarity of a member to its keeper, NaN
        where none was measured.
    matches : how many removed documents match in which way.
    sources, hosts : what each file and each host loses.
    """

    ids: Int64Array
    sizes: Int64Array
    starts: Int64Array
    least: NDArray[np.float64]
    matches: Counter[str]
    sources: Groups
    hosts: Groups

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
    table, host = folder.clusters, folder.host_column
    ids: list[Int64Array] = []
    sizes: list[Int64Array] = []
    starts: list[Int64Array] = []
    least: list[NDArray[np.float64]] = []
    matches: Counter[str] = Counter()
    sources, hosts = Groups(), Groups()
    if folder.sources:
        names = [one["name"] for one in folder.sources]
        sources.add_documents(names, [one["rows"] for one in folder.sources])
    for column in folder.evidence_hosts():
        hosts.add_documents(hosts_of(column, "host"))
    columns = [
        "source",
        "position",
        "cluster_id",
        "cluster_size",
        "is_keeper",
        "is_removed",
        "match",
    ]
    columns += [folder.column, *([host] if host else [])]
    row = 0
    for batch in table.iter_batches(ROWS, columns=list(dict.fromkeys(columns))):
        is_keeper = batch.column("is_keeper").to_numpy(zero_copy_only=False)
        first = np.flatnonzero(is_keeper)
        ids.append(batch.column("cluster_id").to_numpy()[first])
        sizes.append(batch.column("cluster_size").to_numpy()[first])
        starts.append(first + row)
        values = batch.column(folder.column).to_numpy(zero_copy_only=False)
        values = np.where(is_keeper, np.nan, values.astype(np.float64))
        if len(first) == 0 or first[0] > 0:  # the rest of a cluster of the batch before
            rest = values[: first[0] if len(first) else len(values)]
            least[-1][-1] = np.fmin.reduce(rest, initial=least[-1][-1])
        if len(first):
            least.append(np.fmin.reduceat(values, first))
        gone = batch.column("is_removed").to_numpy(zero_copy_only=False)
        for found in pc.value_counts(batch.column("match").filter(pa.array(gone))):
            matches[found["values"].as_py()] += found["counts"].as_py()
        sources.add_clustered(batch.column("source").cast(pa.string()), gone)
        if host is not None:
            hosts.add_clustered(hosts_of(batch.column(host), host), gone)
        row += len(batch)
    empty = np.zeros(0, np.int64)
    return Census(
        ids=np.concatenate([empty, *ids]),
        sizes=np.concatenate([empty, *sizes]),
        starts=np.concatenate([empty, *starts]),
        least=np.concatenate([np.zeros(0), *least]),
        matches=matches,
        sources=sources,
        hosts=hosts,
    )

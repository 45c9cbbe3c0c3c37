"""The clusters that the explorer shows: chosen, read in a second pass, within a budget of bytes.

All clusters of a large run would be a file that no browser opens. So it has the largest ones, those
with the least similar members, and a sample of all, evenly spread; and the page says how many of
how many.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa

from dedup.report.census import Census
from dedup.report.folder import ROWS, RunFolder, hosts_of
from dedup.report.page import embedded_bytes
from dedup.report.untrusted import shown
from dedup.text.hashing import Int64Array

LARGEST, LEAST, SAMPLE = 1_000, 1_000, 6_000
"""Clusters of each kind."""

MEMBERS = 30
"""Documents of a cluster that are shown."""

COMPARED_MEMBERS = 8
"""Documents of a cluster that are compared with the first one, if their texts are not the same."""

_BYTES = 2_500_000


@dataclass(frozen=True)
class Member:
    """A document of a cluster, as it is shown."""

    id: str
    source: str
    host: str
    position: int
    similarity: float | None
    match: str
    is_removed: bool

    @property
    def num_bytes(self) -> int:
        """About what it takes in the page."""
        return embedded_bytes(self.id) + 40


@dataclass
class ShownCluster:
    """A cluster, and its first documents, keeper first."""

    id: int
    size: int
    least: float | None
    members: list[Member] = field(default_factory=list)


def chosen_clusters(census: Census, largest: int, least: int, sample: int) -> Int64Array:
    """Return the places of the clusters to show, in the order of their worth.

    Those of all three kinds by turns, so that a cut at any place has its share of each.
    """
    known = np.flatnonzero(~np.isnan(census.least) & (census.least < 1))
    doubtful = known[np.argsort(census.least[known], kind="stable")[:least]]
    spread = np.unique(np.linspace(0, max(0, len(census) - 1), min(sample, len(census)), dtype=int))
    turns = (census.largest(largest), doubtful, spread)
    longest = max(map(len, turns))
    # A column each, filled up with -1; by rows that is by turns.
    table = np.full((longest, len(turns)), -1)
    for column, places in enumerate(turns):
        table[: len(places), column] = places
    merged = table.ravel()
    first = np.sort(np.unique(merged, return_index=True)[1])
    return merged[first][merged[first] >= 0]


def read_clusters(
    folder: RunFolder,
    census: Census,
    places: Int64Array,
    *,
    members: int = MEMBERS,
    budget: int = _BYTES,
) -> list[ShownCluster]:
    """Read some clusters, in the order of `places`, until they take so many bytes of the page."""
    found = {
        int(place): ShownCluster(
            int(census.ids[place]), int(census.sizes[place]), _number(census.least[place])
        )
        for place in places
    }
    ordered = np.sort(places)
    starts = census.starts[ordered]
    stops = starts + np.minimum(census.sizes[ordered], members)
    row = 0
    host = folder.host_column
    columns = ["doc_id", "source", "position", folder.column, "match", "is_removed"]
    for batch in folder.clusters.iter_batches(
        ROWS, columns=list(dict.fromkeys([*columns, *([host] if host else [])]))
    ):
        rows = np.arange(row, row + len(batch))
        at = np.searchsorted(starts, rows, side="right") - 1
        wanted = np.flatnonzero((at >= 0) & (rows < stops[at]))
        row += len(batch)
        if len(wanted):
            some = batch.take(pa.array(wanted))
            for place, member in zip(ordered[at[wanted]], _members(some, folder), strict=True):
                found[int(place)].members.append(member)
    taken: list[ShownCluster] = []
    for place in places.tolist():
        budget -= sum(member.num_bytes for member in found[place].members)
        if budget < 0 and taken:
            break
        taken.append(found[place])
    return taken


def _members(batch: pa.RecordBatch, folder: RunFolder) -> list[Member]:
    host = folder.host_column
    hosts = hosts_of(batch.column(host), host).to_pylist() if host else [None] * len(batch)
    names = ("doc_id", "source", "position", folder.column, "match", "is_removed")
    columns: list[list[Any]] = [batch.column(name).to_pylist() for name in names]
    return [
        Member(shown(id_), shown(source), shown(host or ""), position, similarity, match, removed)
        for id_, source, position, similarity, match, removed, host in zip(
            *columns, hosts, strict=True
        )
    ]


def _number(value: float) -> float | None:
    return None if np.isnan(value) else float(value)

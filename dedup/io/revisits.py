"""Revisit records go with the page that they refer to.

A revisit says that a URI was fetched again and gave what an earlier record holds, which it names by
its id (``WARC-Refers-To``) or by URI and date (``WARC-Refers-To-Target-URI`` and ``-Date``). Where
that record is removed from a crawl, the revisit would refer to nothing.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from dedup.io.records import record_digest

__all__ = ["COLUMNS", "RemovedPages", "names_of"]

COLUMNS = ("record_id", "url", "date")

_TOGETHER = 1 << 16


def names_of(record_id: str | None, url: str | None, date: str | None) -> list[str]:
    """Return the names by which a record can be referred to: its id, and URI and date."""
    names = [] if not record_id else [record_id]
    return names if not url or not date else [*names, f"{url} {date}"]


class RemovedPages:
    """The names of pages that are removed, of which no page that stays has the same.

    Parameters
    ----------
    clusters : tables of `COLUMNS` and ``is_removed``, a row for each document of a cluster. Those
        of no cluster stay, and are left out of account.
    """

    def __init__(self, clusters: Iterable[pa.Table]) -> None:
        keys: dict[bool, list[NDArray[np.uint64]]] = {True: [], False: []}
        for table in clusters:
            for start in range(0, len(table), _TOGETHER):
                rows = table.slice(start, _TOGETHER)
                for is_removed, found in keys.items():
                    chosen = rows.filter(pa.compute.equal(rows["is_removed"], is_removed))
                    found.append(_keys(chosen))
        removed, kept = (
            np.concatenate([np.zeros(0, np.uint64), *keys[which]]) for which in (True, False)
        )
        self._keys = np.setdiff1d(removed, kept)

    def __len__(self) -> int:
        return len(self._keys)

    def has_any(self, names: Iterable[str]) -> bool:
        """Tell whether one of the names is that of a removed page."""
        keys = np.array([_key(name) for name in names], np.uint64)
        return bool(np.isin(keys, self._keys).any())


def _keys(rows: pa.Table) -> NDArray[np.uint64]:
    columns = [rows[name].to_pylist() for name in COLUMNS]
    names = [name for row in zip(*columns, strict=True) for name in names_of(*row)]
    return np.array([_key(name) for name in names], np.uint64)


def _key(name: str) -> int:
    return record_digest(name.encode("utf-8", "replace"))

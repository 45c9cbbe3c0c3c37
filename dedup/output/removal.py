"""What a run removes, by host and by keeper: what to look at before the copies are believed."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from dedup.config import Config
from dedup.corpus import FILE, Corpus
from dedup.decisions import Decisions
from dedup.text.hashing import Int64Array

LEAST_DOCUMENTS = 100
"""Of a group whose share counts: of a few documents, all may well be copies of another host's."""
SHOWN = 10


def removal(corpus: Corpus, decisions: Decisions, config: Config) -> dict[str, Any]:
    """Return the groups and the keepers that lose most, at most ten of each, as JSON values.

    Returns
    -------
    ``column`` : whose values the groups are: `within`, else the host where there is such a column,
        else the file.
    ``groups`` : ``name``, ``documents`` and ``removed`` of each, those that lose most first.
    ``highest`` : the one of `LEAST_DOCUMENTS` or more that loses the largest share; or None.
    ``keepers`` : ``id`` of each, and the documents ``removed`` for it.
    """
    names = corpus.columns.column_names
    column = config.within or ("host" if "host" in names else FILE)
    groups = corpus.groups(column)
    known = groups.of_document >= 0
    total = np.bincount(groups.of_document[known], minlength=len(groups.names))
    gone = np.bincount(groups.of_document[known & decisions.removed], minlength=len(groups.names))

    def described(group: int) -> dict[str, Any]:
        return {
            "name": groups.names[group],
            "documents": int(total[group]),
            "removed": int(gone[group]),
        }

    large = np.flatnonzero(total >= LEAST_DOCUMENTS)
    highest = None
    if len(large):
        highest = described(int(large[np.argmax(gone[large] / total[large])]))
    here = decisions.removed if corpus.known is None else decisions.removed & ~corpus.known
    removed_for = np.bincount(decisions.removed_by[here], minlength=len(corpus))
    keepers = largest(removed_for)
    ids = corpus.ids.take(keepers).to_pylist()
    return {
        "column": column,
        "groups": [described(group) for group in largest(gone).tolist()],
        "highest": highest,
        "keepers": [
            {"id": str(id_), "removed": count}
            for id_, count in zip(ids, removed_for[keepers].tolist(), strict=True)
        ],
    }


def largest(counts: NDArray[np.int64]) -> Int64Array:
    """Return the places of the largest counts above 0, the largest and of equal ones first."""
    least = 1
    if len(counts) > SHOWN:
        least = max(1, int(np.partition(counts, -SHOWN)[-SHOWN]))
    places = np.flatnonzero(counts >= least)
    return places[np.argsort(-counts[places], kind="stable")[:SHOWN]]

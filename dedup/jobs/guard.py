"""What a refused removal would have taken: the hosts or files that lose most, and the clusters."""

from __future__ import annotations

import numpy as np

from dedup.config import Config
from dedup.corpus import FILE, Corpus
from dedup.decisions import Decisions

_SHOWN = 10


def removal_tables(corpus: Corpus, decisions: Decisions, config: Config) -> str:
    """Return two tables of at most ten rows: by group, and the largest clusters, as text.

    Groups are those of ``within``, else hosts where there is such a column, else files.
    """
    column = config.within or ("host" if "host" in corpus.columns.column_names else FILE)
    groups = corpus.groups(column)
    known = groups.of_document >= 0
    total = np.bincount(groups.of_document[known], minlength=len(groups.names))
    gone = np.bincount(groups.of_document[known & decisions.removed], minlength=len(groups.names))
    lines = [f"removed  documents  {column}"]
    lines += [
        f"{gone[group]:>7,}  {total[group]:>9,}  {groups.names[group]}"
        for group in np.argsort(-gone, kind="stable")[:_SHOWN].tolist()
    ]
    removers = np.bincount(decisions.removed_by[decisions.removed], minlength=len(corpus))
    lines.append("removed  keeper")
    largest = np.argsort(-removers, kind="stable")[:_SHOWN]
    largest = largest[removers[largest] > 0]
    ids = corpus.ids.take(largest).to_pylist()
    lines += [f"{n:>7,}  {id_}" for n, id_ in zip(removers[largest].tolist(), ids, strict=True)]
    return "\n".join(lines)

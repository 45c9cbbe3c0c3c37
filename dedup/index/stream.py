"""Decisions while batches flow, for ETL: each batch against all that came before it."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from typing import Any

import pyarrow as pa

from dedup.index.index import Index
from dedup.jobs.local import temporary_folder


def stream(
    batches: Iterable[Any],
    *,
    index: Index | str | os.PathLike[str] | None = None,
    text: str | None = None,
    id: str | None = None,
    **options: Any,
) -> Iterator[pa.Table]:
    """Yield for each batch what `Index.add` says of its documents, as soon as it has come.

    Parameters
    ----------
    batches : tables, or lists of texts, as for `Index.add`.
    index : where to find what came before, and to keep what is new: once a batch's answer is
        yielded, the batch is on the disk. If not given, an index that lasts as long as the stream.
    text, id : columns of the tables, if not those of the index.
    **options : those of `Index.create`; with `index`, what it must have been made with.

    Raises
    ------
    InputError, ConfigError : there is no such index, or it was made with other options.
    """
    with ExitStack() as stack:
        if index is None:
            folder = stack.enter_context(temporary_folder(None))
            index = Index.create(os.path.join(folder, "index"), **options)
        elif isinstance(index, Index):
            index.manifest.check(options, index.path)
        else:
            index = Index.open(index, **options)
        for batch in batches:
            yield index.add(batch, text=text, id=id)

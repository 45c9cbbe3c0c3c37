"""A run on files of vectors: its tables, a report, and filtered copies of the input."""

from __future__ import annotations

import os
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import replace

from dedup.config import Config
from dedup.errors import InputError
from dedup.io.base import Columns
from dedup.io.filtered import FileRecords, FilteredCopies
from dedup.io.formats import FORMATS, format_of
from dedup.io.inputs import InputFile
from dedup.jobs.guard import refusal
from dedup.jobs.sources import Fingerprint, check_unchanged
from dedup.output.folder import check_replaceable, staged
from dedup.vectors.config import VectorConfig
from dedup.vectors.find import VectorResult, find_vectors
from dedup.vectors.reading import files_of

PathLike = str | os.PathLike[str]


def run(
    inputs: Sequence[PathLike],
    output: PathLike,
    config: VectorConfig,
    *,
    kept: PathLike | None = None,
    removed: PathLike | None = None,
    annotated: PathLike | None = None,
    max_removal: float | None = None,
    overwrite: bool = False,
) -> VectorResult:
    """Find the near-duplicates among the vectors of files, and write what was found.

    Parameters
    ----------
    output : folder for the tables and the summary.
    kept, removed, annotated : folders for filtered or annotated copies of the input, which then is
        of Parquet or Arrow.
    max_removal : share of the vectors that ``kept`` may lose; as for texts if not given.

    Raises
    ------
    OutputExistsError : an output is already there.
    InputError : the input cannot be read, has no rows to copy, or changed meanwhile.
    DedupError : more than `max_removal` would be removed from ``kept``; only tables are written.
    """
    outputs = {"kept": kept, "removed": removed, "annotated": annotated}
    folders = {kind: place for kind, place in outputs.items() if place is not None}
    before = Fingerprint.of_all(files_of(inputs))
    files = _tables(files_of(inputs)) if folders else []
    check_replaceable(output, overwrite)
    with ExitStack() as stack:
        copies = stack.enter_context(FilteredCopies(folders, files, overwrite=overwrite))
        result = find_vectors(list(inputs), config)
        refused = None
        if kept is not None:
            most = Config.max_removal if max_removal is None else max_removal
            only = f"only the tables were written, to {os.fspath(output)}"
            refused = refusal(result.summary, most, None, only)
        with staged(output) as stage:
            if folders and refused is None:
                _write_copies(result, files, copies)
            result.write_tables(stage)
            check_unchanged(before, Fingerprint.of_all(files_of(inputs)))
            copies.commit()
    if refused is not None:
        raise refused
    return result


def _tables(files: list[InputFile]) -> list[InputFile]:
    """Return files as those of their own formats, whose rows can be copied."""
    found = []
    for file in files:
        known = format_of(file.path)
        if known is None:
            raise InputError(
                f"{file.path} has no rows to copy; give Parquet or Arrow, or take from it the rows "
                "whose positions clusters.parquet has as is_removed."
            )
        found.append(replace(file, format=known[0], codec=known[1], target=file.name))
    return found


def _write_copies(result: VectorResult, files: list[InputFile], copies: FilteredCopies) -> None:
    """Write copies, to be committed by the caller."""
    rows = [source["rows"] for source in result.summary["input"]["sources"]]
    records = [
        FileRecords(FORMATS[file.format].split(file, Columns(text=()), 1 << 62), count)
        for file, count in zip(files, rows, strict=True)
    ]
    result.summary["output"] = copies.write(
        records, result.decisions.removed, result.rows_of_decisions
    )

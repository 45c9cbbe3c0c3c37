"""Filter the input of an earlier run by its decisions, without sketching it again.

A run leaves the positions and digests of what it removes, and of each file the name, rows, a
fingerprint of the content and a digest of all records: positions mean nothing in a file that
changed. One that another fingerprint tells at once is refused before anything is written, and every
record is compared once more as it is copied.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Sequence
from functools import partial
from itertools import accumulate, pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dedup.config import Config
from dedup.errors import ConfigError, InputError
from dedup.io.inputs import discover
from dedup.io.places import is_remote, opened, place_of
from dedup.io.remote import RemotePath
from dedup.jobs.guard import refusal
from dedup.jobs.local import temporary_folder
from dedup.jobs.run_input import check_same
from dedup.jobs.sources import Fingerprint, check_unchanged
from dedup.output.folder import CLUSTERS_FILE, SUMMARY_FILE, of_vectors
from dedup.output.remote_folder import is_complete, names_in
from dedup.resources.failures import in_one_sentence

if TYPE_CHECKING:
    from dedup.io.revisits import RemovedPages
    from dedup.output.result import Result

REMOVED_FILE = "removed.parquet"

_PART_BYTES = 64 << 20
_ROWS = 1 << 20
_TOGETHER = 1 << 16


def filter_files(
    folder: str | os.PathLike[str],
    inputs: Sequence[str | os.PathLike[str]],
    *,
    kept: str | os.PathLike[str] | None = None,
    removed: str | os.PathLike[str] | None = None,
    annotated: str | os.PathLike[str] | None = None,
    max_removal: float | None = None,
    max_removal_host: float | None = None,
    overwrite: bool = False,
) -> dict[str, int]:
    """Write the copies that the run in `folder` would have written.

    Parameters
    ----------
    folder : the output of a run.
    inputs : the files that it had, in its order; they may lie elsewhere now.
    kept, removed, annotated : folders for the copies; at least one.
    max_removal, max_removal_host : as for a run; what they were in that run, if not given.
    overwrite : replace files that are there; an input is never replaced.

    Returns
    -------
    The kind of copy -> the number of records written.

    Raises
    ------
    InputError : the files are not those of the run, or there is no such run.
    OutputExistsError : a copy is already there.
    DedupError : more than `max_removal` of the documents would be missing from ``kept``.
    """
    outputs = {"kept": kept, "removed": removed, "annotated": annotated}
    folders = {kind: place_of(place) for kind, place in outputs.items() if place is not None}
    if not folders:
        raise ConfigError("filter has nowhere to write; give kept, removed or annotated.")
    with temporary_folder(None) as scratch:
        run = _fetched(place_of(folder), Path(scratch))
        limits = {"max_removal": max_removal, "max_removal_host": max_removal_host}
        return _filtered(run, inputs, folders, limits, scratch, overwrite=overwrite)


def _fetched(folder: str, scratch: Path) -> Path:
    """Return a run's folder; of a remote one, what is needed of it is copied to this machine."""
    if not isinstance(folder, RemotePath):
        return Path(folder)
    if is_complete(folder):
        wanted = (SUMMARY_FILE, REMOVED_FILE, CLUSTERS_FILE)
        for name in names_in(folder):
            if name.partition("/")[0] in wanted:  # a table of Spark's is a folder
                (scratch / name).parent.mkdir(exist_ok=True)
                with opened(folder.joined(name)) as source, open(scratch / name, "wb") as copy:
                    shutil.copyfileobj(source, copy)
        return scratch
    raise _no_run(folder)


def _filtered(
    folder: Path,
    inputs: Sequence[str | os.PathLike[str]],
    folders: dict[str, str],
    limits: dict[str, float | None],
    scratch: str,
    *,
    overwrite: bool,
) -> dict[str, int]:
    summary = _summary(folder)
    config = _config(summary["config"], limits)
    if "kept" in folders:
        nothing = "nothing was written"
        refused = refusal(summary, config.max_removal, config.max_removal_host, nothing)
        if refused is not None:
            raise refused
    sources = summary["input"]["sources"]
    files = discover(inputs).files
    before = Fingerprint.of_all(files)
    check_same(sources, files)
    import numpy as np
    import pyarrow.parquet as pq

    from dedup.io.filtered import FileRecords, FilteredCopies
    from dedup.io.formats import FORMATS
    from dedup.io.records import RecordCheck
    from dedup.output.stored import StoredDecisions
    from dedup.pipeline import needed_columns

    rows = [source["rows"] for source in sources]
    goes = np.zeros(sum(rows), np.bool_)
    digests = np.zeros(sum(rows), np.uint64)
    gone = pq.read_table(folder / REMOVED_FILE)
    goes[gone["position"].to_numpy()] = True
    digests[gone["position"].to_numpy()] = gone["digest"].to_numpy().view(np.uint64)
    columns = needed_columns(config)
    stored = StoredDecisions(folder, config.measure) if "annotated" in folders else None
    removed_pages = _removed_pages(folder)
    with (
        in_one_sentence([place for place in folders.values() if not is_remote(place)]),
        FilteredCopies(folders, files, overwrite=overwrite, scratch=scratch) as copies,
    ):
        records = [
            FileRecords(
                []
                if source.get("left_out")
                else FORMATS[file.format].split(file, columns, _PART_BYTES),
                stop - start,
                partial(
                    RecordCheck,
                    file.name,
                    digests[start:stop],
                    goes[start:stop],
                    source["records_digest"],
                    removed_pages,
                ),
            )
            for file, source, (start, stop) in zip(
                files, sources, pairwise(accumulate(rows, initial=0)), strict=True
            )
        ]
        written = copies.write(records, goes, stored.rows if stored is not None else None)
        check_unchanged(before, Fingerprint.of_all(files))
        copies.commit()
    return written


def _removed_pages(folder: Path) -> RemovedPages | None:
    import pyarrow as pa

    from dedup.io.revisits import COLUMNS, RemovedPages
    from dedup.output.stored_table import StoredTable

    table, names = StoredTable(folder / CLUSTERS_FILE), [*COLUMNS, "is_removed"]
    if not set(names) <= set(table.schema.names):
        return None
    batches = table.iter_batches(_TOGETHER, names)
    return RemovedPages(pa.Table.from_batches([batch]) for batch in batches)


def write_removed(result: Result, stage: Path) -> None:
    """Write what a run removes: positions, those of its keepers, and the records' digests."""
    import numpy as np
    import pyarrow as pa
    import pyarrow.parquet as pq

    decisions = result.decisions
    schema = pa.schema(
        [("position", pa.int64()), ("keeper_position", pa.int64()), ("digest", pa.uint64())]
    )
    digests = result.corpus.record_digests
    with pq.ParquetWriter(stage / REMOVED_FILE, schema, compression="zstd") as writer:
        for start in range(0, len(decisions.removed), _ROWS):
            positions = np.flatnonzero(decisions.removed[start : start + _ROWS]) + start
            columns = [positions, decisions.removed_by[positions], digests[positions]]
            writer.write_table(pa.table(columns, schema))


def _summary(folder: Path) -> dict[str, Any]:
    try:
        summary = json.loads((folder / SUMMARY_FILE).read_text(encoding="utf-8"))
        if of_vectors(summary):
            raise InputError(
                f"{folder} is of vectors, which are copied in their run only; run it again with "
                "--kept, --removed or --annotated."
            )
        is_whole = bool(summary["config"] and summary["removal"])
        is_whole &= all("records_digest" in source for source in summary["input"]["sources"])
    except InputError:
        raise
    except (OSError, ValueError, KeyError, TypeError):
        is_whole = False
    if not is_whole or not (folder / REMOVED_FILE).exists():
        raise _no_run(str(folder))
    return dict(summary)


def _no_run(folder: str) -> InputError:
    return InputError(
        f"{folder} does not say what a run removed from which files; give the output of dedup run."
    )


def _config(options: dict[str, Any], limits: dict[str, float | None]) -> Config:
    """Return the config of the run, without the columns that only its decisions needed."""
    changed = {name: value for name, value in limits.items() if value is not None}
    decided = dict.fromkeys(("keep", "within", "ignore_common", "common_within"))
    decided["keep"] = Config.keep
    return Config(**(options | decided | changed))

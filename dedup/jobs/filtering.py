"""Filter the input of an earlier run by its decisions, without sketching it again.

A run leaves the positions of what it removes, and of each file the name, rows and a fingerprint of
the content: positions mean nothing in a file that changed, so such a file is refused.
"""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dedup.config import Config
from dedup.errors import ConfigError, InputError
from dedup.io.inputs import STDIN, InputFile, discover
from dedup.io.places import is_remote, looked_up, opened, place_of, whole_of
from dedup.io.remote import RemotePath
from dedup.jobs.local import temporary_folder
from dedup.jobs.sources import Fingerprint, check_unchanged
from dedup.output.folder import SUMMARY_FILE
from dedup.output.remote_folder import is_complete
from dedup.resources.failures import in_one_sentence

if TYPE_CHECKING:
    from dedup.output.result import Result

REMOVED_FILE = "removed.parquet"

_BLOCK = 1 << 16
_BLOCKS = 256
_BLOCKS_TOGETHER = 16
_PART_BYTES = 64 << 20
_ROWS = 1 << 20


def filter_files(
    folder: str | os.PathLike[str],
    inputs: Sequence[str | os.PathLike[str]],
    *,
    kept: str | os.PathLike[str] | None = None,
    removed: str | os.PathLike[str] | None = None,
    overwrite: bool = False,
) -> dict[str, int]:
    """Write the copies that the run in `folder` would have written.

    Parameters
    ----------
    folder : the output of a run.
    inputs : the files that it had, in its order; they may lie elsewhere now.
    kept, removed : folders for the copies; at least one.
    overwrite : replace files that are there; an input is never replaced.

    Returns
    -------
    ``kept`` or ``removed`` -> the number of records written.

    Raises
    ------
    InputError : the files are not those of the run, or there is no such run.
    OutputExistsError : a copy is already there.
    """
    given = (("kept", kept), ("removed", removed))
    folders = {kind: place_of(folder) for kind, folder in given if folder is not None}
    if not folders:
        raise ConfigError("filter has nowhere to write; give kept or removed.")
    out = place_of(folder)
    summary = _summary(out)
    files = discover(inputs).files
    before = Fingerprint.of_all(files)
    _check(summary["sources"], files)
    import numpy as np
    import pyarrow.parquet as pq

    from dedup.io.filtered import FileRecords, FilteredCopies
    from dedup.io.formats import FORMATS
    from dedup.pipeline import needed_columns

    rows = [source["rows"] for source in summary["sources"]]
    goes = np.zeros(sum(rows), np.bool_)
    goes[pq.read_table(whole_of(_inside(out, REMOVED_FILE)))["position"].to_numpy()] = True
    columns = needed_columns(Config(**summary["config"]))
    with (
        temporary_folder(None) as scratch,
        in_one_sentence([folder for folder in folders.values() if not is_remote(folder)]),
        FilteredCopies(folders, files, overwrite=overwrite, scratch=scratch) as copies,
    ):
        records = [
            FileRecords(FORMATS[file.format].split(file, columns, _PART_BYTES), count)
            for file, count in zip(files, rows, strict=True)
        ]
        written = copies.write(records, goes)
        expected = {"kept": int((~goes).sum()), "removed": int(goes.sum())}
        for kind, count in written.items():
            if count != expected[kind]:
                raise InputError(
                    f"--{kind} would have {count:,} records instead of {expected[kind]:,}: the "
                    "input is not that of the run; run anew."
                )
        check_unchanged(before, Fingerprint.of_all(files))
        copies.commit()
    return written


def describe_input(result: Result) -> list[dict[str, Any]]:
    """Return name, path, size, fingerprint and rows of each file of a run, as JSON values."""
    offsets = result.corpus.file_offsets.tolist()
    return [
        {
            "name": file.name,
            "path": _whole_path(file.path),
            "size": file.size,
            "fingerprint": content_fingerprint(file.path) if file.path != STDIN else None,
            "rows": stop - start,
        }
        for file, start, stop in zip(result.corpus.files, offsets, offsets[1:], strict=False)
    ]


def _whole_path(path: str) -> str:
    if is_remote(path):
        return str(path)
    return os.fsencode(os.path.abspath(path)).decode("utf-8", "backslashreplace")


def write_removed(result: Result, stage: Path) -> None:
    """Write the positions of what a run removes, and of the keepers that remove it."""
    import numpy as np
    import pyarrow as pa
    import pyarrow.parquet as pq

    decisions = result.decisions
    schema = pa.schema([("position", pa.int64()), ("keeper_position", pa.int64())])
    with pq.ParquetWriter(stage / REMOVED_FILE, schema, compression="zstd") as writer:
        for start in range(0, len(decisions.removed), _ROWS):
            positions = np.flatnonzero(decisions.removed[start : start + _ROWS]) + start
            writer.write_table(pa.table([positions, decisions.removed_by[positions]], schema))


def content_fingerprint(path: str) -> str:
    """Return XXH3, 128 bits, of a file's size and its bytes.

    Of a file above 16 MiB it takes 256 blocks of 64 KiB, evenly spread from the first to the last:
    a change of equal length between them is not seen.
    """
    import xxhash

    with opened(path) as file:
        size = file.seek(0, os.SEEK_END)
        file.seek(0)
        found = xxhash.xxh3_128(size.to_bytes(8, "little"))
        if size <= _BLOCK * _BLOCKS:
            while block := file.read(_BLOCK):
                found.update(block)
            return found.hexdigest()

    def blocks(first: int) -> bytes:
        with opened(path, _BLOCK) as file:
            read = []
            for number in range(first, first + _BLOCKS_TOGETHER):
                file.seek((size - _BLOCK) * number // (_BLOCKS - 1))
                read.append(file.read(_BLOCK))
            return b"".join(read)

    for some in looked_up(blocks, range(0, _BLOCKS, _BLOCKS_TOGETHER), [path]):
        found.update(some)
    return found.hexdigest()


def sources_of(folder: str | os.PathLike[str]) -> list[dict[str, Any]]:
    """Return what `describe_input` said of a run; nothing where its folder does not tell."""
    try:
        text = (Path(folder) / SUMMARY_FILE).read_text(encoding="utf-8")
        return list(json.loads(text)["input"]["sources"])
    except (OSError, ValueError, KeyError, TypeError):
        return []


def _inside(folder: str, name: str) -> str:
    """Return the path of a file in a folder, which may be remote."""
    return folder.joined(name) if isinstance(folder, RemotePath) else os.path.join(folder, name)


def _is_whole(folder: str) -> bool:
    """Tell whether a folder has all that a run writes."""
    if isinstance(folder, RemotePath):
        return is_complete(folder)
    return os.path.exists(_inside(folder, REMOVED_FILE))


def _summary(folder: str) -> dict[str, Any]:
    is_whole = _is_whole(folder)
    try:
        with opened(_inside(folder, SUMMARY_FILE)) as file:
            summary = json.load(file)
        found = {"config": dict(summary["config"]), "sources": list(summary["input"]["sources"])}
    except (OSError, ValueError, KeyError, TypeError):
        found = {}
    if not found or not is_whole:
        raise InputError(
            f"{folder} does not say what a run removed from which files; give the output of "
            "dedup run."
        )
    return found


def _check(sources: list[dict[str, Any]], files: list[InputFile]) -> None:
    """Raise InputError unless the files are those of the run, in its order and with its content."""
    before, now = [source["name"] for source in sources], [file.name for file in files]
    if before != now:
        gone = [name for name in before if name not in set(now)]
        new = [name for name in now if name not in set(before)]
        what = f"{gone[0]} is missing" if gone else f"{new[0]} is new" if new else "another order"
        raise InputError(
            f"the input is not that of the run ({what}); give the same arguments in the same order."
        )
    for source, file in zip(sources, files, strict=True):
        if file.path == STDIN or source["fingerprint"] is None:
            raise InputError("standard input cannot be filtered later; use --kept in the run.")
        if content_fingerprint(file.path) != source["fingerprint"]:
            raise InputError(
                f"{file.name} changed since the run, so that its decisions no longer fit; run anew."
            )

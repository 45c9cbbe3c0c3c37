"""The output folder: complete or not there, and never written over what is not ours.

Light: it is looked at before numpy and Arrow are loaded.
"""

from __future__ import annotations

import json
import os
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from dedup.errors import InputError, OutputExistsError
from dedup.io.places import is_remote, local_folder, place_of
from dedup.io.remote import RemotePath
from dedup.output import remote_folder

AGAINST_FILE = "against.parquet"
CLUSTERS_FILE = "clusters.parquet"
PAIRS_FILE = "pairs.parquet"
SUMMARY_FILE = "summary.json"
EVIDENCE_DIR = "evidence"

SUMMARY_FORMAT = "dedup-summary-1"
"""Stands in `summary.json` as "format": the marker of a folder that a run has written."""


def read_run(folder: str | os.PathLike[str]) -> tuple[Path, dict[str, Any]]:
    """Return the path of a run's folder on this machine, and the run's summary.

    Raises
    ------
    InputError : no run has written the folder, or it is on another machine.
    """
    path = local_folder(folder)
    summary = summary_in(path)
    if summary is None:
        raise InputError(f"{path} holds no results; give the output of dedup run.")
    return path, summary


def of_vectors(summary: dict[str, Any]) -> bool:
    """Tell whether a run compared vectors."""
    return "vector" in summary["config"]


def read_text_run(folder: str | os.PathLike[str]) -> tuple[Path, dict[str, Any]]:
    """Return what `read_run` does, of a run that compared texts.

    Raises
    ------
    InputError : as there, or the run compared vectors.
    """
    path, summary = read_run(folder)
    if of_vectors(summary):
        raise InputError(
            f"{path} is of vectors, which have no words to compare; look at it with dedup show, "
            "report, eval or audit."
        )
    return path, summary


def table_in(folder: Path, name: str) -> Path:
    """Return the path of a run's table: one file, or of a run on Spark a folder of them.

    Raises
    ------
    InputError : it is gone.
    """
    path = folder / name
    if not (path.is_file() or any(path.glob("[!._]*"))):
        raise InputError(f"{folder} has lost its {name}; run anew.")
    return path


def summary_in(path: Path) -> dict[str, Any] | None:
    """Return the summary of a run; None where no run of this format has written one."""
    try:
        summary = json.loads((path / SUMMARY_FILE).read_text(encoding="utf-8"))
        return summary if summary["format"] == SUMMARY_FORMAT else None
    except (OSError, ValueError, KeyError, TypeError):
        return None


def check_replaceable(folder: str | os.PathLike[str], overwrite: bool) -> None:
    """Raise OutputExistsError unless the folder may be written."""
    place = place_of(folder)
    if isinstance(place, RemotePath):
        remote_folder.check_replaceable(place, SUMMARY_FILE, SUMMARY_FORMAT, overwrite=overwrite)
        return
    path = Path(place)
    if not os.path.lexists(path) or (path.is_dir() and not any(path.iterdir())):
        return
    if not overwrite:
        raise OutputExistsError(f"output {path} is already there; give another, or --overwrite.")
    if summary_in(path) is None:
        raise OutputExistsError(
            f"output {path} was not written by dedup, so --overwrite leaves it alone; give another."
        )


@contextmanager
def staged(folder: str | os.PathLike[str], scratch: str | None = None) -> Iterator[Path]:
    """Give a folder beside `folder` that takes its place when the block succeeds.

    Until then `folder` is what it was; after an error nothing of the stage stays.

    Parameters
    ----------
    scratch : holds the stage of a remote folder; see `dedup.output.remote_folder`.
    """
    place = place_of(folder)
    if isinstance(place, RemotePath):
        with remote_folder.staged(place, SUMMARY_FILE, scratch) as stage:
            yield stage
        return
    path = Path(os.path.abspath(place))
    path.parent.mkdir(parents=True, exist_ok=True)
    stage = path.with_name(f".{path.name}.{os.getpid()}.partial")
    stage.mkdir()
    try:
        yield stage
        if os.path.lexists(path):
            old = path.with_name(f".{path.name}.{os.getpid()}.old")
            path.rename(old)
            stage.rename(path)
            shutil.rmtree(old)
        else:
            stage.rename(path)
    finally:
        shutil.rmtree(stage, ignore_errors=True)


def mend(folder: str | os.PathLike[str]) -> None:
    """Undo what a run that was killed in `staged` has left beside `folder`.

    Its stage goes; what stood in the way of its results, and was just moved aside, comes back.
    """
    if is_remote(folder):
        return
    path = Path(os.path.abspath(folder))
    for name in os.listdir(path.parent) if path.parent.is_dir() else ():
        if not name.startswith(f".{path.name}."):
            continue
        found = re.fullmatch(r"(\d+)\.(partial|old)", name[len(path.name) + 2 :])
        if found is None or is_alive(int(found[1])):
            continue
        left = path.with_name(name)
        if found[2] == "old" and not os.path.lexists(path):
            left.rename(path)
        else:
            shutil.rmtree(left, ignore_errors=True)


def is_alive(process: int) -> bool:
    """Tell whether there is a process of this number."""
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True
    return True

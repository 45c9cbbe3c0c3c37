"""A run on this machine: its processes, memory and disk, and the stages on them.

Light at import: worker processes are started before numpy and Arrow are loaded here, so that all
load at the same time.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from dedup.config import Config
from dedup.engines.pool import WorkerPool
from dedup.errors import BadFileError, StorageError
from dedup.io.inputs import STDIN, Inputs
from dedup.jobs.sources import Fingerprint, check_unchanged
from dedup.resources.failures import in_one_sentence
from dedup.resources.limits import Limits, limits_of

if TYPE_CHECKING:
    from dedup.check import Check
    from dedup.output.result import Result

PathLike = str | os.PathLike[str]
Progress = Callable[[int, int], None]
"""Called with the bytes of input that are done, and all of them (0 where unknown)."""

SMALL_BYTES = 8 << 20
"""Input below this is sketched in this process: starting workers would take longer."""


@dataclass
class Run:
    """What a run works on, with and where.

    Attributes
    ----------
    before : the input as it was found.
    folder : for all that grows with the input.
    copies : folders that get copies of the input.
    planned_processes : how many the parts are cut for; those of `limits`, if not given.
    continues : whether finished parts lie in the folder.
    keeps_rejected : whether the evidence is wanted, which has the best rejected pairs.
    bad : files that could not be read and are left out, by number; they may change.
    check : a second check of the verified pairs.
    """

    found: Inputs
    before: list[Fingerprint]
    config: Config
    limits: Limits
    pool: WorkerPool | None
    folder: str
    copies: list[PathLike] = field(default_factory=list)
    planned_processes: int | None = None
    continues: bool = False
    keeps_rejected: bool = True
    bad: dict[int, BadFileError] = field(default_factory=dict)
    check: Check | None = None

    def check_input(self) -> None:
        """Raise InputError where the input is not what it was."""
        before = [found for i, found in enumerate(self.before) if i not in self.bad]
        check_unchanged(before, self._now())

    def is_input_changed(self) -> bool:
        """Tell whether a file that is there is not what it was."""
        before = [found for i, found in enumerate(self.before) if i not in self.bad]
        return any(
            new != old and new.size >= 0 for old, new in zip(before, self._now(), strict=True)
        )

    def _now(self) -> list[Fingerprint]:
        return Fingerprint.of_all([f for f in self.found.files if f.ordinal not in self.bad])


def is_small(found: Inputs) -> bool:
    """Tell whether the input is sketched in this process, and in memory."""
    is_stream = any(file.path == STDIN for file in found.files)
    return not is_stream and sum(file.size for file in found.files) <= SMALL_BYTES


def limits_for(found: Inputs, config: Config) -> Limits:
    """Return what the run may use; one process, where more would have no work."""
    limits = limits_of(config)
    return limits._replace(processes=1) if is_small(found) else limits


@contextmanager
def started_pool(limits: Limits, inherited: tuple[int, ...] = ()) -> Iterator[WorkerPool | None]:
    """Start the workers, if there are to be any.

    Parameters
    ----------
    inherited : open files that the workers hold.
    """
    if limits.processes == 1:
        yield None
        return
    with WorkerPool(limits.processes - 1, inherited) as pool:
        yield pool


@contextmanager
def temporary_folder(parent: PathLike | None) -> Iterator[str]:
    """Give a scratch folder that goes in the end: in `parent`, else where the system has such."""
    with in_one_sentence([parent or tempfile.gettempdir()]):
        if parent is not None:
            os.makedirs(parent, exist_ok=True)
        folder = tempfile.TemporaryDirectory(
            prefix="dedup-scratch-", dir=parent, ignore_cleanup_errors=True
        )
    with folder as path:
        yield path


def find_all(run: Run, progress: Progress | None) -> Result:
    """Run all stages.

    Raises
    ------
    InputError : the input cannot be read, or changed while it was.
    DedupError : the disk has not the room.
    """
    from dedup.engines.local import LocalEngine
    from dedup.output.summary import bad_file_warnings
    from dedup.pipeline import find, needed_columns
    from dedup.search import sketch_parameters
    from dedup.spill.scratch import Scratch

    files, config, limits = run.found.files, run.config, run.limits
    small = is_small(run.found)
    disk = None
    if not small:
        from dedup.jobs.disk import check_room

        columns = needed_columns(config, run.check.columns if run.check else ())
        parameters = sketch_parameters(config)
        disk = check_room(
            files,
            columns,
            parameters,
            run.folder,
            run.copies,
            continues=run.continues,
            filters=config.ignore_common is not None,
        )
    engine = LocalEngine(
        run.pool,
        processes=run.planned_processes,
        continues=run.continues,
        when_read=run.check_input,
        bad=run.bad if config.skip_bad_files else None,
    )
    place = Scratch(None if small else run.folder, limits.memory)
    try:
        result = find(
            files,
            config,
            engine,
            place,
            progress,
            keeps_rejected=run.keeps_rejected,
            check=run.check,
        )
    except StorageError:
        raise
    except Exception:
        run.check_input()  # a better reason than whatever it led to
        raise
    result.summary["limits"] = {
        "memory_bytes": limits.memory,
        "processes": limits.processes,
    }
    result.summary["disk"] = disk
    result.summary["resumed_parts"] = engine.num_continued
    result.summary["input"]["bad_files"] = [
        {"name": files[i].name, "reason": run.bad[i].reason, "detail": str(run.bad[i])}
        for i in sorted(run.bad)
    ]
    result.summary["warnings"] += bad_file_warnings(result.summary["input"]["bad_files"])
    if run.found.skipped:
        result.summary["input"]["skipped_files"] = dict(run.found.skipped)
    return result

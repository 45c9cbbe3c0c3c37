"""The scratch folder of a run, and how the same command continues there after a crash.

It lies beside the output under a name of its own, is locked while a run is at work, and holds
``manifest.json``: what the parts under ``parts/`` were made from. The same command finds them and
sketches the rest; a command with other parameters or input is refused. The folder goes when the
run succeeds, and when nothing in it is worth keeping. Light: imports nothing heavy.
"""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import tempfile
import time
import zlib
from contextlib import suppress
from dataclasses import asdict, dataclass
from types import TracebackType
from typing import Any, Self

from dedup.errors import DedupError
from dedup.io.inputs import STDIN
from dedup.io.places import is_remote
from dedup.jobs.sources import Fingerprint, changes_of
from dedup.resources.failures import in_one_sentence

PathLike = str | os.PathLike[str]

FORMAT = "dedup-scratch-2"
"""Stands in the manifest; to be raised when the files of a part change."""

_LOCK_FILE = "lock"
_MANIFEST_FILE = "manifest.json"
_COMMITTING_FILE = "committing"
_PARTS_DIR = "parts"
_GLANCE_SECONDS = 0.05
_PATIENCE_SECONDS = 3.0
"""The workers of a run that was killed hold its lock until they notice."""
_SHOWN_CHANGES = 4


@dataclass
class Manifest:
    """What the parts of a run are made from.

    Attributes
    ----------
    parameters : what two runs must agree on, by the names that users know.
    seed : the seed of the hashes; a random one is taken over by the run that continues.
    processes : how many processes the parts were cut for.
    """

    parameters: dict[str, Any]
    seed: int
    files: list[Fingerprint]
    processes: int

    def changes(self, now: Manifest) -> list[str]:
        """Say what is other now."""
        names = dict.fromkeys([*self.parameters, *now.parameters])
        return changes_of(self.files, now.files) + [
            f"{name} {self.parameters.get(name)} -> {now.parameters.get(name)}"
            for name in names
            if self.parameters.get(name) != now.parameters.get(name)
        ]


class Workspace:
    """The locked scratch folder of a run with an output; a context.

    Parameters
    ----------
    output : folder of the results; it gives the scratch folder its place and name. That of a
        remote one lies where the system has temporary files.
    scratch : folder to lie in instead.

    Attributes
    ----------
    parts : folder of all that grows with the input.
    continued : whether an earlier run has left finished parts here that fit.
    was_committing : whether an earlier run of the same command died while its results took their
        places: what is there of them is its own.
    """

    def __init__(self, output: PathLike, scratch: PathLike | None) -> None:
        path = str(output) if is_remote(output) else os.path.abspath(output)
        name = f".{os.path.basename(path)}.scratch"
        parent = os.path.dirname(path)
        if is_remote(output) and scratch is None:
            scratch = tempfile.gettempdir()
        if scratch is not None:
            parent = os.path.abspath(scratch)
            name = f".{os.path.basename(path)}.{zlib.crc32(os.fsencode(path)):08x}.scratch"
        self.folder = os.path.join(parent, name)
        self.parts = os.path.join(self.folder, _PARTS_DIR)
        self.continued = False
        self.was_committing = False
        self.lock = -1
        self._begun = False
        self._is_resumable = False

    def __enter__(self) -> Self:
        with in_one_sentence([self.folder]):
            self.lock = self._locked()
        return self

    def _locked(self) -> int:
        """Lock the folder; what holds the lock is an open file, so a dead run never does."""
        deadline = time.monotonic() + _PATIENCE_SECONDS
        while True:
            os.makedirs(self.folder, exist_ok=True)
            path = os.path.join(self.folder, _LOCK_FILE)
            if not os.path.lexists(path) and os.listdir(self.folder):
                raise DedupError(
                    f"{self.folder} is there and no scratch folder of dedup; remove it, or give "
                    "another place with --scratch."
                )
            try:
                descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
            except FileNotFoundError:
                continue  # a run that ends has just removed the folder
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                if os.fstat(descriptor).st_nlink:
                    return descriptor
            except BlockingIOError:
                if time.monotonic() > deadline:
                    os.close(descriptor)
                    raise DedupError(
                        f"another run is at work in {self.folder}; wait for its end, or give "
                        "another output."
                    ) from None
                time.sleep(_GLANCE_SECONDS)
            except OSError as error:
                os.close(descriptor)
                raise DedupError(
                    f"{self.folder} cannot be locked ({error.strerror}); give a folder on a local "
                    "disk with --scratch."
                ) from error
            os.close(descriptor)

    def begin(self, now: Manifest, *, restart: bool) -> Manifest:
        """Find out what can be continued, clean away the rest, and return the manifest in force.

        Raises
        ------
        DedupError : finished parts are there, and were made from other input or parameters.
        """
        before = None if restart else self._manifest()
        self._is_resumable = all(file.path != STDIN for file in now.files)
        if before is not None:
            changes = before.changes(now)
            if changes and self._num_finished():
                shown = changes[:_SHOWN_CHANGES]
                if len(changes) > len(shown):
                    shown.append(f"and {len(changes) - len(shown)} more changes")
                raise DedupError(
                    f"the run that was begun in {self.folder} had other input or parameters "
                    f"({'; '.join(shown)}); repeat its command to continue it, or begin anew "
                    "with --restart."
                )
            if changes or not self._is_resumable:
                before = None
        self._begun = True
        if before is None:
            self._clear()
            os.mkdir(self.parts)
            self._write(_MANIFEST_FILE, json.dumps({"format": FORMAT} | asdict(now), indent=2))
            return now
        self.was_committing = os.path.exists(os.path.join(self.folder, _COMMITTING_FILE))
        self.continued = self._num_finished() > 0
        self._remove_unfinished()
        return before

    def committing(self) -> None:
        """Note that from now on results take their places."""
        if self._is_resumable:
            self._write(_COMMITTING_FILE, "")

    def discard(self) -> None:
        """Keep nothing, whatever comes."""
        self._is_resumable = False

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        try:
            if error is not None and self._num_finished() and not self._is_spoilt():
                if self._begun:
                    error.add_note(
                        f"what was done is kept in {self.folder}; the same command continues."
                    )
                return
            self._clear()
            with suppress(OSError):
                os.unlink(os.path.join(self.folder, _LOCK_FILE))
                os.rmdir(self.folder)
        finally:
            os.close(self.lock)

    def _is_spoilt(self) -> bool:
        """Tell whether this run was at work here and nothing of it can be continued."""
        return self._begun and not self._is_resumable

    def _manifest(self) -> Manifest | None:
        """Read the manifest; None where there is none that can be understood."""
        try:
            with open(os.path.join(self.folder, _MANIFEST_FILE), encoding="utf-8") as file:
                found = json.load(file)
            if found.pop("format") != FORMAT:
                return None
            files = [Fingerprint(*values) for values in found.pop("files")]
            return Manifest(files=files, **found)
        except (OSError, ValueError, TypeError, KeyError, AttributeError):
            return None

    def _write(self, name: str, text: str) -> None:
        path = os.path.join(self.folder, name)
        with open(f"{path}.partial", "w", encoding="utf-8") as file:
            file.write(text)
        os.replace(f"{path}.partial", path)

    def _finished(self) -> set[str]:
        """Return the names, without suffix, of finished parts: see `dedup.engines.part_files`."""
        try:
            names = os.listdir(self.parts)
        except OSError:
            return set()
        return {name.removesuffix(".json") for name in names if name.endswith(".json")}

    def _num_finished(self) -> int:
        return len(self._finished())

    def _remove_unfinished(self) -> None:
        """Remove from the parts what a killed run has left half done."""
        os.makedirs(self.parts, exist_ok=True)
        finished = self._finished()
        for name in os.listdir(self.parts):
            stem, suffix = os.path.splitext(name)
            if stem not in finished or suffix in (".chunk", ".partial"):
                os.unlink(os.path.join(self.parts, name))

    def _clear(self) -> None:
        """Remove all but the lock.

        The parts go first: while the manifest is there, the same command is welcome again.
        """
        shutil.rmtree(self.parts, ignore_errors=True)
        with suppress(OSError):
            for name in sorted(os.listdir(self.folder), reverse=True):
                path = os.path.join(self.folder, name)
                if os.path.isdir(path):  # results on their way to a store
                    shutil.rmtree(path, ignore_errors=True)
                elif name != _LOCK_FILE:
                    os.unlink(path)

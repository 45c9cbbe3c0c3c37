"""The local engine: all cores of one machine, each process reading its own part of the input."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator
from itertools import chain
from typing import Protocol

from dedup.documents import SketchParameters
from dedup.engines.part_files import is_finished, open_part
from dedup.engines.parts import PartSketches
from dedup.engines.pool import Worker, WorkerPool
from dedup.engines.queue import Job, Plan, Progress, Shared
from dedup.engines.sketching import READ_BYTES, SketchTask
from dedup.errors import BadFileError, InputError
from dedup.io.base import Columns, InputFile, Part
from dedup.io.formats import FORMATS
from dedup.io.inputs import STDIN
from dedup.io.places import archive_of, looked_up
from dedup.text.shingles import MAX_SLOTS

PART_BYTES = 32 << 20
"""Text of a part: small enough to share the work evenly, large enough to make its start cheap."""

_MOST_PARTS = 1 << 10
"""By the size on disk; of unpacked text some thousands, for the system maps no more than so many
files into a process."""

_GLANCE_SECONDS = 0.1
_PATIENCE_SECONDS = 2.0


class Engine(Protocol):
    """Brings documents to the sketch kernels."""

    def sketch(
        self,
        files: list[InputFile],
        columns: Columns,
        parameters: SketchParameters,
        scratch: str | None,
        progress: Progress | None,
    ) -> list[PartSketches]:
        """Sketch all documents of the files, in input order."""


class LocalEngine:
    """Sketches parts in this process and, where there is a pool, in its workers too.

    Parameters
    ----------
    pool : worker processes, beside this one; ended when all is sketched, for their memory.
    processes : how many the parts are cut for; those there are, if not given.
    continues : whether finished parts that lie in scratch are taken as they are.
    bad : collects the files that cannot be read, by number, to leave them out; None fails at the
        first.
    when_read : called when all of the input was read, to check that it is what it was.
    part_bytes, read_bytes : text of a part, and of what is read at a time; results do not depend
        on them, nor on `batch_documents`, the most documents that the kernels take at once.
    """

    def __init__(
        self,
        pool: WorkerPool | None = None,
        *,
        processes: int | None = None,
        continues: bool = False,
        bad: dict[int, BadFileError] | None = None,
        when_read: Callable[[], None] | None = None,
        part_bytes: int = PART_BYTES,
        read_bytes: int = READ_BYTES,
        batch_documents: int = MAX_SLOTS,
    ) -> None:
        self._pool = pool
        self._workers: list[Worker] = pool.workers if pool else []
        self._processes = processes or 1 + len(self._workers)
        self._continues = continues
        self._skips = bad is not None
        self._bad = {} if bad is None else bad
        self._when_read = when_read
        self._part_bytes = part_bytes
        self._read_bytes = read_bytes
        self._batch_documents = min(batch_documents, MAX_SLOTS)
        self.num_continued = 0
        """Finished parts that were taken from an earlier run."""

    def sketch(
        self,
        files: list[InputFile],
        columns: Columns,
        parameters: SketchParameters,
        scratch: str | None,
        progress: Progress | None,
    ) -> list[PartSketches]:
        """Sketch all documents of the files, in input order; see `Engine`.

        Where a file turns out to be bad, the parts that hold some of it are made again without it.
        """
        plan = self._plan(files, columns, scratch)
        results: dict[Job, PartSketches] = {}
        while True:
            shared = Shared(plan, progress)
            self._run(shared, results, parameters, scratch)
            self.num_continued += shared.num_continued
            again = [job for job in results if any(p.file.ordinal in self._bad for p in job.parts)]
            if not again:
                break
            for job in again:
                del results[job]
            plan = Plan(iter([job.again(self._bad) for job in again]), 0)
        if self._pool is not None:
            self._pool.stop()
        if files and len(self._bad) == len(files):
            first = self._bad[min(self._bad)]
            raise InputError(f"no file of the input can be read; the first: {first}") from first
        if self._when_read is not None:
            self._when_read()
        return [results[job] for job in sorted(results, key=lambda job: (job.file, job.number))]

    def _run(
        self,
        shared: Shared,
        results: dict[Job, PartSketches],
        parameters: SketchParameters,
        scratch: str | None,
    ) -> None:
        """Do the jobs of a plan, in this process and the workers."""
        failures: list[BaseException] = []

        def consume(run: Callable[[SketchTask], PartSketches | None]) -> None:
            try:
                while not failures and (job := shared.take()) is not None:
                    if any(part.file.ordinal in self._bad for part in job.parts):
                        job = job.again(self._bad)
                    if not job.parts:
                        continue
                    stem = os.path.join(scratch, job.name) if scratch else None
                    sketches = _finished(stem, job.parts) if self._continues and stem else None
                    is_new = sketches is None
                    if sketches is None:
                        task = SketchTask(
                            tuple(job.parts),
                            parameters,
                            stem,
                            self._read_bytes,
                            self._batch_documents,
                        )
                        try:
                            sketches = run(task)
                        except BadFileError as error:
                            self._set_aside(error, [part.file for part in job.parts])
                            shared.put_back(job.again(self._bad))
                            continue
                    if sketches is None:
                        sketches = open_part(str(stem), job.parts)
                    results[job] = sketches
                    _drop_chunks(job.parts)
                    shared.done(sketches.num_bytes, is_new=is_new)
            except BaseException as error:
                failures.append(error)

        threads = [
            threading.Thread(target=consume, args=(worker.call,), daemon=True)
            for worker in self._workers
        ]
        for thread in threads:
            thread.start()
        try:
            consume(SketchTask.run)
            while not failures and any(thread.is_alive() for thread in threads):
                for thread in threads:
                    thread.join(_GLANCE_SECONDS)
        except KeyboardInterrupt as error:
            failures.append(error)
        if failures:
            # No thread may go on while the interpreter ends; one that waits for standard input does
            # nothing but that.
            for worker in self._workers:
                worker.stop()
            for thread in threads:
                thread.join(_PATIENCE_SECONDS)
            raise failures[0]

    def _set_aside(self, error: BadFileError, files: list[InputFile]) -> None:
        """Leave out the one of the files that an error is about; raise it if that is not wanted."""
        found = [file.ordinal for file in files if error.path in (file.path, archive_of(file.path))]
        if not self._skips or not found:
            raise error
        self._bad[found[0]] = error

    def _plan(self, files: list[InputFile], columns: Columns, scratch: str | None) -> Plan:
        """Cut files into parts: large ones first, for an even end; then what must be unpacked."""
        part_bytes = max(self._part_bytes, sum(file.size for file in files) // _MOST_PARTS)
        spooled = [file for file in files if self._must_spool(file, len(files))]
        streams = {file.ordinal for file in spooled}
        whole = [file for file in files if file.ordinal not in streams]

        def split(file: InputFile) -> list[Part]:
            try:
                return FORMATS[file.format].split(file, columns, part_bytes)
            except BadFileError as error:
                self._set_aside(error, [file])
                return []

        cut = looked_up(split, whole, [file.path for file in whole])
        parts = [
            (file.ordinal, number, part)
            for file, found in zip(whole, cut, strict=True)
            for number, part in enumerate(found)
        ]
        share = sum(part.size for *_, part in parts) // (4 * self._processes)
        limit = min(part_bytes, share)
        jobs: list[Job] = []
        for ordinal, number, part in parts:
            # Small neighbours go together: a part costs a message and two files.
            last = jobs[-1] if jobs else None
            if (
                last is None
                or last.parts[-1].file.ordinal < ordinal - 1
                or last.size + part.size > limit
            ):
                last = Job(ordinal, number)
                jobs.append(last)
            last.parts.append(part)
            last.size += part.size
        jobs.sort(key=lambda job: -job.size)
        total = 0 if spooled else sum(job.size for job in jobs)
        return Plan(chain(jobs, self._unpacked(spooled, columns, scratch, part_bytes)), total)

    def _must_spool(self, file: InputFile, num_files: int) -> bool:
        """Unpack a stream only where that brings cores to work: fewer files than processes."""
        if not FORMATS[file.format].needs_spool(file):
            return False
        return file.path == STDIN or num_files < self._processes

    def _unpacked(
        self, files: list[InputFile], columns: Columns, scratch: str | None, part_bytes: int
    ) -> Iterator[Job]:
        for file in files:
            if scratch is None:
                raise RuntimeError(f"{file.name} needs a scratch folder to be unpacked to")
            parts = FORMATS[file.format].spool(file, columns, scratch, part_bytes)
            try:
                yield from (Job(file.ordinal, number, [part]) for number, part in enumerate(parts))
            except BadFileError as error:
                self._set_aside(error, [file])


def _finished(stem: str, parts: list[Part]) -> PartSketches | None:
    """Open a part that an earlier run has finished; None where there is none, or no whole one."""
    if not is_finished(stem):
        return None
    try:
        found = open_part(stem, parts)
        if [record.file for record in found.records] != [part.file.ordinal for part in parts]:
            raise ValueError("made when other files could be read")
        return found
    except (OSError, ValueError, LookupError):
        os.unlink(f"{stem}.json")
        return None


def _drop_chunks(parts: list[Part]) -> None:
    """Delete unpacked chunks that were read; those of standard input may be needed for copies."""
    for part in parts:
        if part.path is not None and part.file.path != STDIN:
            os.unlink(part.path)

"""Jobs: what a process sketches at a time, and how the threads of a run share them."""

from __future__ import annotations

import threading
from collections.abc import Callable, Container, Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

from dedup.io.base import Part

Progress = Callable[[int, int], None]
"""Called with the bytes of text that are done, and all of them (0 where unknown)."""


@dataclass(eq=False)
class Job:
    """Consecutive parts, and the place of the first: its file's number, and its own in the file."""

    file: int
    number: int
    parts: list[Part] = field(default_factory=list)
    size: int = 0
    """About how many bytes of text they hold."""
    attempt: int = 0
    """How often parts of bad files were taken out."""

    @property
    def name(self) -> str:
        """The stem of its files; not that of an earlier attempt, which may be mapped."""
        return f"{self.file:06d}-{self.number:06d}" + (f"-{self.attempt}" if self.attempt else "")

    def again(self, bad: Container[int]) -> Job:
        """Return the job without the parts of bad files."""
        parts = [part for part in self.parts if part.file.ordinal not in bad]
        return Job(self.file, self.number, parts, self.size, self.attempt + 1)


class Plan(NamedTuple):
    """Jobs, and the bytes of text that they hold; 0 where that is unknown."""

    jobs: Iterator[Job]
    total_bytes: int


class Shared:
    """Hands each job of a plan to one of several threads, and counts what is done."""

    def __init__(self, plan: Plan, progress: Progress | None) -> None:
        self._plan = plan
        self._progress = progress
        self._returned: list[Job] = []
        self._done = 0
        self.num_continued = 0
        self._lock = threading.Lock()

    def take(self) -> Job | None:
        """Return the next job, None after the last."""
        with self._lock:
            return self._returned.pop() if self._returned else next(self._plan.jobs, None)

    def put_back(self, job: Job) -> None:
        """Give back a job, to be done as it is now."""
        with self._lock:
            self._returned.append(job)

    def done(self, num_bytes: int, *, is_new: bool) -> None:
        """Count text that was sketched, now or by an earlier run."""
        with self._lock:
            self._done += num_bytes
            self.num_continued += not is_new
            if self._progress is not None:
                self._progress(self._done, self._plan.total_bytes)

"""The threads of a service: some that read the index, and one that writes.

A reading thread has an `Index` of its own and sees, with each question, whatever anybody has added
by then. The writer joins the additions that wait: together they come to the disk at the price of
one, and each is answered after that.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from queue import SimpleQueue
from typing import Any

import pyarrow as pa

from dedup.errors import InputError
from dedup.index.answers import joined
from dedup.index.incoming import BATCH_DOCUMENTS, Batches
from dedup.index.index import Index
from dedup.index.manifest import MANIFEST_FILE
from dedup.service.bodies import Addition, Question, added_rows, match_rows

_THREADS = min(4, os.cpu_count() or 1)
_ASKED_TOGETHER = 256
"""Texts between two looks at the clock."""
_ADDED_BYTES = 16 << 20
"""Text of additions that are joined."""


class Readers:
    """Threads that answer questions; see the module."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._own = threading.local()
        self.pool = ThreadPoolExecutor(_THREADS, thread_name_prefix="read")

    def matches(self, asked: Question, deadline: float) -> list[list[dict[str, Any]]]:
        """Answer a question, in one of the threads.

        Parameters
        ----------
        deadline : of `time.monotonic`.

        Raises
        ------
        TimeoutError : it has passed.
        """
        index = self.index()
        found = list(index.querying(_in_time(asked.text, deadline), asked.top, asked.limit))
        table = joined(found)
        return match_rows(table, len(asked.text))

    def index(self) -> Index:
        """Return the thread's index, of the state of now."""
        try:
            status = os.stat(os.path.join(self._path, MANIFEST_FILE))
        except OSError as error:
            raise InputError(f"{self._path} cannot be read ({error.strerror}).") from error
        now = (status.st_ino, status.st_mtime_ns, status.st_size)
        if not hasattr(self._own, "index"):
            self._own.index = Index.open(self._path)
        elif now != self._own.state:
            self._own.index.refresh()
        self._own.state = now
        index: Index = self._own.index
        return index


def _in_time(text: pa.Array, deadline: float) -> Batches:
    for first in range(0, max(1, len(text)), _ASKED_TOGETHER):
        if time.monotonic() > deadline:
            raise TimeoutError
        yield text[first : first + _ASKED_TOGETHER], None


@dataclass
class _Waiting:
    addition: Addition
    answer: Future[list[dict[str, Any]]] = field(default_factory=Future)

    @property
    def kind(self) -> tuple[pa.DataType, pa.DataType | None]:
        """What has to be the same for two to be joined."""
        ids = self.addition.ids
        return self.addition.text.type, None if ids is None else ids.type


class Writer:
    """The thread that adds; see the module."""

    def __init__(self, path: str) -> None:
        self._index = Index.open(path)
        self._queue: SimpleQueue[_Waiting | None] = SimpleQueue()
        self._thread = threading.Thread(target=self._run, name="write")

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def submit(self, addition: Addition) -> Future[list[dict[str, Any]]]:
        """Return the answer to come. Where it can still be cancelled, nothing is added."""
        waiting = _Waiting(addition)
        self._queue.put(waiting)
        return waiting.answer

    def close(self) -> None:
        """Finish what was submitted, and end."""
        self._queue.put(None)
        self._thread.join()

    def _run(self) -> None:
        stops = False
        while not stops:
            taken = [self._queue.get()]
            while not self._queue.empty():
                taken.append(self._queue.get())
            stops = None in taken
            for together in _joinable(one for one in taken if one is not None):
                self._add([one for one in together if one.answer.set_running_or_notify_cancel()])

    def _add(self, together: list[_Waiting]) -> None:
        if not together:
            return
        try:
            text = pa.concat_arrays([one.addition.text for one in together])
            ids = [one.addition.ids for one in together if one.addition.ids is not None]
            batch = (text, pa.concat_arrays(ids) if ids else None)
            (table,) = self._index.adding(iter([batch]))
            rows = iter(added_rows(table))
            answers = [[next(rows) for _ in one.addition.text] for one in together]
        except BaseException as error:  # the thread outlives it
            for one in together:
                one.answer.set_exception(error)
            return
        for one, answer in zip(together, answers, strict=True):
            one.answer.set_result(answer)


def _joinable(taken: Iterable[_Waiting]) -> Iterator[list[_Waiting]]:
    """Yield consecutive additions that are alike, up to a batch of text."""
    group: list[_Waiting] = []
    size = documents = 0
    for one in taken:
        size += one.addition.text.nbytes
        documents += len(one.addition.text)
        is_full = size > _ADDED_BYTES or documents > BATCH_DOCUMENTS
        if group and (is_full or one.kind != group[0].kind):
            yield group
            group, size, documents = [], one.addition.text.nbytes, len(one.addition.text)
        group.append(one)
    if group:
        yield group

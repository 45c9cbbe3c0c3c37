"""Worker processes: started early, fed one part at a time, gone with the parent.

A worker is a fresh interpreter that runs `dedup.engines.worker`: never a fork beside Arrow's
threads, never an import of the caller's main module. Light: nothing heavy is imported here, so that
workers load numpy and Arrow while the parent does.
"""

from __future__ import annotations

import os
import pickle
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing.connection import Connection, Pipe
from types import TracebackType
from typing import Any

from dedup.errors import DedupError

_CODE = "from dedup.engines.worker import main; main()"


def send(connection: Connection[Any, Any], message: object) -> None:
    """Send a message.

    `Connection.send` would lend out a buffer that an error's traceback keeps alive, and some
    Pythons (3.12.1) crash when they end with such a one.
    """
    connection.send_bytes(pickle.dumps(message, pickle.HIGHEST_PROTOCOL))


def receive(connection: Connection[Any, Any]) -> Any:
    """Receive a message from `send`; only ever from our own processes."""
    return pickle.loads(connection.recv_bytes())


@contextmanager
def _interrupts_held() -> Iterator[None]:
    """Hold back Ctrl-C: processes started meanwhile never get it, here it comes afterwards."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


class Worker:
    """One worker process and the connection to it.

    Parameters
    ----------
    inherited : open files that it holds as long as it lives, such as the lock of the run.
    """

    def __init__(self, inherited: tuple[int, ...] = ()) -> None:
        ours, theirs = Pipe()
        # The same modules as here, and none that happen to lie in the working directory (-P).
        places = os.pathsep.join(place or os.getcwd() for place in sys.path)
        environment = os.environ | {"PYTHONPATH": places}
        with theirs, _interrupts_held():
            self._process = subprocess.Popen(
                [sys.executable, "-P", "-c", _CODE, str(theirs.fileno())],
                stdin=subprocess.DEVNULL,
                pass_fds=[theirs.fileno(), *inherited],
                env=environment,
            )
        self._connection: Connection[Any, Any] = ours

    def call(self, task: object) -> Any:
        """Run `task.run()` in the worker and return what it returns.

        Raises
        ------
        DedupError : as raised there, or the process died.
        """
        try:
            send(self._connection, task)
            succeeded, value = receive(self._connection)
        except (EOFError, OSError):
            raise DedupError(self._obituary()) from None
        if succeeded:
            return value
        raise value

    def _obituary(self) -> str:
        status = self._process.wait()
        if status == -signal.SIGKILL:
            return (
                "a worker process was killed (signal 9), most likely for want of memory; "
                "give less --memory, or fewer --workers."
            )
        return f"a worker process ended with status {status}; run with --workers 1 to see why."

    def stop(self) -> None:
        """End the process at once."""
        self._process.kill()
        self._process.wait()
        self._connection.close()


class WorkerPool:
    """A number of workers; leaving the context ends them."""

    def __init__(self, size: int, inherited: tuple[int, ...] = ()) -> None:
        self.workers: list[Worker] = []
        try:
            for _ in range(size):
                self.workers.append(Worker(inherited))
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """End all workers at once."""
        while self.workers:
            self.workers.pop().stop()

    def __enter__(self) -> WorkerPool:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

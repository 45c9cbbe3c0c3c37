"""The main program of a worker process: receive a task, run it, send back what it returns."""

from __future__ import annotations

import os
import queue
import sys
import threading
import traceback
from multiprocessing.connection import Connection
from typing import Any

from dedup.engines.pool import receive, send
from dedup.errors import DedupError


def main() -> None:
    """Serve tasks from the connection named on the command line until the parent is gone."""
    connection: Connection[Any, Any] = Connection(int(sys.argv[1]))
    tasks: queue.SimpleQueue[Any] = queue.SimpleQueue()

    def listen() -> None:
        # A worker must not outlive its parent by the length of a task.
        try:
            while True:
                tasks.put(receive(connection))
        except (EOFError, OSError):
            os._exit(1)

    threading.Thread(target=listen, daemon=True).start()
    import dedup.engines.sketching  # noqa: F401  # load numpy and Arrow before the first task

    while True:
        task = tasks.get()
        try:
            answer = (True, task.run())
        except (DedupError, OSError) as error:
            answer = (False, error)
        except MemoryError as error:
            answer = (False, MemoryError(str(error)))
        except Exception:
            answer = (False, RuntimeError(f"in a worker process:\n{traceback.format_exc()}"))
        send(connection, answer)

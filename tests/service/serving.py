"""A real server on loopback, as a process of its own."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx

ROOT = Path(__file__).parents[2]


class Served:
    """A running ``dedup serve``."""

    def __init__(self, process: subprocess.Popen[str], address: str) -> None:
        self.process, self.address = process, address
        self.client = httpx.Client(base_url=address, timeout=60)

    def post(self, path: str, **body: Any) -> httpx.Response:
        return self.client.post(path, json=body)

    def stop(self) -> tuple[int, str]:
        """Ask it to stop; return its exit code and what it wrote to stderr."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        _, said = self.process.communicate(timeout=60)
        return self.process.returncode, said


@contextmanager
def served(path: object, *options: object) -> Iterator[Served]:
    """Serve an index at a free port; it must end well."""
    process = subprocess.Popen(
        [sys.executable, ROOT / "cli.py", "serve", *map(str, (path, "--port", 0, *options))],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
    )
    try:
        assert process.stdout is not None
        line = process.stdout.readline()
        assert line, process.communicate()[1]
        server = Served(process, line.split()[-1])
        with server.client:
            yield server
        code, said = server.stop()
        assert (code, said) == (0, "")
    finally:
        process.kill()
        process.wait()

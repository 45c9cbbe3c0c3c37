"""The service on a socket, by uvicorn, until it is told to stop.

SIGTERM and SIGINT: no new connection is taken, requests that have come are answered, and then it
ends. A second SIGINT ends it at once; what was answered is on the disk even so.
"""

from __future__ import annotations

import asyncio
import signal
import socket
from collections.abc import Callable
from typing import Any

import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

from dedup.errors import ConfigError
from dedup.service.app import application
from dedup.service.limits import Limits

LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})
_CONNECTIONS = 1_000
_IDLE_SECONDS = 5


class _Protocol(H11Protocol):
    """HTTP/1.1, with a bound of time for the head of a request, which uvicorn has not."""

    _late: asyncio.TimerHandle | None = None

    def connection_made(self, transport: Any) -> None:
        super().connection_made(transport)
        self._watch()

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        self._watch()

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        if self._late is not None:
            self._late.cancel()

    def _watch(self) -> None:
        cycle: Any = self.cycle  # None before the first request
        has_head = cycle is not None and not cycle.response_complete
        if has_head and self._late is not None:
            self._late.cancel()
            self._late = None
        elif not has_head and self._late is None:
            self._late = self.loop.call_later(_IDLE_SECONDS, self._give_up)

    def _give_up(self) -> None:
        if not self.transport.is_closing():
            self.transport.close()


def serve(
    path: str,
    host: str = "127.0.0.1",
    port: int = 8765,
    *,
    limits: Limits | None = None,
    token: str | None = None,
    ready: Callable[[str], None] = lambda address: None,
) -> None:
    """Serve an index until SIGTERM or SIGINT.

    Parameters
    ----------
    port : 0 for any that is free.
    token : that requests must bear. On loopback without one, requests must name this machine.
    ready : called with the address, once connections are taken.

    Raises
    ------
    InputError, FormatVersionError : there is no index, or none of this version.
    ConfigError : the address cannot be had.
    """
    hosts = LOOPBACK if host in LOOPBACK and token is None else None
    app = application(path, limits, token, hosts)
    config = uvicorn.Config(
        app,
        http=_Protocol,
        ws="none",
        lifespan="on",
        log_level="warning",
        access_log=False,
        server_header=False,
        limit_concurrency=_CONNECTIONS,
        timeout_keep_alive=_IDLE_SECONDS,
    )
    try:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        taken = socket.create_server((host, port), family=family, backlog=config.backlog)
        # Connections inherit it; else the body of an answer waits 40 ms for its head's receipt.
        taken.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    except OSError as error:
        raise ConfigError(
            f"{host} port {port} cannot be listened at ({error.strerror}); give another."
        ) from error
    with taken:
        shown = f"[{host}]" if ":" in host else host
        ready(f"http://{shown}:{taken.getsockname()[1]}")
        # uvicorn raises the signals again when it has stopped: all is done then.
        before = {one: signal.signal(one, _ignore) for one in (signal.SIGINT, signal.SIGTERM)}
        try:
            uvicorn.Server(config).run(sockets=[taken])
        finally:
            for one, handler in before.items():
                signal.signal(one, handler)


def _ignore(*_: object) -> None:
    """Do nothing."""

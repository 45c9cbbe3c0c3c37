"""The service as an ASGI application."""

from __future__ import annotations

import asyncio
import hmac
import json
import time
from collections.abc import AsyncIterator, Iterator
from concurrent.futures import Future
from contextlib import asynccontextmanager, contextmanager
from typing import Any, TypeVar

from starlette.applications import Starlette
from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import ClientDisconnect, Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from dedup.errors import DedupError
from dedup.index.document_manifest import DocumentManifest
from dedup.service.bodies import RefusalError, addition, question
from dedup.service.limits import Limits
from dedup.service.openapi import PAGE_POLICY, description, page
from dedup.service.work import Readers, Writer

_T = TypeVar("_T")
_OPEN = ("/", "/openapi.json", "/healthz")
"""What needs no token."""
_HEADERS = {"cache-control": "no-store", "x-content-type-options": "nosniff"}


def application(
    path: str,
    limits: Limits | None = None,
    token: str | None = None,
    hosts: frozenset[str] | None = None,
) -> Starlette:
    """Return the service over an index, for any ASGI server that runs its lifespan.

    Parameters
    ----------
    path : the index.
    token : that requests must bear, if any.
    hosts : names by which the service is asked, any if None. A page on the web that has its own
        name lead to this machine asks by that name, and a browser on it would help.

    Raises
    ------
    InputError, FormatVersionError : there is no index, or none of this version.
    """
    service = _Service(path, limits or Limits(), token is not None)
    return Starlette(
        routes=[
            Route("/", service.page, methods=["GET"]),
            Route("/openapi.json", service.openapi, methods=["GET"]),
            Route("/healthz", service.healthz, methods=["GET"]),
            Route("/stats", service.stats, methods=["GET"]),
            Route("/query", service.query, methods=["POST"]),
            Route("/add", service.add, methods=["POST"]),
        ],
        middleware=[Middleware(_Guard, token=token, hosts=hosts)],
        exception_handlers={
            RefusalError: _refused,
            DedupError: _failed,
            HTTPException: _http_error,
            ClientDisconnect: _gone,
            Exception: _broken,
        },
        lifespan=service.lifespan,
    )


class _Service:
    def __init__(self, path: str, limits: Limits, has_token: bool) -> None:
        self._path = path
        self._limits = limits
        self._readers = Readers(path)
        self._writer = Writer(path)
        self._requests = 0
        self._description = description(limits, has_token)

    @asynccontextmanager
    async def lifespan(self, _: Starlette) -> AsyncIterator[None]:
        """Run the threads; what was submitted is finished before they end."""
        self._writer.start()
        try:
            yield
        finally:
            await asyncio.to_thread(self._writer.close)
            await asyncio.to_thread(self._readers.pool.shutdown)

    async def page(self, _: Request) -> Response:
        headers = _HEADERS | {"content-security-policy": PAGE_POLICY}
        return HTMLResponse(page(self._description), headers=headers)

    async def openapi(self, _: Request) -> Response:
        return _json(self._description)

    async def healthz(self, _: Request) -> Response:
        await asyncio.to_thread(DocumentManifest.read, self._path)
        return _json({"status": "ok"})

    async def stats(self, _: Request) -> Response:
        with self._admitted():
            work = self._readers.pool.submit(lambda: self._readers.index().stats())
            return _json(await _answer(work, self._deadline()))

    async def query(self, request: Request) -> Response:
        with self._admitted():
            body = await self._body(request)
            deadline = self._deadline()

            def answered() -> Response:
                found = self._readers.matches(question(body, self._limits), deadline)
                return _json({"matches": found})

            return await _answer(self._readers.pool.submit(answered), deadline)

    async def add(self, request: Request) -> Response:
        with self._admitted():
            body = await self._body(request)
            deadline = self._deadline()
            read = self._readers.pool.submit(addition, body, self._limits)
            added = self._writer.submit(await _answer(read, deadline))
            return _json({"documents": await _answer(added, deadline, is_finished=True)})

    def _deadline(self) -> float:
        return time.monotonic() + self._limits.timeout_seconds

    @contextmanager
    def _admitted(self) -> Iterator[None]:
        """Count the request among those that are worked on."""
        if self._requests >= self._limits.max_requests:
            raise RefusalError(503, f"{self._requests} requests wait already; try again later.")
        self._requests += 1
        try:
            yield
        finally:
            self._requests -= 1

    async def _body(self, request: Request) -> bytes:
        kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
        if kind != "application/json":
            raise RefusalError(415, f"the body is {kind or 'of no type'}; send application/json.")
        most = self._limits.max_body_bytes
        sentence = f"the body has more than {most} bytes; send it in parts."
        length = request.headers.get("content-length", "0")
        if length.isdecimal() and int(length) > most:
            raise RefusalError(413, sentence)
        body = bytearray()
        try:
            async with asyncio.timeout(self._limits.timeout_seconds):
                async for piece in request.stream():
                    body += piece
                    if len(body) > most:
                        raise RefusalError(413, sentence)
        except TimeoutError:
            raise RefusalError(
                408, f"the body did not come within {self._limits.timeout_seconds:g} s."
            ) from None
        return bytes(body)


async def _answer(work: Future[_T], deadline: float, *, is_finished: bool = False) -> _T:
    """Wait for a thread's answer.

    Parameters
    ----------
    is_finished : whether what has begun is waited for beyond the deadline.
    """
    waiting = asyncio.wrap_future(work)
    await asyncio.wait([waiting], timeout=max(0.0, deadline - time.monotonic()))
    if not waiting.done() and (work.cancel() or not is_finished):
        waiting.add_done_callback(lambda late: late.cancelled() or late.exception())
        raise RefusalError(503, "it was not done in time and nothing has changed; ask for less.")
    try:
        return await waiting
    except TimeoutError:
        raise RefusalError(503, "it was not done in time; ask for less.") from None


class _Guard:
    """Lets requests through that bear the token and ask by the right name."""

    def __init__(self, app: ASGIApp, token: str | None, hosts: frozenset[str] | None) -> None:
        self._app = app
        self._token = None if token is None else f"Bearer {token}".encode()
        self._hosts = hosts

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        response = self._refusal(scope) if scope["type"] == "http" else None
        await (response or self._app)(scope, receive, send)

    def _refusal(self, scope: Scope) -> Response | None:
        headers = Headers(scope=scope)
        name = _name(headers.get("host", ""))
        if self._hosts is not None and name not in self._hosts:
            return _error(421, f"this service is not {name!r}; ask it by its own name.")
        if self._token is None or scope["path"] in _OPEN:
            return None
        given = headers.get("authorization", "").encode("latin-1")
        if hmac.compare_digest(given, self._token):
            return None
        response = _error(401, "the token is missing or wrong; send Authorization: Bearer TOKEN.")
        response.headers["www-authenticate"] = "Bearer"
        return response


def _name(host: str) -> str:
    """Return the name of a Host header, without its port."""
    if host.startswith("["):
        return host[1:].partition("]")[0]
    return host.partition(":")[0].lower()


def _json(value: Any, status: int = 200) -> Response:
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    return Response(text.encode(), status, _HEADERS, "application/json")


def _error(status: int, sentence: str) -> Response:
    response = _json({"error": sentence.encode("utf-8", "replace").decode()}, status)
    # What is left of the body is not read.
    response.headers["connection"] = "close"
    if status == 503:
        response.headers["retry-after"] = "1"
    return response


def _refused(_: Request, error: Exception) -> Response:
    return _error(error.status if isinstance(error, RefusalError) else 500, str(error))


def _failed(_: Request, error: Exception) -> Response:
    return _error(503, str(error))


def _http_error(_: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    response = _error(error.status_code, f"{error.detail}; see / for what there is.")
    response.headers.update(error.headers or {})
    return response


def _gone(_: Request, __: Exception) -> Response:
    return _error(400, "the client has gone.")


def _broken(_: Request, __: Exception) -> Response:
    return _error(500, "an error of the service; its log has more.")

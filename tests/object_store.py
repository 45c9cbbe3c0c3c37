"""A bucket on moto's S3 server, and a proxy before it that fails as it is told."""

from __future__ import annotations

import http.client
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import boto3
from moto.server import ThreadedMotoServer

KEY, SECRET = "AKIDNOBODYMAYSEE", "s3cr3tNobodyMaySee"

Answer = Callable[[str, str], int | None]
"""(method, path) -> the status to fail with; None lets the request through."""


@dataclass
class Bucket:
    """A bucket and how to reach it."""

    name: str
    client: Any
    port: int

    def uri(self, key: str = "", *, port: int | None = None) -> str:
        """Return the URI of a key, with credentials and endpoint."""
        options = f"endpoint_override=127.0.0.1:{port or self.port}&scheme=http"
        return f"s3://{KEY}:{SECRET}@{self.name}/{key}?{options}"

    def put(self, key: str, content: bytes) -> None:
        self.client.put_object(Bucket=self.name, Key=key, Body=content)

    def upload(self, folder: Path, prefix: str) -> None:
        """Put all files of a folder."""
        for path in sorted(folder.rglob("*")):
            if path.is_file():
                self.put(f"{prefix}/{path.relative_to(folder).as_posix()}", path.read_bytes())

    def keys(self, prefix: str = "") -> list[str]:
        found = self.client.list_objects_v2(Bucket=self.name, Prefix=prefix)
        return [one["Key"] for one in found.get("Contents", [])]

    def content(self, key: str) -> bytes:
        content: bytes = self.client.get_object(Bucket=self.name, Key=key)["Body"].read()
        return content

    def files(self, prefix: str) -> dict[str, bytes]:
        """Return what lies below a prefix, by relative key; no marks of folders."""
        keys = [key for key in self.keys(f"{prefix}/") if not key.endswith("/")]
        return {key[len(prefix) + 1 :]: self.content(key) for key in keys}


@contextmanager
def server() -> Iterator[Callable[[str], Bucket]]:
    """Run an S3 server; give what makes a bucket."""
    moto = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    moto.start()
    try:
        _, port = moto.get_host_and_port()
        client = boto3.client(
            "s3",
            endpoint_url=f"http://127.0.0.1:{port}",
            aws_access_key_id=KEY,
            aws_secret_access_key=SECRET,
            region_name="us-east-1",
        )

        def bucket(name: str) -> Bucket:
            client.create_bucket(Bucket=name)
            return Bucket(name, client, port)

        yield bucket
    finally:
        moto.stop()


class Proxy(ThreadingHTTPServer):
    """Passes requests on to a server, but for those that `answer` fails."""

    daemon_threads = True

    def __init__(self, port: int, answer: Answer) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.target, self.answer = port, answer
        self.requests: list[tuple[str, str]] = []


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Proxy

    def do_GET(self) -> None:
        body = self._body()
        self.server.requests.append((self.command, self.path))
        status = self.server.answer(self.command, self.path)
        if status is not None:
            self._reply(status, {}, b"")
            return
        connection = http.client.HTTPConnection("127.0.0.1", self.server.target, timeout=30)
        del self.headers["Transfer-Encoding"]
        connection.request(self.command, self.path, body, dict(self.headers))
        reply = connection.getresponse()
        self._reply(reply.status, dict(reply.getheaders()), reply.read())
        connection.close()

    do_HEAD = do_PUT = do_POST = do_DELETE = do_GET  # noqa: N815

    def _body(self) -> bytes:
        if self.headers.get("Transfer-Encoding") != "chunked":
            return self.rfile.read(int(self.headers.get("Content-Length") or 0))
        body = b""
        while size := int(self.rfile.readline(), 16):
            body += self.rfile.read(size)
            self.rfile.readline()
        self.rfile.readline()
        return body

    def _reply(self, status: int, headers: dict[str, str], body: bytes) -> None:
        self.send_response_only(status)
        for name, value in headers.items():
            if name.lower() not in ("transfer-encoding", "connection", "content-length"):
                self.send_header(name, value)
        size = headers.get("Content-Length", len(body)) if self.command == "HEAD" else len(body)
        self.send_header("Content-Length", str(size))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        pass


@contextmanager
def proxy(port: int, answer: Answer) -> Iterator[Proxy]:
    """Run a proxy before a server."""
    with Proxy(port, answer) as found:
        thread = threading.Thread(target=found.serve_forever, args=(0.01,), daemon=True)
        thread.start()
        try:
            yield found
        finally:
            found.shutdown()
            thread.join()

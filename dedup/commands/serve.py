"""``dedup serve``: an index over HTTP."""

from __future__ import annotations

from importlib.util import find_spec
from typing import Any

import click

from dedup.errors import ConfigError, MissingExtraError
from dedup.resources.sizes import parse_bytes
from dedup.service.limits import Limits


@click.command()
@click.argument("path", metavar="PATH")
@click.option(
    "--host", default="127.0.0.1", show_default=True, metavar="ADDRESS", help="Where to listen."
)
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    default=8765,
    show_default=True,
    help="0 is any that is free.",
)
@click.option(
    "--token-file",
    type=click.File(),
    metavar="FILE",
    help="Its first line is a token that requests must bear: Authorization: Bearer TOKEN.",
)
@click.option("--max-body", default="8MiB", show_default=True, metavar="SIZE", help="Of a request.")
@click.option(
    "--max-documents",
    type=int,
    default=Limits.max_documents,
    show_default=True,
    metavar="N",
    help="Of a request.",
)
@click.option(
    "--timeout",
    type=float,
    default=Limits.timeout_seconds,
    show_default=True,
    metavar="SECONDS",
    help="For a request to come, and for a query to be answered.",
)
@click.option("-v", "--verbose", is_flag=True, help="Print tracebacks of errors.")
def serve(
    path: str,
    host: str,
    port: int,
    token_file: Any,
    max_body: str,
    max_documents: int,
    timeout: float,
    verbose: bool,
) -> None:
    """Serve an index over HTTP: POST /query and /add, GET /stats and /healthz; / describes them.

    SIGTERM or Ctrl-C stops it, after what has come is answered.
    """
    for module in ("starlette", "uvicorn"):
        if find_spec(module) is None:
            raise MissingExtraError(
                f"to serve needs the extra 'serve' ({module} is missing); "
                "install it with: pip install 'dedup-lsh[serve]'"
            )
    from dedup.service.server import LOOPBACK
    from dedup.service.server import serve as serve_index

    token = None
    if token_file is not None:
        token = token_file.readline().strip()
        if not token.isascii() or not token:
            raise ConfigError(f"{token_file.name} begins with no token; give ASCII on one line.")
    if token is None and host not in LOOPBACK:
        click.echo(f"Warning: whoever reaches {host} may add; give --token-file.", err=True)
    serve_index(
        path,
        host,
        port,
        limits=Limits(parse_bytes("max-body", max_body), max_documents, timeout),
        token=token,
        ready=lambda address: click.echo(f"{path} is served at {address}"),
    )

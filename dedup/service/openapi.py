"""The service in OpenAPI 3.1, and as one HTML page that asks nothing of any network."""

from __future__ import annotations

import json
from html import escape
from typing import Any

from dedup.report.page import content_security_policy
from dedup.service.bodies import LEAST_ID, MOST_ID
from dedup.service.limits import (
    DEFAULT_COMPARED,
    DEFAULT_TOP,
    MOST_COMPARED,
    MOST_TOP,
    Limits,
)
from dedup.version import __version__

_ID = {"type": ["string", "integer", "null"]}
_JACCARD = {"type": "number", "exclusiveMinimum": 0, "maximum": 1}
_COUNT = {"type": "integer", "minimum": 0}
_KINDS = ["identical", "equal", "near"]
_ERROR = {"$ref": "#/components/schemas/Error"}
_REFUSALS = {
    "400": "The body is not as described.",
    "401": "The token is missing or wrong.",
    "408": "The body did not come in time.",
    "413": "The body is too large.",
    "415": "The body is not said to be application/json.",
    "421": "The service is asked by a name that is not its own.",
    "503": "Too busy, or not in time; nothing has changed. Try again.",
}
_STYLE = """
body{font:16px/1.5 system-ui,sans-serif;max-width:50rem;margin:2rem auto;padding:0 1rem}
pre{background:#8882;padding:.75rem;overflow-x:auto;border-radius:.3rem}
code,pre{font-family:ui-monospace,monospace;font-size:.875rem}
dt{font-weight:600;float:left;clear:left;width:3rem}dd{margin-left:3.5rem}
:root{color-scheme:light dark}
"""
PAGE_POLICY = content_security_policy([], [_STYLE])


def description(limits: Limits, has_token: bool) -> dict[str, Any]:
    """Return the OpenAPI document."""
    texts = {
        "type": "array",
        "items": {"type": "string"},
        "maxItems": limits.max_documents,
        "description": "The documents.",
    }
    ids = {
        "type": "array",
        "items": {"type": ["string", "integer"], "minimum": LEAST_ID, "maximum": MOST_ID},
        "description": "One for each text; without them, documents get their number.",
    }
    top = _integer(DEFAULT_TOP, MOST_TOP, "Most matches of a text, the best ones.")
    limit = _integer(
        DEFAULT_COMPARED,
        MOST_COMPARED,
        "Most stored documents that a text is compared with, in the order of adding.",
    )
    match = _object(
        doc_id=_ID,
        jaccard=_JACCARD,
        match={"enum": _KINDS},
        added={"type": "string", "format": "date-time"},
    )
    decision = _object(
        doc_id=_ID,
        match={"enum": ["new", *_KINDS]},
        keeper_id=_ID,
        jaccard=_JACCARD | {"type": ["number", "null"]},
    )
    counts = ("documents", "added", "removed", "shingles", "segments", "bytes", "generation")
    numbers: Any = dict.fromkeys((*counts, "bands", "rows"), _COUNT)
    stats = _object(
        store={"enum": ["new", "all"]},
        config={"type": "object"},
        **numbers,
    )
    query = _posted(
        "Find the stored documents that match",
        "Nothing changes. A list for each text, the best match first.",
        _object(("texts",), texts=texts, top=top, limit=limit),
        _object(matches=_list(_list(match))),
        {"texts": ["a document", "another one"], "top": 1},
    )
    add = _posted(
        "Add documents, and say for each what it is",
        "All or none. They are on the disk when this is answered.",
        _object(("texts",), texts=texts, ids=ids),
        _object(documents=_list(decision)),
        {"texts": ["a document", "another one"], "ids": ["a", "b"]},
    )
    paths = {
        "/query": {"post": query},
        "/add": {"post": add},
        "/stats": {"get": _got("Counts, sizes and options of the index", stats)},
        "/healthz": {
            "get": _got(
                "Whether the index can be read; needs no token",
                _object(status={"const": "ok"}),
                ("421", "503"),
            )
        },
    }
    schemes = {"token": {"type": "http", "scheme": "bearer"}}
    if has_token:
        for path in ("/query", "/add", "/stats"):
            next(iter(paths[path].values()))["security"] = [{"token": []}]
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "dedup",
            "version": __version__,
            "description": "An index of documents: what comes against everything seen before. A "
            f"body has up to {limits.max_body_bytes:,} bytes.",
        },
        "paths": paths,
        "components": {"schemas": {"Error": _object(error={"type": "string"})}}
        | ({"securitySchemes": schemes} if has_token else {}),
    }


def page(described: dict[str, Any]) -> str:
    """Return the description as HTML."""
    info = described["info"]
    parts = [f"<h1>{escape(info['title'])} {info['version']}</h1><p>{escape(info['description'])}"]
    for path, methods in described["paths"].items():
        for method, operation in methods.items():
            parts.append(f"<h2><code>{method.upper()} {path}</code></h2>")
            parts.append(f"<p>{escape(operation['summary'])}. {operation.get('description', '')}")
            if "requestBody" in operation:
                content = operation["requestBody"]["content"]["application/json"]
                example = json.dumps(content["example"])
                command = f"curl -H 'Content-Type: application/json' -d '{example}' HOST{path}"
                parts.append(f"<pre>{escape(command)}</pre>")
                parts.append(_details("Request", content["schema"]))
            answer = operation["responses"]["200"]["content"]["application/json"]["schema"]
            parts.append(_details("Answer", answer))
            parts.append("<dl>")
            for status, response in operation["responses"].items():
                parts.append(f"<dt>{status}<dd>{escape(response['description'])}")
            parts.append("</dl>")
    body = "\n".join(parts)
    return (
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>dedup</title>'
        f'<meta name="viewport" content="width=device-width"><style>{_STYLE}</style>\n{body}\n'
        '<p><a href="/openapi.json">openapi.json</a></html>\n'
    )


def _details(name: str, schema: dict[str, Any]) -> str:
    text = escape(json.dumps(schema, indent=1))
    return f"<details><summary>{name}</summary><pre>{text}</pre></details>"


def _posted(
    summary: str, text: str, asked: dict[str, Any], answer: dict[str, Any], example: dict[str, Any]
) -> dict[str, Any]:
    content = {"application/json": {"schema": asked, "example": example}}
    return _got(summary, answer, tuple(_REFUSALS)) | {
        "description": text,
        "requestBody": {"required": True, "content": content},
    }


def _got(
    summary: str, answer: dict[str, Any], refusals: tuple[str, ...] = ("401", "421", "503")
) -> dict[str, Any]:
    responses = {"200": _response("As asked.", answer)}
    responses |= {status: _response(_REFUSALS[status], _ERROR) for status in refusals}
    return {"summary": summary, "responses": responses}


def _response(text: str, schema: dict[str, Any]) -> dict[str, Any]:
    return {"description": text, "content": {"application/json": {"schema": schema}}}


def _object(required: tuple[str, ...] | None = None, **properties: Any) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties if required is None else required),
        "additionalProperties": False,
    }


def _list(items: dict[str, Any]) -> dict[str, Any]:
    return {"type": "array", "items": items}


def _integer(default: int, most: int, text: str) -> dict[str, Any]:
    return {
        "type": "integer",
        "minimum": 1,
        "maximum": most,
        "default": default,
        "description": text,
    }

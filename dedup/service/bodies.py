"""Bodies of requests, checked by the rules that `openapi` describes; and rows of answers."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from dedup.io.values import as_text, column_of, text_array
from dedup.service.limits import (
    DEFAULT_COMPARED,
    DEFAULT_TOP,
    MOST_COMPARED,
    MOST_TOP,
    Limits,
)

MOST_ID = 2**63 - 1
LEAST_ID = -(2**63)


class RefusalError(Exception):
    """A request that is not answered as asked: an HTTP status, and why in one sentence."""

    def __init__(self, status: int, sentence: str) -> None:
        super().__init__(sentence)
        self.status = status


@dataclass(frozen=True)
class Question:
    """What ``/query`` asks: texts, and two of the parameters of `Index.query`."""

    text: pa.Array
    top: int
    limit: int


@dataclass(frozen=True)
class Addition:
    """What ``/add`` brings: texts, and their ids if it has any."""

    text: pa.Array
    ids: pa.Array | None


def question(body: bytes, limits: Limits) -> Question:
    """Read the body of a query."""
    values = _object(body, ("texts", "top", "limit"))
    return Question(
        text_array(_texts(values, limits))[0],
        _number(values, "top", DEFAULT_TOP, MOST_TOP),
        _number(values, "limit", DEFAULT_COMPARED, MOST_COMPARED),
    )


def addition(body: bytes, limits: Limits) -> Addition:
    """Read the body of an addition."""
    values = _object(body, ("texts", "ids"))
    texts = _texts(values, limits)
    if "ids" not in values:
        return Addition(text_array(texts)[0], None)
    given = values["ids"]
    if not isinstance(given, list) or len(given) != len(texts):
        raise RefusalError(400, f"ids is no list of {len(texts)} ids; give one for each text.")
    ids = [one if isinstance(one, str) else _integer(one) for one in given]
    for place, one in enumerate(ids):
        if one is None or (isinstance(one, int) and not LEAST_ID <= one <= MOST_ID):
            raise RefusalError(
                400, f"ids[{place}] is neither a string nor an integer of 64 bits; give either."
            )
    return Addition(text_array(texts)[0], column_of(ids, is_id=True))


def match_rows(table: pa.Table, count: int) -> list[list[dict[str, Any]]]:
    """Return what `Index.query` found, a list for each text."""
    found: list[list[dict[str, Any]]] = [[] for _ in range(count)]
    for row in table.to_pylist():
        added = row["added"].isoformat().replace("+00:00", "Z")
        match = {"doc_id": _id(row["doc_id"]), "jaccard": row["jaccard"], "match": row["match"]}
        found[row["query"]].append(match | {"added": added})
    return found


def added_rows(table: pa.Table) -> list[dict[str, Any]]:
    """Return what `Index.add` said, a row for each text."""
    return [
        {name: _id(row[name]) for name in ("doc_id", "match", "keeper_id")}
        | {"jaccard": row["jaccard"]}
        for row in table.to_pylist()
    ]


def _id(value: object) -> str | int | None:
    """Return an id as JSON has it; those that commands added may be of any type."""
    if value is None or isinstance(value, str) or type(value) is int:
        return value
    return as_text(value)


def _object(body: bytes, names: Sequence[str]) -> dict[str, Any]:
    try:
        values = json.loads(body, parse_constant=_no_json)
    except (ValueError, RecursionError) as error:
        raise RefusalError(400, f"the body is no JSON ({error}); send an object.") from None
    if not isinstance(values, dict):
        raise RefusalError(400, f"the body is no JSON object; send one with {', '.join(names)}.")
    wrong = [name for name in values if name not in names]
    if wrong:
        raise RefusalError(400, f"there is no field {wrong[0]!r}; send {', '.join(names)}.")
    return values


def _no_json(name: str) -> None:
    raise ValueError(f"{name} is no JSON")


def _texts(values: dict[str, Any], limits: Limits) -> list[str]:
    texts = values.get("texts")
    if not isinstance(texts, list) or not all(isinstance(text, str) for text in texts):
        raise RefusalError(400, "texts is no list of strings; send one, of any length down to 0.")
    if len(texts) > limits.max_documents:
        raise RefusalError(
            413, f"{len(texts)} texts are more than {limits.max_documents}; send them in parts."
        )
    return texts


def _number(values: dict[str, Any], name: str, default: int, most: int) -> int:
    number = _integer(values[name]) if name in values else default
    if number is None or not 1 <= number <= most:
        raise RefusalError(400, f"{name} is no integer from 1 to {most}; give one.")
    return number


def _integer(value: object) -> int | None:
    """Return an integer as JSON Schema has them, 1.0 also."""
    if isinstance(value, float) and value.is_integer():
        return int(value)
    return value if type(value) is int else None

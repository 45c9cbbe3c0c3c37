"""JSON objects: fields by dotted name, and which of the asked ones the objects of a file have."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import replace

from dedup.errors import InputError
from dedup.io.base import Columns, InputFile, missing_column
from dedup.io.codecs import DamagedError

__all__ = ["MISSING", "field", "kind_of", "looked_at", "parsed"]

SAMPLE_BYTES = 1 << 20
"""Of the start of a file, looked at at most to see which fields its objects have."""
MISSING = object()
KINDS = {
    bool: "true or false",
    int: "a number",
    float: "a number",
    str: "a string",
    list: "a list",
    dict: "an object",
    type(None): "null",
}


def parsed(line: bytes) -> object:
    """Return the value of a line; `MISSING` where it is no JSON. Invalid UTF-8 is escaped."""
    try:
        return json.loads(line.decode("utf-8", "surrogateescape"))
    except (ValueError, RecursionError):
        return MISSING


def field(record: object, name: str, default: object) -> object:
    """Return the value at a name, or at its dotted path into nested objects."""
    if not isinstance(record, dict):
        return default
    if name in record:
        return record[name]
    for i, letter in enumerate(name):
        if letter == "." and name[:i] in record:
            value = field(record[name[:i]], name[i + 1 :], MISSING)
            if value is not MISSING:
                return value
    return default


def kind_of(value: object) -> str:
    """Say what a JSON value is."""
    return KINDS[type(value)]


def looked_at(file: InputFile, lines: Iterable[bytes], columns: Columns) -> Columns:
    """Return the columns as found in the first objects of a file.

    A column must stand in one of them at least; without any object all may be right. No more lines
    are taken than it needs, and no more than `SAMPLE_BYTES` of them.

    Raises
    ------
    InputError : a column is in none of them, or the file is one JSON value over many lines.
    """
    missing = {*columns.text, *columns.extra} | ({columns.id} if columns.id else set())
    names: dict[str, None] = {}
    has_objects = False
    size = 0
    try:
        for line in lines:
            if size == 0 and line.strip():
                _refuse_one_value(file, line)
            size += len(line)
            record = parsed(line)
            if isinstance(record, dict):
                has_objects = True
                names.update(dict.fromkeys(_names(record)))
                missing -= {n for n in missing if field(record, n, MISSING) is not MISSING}
            if not missing or size >= SAMPLE_BYTES:
                break
    except DamagedError:  # said when the file is read
        pass
    if not missing or not has_objects:
        return columns
    for what, wanted in (("text", columns.text), ("extra", columns.extra)):
        for name in wanted:
            if name in missing:
                raise missing_column(file, name, list(names), what)
    if columns.id is not None and not columns.id_optional:
        raise missing_column(file, columns.id, list(names), "id")
    return replace(columns, id=None)


def _names(record: dict[str, object]) -> Iterator[str]:
    """Yield the keys of an object, those of nested objects dotted."""
    for name, value in record.items():
        if isinstance(value, dict) and value:
            yield from (f"{name}.{inner}" for inner in _names(value))
        else:
            yield name


def _refuse_one_value(file: InputFile, line: bytes) -> None:
    """Raise InputError if the first line of a .json file starts a value of many lines."""
    stem = file.name.lower().removesuffix(".gz").removesuffix(".zst").removesuffix(".bz2")
    start = line.strip()
    if stem.endswith(".json") and (start.startswith(b"[") or start == b"{"):
        raise InputError(
            f"{file.name} is one JSON value, not JSON Lines; "
            f"turn it into one object a line, as in `jq -c '.[]' {file.name}`."
        )

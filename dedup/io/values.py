"""Values without a schema (JSON, CSV) -> Arrow columns, and the columns of many parts -> one type.

Every rule looks at the values alone, and `unified` gives the same for any cutting of a column.
"""

from __future__ import annotations

import json
from collections.abc import Sequence

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.types as pt

__all__ = ["as_text", "column_of", "join_tables", "numbers", "text_array", "unified", "utf8"]


def as_text(value: object) -> str:
    """Return a value as text: strings as they are, others as JSON writes them, 1.0 as 1.

    (Integers that stood among floats have become floats in some parts and not in others.)
    """
    if isinstance(value, str):
        return value
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    if isinstance(value, float) and value.is_integer() and abs(value) < 2**53:
        return str(int(value))
    if isinstance(value, bool | int | float | dict | list):
        return json.dumps(value, ensure_ascii=False, default=str)
    return str(value)


def column_of(values: Sequence[object], *, is_id: bool) -> pa.Array:
    """Return the values as one column.

    All integers (within int64), all floats, all strings or all booleans keep their type; integers
    among floats become floats, but for ids; anything else becomes strings; no value at all is null.
    """
    kinds = {type(value) for value in values} - {type(None)}
    try:
        if not kinds:
            return pa.nulls(len(values))
        if kinds == {int}:
            return pa.array(values, pa.int64())
        if kinds == {bool}:
            return pa.array(values, pa.bool_())
        if kinds == {float} or (kinds == {int, float} and not is_id):
            return pa.array(
                [None if value is None else float(value) for value in values],  # type: ignore[arg-type]
                pa.float64(),
            )
    except OverflowError:
        pass
    return _strings([None if value is None else as_text(value) for value in values])


def unified(arrays: Sequence[pa.Array], *, is_id: bool) -> list[pa.Array]:
    """Return the pieces of a column in one type, by the rules of `column_of`.

    Strings of any kind become strings; other types that differ become strings too.
    """
    kinds = {array.type for array in arrays if not pt.is_null(array.type)}
    if not kinds:
        return list(arrays)
    if len(kinds) == 1:
        kind = kinds.pop()
        return [array.cast(kind) if pt.is_null(array.type) else array for array in arrays]
    is_number = all(pt.is_integer(kind) or pt.is_floating(kind) for kind in kinds)
    if is_number and (not is_id or all(pt.is_integer(kind) for kind in kinds)):
        integers = all(pt.is_integer(kind) for kind in kinds)
        target = pa.int64() if integers else pa.float64()
        try:
            return [array.cast(target, safe=integers) for array in arrays]
        except pa.ArrowInvalid:  # uint64 beyond int64
            pass
    return [as_strings(array) for array in arrays]


def join_tables(tables: Sequence[tuple[pa.Table, int]]) -> pa.Table:
    """Join the columns of consecutive pieces, given with their numbers of records.

    A column that a piece does not have is null there; types are brought together by `unified`.
    """
    names = dict.fromkeys(name for table, _ in tables for name in table.column_names)
    columns = {}
    for name in names:
        pieces: list[pa.Array] = []
        for table, rows in tables:
            has = name in table.column_names
            pieces += table[name].chunks if has else [pa.nulls(rows)]
        columns[name] = pa.chunked_array(unified(pieces, is_id=name == "doc_id"))
    return pa.table(columns)


def numbers(column: pa.Array | pa.ChunkedArray) -> pa.Array | pa.ChunkedArray | None:
    """Return strings (of CSV) as int64 or float64 where every one is a number; else None."""
    for kind in (pa.int64(), pa.float64()):
        try:
            return column.cast(kind)
        except pa.ArrowInvalid:
            continue
    return None


def text_array(values: Sequence[str | bytes | None]) -> tuple[pa.Array, list[int]]:
    """Return texts as an array, and which of them are no valid UTF-8.

    Returns
    -------
    array : large_string; or large_binary with raw bytes, where any is invalid.
    invalid : rows; bytes that are not UTF-8, or strings with lone surrogates.
    """
    try:
        array = pa.array(values, pa.large_string())
    except (UnicodeEncodeError, pa.ArrowInvalid):
        pass
    else:
        return array, []
    raw = [value if value is None else utf8(value) for value in values]
    return pa.array(raw, pa.large_binary()), [
        row for row, value in enumerate(raw) if value is not None and not _is_utf8(value)
    ]


def utf8(value: str | bytes) -> bytes:
    """Return the bytes of a text; escaped bytes (of invalid UTF-8) become themselves again."""
    if isinstance(value, bytes):
        return value
    try:
        return value.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        return value.encode("utf-8", "surrogatepass")


def _is_utf8(value: bytes) -> bool:
    try:
        value.decode()
    except UnicodeDecodeError:
        return False
    return True


def _strings(values: Sequence[str | None]) -> pa.Array:
    """Return strings as an array; what is no valid Unicode in them becomes U+FFFD."""
    try:
        return pa.array(values, pa.string())
    except UnicodeEncodeError:
        return pa.array(
            [v if v is None else utf8(v).decode("utf-8", "replace") for v in values],
            pa.string(),
        )


def as_strings(array: pa.Array) -> pa.Array:
    """Return values as texts; of numbers and others as `as_text` writes them."""
    if pt.is_string(array.type):
        return array
    if pt.is_null(array.type) or pt.is_integer(array.type) or pt.is_large_string(array.type):
        return array.cast(pa.string())
    if pt.is_boolean(array.type):
        return pc.if_else(array, "true", "false")
    return _strings([None if value is None else as_text(value) for value in array.to_pylist()])

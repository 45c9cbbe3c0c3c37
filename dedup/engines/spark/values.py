"""Values of columns whose type is known only when all files are read: JSON Lines, CSV, mixed ones.

Each batch has a type of its own. A value goes with the name of it, in all the forms that it may
take in the end; the table's one type follows by the rules of `dedup.io.values`.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.types as pt

from dedup.io.values import as_strings, numbers

if TYPE_CHECKING:
    from pyspark.sql import Column

VALUE = "kind string, whole bigint, real double, text string"

WHOLE, REAL, TRUTH, TEXT, POSITION = "whole", "real", "truth", "text", "position"
NUMERAL, DECIMAL = "numeral", "decimal"
"""Texts of CSV that are whole numbers, or numbers, all of a batch."""


def as_values(column: pa.Array, *, reads_numbers: bool) -> pa.Array:
    """Return a batch's column as `VALUE`s.

    Parameters
    ----------
    reads_numbers : whether texts may stand for numbers, as in CSV.
    """
    nothing = pa.nulls(len(column), pa.int64())
    whole, real, text = nothing, nothing.cast(pa.float64()), as_strings(column)
    if pt.is_null(column.type):
        kind = None
    elif pt.is_boolean(column.type):
        kind, whole = TRUTH, column.cast(pa.int64())
    elif pt.is_integer(column.type) and not pt.is_uint64(column.type):
        kind, whole, real = WHOLE, column.cast(pa.int64()), column.cast(pa.float64(), safe=False)
    elif pt.is_floating(column.type):
        kind, real = REAL, column.cast(pa.float64())
    else:
        kind = TEXT
        read = numbers(column) if reads_numbers else None
        if read is not None and pt.is_integer(read.type):
            kind, whole, real = NUMERAL, read, read.cast(pa.float64(), safe=False)
        elif read is not None:
            kind, real = DECIMAL, read
    return _values(len(column), kind, whole, real, text)


def kinds_of(values: pa.Array) -> list[str]:
    """Return the kinds that are among `VALUE`s."""
    kinds: list[str] = pc.unique(values.field("kind")).drop_null().to_pylist()
    return kinds


def positions(count: int) -> pa.Array:
    """Return `VALUE`s that stand for the documents' positions."""
    nothing = pa.nulls(count, pa.int64())
    none = pa.nulls(count, pa.string())
    return _values(count, POSITION, nothing, nothing.cast(pa.float64()), none)


def _values(
    count: int, kind: str | None, whole: pa.Array, real: pa.Array, text: pa.Array
) -> pa.Array:
    kinds = pa.nulls(count, pa.string())
    if kind is not None:
        kinds = pc.fill_null(kinds, kind)
    if kind != POSITION:
        kinds = pc.if_else(text.is_null(), pa.scalar(None, pa.string()), kinds)
    names = ["kind", "whole", "real", "text"]
    return pa.StructArray.from_arrays([kinds, whole, real, text], names=names)


def resolved(name: str, kinds: Collection[str], *, is_id: bool) -> Column:
    """Return a column of `VALUE`s in the one type that all its kinds lead to.

    Positions take the place of ids where there are none, from a column ``place``.
    """
    from pyspark.sql import functions as F  # noqa: N812

    value = F.col(name)
    place = F.when(value["kind"] == POSITION, F.col("place"))
    found = set(kinds)
    if found <= {TRUTH} and found:
        return value["whole"].cast("boolean")
    if found <= {WHOLE, POSITION, *(() if is_id else (NUMERAL,))} and found:
        return F.coalesce(place, value["whole"])
    if found == {REAL} or (not is_id and found and TEXT not in found and TRUTH not in found):
        return value["real"]
    return F.coalesce(place.cast("string"), value["text"])

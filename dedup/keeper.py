"""Keeper policies: the order in which documents are considered, and so who stays.

A policy sorts by one value of each document; equal values, nulls and NaN (these last) go by
position. Adding a policy is one function with the `_policy` decorator.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from dedup.errors import ConfigError, InputError
from dedup.text.hashing import Int64Array

_Policy = Callable[[Int64Array, Int64Array, pa.ChunkedArray | None], Int64Array]
_POLICIES: dict[str, _Policy] = {}


def _policy(name: str) -> Callable[[_Policy], _Policy]:
    def register(function: _Policy) -> _Policy:
        _POLICIES[name] = function
        return function

    return register


def policy_column(keep: str) -> str | None:
    """Return the column that a policy looks at, None where it needs none.

    Raises
    ------
    ConfigError : there is no such policy.
    """
    name, colon, column = keep.partition(":")
    policy = name + colon
    if policy not in _POLICIES or (colon and not column):
        known = ", ".join(name + ("COL" if name.endswith(":") else "") for name in _POLICIES)
        raise ConfigError(f"keep is {keep!r}; give one of {known}.")
    return column or None


def keeper_order(
    keep: str, num_chars: Int64Array, num_shingles: Int64Array, columns: pa.Table
) -> Int64Array:
    """Return the positions of all documents in keeper order, the first choice first.

    Parameters
    ----------
    keep : the policy, such as ``longest`` or ``max:score``.
    num_chars, num_shingles : int64, shape (documents,); code points of each text, and the size of
        its set.
    columns : a row for each document; must hold the policy's column.
    """
    column = policy_column(keep)
    name = keep.partition(":")[0] + (":" if column else "")
    return _POLICIES[name](num_chars, num_shingles, columns[column] if column else None)


@_policy("first")
def _first(num_chars: Int64Array, *_: object) -> Int64Array:
    return np.arange(len(num_chars))


@_policy("last")
def _last(num_chars: Int64Array, *_: object) -> Int64Array:
    return np.arange(len(num_chars))[::-1].copy()


@_policy("longest")
def _longest(num_chars: Int64Array, *_: object) -> Int64Array:
    return np.argsort(-num_chars, kind="stable")


@_policy("shortest")
def _shortest(num_chars: Int64Array, *_: object) -> Int64Array:
    return np.argsort(num_chars, kind="stable")


@_policy("largest")
def _largest(_: Int64Array, num_shingles: Int64Array, __: pa.ChunkedArray | None) -> Int64Array:
    return np.argsort(-num_shingles, kind="stable")


@_policy("max:")
def _max(_: Int64Array, __: Int64Array, values: pa.ChunkedArray | None) -> Int64Array:
    return _sorted_by(values, "descending")


@_policy("min:")
def _min(_: Int64Array, __: Int64Array, values: pa.ChunkedArray | None) -> Int64Array:
    return _sorted_by(values, "ascending")


def _sorted_by(values: pa.ChunkedArray | None, order: str) -> Int64Array:
    if values is None:
        raise ConfigError("this keeper policy needs a column: give max:COL or min:COL.")
    if pa.types.is_null(values.type):
        return np.arange(len(values))
    keys = [("value", order), ("position", "ascending")]
    table = pa.table({"value": values, "position": np.arange(len(values))})
    try:
        indices = pc.sort_indices(table, sort_keys=keys)
    except (pa.ArrowNotImplementedError, pa.ArrowTypeError):
        raise InputError(
            f"the keeper column is of type {values.type}, which has no order; "
            "give a column of numbers, strings or dates."
        ) from None
    return np.asarray(indices, np.int64)

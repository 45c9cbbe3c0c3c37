"""Keeper policies: the order in which documents are considered, and so who stays.

A policy sorts by one value of each document; equal values, nulls and NaN (these last) go by
position. Adding a policy is one function with the `_policy` decorator.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from dedup.errors import ConfigError, InputError
from dedup.text.hashing import Int64Array


class _Documents(NamedTuple):
    """What a policy may look at, a row for each document."""

    num_chars: Int64Array
    num_shingles: Int64Array
    values: pa.ChunkedArray
    """The policy's column; empty where it has none."""
    argument: str
    """What stands after the colon."""
    is_variant: list[pa.ChunkedArray]
    """Whether a page names another URL than its own as the canonical one, null where it has none
    itself; nothing where there are no such columns."""


_Policy = Callable[[_Documents], Int64Array]


class _Entry(NamedTuple):
    order: _Policy
    column: str | None
    """The column of the policy; COL where the argument names it."""
    argument: str | None
    """What the argument is: COL, FILE; None where there is none to give."""


_POLICIES: dict[str, _Entry] = {}


def _policy(
    name: str, column: str | None = None, argument: str | None = None
) -> Callable[[_Policy], _Policy]:
    def register(function: _Policy) -> _Policy:
        shown = name + (f":{argument}" if argument else "")
        _POLICIES[shown] = _Entry(function, column, argument)
        return function

    return register


def policy_column(keep: str) -> str | None:
    """Return the column that a policy looks at, None where it needs none.

    Raises
    ------
    ConfigError : there is no such policy, or no such file of hosts.
    """
    entry, argument = _found(keep)
    if entry.argument == "FILE" and not os.path.isfile(argument):
        raise ConfigError(f"keep is {keep!r}, but there is no file {argument}; check the path.")
    return argument if entry.column == "COL" else entry.column


def _found(keep: str) -> tuple[_Entry, str]:
    name, colon, argument = keep.partition(":")
    for kind in ("COL", "FILE") if colon else ("",):
        entry = _POLICIES.get(name + (f":{kind}" if kind else ""))
        if entry is not None and bool(argument) == bool(colon):
            return entry, argument
    raise ConfigError(f"keep is {keep!r}; give one of {', '.join(_POLICIES)}.")


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
    entry, argument = _found(keep)
    column = policy_column(keep)
    values = pa.chunked_array([], pa.null()) if column is None else columns[column]
    is_variant = [_is_variant(columns)] if _has_canonical(columns) else []
    return entry.order(_Documents(num_chars, num_shingles, values, argument, is_variant))


def _has_canonical(columns: pa.Table) -> bool:
    types = [columns[name].type for name in ("url", "canonical") if name in columns.column_names]
    return len(types) == 2 and all(pa.types.is_string(kind) for kind in types)


def _is_variant(columns: pa.Table) -> pa.ChunkedArray:
    urls = columns["url"]
    names_another = pc.fill_null(pc.not_equal(columns["canonical"], urls), False)
    return pc.if_else(urls.is_valid(), names_another, None)


@_policy("first")
def _first(documents: _Documents) -> Int64Array:
    return np.arange(len(documents.num_chars))


@_policy("last")
def _last(documents: _Documents) -> Int64Array:
    return np.arange(len(documents.num_chars))[::-1].copy()


@_policy("longest")
def _longest(documents: _Documents) -> Int64Array:
    return np.argsort(-documents.num_chars, kind="stable")


@_policy("shortest")
def _shortest(documents: _Documents) -> Int64Array:
    return np.argsort(documents.num_chars, kind="stable")


@_policy("largest")
def _largest(documents: _Documents) -> Int64Array:
    return np.argsort(-documents.num_shingles, kind="stable")


@_policy("newest", "date")
@_policy("newest", "COL", "COL")
@_policy("max", "COL", "COL")
def _max(documents: _Documents) -> Int64Array:
    return _sorted_by([documents.values], "descending")


@_policy("oldest", "date")
@_policy("oldest", "COL", "COL")
@_policy("min", "COL", "COL")
def _min(documents: _Documents) -> Int64Array:
    return _sorted_by([documents.values])


@_policy("shortest-url", "url")
def _shortest_url(documents: _Documents) -> Int64Array:
    """Without the scheme, so that https, one character longer, comes before http of equal rest.

    Pages that name another URL as their canonical one come after all others, however short.
    """
    urls = _strings(documents.values, "url")
    length = pc.utf8_length(pc.replace_substring_regex(urls, "(?i)^https?://", ""))
    is_http = pc.invert(pc.starts_with(urls, "https:", ignore_case=True))
    return _sorted_by([*documents.is_variant, length, is_http])


@_policy("host-order", "host", "FILE")
def _host_order(documents: _Documents) -> Int64Array:
    """By the lines of a file, a host each; other hosts come after all of these.

    Of one host, pages that name another URL as their canonical one come last.
    """
    try:
        with open(documents.argument, encoding="utf-8") as file:
            lines = [line.strip().lower() for line in file]
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(
            f"the hosts in {documents.argument} cannot be read ({error}); "
            "give a text file in UTF-8 with a host on each line."
        ) from None
    hosts = pa.array([line for line in dict.fromkeys(lines) if line], pa.string())
    values = pc.utf8_lower(_strings(documents.values, "host"))
    return _sorted_by([pc.index_in(values, value_set=hosts), *documents.is_variant])


def _strings(values: pa.ChunkedArray, name: str) -> pa.ChunkedArray:
    try:
        return values.cast(pa.large_string())
    except (pa.ArrowNotImplementedError, pa.ArrowInvalid):
        raise InputError(
            f"the keeper column {name!r} is of type {values.type}; give a column of strings."
        ) from None


def _sorted_by(columns: list[pa.ChunkedArray], order: str = "ascending") -> Int64Array:
    """Sort by the columns, then by position; nulls come last."""
    count = len(columns[0])
    if pa.types.is_null(columns[0].type):
        return np.arange(count)
    names = [f"value {number}" for number in range(len(columns))]
    table = pa.table([*columns, pa.array(np.arange(count))], [*names, "position"])
    keys = [*((name, order) for name in names), ("position", "ascending")]
    try:
        indices = pc.sort_indices(table, sort_keys=keys)
    except (pa.ArrowNotImplementedError, pa.ArrowTypeError):
        raise InputError(
            f"the keeper column is of type {columns[0].type}, which has no order; "
            "give a column of numbers, strings or dates."
        ) from None
    return np.asarray(indices, np.int64)

"""The vectors of an input, who they are, and which of them cannot be compared."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, NoReturn

import numpy as np
import pyarrow as pa
import xxhash
from numpy.typing import NDArray

from dedup.corpus import Listed
from dedup.errors import InputError
from dedup.text.hashing import UInt64Array
from dedup.vectors.families.base import Float64Array
from dedup.vectors.store import norms_of

REASONS = NULL, MIXED, NOT_FINITE, TOO_LARGE, ZERO = (
    "null",
    "of another dimension",
    "NaN or infinite",
    "too large",
    "zero",
)
"""Why a vector cannot be compared: the first of these that is so."""

_LARGEST = 1e18
"""Of a value: squares and their sums stay far inside float32."""

NAMED = 10
"""Vectors that a message names."""

_BLOCK = 1 << 16


@dataclass(kw_only=True)
class VectorCorpus(Listed):
    """All vectors in input order.

    Attributes
    ----------
    values : float32 or float64, shape (vectors, dim); zeros where a vector cannot be compared.
    norms : float64, shape (vectors,).
    is_good : bool; whether a vector can be compared.
    bad : how many cannot, by reason.
    has_ids : whether the ids are the user's; else they are positions.
    """

    values: NDArray[Any]
    norms: Float64Array
    is_good: NDArray[np.bool_]
    bad: Counter[str] = field(default_factory=Counter)
    has_ids: bool = True

    @cached_property
    def riding(self) -> list[pa.Field]:
        """No format of vectors offers columns by itself."""
        return []


def reasons_of(
    values: NDArray[Any], known_bad: dict[str, NDArray[np.int64]], measure: str
) -> tuple[Float64Array, dict[str, NDArray[np.int64]]]:
    """Return norms, and the rows that cannot be compared by reason; zero those.

    Parameters
    ----------
    known_bad : rows by reason, as reading found them.
    """
    is_good = np.ones(len(values), np.bool_)
    rows = dict(known_bad)
    for bad in rows.values():
        is_good[bad] = False
    odd, large = [np.zeros(0, np.int64)], [np.zeros(0, np.int64)]
    for first in range(0, len(values), _BLOCK):
        block = np.abs(values[first : first + _BLOCK])
        finite = np.isfinite(block).all(axis=1)
        odd.append(np.flatnonzero(~finite & is_good[first : first + _BLOCK]) + first)
        beyond = finite & (block > _LARGEST).any(axis=1)
        large.append(np.flatnonzero(beyond & is_good[first : first + _BLOCK]) + first)
    rows[NOT_FINITE] = np.concatenate(odd)
    rows[TOO_LARGE] = np.concatenate(large)
    for bad in rows.values():
        is_good[bad] = False
        values[bad] = 0
    norms = norms_of(values)
    if measure == "cosine":
        rows[ZERO] = np.flatnonzero((norms == 0) & is_good)
    return norms, {reason: bad for reason, bad in rows.items() if len(bad)}


def checked(
    values: NDArray[Any], known_bad: dict[str, NDArray[np.int64]], measure: str, *, skip_bad: bool
) -> tuple[Float64Array, NDArray[np.bool_], Counter[str]]:
    """Return norms, which vectors are good, and the reasons of the others; zero those.

    Raises
    ------
    InputError : there are bad ones, unless `skip_bad`; the message names rows.
    """
    norms, rows = reasons_of(values, known_bad, measure)
    is_good = np.ones(len(values), np.bool_)
    for bad in rows.values():
        is_good[bad] = False
    found = Counter({reason: len(bad) for reason, bad in rows.items()})
    if found and not skip_bad:
        reason = next(iter(found))
        refuse_bad("rows", [f"{row:,}" for row in rows[reason][:NAMED].tolist()], found)
    return norms, is_good, found


def refuse_bad(what: str, names: list[str], found: Counter[str]) -> NoReturn:
    """Raise InputError for vectors that cannot be compared.

    Parameters
    ----------
    what : of which `names` are: rows or ids.
    names : at most `NAMED` of the vectors with the first reason of `found`.
    """
    (reason, count), *others = found.items()
    what = what.removesuffix("s") if count == 1 else what
    more = f" and {count - NAMED:,} more" if count > NAMED else ""
    start = " (from 0)" if what.startswith("row") else ""
    others_too = "".join(f"; {number:,} are {why}" for why, number in others)
    raise InputError(
        f"the vectors of {what} {', '.join(names)}{more}{start} are {reason}{others_too}; "
        "mend them, or leave them out with --skip-bad."
    )


def digests_of(values: NDArray[Any]) -> UInt64Array:
    """Return a digest of each row; uint64, shape (rows, 2). Zeros of either sign are one."""
    found = np.empty((len(values), 2), np.uint64)
    digest = xxhash.xxh3_128_digest
    for first in range(0, len(values), _BLOCK):
        block = values[first : first + _BLOCK] + values.dtype.type(0)
        octets, width = memoryview(block).cast("B"), block.strides[0]
        joined = b"".join(
            [digest(octets[at : at + width]) for at in range(0, len(block) * width, width)]
        )
        found[first : first + len(block)] = np.frombuffer(joined, np.uint64).reshape(-1, 2)
    return found

"""The tables of Unicode 14.0: what each code point is to a token, and to canonical text.

Pinned, because each Python has its own: two machines must make the same tokens. The file beside
this module is written by tools/make_unicode_tables.py as runs and expanded here on first use,
when the first document that is not ASCII comes up (about 1 ms).
"""

from __future__ import annotations

import functools
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

VERSION = "14.0.0"
"""The Unicode version of tokens and of canonical text, whatever Python runs."""

PATH = Path(__file__).with_name("unicode_14.npz")

NUM_CODE_POINTS = 0x110000

# Classes. A mark takes the class of the character before it; the two kinds of mark tell which
# class it has where there is none.
SEPARATOR, SPACED, UNSPACED, MARK, UNSPACED_MARK = range(5)

# Actions: what canonicalisation does to a code point.
KEEP = 0
"""Nothing, whatever stands beside it."""
REPLACE = 1
"""It becomes its form (which may be empty), whatever stands beside it."""
REORDER = 2
"""Nothing, unless the mark before it has to stand after it."""
COMPOSE = 3
"""It may merge with what stands before it."""
NORMALIZE = 4
"""Its form begins or ends with a mark or a conjoining letter: a case for `str.normalize`."""

# Traits: what the options of text have to know of a code point.
PLAIN = 0
DIGIT = 1
"""A decimal digit (Nd)."""
NONSPACING = 2
"""A nonspacing mark (Mn)."""
ACCENTED = 3
"""Its canonical decomposition holds a nonspacing mark."""


@dataclass(frozen=True)
class Tables:
    """Arrays indexed by code point, of `NUM_CODE_POINTS` elements unless said otherwise.

    Attributes
    ----------
    classes : uint8; one of SEPARATOR, SPACED, UNSPACED, MARK, UNSPACED_MARK.
    actions : uint8; one of KEEP, REPLACE, REORDER, COMPOSE, NORMALIZE.
    combining : uint8; the canonical combining class, 0 for a character that starts a sequence.
    assigned : bool; assigned in Unicode 14.0 (surrogates and private use included).
    form_index : uint16; for code points with REPLACE, their place in the next two.
    form_starts : int64, shape (forms + 1,); form i is form_bytes[form_starts[i]:form_starts[i+1]].
    form_bytes : uint8; UTF-8 of the NFKC form in lower case, one after the other.
    """

    classes: npt.NDArray[np.uint8]
    actions: npt.NDArray[np.uint8]
    combining: npt.NDArray[np.uint8]
    assigned: npt.NDArray[np.bool_]
    form_index: npt.NDArray[np.uint16]
    form_starts: npt.NDArray[np.int64]
    form_bytes: npt.NDArray[np.uint8]


@functools.cache
def tables() -> Tables:
    """Return the tables, loaded once a process."""
    with np.load(PATH, allow_pickle=False) as stored:
        arrays = {name: stored[name] for name in stored if not name.startswith("trait")}

    def expand(name: str) -> npt.NDArray[np.uint8]:
        return _expanded(arrays[f"{name}_starts"], arrays[f"{name}_values"])

    form_index = np.zeros(NUM_CODE_POINTS, np.uint16)
    form_index[arrays["form_code_points"]] = np.arange(len(arrays["form_code_points"]))
    loaded = Tables(
        classes=expand("class"),
        actions=expand("action"),
        combining=expand("combining"),
        assigned=expand("assigned").view(np.bool_),
        form_index=form_index,
        form_starts=np.concatenate([[0], np.cumsum(arrays["form_sizes"], dtype=np.int64)]),
        form_bytes=arrays["form_bytes"],
    )
    for array in vars(loaded).values():
        array.flags.writeable = False
    return loaded


@functools.cache
def traits() -> npt.NDArray[np.uint8]:
    """Return the trait of each code point: PLAIN, DIGIT, NONSPACING or ACCENTED."""
    with np.load(PATH, allow_pickle=False) as stored:
        table = _expanded(stored["trait_starts"], stored["trait_values"])
    table.flags.writeable = False
    return table


def _expanded(
    starts: npt.NDArray[np.uint32], values: npt.NDArray[np.uint8]
) -> npt.NDArray[np.uint8]:
    return np.repeat(values, np.diff(starts, append=NUM_CODE_POINTS))

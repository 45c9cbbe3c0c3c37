"""Generate dedup/text/unicode_14.npz, the pinned tables of Unicode 14.0.

Needs Python 3.11 (whose `unicodedata` is 14.0.0), numpy, and a fontTools release that carries the
14.0.0 data of Scripts.txt and ScriptExtensions.txt; any other version is refused:

    python3.11 -m pip install numpy 'fonttools==4.33.3'
    python3.11 tools/make_unicode_tables.py            # write the file
    python3.11 tools/make_unicode_tables.py --check    # compare the file with what it should be

The tables are derived from the Unicode Character Database, (c) Unicode, Inc., under the terms of
https://www.unicode.org/license.txt. What each array holds is said in dedup/text/unicode.py.
"""

from __future__ import annotations

import argparse
import sys
import unicodedata
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from dedup.text import unicode as tables  # noqa: E402 (the path is set just above)

Arrays = dict[str, Any]

UNSPACED_SCRIPTS = {"Hani", "Hira", "Kana", "Thai", "Laoo", "Khmr", "Mymr"}
REMOVED = {0x00AD, 0x200C, 0x200D, 0xFEFF}
FINAL_SIGMA, SIGMA = "\u03c2", "\u03c3"
# Conjoining vowels and final consonants compose by arithmetic, not by decomposition data.
HANGUL_VOWELS, HANGUL_FINALS = range(0x1161, 0x1176), range(0x11A8, 0x11C3)


def require_version() -> None:
    """Stop unless both sources of data are Unicode 14.0."""
    if unicodedata.unidata_version != tables.VERSION:
        raise SystemExit(
            f"This Python has Unicode {unicodedata.unidata_version}, the tables are pinned to "
            f"{tables.VERSION}: run this with Python 3.11."
        )
    for name in ("Scripts", "ScriptExtensions"):
        module = import_module(f"fontTools.unicodedata.{name}")
        if f"{name}-{tables.VERSION}.txt" not in Path(str(module.__file__)).read_text():
            raise SystemExit(
                f"This fontTools carries another version of {name}.txt than {tables.VERSION}: "
                "pip install 'fonttools==4.33.3'."
            )


def code_point_class(code: int, scripts: set[str]) -> int:
    """Return the class of one code point, an unassigned one being a separator."""
    char = chr(code)
    unspaced = bool(scripts & UNSPACED_SCRIPTS)
    category = unicodedata.category(char)
    if category in ("Mn", "Mc"):
        return tables.UNSPACED_MARK if unspaced else tables.MARK
    if category != "Cn" and (char.isalnum() or char == "_"):
        return tables.UNSPACED if unspaced else tables.SPACED
    return tables.SEPARATOR


def composing() -> set[int]:
    """Return the code points that may merge with what stands before them (NFKC_QC=Maybe)."""
    found = {*HANGUL_VOWELS, *HANGUL_FINALS}
    for code in range(tables.NUM_CODE_POINTS):
        parts = unicodedata.decomposition(chr(code)).split()
        if len(parts) == 2 and not parts[0].startswith("<"):
            pair = "".join(chr(int(part, 16)) for part in parts)
            if unicodedata.normalize("NFC", pair) == chr(code):  # not a composition exclusion
                found.add(int(parts[1], 16))
    return found


def action_and_form(code: int, maybe: set[int]) -> tuple[int, bytes]:
    """Return what canonicalisation does to one code point, and what replaces it."""
    char = chr(code)
    if 0xD800 <= code < 0xE000:
        return tables.KEEP, b""  # never in UTF-8
    if code in REMOVED:
        return tables.REPLACE, b""
    if code in maybe:
        return tables.COMPOSE, b""
    normal = unicodedata.normalize("NFKC", char)
    form = "".join(part.lower() for part in normal).replace(FINAL_SIGMA, SIGMA)
    if form == char:
        return (tables.REORDER if unicodedata.combining(char) else tables.KEEP), b""
    if any(unicodedata.combining(part) or ord(part) in maybe for part in normal):
        return tables.NORMALIZE, b""
    return tables.REPLACE, form.encode()


def code_point_trait(code: int) -> int:
    """Return what the options of text have to know of one code point."""
    char = chr(code)
    if unicodedata.category(char) == "Nd":
        return tables.DIGIT
    if unicodedata.category(char) == "Mn":
        return tables.NONSPACING
    parts = unicodedata.normalize("NFD", char)
    has_mark = any(unicodedata.category(part) == "Mn" for part in parts)
    return tables.ACCENTED if has_mark else tables.PLAIN


def runs(values: Sequence[int]) -> tuple[npt.NDArray[np.uint32], npt.NDArray[np.uint8]]:
    """Return the first index of every run of equal values, and the runs' values."""
    array = np.asarray(values, np.uint8)
    starts = np.flatnonzero(np.concatenate([[True], array[1:] != array[:-1]]))
    return starts.astype(np.uint32), array[starts]


def make() -> Arrays:
    """Compute every array of the file."""
    codes = range(tables.NUM_CODE_POINTS)
    maybe = composing()
    pairs = [action_and_form(code, maybe) for code in codes]
    replaced = [
        (code, form)
        for code, (action, form) in zip(codes, pairs, strict=True)
        if action == tables.REPLACE
    ]
    arrays: Arrays = {
        "version": np.array(tables.VERSION),
        "form_code_points": np.array([code for code, _ in replaced], np.uint32),
        "form_sizes": np.array([len(form) for _, form in replaced], np.uint8),
        "form_bytes": np.frombuffer(b"".join(form for _, form in replaced), np.uint8),
    }
    scripts = import_module("fontTools.unicodedata").script_extension
    for name, values in {
        "class": [code_point_class(code, scripts(chr(code))) for code in codes],
        "action": [action for action, _ in pairs],
        "combining": [unicodedata.combining(chr(code)) for code in codes],
        "trait": [code_point_trait(code) for code in codes],
        "assigned": [int(unicodedata.category(chr(code)) != "Cn") for code in codes],
    }.items():
        arrays[f"{name}_starts"], arrays[f"{name}_values"] = runs(values)
    return arrays


def main() -> None:
    """Write the file, or compare it with what it should be."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--check", action="store_true", help="compare the file, write nothing")
    check = parser.parse_args().check
    require_version()
    arrays = make()
    if not check:
        with tables.PATH.open("wb") as file:
            np.savez_compressed(file, **arrays)
        print(f"{tables.PATH}: {tables.PATH.stat().st_size:,} bytes")
        return
    with np.load(tables.PATH, allow_pickle=False) as stored:
        stale = set(stored) ^ set(arrays)
        stale |= {n for n in set(stored) & set(arrays) if not np.array_equal(stored[n], arrays[n])}
    if stale:
        raise SystemExit(f"{tables.PATH} differs in {sorted(stale)}: run without --check.")
    print(f"{tables.PATH} is up to date.")


if __name__ == "__main__":
    main()

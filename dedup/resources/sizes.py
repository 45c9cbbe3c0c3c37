"""Bytes as people write and read them: ``2GiB``, ``500MB``, ``5.1 GB``."""

from __future__ import annotations

import re

from dedup.errors import ConfigError

_UNITS = {
    unit: base**power
    for base, endings in ((1000, ("", "b")), (1024, ("i", "ib")))
    for power, letter in enumerate("kmgt", start=1)
    for unit in (letter + ending for ending in endings)
} | {"": 1, "b": 1}


def parse_bytes(name: str, value: object) -> int:
    """Return the number of bytes that a text such as ``2GiB``, or a whole number, says.

    Raises
    ------
    ConfigError : it says no size; `name` is the option.
    """
    found = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*([A-Za-z]*)\s*", str(value))
    unit = _UNITS.get(found[2].lower()) if found else None
    if found is None or unit is None:
        raise ConfigError(f"{name} is {value!r}; give a size such as 2GiB or 500MB.")
    return int(float(found[1]) * unit)


def shown_bytes(size: float) -> str:
    """Return a size for people, in decimal units."""
    for unit in ("bytes", "kB", "MB", "GB"):
        if size < 1000:
            return f"{size:.0f} {unit}" if unit == "bytes" or size >= 10 else f"{size:.1f} {unit}"
        size /= 1000
    return f"{size:.1f} TB"

"""Options of a search: how they are declared, and checks that all kinds of search share.

Light: imports nothing heavy, for `dedup --help` reads it.
"""

from __future__ import annotations

import os
import secrets
from dataclasses import field, fields
from fractions import Fraction
from typing import Any

from dedup.errors import ConfigError


def option(default: Any, help_: str, *, choices: tuple[str, ...] = (), metavar: str = "") -> Any:
    """Return a field with what the command line says of it."""
    return field(default=default, metadata={"help": help_, "choices": choices, "metavar": metavar})


def same_option(owner: type[Any], name: str) -> Any:
    """Return a field as that of another class: one default, one help, the same choices."""
    known = next(field for field in fields(owner) if field.name == name)
    return field(default=known.default, metadata=known.metadata)


def check_choices(config: Any) -> None:
    """Raise ConfigError where an option has a value that is none of its choices."""
    for one in fields(config):
        value, choices = getattr(config, one.name), one.metadata["choices"]
        if choices and value not in choices and not _is_left_out(config, one.name):
            raise ConfigError(f"{one.name} is {value!r}; give one of {', '.join(choices)}.")


def check_whole(config: Any, name: str, least: int, most: int | None = None) -> None:
    """Raise ConfigError unless an option is a whole number between two, or may be left out, and is.

    Parameters
    ----------
    most : None for no limit.
    """
    if _is_left_out(config, name):
        return
    value = getattr(config, name)
    if not isinstance(value, int) or value < least or (most is not None and value > most):
        between = f"from {least} to {most}" if most is not None else f"of at least {least}"
        raise ConfigError(f"{name} is {value!r}; give a whole number {between}.")


def _is_left_out(config: Any, name: str) -> bool:
    return getattr(config, name) is None and getattr(type(config), name) is None


def check_recall(value: float) -> None:
    """Raise ConfigError unless the value may be a recall."""
    if not 0.5 <= value < 1:
        raise ConfigError(f"recall is {value}; give a number from 0.5 to below 1.")


def parsed_fraction(value: Fraction | float | str) -> Fraction:
    """Return the exact value of a decimal text; a float stands for its shortest text."""
    try:
        return value if isinstance(value, Fraction) else Fraction(str(value))
    except (ValueError, ZeroDivisionError):
        raise ConfigError(f"threshold is {value!r}; give a number such as 0.8.") from None


def drawn_seed(value: int | str) -> int:
    """Return the seed as a number, drawn for "random"."""
    if value == "random":
        return secrets.randbits(64)
    try:
        seed = int(value)
    except ValueError:
        raise ConfigError(f"seed is {value!r}; give a whole number, or 'random'.") from None
    if not 0 <= seed < 1 << 64:
        raise ConfigError(f"seed is {seed}; give a number from 0 to 2**64 - 1.")
    return seed


def usable_cores() -> int:
    """Return how many cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else 1

"""Options of a command that are fields of Config: name, default, help and checks are there."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import Field, fields
from fractions import Fraction
from typing import Any

import click

from dedup.config import Config
from dedup.vectors.config import VectorConfig


def config_options(
    names: Sequence[str] | None = None, of: type[Config] | type[VectorConfig] = Config
) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Add an option for each field of a class of parameters.

    Parameters
    ----------
    names : only these, without a default: what is not given stays as it is.
    """

    def decorate(command: Callable[..., None]) -> Callable[..., None]:
        for option in reversed(fields(of)):
            if names is None:
                command = _config_option(option, option.default)(command)
            elif option.name in names:
                command = _config_option(option, None)(command)
        return command

    return decorate


def _config_option(option: Field[Any], default: Any) -> Callable[..., Any]:
    name = "--" + option.name.replace("_", "-")
    choices = option.metadata["choices"]
    help_ = option.metadata["help"]
    if isinstance(option.default, bool):
        return click.option(name, is_flag=True, default=default, help=help_)
    return click.option(
        name,
        type=click.Choice(choices) if choices else _TYPES.get(str(option.type), click.STRING),
        default=str(float(default)) if isinstance(default, Fraction) else default,
        show_default=default is not None,
        metavar=option.metadata["metavar"] or None,
        help=help_,
    )


_TYPES: dict[str, click.ParamType[Any]] = {
    "int": click.INT,
    "int | None": click.INT,
    "float": click.FLOAT,
    "float | None": click.FLOAT,
}

"""Errors a user may meet: one sentence with what went wrong, the value, and the cure.

Every class is also the fitting builtin: ``except ValueError`` and ``except DedupError`` both work.
"""

__all__ = [
    "ChangedInputError",
    "ConfigError",
    "DedupError",
    "FormatVersionError",
    "InputError",
    "MissingExtraError",
    "OutputExistsError",
]


class DedupError(Exception):
    """Base of every error that dedup raises on purpose."""


class ConfigError(DedupError, ValueError):
    """A parameter has a value that makes no sense."""


class InputError(DedupError, ValueError):
    """The input is missing, unreadable, or does not hold what was asked for."""


class ChangedInputError(InputError):
    """The input is not what a decision was made of."""


class FormatVersionError(DedupError, ValueError):
    """Something on disk was written by an incompatible version."""


class MissingExtraError(DedupError, ImportError):
    """An optional dependency is needed and not installed."""


class OutputExistsError(DedupError, FileExistsError):
    """The output is already there, or would overwrite an input."""

"""Errors a user may meet: one sentence with what went wrong, the value, and the cure.

Every class but one is also the fitting builtin: ``except ValueError`` and ``except DedupError``
both work.
"""

from __future__ import annotations

__all__ = [
    "BadFileError",
    "ChangedInputError",
    "ConfigError",
    "DedupError",
    "FormatVersionError",
    "InputError",
    "MissingExtraError",
    "OutputExistsError",
    "StorageError",
    "UnreadableError",
]


class DedupError(Exception):
    """Base of every error that dedup raises on purpose."""


class ConfigError(DedupError, ValueError):
    """A parameter has a value that makes no sense."""


class InputError(DedupError, ValueError):
    """The input is missing, unreadable, or does not hold what was asked for."""


class ChangedInputError(InputError):
    """The input is not what a decision was made of."""


class BadFileError(DedupError):
    """One file cannot be read; others may well be. ``--skip-bad-files`` leaves it out.

    Attributes
    ----------
    path : of the file, as in `InputFile.path`.
    reason : one of few, to count by.
    """

    def __init__(self, path: str, reason: str, sentence: str) -> None:
        super().__init__(path, reason, sentence)
        self.path, self.reason, self.sentence = path, reason, sentence

    def __str__(self) -> str:
        return self.sentence


class UnreadableError(BadFileError, InputError):
    """A file is damaged, not of its kind, or may not be read."""


class StorageError(BadFileError):
    """A remote file, or its store, cannot be reached, after some tries.

    No builtin is its twin: readers would take an OSError for damage of the file.
    """

    def __init__(self, path: str, sentence: str) -> None:
        super().__init__(path, "not reachable", sentence)

    def __reduce__(self) -> tuple[type[StorageError], tuple[str, str]]:
        return StorageError, (self.path, self.sentence)


class FormatVersionError(DedupError, ValueError):
    """Something on disk was written by an incompatible version."""


class MissingExtraError(DedupError, ImportError):
    """An optional dependency is needed and not installed."""


class OutputExistsError(DedupError, FileExistsError):
    """The output is already there, or would overwrite an input."""

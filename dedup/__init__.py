"""Find near-duplicate documents: every pair verified, clustered, and explained."""

from dedup.api import drop_duplicates, find_duplicates, run
from dedup.config import Config
from dedup.errors import (
    ConfigError,
    DedupError,
    FormatVersionError,
    InputError,
    MissingExtraError,
    OutputExistsError,
)
from dedup.version import __version__

__all__ = [
    "Config",
    "ConfigError",
    "DedupError",
    "FormatVersionError",
    "InputError",
    "MissingExtraError",
    "OutputExistsError",
    "__version__",
    "drop_duplicates",
    "find_duplicates",
    "run",
]

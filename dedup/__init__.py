"""Find near-duplicate documents: every pair verified, clustered, and explained."""

from typing import TYPE_CHECKING, Any

from dedup.api import drop_duplicates, evaluate, explain, find_duplicates, plan, run
from dedup.config import Config
from dedup.errors import (
    ConfigError,
    DedupError,
    FormatVersionError,
    InputError,
    MissingExtraError,
    OutputExistsError,
)
from dedup.jobs.auditing import audit
from dedup.jobs.filtering import filter_files
from dedup.jobs.reclustering import recluster
from dedup.jobs.reporting import write_report
from dedup.version import __version__

if TYPE_CHECKING:
    from dedup.check import Check
    from dedup.output.result import Result

__all__ = [
    "Check",
    "Config",
    "ConfigError",
    "DedupError",
    "FormatVersionError",
    "InputError",
    "MissingExtraError",
    "OutputExistsError",
    "Result",
    "__version__",
    "audit",
    "drop_duplicates",
    "evaluate",
    "explain",
    "filter_files",
    "find_duplicates",
    "plan",
    "recluster",
    "run",
    "write_report",
]


def __getattr__(name: str) -> Any:
    # These load numpy and Arrow, which a command line may never need.
    if name == "Result":
        from dedup.output.result import Result

        return Result
    if name == "Check":
        from dedup.check import Check

        return Check
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")

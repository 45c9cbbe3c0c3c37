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
    from dedup.index.index import Index
    from dedup.index.stream import stream
    from dedup.output.result import Result

__all__ = [
    "Check",
    "Config",
    "ConfigError",
    "DedupError",
    "FormatVersionError",
    "Index",
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
    "stream",
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
    if name == "Index":
        from dedup.index.index import Index

        return Index
    if name == "stream":
        from dedup.index.stream import stream

        return stream
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")

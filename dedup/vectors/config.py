"""The options of a search among vectors: names, defaults, help and checks.

Light: imports nothing heavy, for `dedup vectors run --help` reads it.
"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from fractions import Fraction
from typing import Any

from dedup.config import Config
from dedup.errors import ConfigError
from dedup.options import (
    check_choices,
    check_recall,
    check_whole,
    drawn_seed,
    option,
    parsed_fraction,
    same_option,
    usable_cores,
)

MEASURES = ("cosine", "euclidean")
FAMILIES = ("hyperplanes", "cross-polytope", "rotation", "stable")
COSINE_FAMILIES = FAMILIES[:3]

_COSINE_THRESHOLD = Fraction("0.95")
MAX_FUNCTIONS = 32
"""Functions of a table: 32 bits are what a key has."""

MAX_TABLES = 2000


@dataclass(frozen=True, kw_only=True)
class VectorConfig:
    """The parameters of a search among vectors.

    Raises
    ------
    ConfigError : a value makes no sense; the message says which, and what would.
    """

    threshold: Fraction = option(  # noqa: RUF009  (a Fraction is immutable)
        _COSINE_THRESHOLD,
        "Least cosine similarity of near-duplicates, or their largest Euclidean distance.",
        metavar="T",
    )
    measure: str = option("cosine", "How vectors are compared.", choices=MEASURES)
    vector: str = option("embedding", "Column of the vectors.", metavar="NAME")
    recall: float = same_option(Config, "recall")
    family: str | None = option(
        None,
        "Hash functions: hyperplanes (if not given), cross-polytope or rotation for cosine; stable "
        "for euclidean.",
        choices=FAMILIES,
    )
    tables: int | None = option(
        None, "Hash tables; as many as the recall takes, if not given.", metavar="L"
    )
    functions: int | None = option(
        None,
        "Functions whose values make the key of a table; the cheapest, if not given.",
        metavar="K",
    )
    min_tables: int = option(
        1, "Tables in which two vectors must share a bucket to be compared.", metavar="T"
    )
    probes: int = option(
        0,
        "Neighbouring buckets of each table that are looked up too, the likeliest first.",
        metavar="N",
    )
    width: float | None = option(
        None, "Step of stable projections; 4 times the threshold if not given.", metavar="W"
    )
    rotation_buckets: int = option(16, "Values of a function of the family rotation.", metavar="N")
    keep: str = option(
        "first",
        "Which vector of a cluster stays: first, last, max:COL, min:COL, newest or oldest (by the "
        "column date, or newest:COL). Nulls come last, equal ones go by position.",
        metavar="POLICY",
    )
    linkage: str = same_option(Config, "linkage")
    pairs: str = same_option(Config, "pairs")
    id_column: str | None = same_option(Config, "id_column")
    strict_ids: bool = same_option(Config, "strict_ids")
    skip_bad: bool = option(
        False, "Leave out vectors that cannot be compared, and count them, instead of failing."
    )
    max_comparisons: int = option(
        100_000_000,
        "Most comparisons inside one bucket; the rest are kept and counted.",
        metavar="N",
    )
    workers: int | None = option(None, "Threads to use; all cores if not given.", metavar="N")
    seed: int | str = same_option(Config, "seed")

    def __post_init__(self) -> None:
        check_choices(self)
        self._check_threshold()
        self._check_family()
        if self.keep in ("longest", "shortest", "largest"):
            raise ConfigError(
                f"keep is {self.keep!r}, which asks for a text; give first, last, max:COL, "
                "min:COL, newest or oldest."
            )
        if self.rotation_buckets < 2 or self.rotation_buckets % 2:
            raise ConfigError(
                f"rotation_buckets is {self.rotation_buckets}; give an even number from 2 on."
            )
        check_recall(self.recall)
        for name, least, most in (
            ("tables", 1, MAX_TABLES),
            ("functions", 1, MAX_FUNCTIONS),
            ("min_tables", 1, MAX_TABLES),
            ("probes", 0, MAX_FUNCTIONS),
            ("max_comparisons", 1, None),
            ("workers", 1, None),
        ):
            check_whole(self, name, least, most)
        if self.tables is not None and self.min_tables > self.tables:
            raise ConfigError(
                f"min_tables is {self.min_tables} of {self.tables} tables; give no more than these."
            )
        if self.functions is not None and self.probes > self.functions:
            raise ConfigError(
                f"probes is {self.probes}, more than the {self.functions} functions of a table; "
                "give no more than these."
            )
        if self.min_tables > 1 and self.probes:
            raise ConfigError(
                f"probes is {self.probes} with min_tables {self.min_tables}, which counts whole "
                "buckets; leave one of them out."
            )
        object.__setattr__(self, "seed", drawn_seed(self.seed))

    def _check_threshold(self) -> None:
        threshold = parsed_fraction(self.threshold)
        if self.measure == "cosine" and not 0 < threshold <= 1:
            raise ConfigError(
                f"threshold is {self.threshold}; give a cosine similarity above 0 and up to 1."
            )
        if self.measure == "euclidean" and threshold <= 0:
            raise ConfigError(f"threshold is {self.threshold}; give a distance above 0.")
        object.__setattr__(self, "threshold", threshold)

    def _check_family(self) -> None:
        if self.family is None:
            chosen = "hyperplanes" if self.measure == "cosine" else "stable"
            object.__setattr__(self, "family", chosen)
        if (self.family in COSINE_FAMILIES) != (self.measure == "cosine"):
            fitting = ", ".join(COSINE_FAMILIES) if self.measure == "cosine" else "stable"
            raise ConfigError(
                f"family is {self.family!r} with measure {self.measure!r}; give {fitting}."
            )
        if self.width is None:
            return
        if self.family != "stable":
            raise ConfigError(f"width is {self.width} with family {self.family!r}; leave it out.")
        if not (math.isfinite(self.width) and self.width > 0):
            raise ConfigError(f"width is {self.width}; give a length above 0.")

    @property
    def num_workers(self) -> int:
        """Threads to use: `workers`, or the cores this process may use."""
        return self.workers or usable_cores()

    def to_dict(self) -> dict[str, Any]:
        """Return the parameters as JSON values."""
        return asdict(self) | {"threshold": str(float(self.threshold))}

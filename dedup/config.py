"""Every option, its default and its meaning: the one table behind the library and the command.

A field's name is the option's name, its `help` is the help text, and the checks of its value live
here. Light: imports nothing heavy, for `dedup --help` reads it.
"""

from __future__ import annotations

import os
from dataclasses import asdict, dataclass, fields
from fractions import Fraction
from typing import Any, ClassVar

from dedup.errors import ConfigError
from dedup.options import (
    check_choices,
    check_recall,
    check_whole,
    drawn_seed,
    option,
    parsed_fraction,
    usable_cores,
)
from dedup.resources.sizes import parse_bytes

METHODS = ("minhash", "simhash", "both", "exact")
MEASURES = ("jaccard", "containment")
LINKAGES = ("keeper", "components")
PAIRS = ("decided", "all")
UNITS = ("word", "char")
SIMHASH_WEIGHTS = ("set", "tf")
EXTRACTS = ("main", "all", "none")

MAX_DENOMINATOR = 1 << 30
"""Largest denominator of a threshold, and largest union of two sets, that 64 bits can compare."""

_THRESHOLD = Fraction("0.8")
_LEAST_THRESHOLD = Fraction("0.01")
"""Below it bands are so many that the tables of a signature no longer fit the memory."""


@dataclass(frozen=True, kw_only=True)
class Config:
    """The parameters of a run.

    Raises
    ------
    ConfigError : a value makes no sense; the message says which, and what would.
    """

    threshold: Fraction = option(  # noqa: RUF009  (a Fraction is immutable)
        _THRESHOLD,
        "Least Jaccard similarity of near-duplicates, from 0.01 to 1.",
        metavar="T",
    )
    measure: str = option(
        "jaccard",
        "What the threshold is of: Jaccard, or the share of a document that its keeper contains.",
        choices=MEASURES,
    )
    ngram: int = option(5, "Tokens in a shingle.", metavar="N")
    unit: str = option(
        "word", "What a token is: a word, or a single character of the text.", choices=UNITS
    )
    strip_accents: bool = option(False, "Compare without accents and other marks: café = cafe.")
    join_words: bool = option(
        False, "Compare without punctuation inside words: don't = dont, U.S.A = usa."
    )
    fold_digits: bool = option(False, "Compare with 0 for every digit: 1999 = 2024.")
    recall: float = option(
        0.99, "Least probability that a pair at the threshold is compared.", metavar="P"
    )
    method: str = option(
        "minhash",
        "What generates the candidate pairs, exact: an exact join; exact Jaccard decides.",
        choices=METHODS,
    )
    max_hamming: int = option(
        3, "Most differing bits of SimHash candidates, of 64 (simhash, both).", metavar="K"
    )
    simhash_weights: str = option(
        "set",
        "SimHash counts each shingle once, or by its frequency in the text (simhash, both).",
        choices=SIMHASH_WEIGHTS,
    )
    min_tokens: int = option(
        0, "Leave documents of fewer tokens out of the search: they are kept.", metavar="N"
    )
    ignore_common: float | None = option(
        None,
        "Ignore shingles in more than this share of a source's documents (10 or more of them).",
        metavar="SHARE",
    )
    common_within: str | None = option(
        None,
        "Column that names the sources of common shingles, such as host; files if not given.",
        metavar="NAME",
    )
    keep: str = option(
        "first",
        "Which document of a cluster stays: first, last, longest, shortest, largest, max:COL, "
        "min:COL, shortest-url, host-order:FILE, newest or oldest (by the column date, or "
        "newest:COL). Nulls come last, equal ones go by position.",
        metavar="POLICY",
    )
    keep_best: int = option(
        1,
        "How many stay of a keeper and what it would remove: the first of them in keeper order.",
        metavar="K",
    )
    within: str | None = option(
        None,
        "Compare only documents with equal values of this column, or of one file ('file').",
        metavar="NAME",
    )
    against: str | None = option(
        None,
        "Remove what is there already: an index, or documents (a file, folder or glob).",
        metavar="PATH",
    )
    linkage: str = option(
        "keeper",
        "Clusters of a keeper and what it removes, or connected components.",
        choices=LINKAGES,
    )
    pairs: str = option(
        "decided",
        "Pairs to write: those that decided, or every candidate at the threshold.",
        choices=PAIRS,
    )
    text_column: str = option(
        "text", "Column of the text: several as a,b; a nested field as a.b.", metavar="NAME"
    )
    extract: str = option(
        "main",
        "What to compare of HTML: the main content, all text, or the HTML itself.",
        choices=EXTRACTS,
    )
    id_column: str | None = option(
        None, "Column of the document ids; 'id' where there is one, else positions.", metavar="NAME"
    )
    strict_ids: bool = option(False, "Refuse duplicate or null ids instead of warning.")
    skip_bad_files: bool = option(
        False, "Leave out files that cannot be read, and name them, instead of failing."
    )
    max_removal: float = option(
        0.9, "Refuse to write filtered output that loses more than this share.", metavar="SHARE"
    )
    max_removal_host: float | None = option(
        None,
        "The same of the documents of any one host (or value of --within, or file) of 100 or more.",
        metavar="SHARE",
    )
    max_comparisons: int = option(
        100_000,
        "Most comparisons inside one bucket of unlike documents; the rest are kept and counted.",
        metavar="N",
    )
    workers: int | None = option(None, "Processes to use; all cores if not given.", metavar="N")
    memory: str | int | None = option(
        None,
        "Memory of all processes together, such as 2GiB; half of what there is if not given.",
        metavar="SIZE",
    )
    seed: int | str = option(0, "Seed of the hashes; 'random' for hostile input.", metavar="SEED")

    seed_is_drawn: ClassVar[bool] = False
    """Whether the seed was drawn at random for this object."""

    def __post_init__(self) -> None:
        threshold = parsed_fraction(self.threshold)
        if not _LEAST_THRESHOLD <= threshold <= 1:
            raise ConfigError(
                f"threshold is {self.threshold}; give a number from {float(_LEAST_THRESHOLD)} to 1."
            )
        object.__setattr__(self, "threshold", _comparable(threshold))
        check_recall(self.recall)
        for name, least in (
            ("ngram", 1),
            ("max_comparisons", 1),
            ("min_tokens", 0),
            ("keep_best", 1),
            ("workers", 1),
        ):
            check_whole(self, name, least)
        if self.ignore_common is not None and not 0 < self.ignore_common < 1:
            raise ConfigError(
                f"ignore_common is {self.ignore_common}; give a share above 0 and below 1."
            )
        if self.common_within is not None and self.ignore_common is None:
            raise ConfigError(
                f"common_within is {self.common_within!r} without ignore_common; give both."
            )
        if not 0 <= self.max_hamming <= 16:
            raise ConfigError(f"max_hamming is {self.max_hamming}; give a number from 0 to 16.")
        if not 0 <= self.max_removal <= 1:
            raise ConfigError(f"max_removal is {self.max_removal}; give a share from 0 to 1.")
        if self.max_removal_host is not None and not 0 <= self.max_removal_host <= 1:
            raise ConfigError(
                f"max_removal_host is {self.max_removal_host}; give a share from 0 to 1."
            )
        check_choices(self)
        if self.measure == "containment" and self.method != "minhash":
            raise ConfigError(
                f"method is {self.method!r} with measure 'containment', which finds its own "
                "candidates, by an exact join; leave method out."
            )
        if not all(self.text_columns):
            raise ConfigError(
                f"text_column is {self.text_column!r}; give one name, or several as a,b."
            )
        if self.memory is not None:
            parse_bytes("memory", self.memory)
        if self.against is not None:
            object.__setattr__(self, "against", os.fspath(self.against))
        object.__setattr__(self, "seed_is_drawn", self.seed == "random")
        object.__setattr__(self, "seed", drawn_seed(self.seed))

    @property
    def text_columns(self) -> tuple[str, ...]:
        """The names in `text_column`."""
        return tuple(name.strip() for name in self.text_column.split(","))

    @property
    def text_options(self) -> tuple[str, ...]:
        """The names of the options in force that change what is compared of a text."""
        names = ("unit", "strip_accents", "join_words", "fold_digits")
        return tuple(name for name in names if getattr(self, name) != getattr(Config, name))

    @property
    def num_workers(self) -> int:
        """Processes to use: `workers`, or the cores this process may use."""
        return self.workers or usable_cores()

    def to_dict(self) -> dict[str, Any]:
        """Return the parameters as JSON values."""
        return asdict(self) | {"threshold": str(float(self.threshold))}

    @classmethod
    def names(cls) -> list[str]:
        """Return the names of all options."""
        return [option.name for option in fields(cls)]


def _comparable(value: Fraction) -> Fraction:
    """Return the least fraction from `value` on with a denominator up to 2**30.

    No two sets of up to 2**30 shingles can tell the two apart, and comparing them with this one
    never leaves 64 bits, as the 16 digits of a float such as 2/3 or 3 * 0.3 would.
    """
    near = value.limit_denominator(MAX_DENOMINATOR)
    if near >= value:
        return near
    # The next fraction of a denominator up to the bound, c/d with c b - a d = 1 for near = a/b.
    a, b = near.as_integer_ratio()
    d = MAX_DENOMINATOR - (MAX_DENOMINATOR + pow(a, -1, b)) % b
    return Fraction(a * d + 1, b * d)

"""The sketches of a part of the input, as they are handed from whoever makes them to the search."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from dedup.io.base import UNREAD, Part, Problem
from dedup.lsh.buckets import KeyRun
from dedup.text.hashing import Int64Array, UInt64Array

DOCUMENT_ARRAYS: dict[str, tuple[type[np.generic], tuple[int, ...]]] = {
    "num_shingles": (np.int64, ()),
    "num_tokens": (np.int64, ()),
    "num_chars": (np.int64, ()),
    "fingerprints": (np.uint64, ()),
    "digests": (np.uint64, (2,)),
    "text_digests": (np.uint64, (2,)),
    "record_digests": (np.uint64, ()),
}
"""What is known of each document, beside its set, band keys and columns; see `Sketches`. The last
is of the record that the document was read from; see `dedup.io.records`."""
MAX_NAMED = 100
"""Problems of a file that are named, and as many of what could not be read; all are counted."""


@dataclass
class PartRecords:
    """What was read of one part: its records (documents), lines, and what was wrong with them.

    Attributes
    ----------
    part : None where the input is not at hand, as in kept evidence.
    problems : the first `MAX_NAMED`, and as many of what is `UNREAD`.
    problem_counts : of all problems, by reason.
    """

    file: int
    part: Part | None
    rows: int = 0
    lines: int = 0
    problems: list[Problem] = field(default_factory=list)
    problem_counts: Counter[str] = field(default_factory=Counter)

    def add(self, problems: Iterable[Problem]) -> None:
        """Count problems of the next batch, by reason, and keep the first of them."""
        for problem in problems:
            counts = self.problem_counts
            counts[problem.reason] += 1
            is_unread = problem.reason in UNREAD
            if sum(n for why, n in counts.items() if (why in UNREAD) == is_unread) <= MAX_NAMED:
                self.problems.append(problem.moved(self.rows, self.lines))


@dataclass
class PartSketches:
    """What is known of the documents of consecutive parts.

    Attributes
    ----------
    arrays : those of `DOCUMENT_ARRAYS`, of all documents. These and `sets` may be mapped files.
    key_runs : their documents are numbered from the first of these.
    missing : int64; the documents without text.
    columns : a row for each document.
    stem : path without suffix of the files, where it is on disk.
    """

    records: list[PartRecords]
    sets: UInt64Array
    key_runs: list[KeyRun]
    arrays: dict[str, NDArray[Any]]
    missing: Int64Array
    columns: pa.Table
    excluded: Counter[str]
    num_bytes: int
    num_invalid: int
    stem: str | None = None

    def __len__(self) -> int:
        return len(self.arrays["num_shingles"])

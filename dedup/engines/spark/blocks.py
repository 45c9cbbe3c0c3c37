"""Entries on their way between tasks: large blocks of numbers, not rows.

Spark moves a row of three numbers through its row format, its sort and its codecs, and that took
the longest of all stages. So a task cuts its entries into blocks by their keys, and the task that
gets the blocks sorts them in numpy; Spark sees some large values.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from dedup.engines.spark.arrays import numbers, packed, rows, unpacked_words
from dedup.engines.spark.kind import Batches
from dedup.engines.spark.runs import SharedKeys
from dedup.engines.spark.stages import Stages
from dedup.spill.rows import RUN_BYTES, SortedRows
from dedup.spill.scratch import Scratch
from dedup.text.hashing import Int64Array, mix64_array

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

BLOCK_COLUMNS = "part int, block binary"

PARTS = 8
"""Parts for each partition, that all get about as many: Spark deals them out by a hash."""

MOST_PARTS = 1 << 15

CUT_BYTES = 1 << 25
"""Entries that a task cuts together: 32 MiB."""

BLOCK_BYTES = 1 << 13
"""A block, at most: 8 KiB, for Spark hands on 10,000 at a time, and a hot key's are one task's."""


@dataclass(frozen=True)
class CutEntries:
    """Makes entries, and cuts them into blocks, one for each part of the keys.

    Attributes
    ----------
    entries : makes them of batches.
    names : of their columns, all int64; the first tells the part.
    """

    entries: Callable[[Batches], Batches]
    names: tuple[str, ...]
    num_parts: int

    def __call__(self, batches: Batches) -> Batches:
        """Yield `BLOCK_COLUMNS`."""
        waiting: list[Int64Array] = []
        for batch in self.entries(batches):
            waiting.append(np.stack([numbers(batch, name) for name in self.names], axis=1))
            if sum(some.nbytes for some in waiting) >= CUT_BYTES:
                yield self._cut(waiting)
                waiting = []
        if waiting:
            yield self._cut(waiting)

    def _cut(self, waiting: Sequence[Int64Array]) -> pa.RecordBatch:
        entries = np.concatenate(waiting)
        keys = entries[:, 0].copy().view(np.uint64)  # mixed in place
        part = (mix64_array(keys) % np.uint64(self.num_parts)).astype(np.uint16)
        entries = entries[np.argsort(part, kind="stable")]
        counts = np.bincount(part, minlength=self.num_parts)
        row_bytes = entries.itemsize * len(self.names)
        most = max(1, BLOCK_BYTES // row_bytes)
        num_blocks = -(-counts // most)
        lengths = np.full(num_blocks.sum(), most)
        there = np.flatnonzero(counts)
        lengths[np.cumsum(num_blocks)[there] - 1] -= (num_blocks * most - counts)[there]
        part = np.repeat(np.arange(self.num_parts, dtype=np.int32), num_blocks)
        return rows({"part": part, "block": packed(entries, lengths * row_bytes)})


@dataclass(frozen=True)
class SharedEntries:
    """Leaves of the entries in blocks those that share their keys; see `SharedKeys`.

    Attributes
    ----------
    keys : names of the first columns.
    names : of all columns; the rank follows the keys.
    """

    keys: tuple[str, ...]
    names: tuple[str, ...]
    run_bytes: int = RUN_BYTES

    def __call__(self, batches: Batches) -> Batches:
        """Yield rows in the order of keys and rank, with ``lead`` and ``nth``."""
        folder = os.environ.get("SPARK_LOCAL_DIRS", tempfile.gettempdir()).split(",")[0]
        scratch = Scratch(folder, held=self.run_bytes)
        entries = SortedRows(scratch, len(self.keys) + 1, self.run_bytes)
        for batch in batches:
            words, _ = unpacked_words(batch.column("block"))
            entries.add(words.view(np.int64).reshape(-1, len(self.names)))
        yield from SharedKeys(self.keys)(
            rows({name: np.ascontiguousarray(some[:, n]) for n, name in enumerate(self.names)})
            for some in entries.ascending()
        )


def shared_entries(
    stages: Stages,
    table: DataFrame,
    keys: tuple[str, ...],
    others: tuple[str, ...],
    entries: Callable[[Batches], Batches] = iter,
) -> DataFrame:
    """Return the entries that share their keys with others, with ``lead`` and ``nth``.

    Parameters
    ----------
    keys, others : their columns, all bigint; the first of the others is the rank.
    entries : makes them of a table's batches; if not given, they are its rows.
    """
    from pyspark.sql.types import LongType, StructType

    names = (*keys, *others)
    num_parts = min(PARTS * stages.num_partitions, MOST_PARTS)
    blocks = table.mapInArrow(CutEntries(entries, names, num_parts), BLOCK_COLUMNS)
    schema = StructType()
    for name in (*names, "lead", "nth"):
        schema = schema.add(name, LongType())
    dealt = blocks.repartition(*stages.shuffle, "part")
    return dealt.mapInArrow(SharedEntries(keys, names), schema)

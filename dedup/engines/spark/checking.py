"""The user's second check of verified pairs, joined to the columns that it asks for."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pyarrow as pa

from dedup.check import Check
from dedup.engines.spark.arrays import numbers, rows

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

JUDGED_COLUMNS = "left bigint, right bigint, common bigint, stands boolean"


def check_columns(check: Check | None) -> dict[str, str]:
    """Return the columns of the input that a check asks for, by the name that they go by here."""
    columns = check.columns if check is not None else ()
    return {f"check_{number}": name for number, name in enumerate(columns)}


@dataclass(frozen=True)
class CheckPairs:
    """Tells which verified pairs the check lets stand."""

    check: Check

    def __call__(self, batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        """Yield `JUDGED_COLUMNS` of edges with the columns of `shown` of each side."""
        for batch in batches:
            if not batch.num_rows:
                continue
            common = numbers(batch, "common")
            union = numbers(batch, "left_size") + numbers(batch, "right_size") - common
            ids, *columns = [
                (batch.column(f"left_{name}"), batch.column(f"right_{name}"))
                for name in ("doc_id", *check_columns(self.check))
            ]
            yield rows(
                {
                    "left": numbers(batch, "left"),
                    "right": numbers(batch, "right"),
                    "common": common,
                    "stands": self.check.accepts(ids, common / union, columns),
                }
            )


def judged(edges: DataFrame, units: DataFrame, sketches: DataFrame, check: Check) -> DataFrame:
    """Return `JUDGED_COLUMNS` of the verified pairs.

    Parameters
    ----------
    units : (rank, place, size) of all; sketches : (place, doc_id, `check_columns`) of all.
    """
    chosen = sketches.select("place", "doc_id", *check_columns(check))
    shown = units.select("rank", "place", "size").join(chosen, "place").drop("place")
    found = edges
    for side in ("left", "right"):
        names = {name: f"{side}_{name}" for name in shown.columns if name != "rank"}
        found = found.join(shown.withColumnsRenamed({"rank": side, **names}), side)
    return found.mapInArrow(CheckPairs(check), JUDGED_COLUMNS)

"""The user's second check of verified pairs, joined to the columns that it asks for."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pyarrow as pa

from dedup.check import Check
from dedup.engines.spark.arrays import rows
from dedup.engines.spark.kind import Kind

if TYPE_CHECKING:
    from pyspark.sql import DataFrame


def check_columns(check: Check | None) -> dict[str, str]:
    """Return the columns of the input that a check asks for, by the name that they go by here."""
    columns = check.columns if check is not None else ()
    return {f"check_{number}": name for number, name in enumerate(columns)}


@dataclass(frozen=True)
class CheckPairs:
    """Tells which verified pairs the check lets stand."""

    check: Check
    measure: str

    def __call__(self, batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        """Yield edges with ``stands``, of edges with what the check gets to see."""
        for batch in batches:
            if not batch.num_rows:
                continue
            ids, *columns = [
                (batch.column(f"left_{name}"), batch.column(f"right_{name}"))
                for name in ("doc_id", *check_columns(self.check))
            ]
            value = batch.column("value").to_numpy(zero_copy_only=False)
            edges = {name: batch.column(name) for name in ("left", "right", "common")}
            yield rows(edges | {"stands": self.check.accepts(ids, self.measure, value, columns)})


def judged(
    edges: DataFrame, units: DataFrame, sketches: DataFrame, check: Check, kind: Kind
) -> DataFrame:
    """Add ``stands`` to the verified pairs: whether the check lets them.

    Parameters
    ----------
    units : (rank, place, `Kind.sizes`) of all; sketches : (place, doc_id, `check_columns`) of all.
    """
    chosen = sketches.select("place", "doc_id", *check_columns(check))
    shown = units.select("rank", "place", *kind.sizes).join(chosen, "place").drop("place")
    found = edges
    for side in ("left", "right"):
        names = {name: f"{side}_{name}" for name in shown.columns if name != "rank"}
        found = found.join(shown.withColumnsRenamed({"rank": side, **names}), side)
    found = found.withColumn("value", kind.measured("common", "left_", "right_"))
    common = edges.schema["common"].dataType.simpleString()
    columns = f"left bigint, right bigint, common {common}, stands boolean"
    return found.mapInArrow(CheckPairs(check, kind.measure), columns)

"""Positions and ranks: documents numbered 0, 1, 2... in an order, without a window over them all.

Sorted by ranges and written down, so that each partition's rows are fixed; the partitions' counts,
a few numbers on the driver, then say where each one begins.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from dedup.config import Config
from dedup.engines.spark.stages import NOTHING, Stages
from dedup.errors import ConfigError, InputError
from dedup.keeper import policy_column

if TYPE_CHECKING:
    from pyspark.sql import Column, DataFrame
    from pyspark.sql.types import StructType


@dataclass(frozen=True)
class CountRows:
    """Adds to sorted rows the partition and their place in it, and marks repeated values.

    Attributes
    ----------
    unique : column whose neighbours must differ, if any.
    """

    unique: str | None = None

    def __call__(self, batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        """Yield the batches with ``part``, ``row`` and ``repeats``."""
        from pyspark import TaskContext

        context = TaskContext.get()
        part = context.partitionId() if context is not None else 0
        row = 0
        last: pa.Array | None = None
        for batch in batches:
            count = batch.num_rows
            if not count:
                continue
            repeats: Any = np.zeros(count, np.bool_)
            if self.unique is not None:
                values = batch.column(self.unique)
                if last is not None:
                    values = pa.concat_arrays([last, values])
                same = pc.fill_null(pc.equal(values[1:], values[:-1]), False)
                found = same.to_numpy(zero_copy_only=False)
                repeats[count - len(found) :] = found
                last = values[-1:]
            arrays = [
                *batch.columns,
                pa.array(np.full(count, part, np.int32)),
                pa.array(np.arange(row, row + count)),
                pa.array(repeats),
            ]
            names = [*batch.schema.names, "part", "row", "repeats"]
            yield pa.RecordBatch.from_arrays(arrays, names=names)
            row += count


def numbered(
    stages: Stages,
    table: DataFrame,
    order: Sequence[Column],
    name: str,
    unique: str | None = None,
    observe: Mapping[str, Column] = NOTHING,
) -> DataFrame:
    """Add the number of each row, as a column `name`, in an order without ties.

    Parameters
    ----------
    unique : as for `CountRows`; the column ``repeats`` tells where it is not.
    observe : as for `Stages.written`.
    """
    ranges = table.repartitionByRange(*stages.shuffle, *order).sortWithinPartitions(*order)
    counted = ranges.mapInArrow(CountRows(unique), counted_schema(table))
    return placed(stages, stages.written(f"{name}s", counted, observe), name)


def counted_schema(table: DataFrame) -> StructType:
    """Return the schema of a table after `CountRows`."""
    from pyspark.sql.types import BooleanType, IntegerType, LongType, StructType

    return (
        StructType([*table.schema.fields])
        .add("part", IntegerType())
        .add("row", LongType())
        .add("repeats", BooleanType())
    )


def placed(stages: Stages, rows: DataFrame, name: str) -> DataFrame:
    """Turn ``part`` and ``row`` of written rows into one number over all parts."""
    from pyspark.sql import functions as F  # noqa: N812

    found = rows.groupBy("part").agg(F.count("*").alias("rows")).toArrow().sort_by("part")
    counts = found["rows"].to_numpy()
    starts = stages.table(pa.table({"part": found["part"], "start": np.cumsum(counts) - counts}))
    return (
        rows.join(F.broadcast(starts), "part")
        .withColumn(name, F.col("start") + F.col("row"))
        .drop("part", "row", "start")
    )


def with_groups(documents: DataFrame, config: Config) -> DataFrame:
    """Add ``group``, a hash of what documents are compared in; null for those that are not."""
    from pyspark.sql import functions as F  # noqa: N812

    if "within" in documents.columns:
        value = F.when(F.col("within").isNotNull(), F.xxhash64("within"))
        return documents.withColumn("group", value).drop("within")
    group = F.lit(None) if config.within is None else F.xxhash64("source")
    return documents.withColumn("group", group.cast("bigint"))


def in_keeper_order(stages: Stages, documents: DataFrame, keep: str, *, by_id: bool) -> DataFrame:
    """Add ``position`` and ``rank``, by the keeper policy.

    Parameters
    ----------
    by_id : whether positions are in the order of ids; else they are the places.

    Raises
    ------
    InputError : ids are null, or not unique.
    """
    from pyspark.sql import functions as F  # noqa: N812

    if not by_id:
        return _ranked(stages, documents.withColumn("position", F.col("place")), keep)
    order = [F.col("doc_id").asc_nulls_first()]
    wrong = {"repeats": F.count_if("repeats"), "nulls": F.count_if(F.col("doc_id").isNull())}
    found = numbered(stages, documents, order, "position", unique="doc_id", observe=wrong)
    seen = stages.observed["positions"]
    if any(seen.values()):
        raise InputError(
            f"the ids have {seen['nulls']} nulls and {seen['repeats']} duplicates; give a column "
            "that tells all documents apart, for it takes the place of their positions."
        )
    return _ranked(stages, found.drop("repeats"), keep)


def _ranked(stages: Stages, documents: DataFrame, keep: str) -> DataFrame:
    from pyspark.sql import functions as F  # noqa: N812

    if keep == "first":
        return documents.withColumn("rank", F.col("position"))
    is_float = dict(documents.dtypes).get("policy") in ("float", "double")
    keys = [*keeper_keys(keep, is_float=is_float), F.col("position")]
    return numbered(stages, documents, keys, "rank").drop("repeats")


_POLICIES = ("first", "last", "longest", "shortest", "largest", "max", "min", "newest", "oldest")


def check_policy(keep: str) -> None:
    """Raise ConfigError where there is no such keeper policy, or not yet on Spark."""
    policy_column(keep)
    if keep.partition(":")[0] not in _POLICIES:
        raise ConfigError(
            f"keep is {keep!r}, which the Spark engine does not have; "
            f"give one of {', '.join(_POLICIES)}."
        )


def keeper_keys(keep: str, *, is_float: bool) -> list[Column]:
    """Return the columns that a keeper policy sorts by, before position.

    Parameters
    ----------
    is_float : whether the policy's column may hold NaN, which comes after all numbers.
    """
    from pyspark.sql import functions as F  # noqa: N812

    name = keep.partition(":")[0]
    if policy_column(keep) is None:
        orders = {
            "first": [],
            "longest": [F.col("num_chars").desc()],
            "shortest": [F.col("num_chars")],
            "largest": [F.col("num_shingles").desc()],
            "last": [F.col("position").desc()],
        }
        return orders[name]
    value = F.col("policy")
    is_nan = F.coalesce(F.isnan(value), F.lit(False)) if is_float else F.lit(False)
    return [value.isNull(), is_nan, value.desc() if name in ("max", "newest") else value.asc()]

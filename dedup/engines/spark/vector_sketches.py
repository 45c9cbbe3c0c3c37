"""What the plan starts from, of vectors: their bytes, digests, and why some cannot be compared."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from dedup.check import Check
from dedup.engines.spark.arrays import packed_rows, rows
from dedup.engines.spark.checking import check_columns
from dedup.engines.spark.kind import Batches
from dedup.engines.spark.sketching import TABLE_FILE, column_at, partition
from dedup.errors import InputError
from dedup.keeper import policy_column
from dedup.vectors.config import VectorConfig
from dedup.vectors.corpus import NULL, digests_of, reasons_of
from dedup.vectors.lists import floats, matrix_of
from dedup.vectors.reading import wanted_columns

if TYPE_CHECKING:
    from pyspark.sql import DataFrame
    from pyspark.sql.types import StructType

VECTOR_COLUMNS = """
    part int, row bigint, dim int, reason string, digest_0 bigint, digest_1 bigint, content binary
"""
"""A row for each vector: the partition, or part of the input, that it is of, its place there, its
values, null where it is null itself, and why it cannot be compared, if it cannot."""


def vector_schema() -> StructType:
    """Return `VECTOR_COLUMNS`, to be added to."""
    from pyspark.sql.types import StructType

    return cast(StructType, StructType.fromDDL(VECTOR_COLUMNS))


def carried_with(config: VectorConfig, check: Check | None) -> dict[str, str]:
    """Return the columns of the input that later stages look at, by the name that they get."""
    policy = policy_column(config.keep)
    return ({} if policy is None else {"policy": policy}) | check_columns(check)


def vector_rows(
    lists: pa.Array, others: dict[str, pa.Array], dtype: str, measure: str, part: int, row: int
) -> pa.RecordBatch:
    """Return `VECTOR_COLUMNS` and the other columns.

    Parameters
    ----------
    dtype : of the contents.
    part, row : of the first vector.
    """
    sizes = pc.list_value_length(lists).fill_null(-1).to_numpy(zero_copy_only=False)
    count = len(lists)
    digests = np.zeros((count, 2), np.uint64)
    reasons = np.full(count, None, object)
    reasons[sizes < 0] = NULL
    # Lists are of one size but for bad ones; each size is a matrix.
    contents, order = [pa.array([b""] * int((sizes <= 0).sum()))], [np.flatnonzero(sizes <= 0)]
    for dim in np.unique(sizes[sizes > 0]).tolist():
        chosen = np.flatnonzero(sizes == dim)
        values, is_null, _ = matrix_of(pc.array_take(lists, pa.array(chosen)), dim)
        values = values.astype(dtype, copy=not values.flags.writeable)
        _, bad = reasons_of(values, {NULL: np.flatnonzero(is_null)}, measure)
        digests[chosen] = digests_of(values)
        reasons[chosen] = None
        for reason, places in bad.items():
            reasons[chosen[places]] = reason
        contents.append(packed_rows(values))
        order.append(chosen)
    joined = pa.concat_arrays([content.cast(pa.large_binary()) for content in contents])
    content = pc.array_take(joined, pa.array(np.argsort(np.concatenate(order))))
    columns: dict[str, Any] = {
        "part": np.full(count, part, np.int32),
        "row": np.arange(row, row + count),
        "dim": pa.array(sizes.astype(np.int32), mask=sizes < 0),
        "reason": pa.array(reasons, pa.string()),
        "digest_0": digests[:, 0].copy(),
        "digest_1": digests[:, 1].copy(),
        "content": content.cast(pa.binary()) if content.nbytes < 1 << 31 else content,
    }
    return rows(columns | others)


@dataclass(frozen=True)
class SketchVectors:
    """Sketches batches of a DataFrame.

    Attributes
    ----------
    named : the other columns to hand on, with the places that they have in the batches.
    """

    named: dict[str, int]
    dtype: str
    measure: str

    def __call__(self, batches: Batches) -> Batches:
        """Yield `VECTOR_COLUMNS` and the other columns of batches that begin with the vectors."""
        part, row = partition(), 0
        for batch in batches:
            others = {name: batch.column(place) for name, place in self.named.items()}
            yield vector_rows(batch.column(0), others, self.dtype, self.measure, part, row)
            row += batch.num_rows


def dtype_of(kind: pa.DataType) -> str:
    """Return the type of the vectors that lists of some numbers become; see `floats`."""
    return str(floats(np.empty(0, kind.value_type.to_pandas_dtype())).dtype)


def sketched_vectors(
    table: DataFrame, config: VectorConfig, check: Check | None
) -> tuple[DataFrame, str]:
    """Return the sketches of a DataFrame's vectors, and their type.

    Beside `VECTOR_COLUMNS` they have ``doc_id``, ``source`` and `carried_with`.

    Raises
    ------
    InputError : a column is not there, or of a type that cannot be used.
    """
    from pyspark.sql import functions as F  # noqa: N812
    from pyspark.sql.pandas.types import to_arrow_schema

    if config.id_column is None:
        raise InputError("the DataFrame has no ids; name the column that tells all rows apart.")
    schema = to_arrow_schema(table.schema)
    carried = carried_with(config, check)
    wanted_columns(schema, TABLE_FILE.name, config, tuple(carried.values()))
    dtype = dtype_of(schema.field(config.vector).type)
    named = {"doc_id": config.id_column, **carried}
    found = vector_schema()
    for name, column in named.items():
        found = found.add(name, table.schema[column].dataType)
    columns = [config.vector, *named.values()]
    chosen = table.select(
        *(column_at((column,)).alias(f"column_{n}") for n, column in enumerate(columns))
    )
    places = {name: place for place, name in enumerate(named, 1)}
    work = SketchVectors(places, dtype, config.measure)
    return chosen.mapInArrow(work, found).withColumn("source", F.lit(TABLE_FILE.name)), dtype

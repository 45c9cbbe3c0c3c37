"""Sketches of documents, made by the local kernels inside `mapInArrow`."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import pyarrow as pa

from dedup.check import Check
from dedup.config import Config
from dedup.corpus import FILE
from dedup.documents import SketchParameters, sketch_texts
from dedup.engines.spark.arrays import packed_words, rows
from dedup.engines.spark.checking import check_columns
from dedup.io.base import Columns, InputFile
from dedup.io.columns import Path, Selection
from dedup.keeper import policy_column
from dedup.pipeline import needed_columns
from dedup.search import sketch_parameters

if TYPE_CHECKING:
    from pyspark.sql import Column, DataFrame
    from pyspark.sql.types import StructType

SKETCH_COLUMNS = """
    part int, row bigint, num_chars bigint, num_tokens bigint, num_shingles bigint,
    digest_0 bigint, digest_1 bigint, text_0 bigint, text_1 bigint,
    is_null boolean, batch_bytes bigint, batch_invalid bigint, keys binary, content binary
"""
"""A row for each document: the partition, or the part of the input, that it is of, its place there,
and the arrays of `Sketches`. Digests are two words each, keys their words' bytes, and the content
those of the set. What is known of a batch alone stands in its first row."""

TABLE_FILE = InputFile(0, 0, "table", "table", "arrow", None, 0, "table")
"""Stands for the DataFrame in messages, and in the column ``source``."""


def sketch_rows(
    text: pa.Array, others: dict[str, pa.Array], parameters: SketchParameters, part: int, row: int
) -> Iterator[pa.RecordBatch]:
    """Yield `SKETCH_COLUMNS` and the other columns, a batch for each of the kernels'.

    Parameters
    ----------
    part, row : of the first document.
    """
    first = 0
    for sketches in sketch_texts(text, parameters):
        count = len(sketches.num_shingles)
        some = text.slice(first, count)
        once = np.zeros(count, np.int64)
        once[0] = 1
        columns: dict[str, Any] = {
            "part": np.full(count, part, np.int32),
            "row": np.arange(row + first, row + first + count),
            "num_chars": sketches.num_chars,
            "num_tokens": sketches.num_tokens,
            "num_shingles": sketches.num_shingles,
            "digest_0": sketches.digests[:, 0].copy(),
            "digest_1": sketches.digests[:, 1].copy(),
            "text_0": sketches.text_digests[:, 0].copy(),
            "text_1": sketches.text_digests[:, 1].copy(),
            "is_null": some.is_null(),
            "batch_bytes": once * some.nbytes,
            "batch_invalid": once * sketches.num_invalid,
            "keys": packed_words(sketches.keys.ravel(), np.full(count, sketches.keys.shape[1])),
            "content": packed_words(sketches.sets, sketches.num_shingles),
        }
        yield rows(columns | {name: array.slice(first, count) for name, array in others.items()})
        first += count


def sketch_schema() -> StructType:
    """Return `SKETCH_COLUMNS`, to be added to."""
    from pyspark.sql.types import StructType

    return cast(StructType, StructType.fromDDL(SKETCH_COLUMNS))


def carried_columns(config: Config, check: Check | None) -> dict[str, str]:
    """Return the columns of the input that later stages look at, by the name that they get."""
    found = {}
    policy = policy_column(config.keep)
    if policy is not None:
        found["policy"] = policy
    if config.within is not None and config.within != FILE:
        found["within"] = config.within
    return found | check_columns(check)


@dataclass(frozen=True)
class SketchTable:
    """Sketches batches of a DataFrame.

    Attributes
    ----------
    named : the other columns to hand on, by the name that they get.
    kinds : their Arrow types.
    """

    columns: Columns
    parameters: SketchParameters
    named: dict[str, str]
    kinds: dict[str, pa.DataType]

    def __call__(self, batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        """Yield `SKETCH_COLUMNS` and the other columns."""
        part, row = partition(), 0
        for batch in batches:
            selection = Selection(batch.schema, self.columns, TABLE_FILE)
            found = selection.others_of(batch)
            others = {
                name: found[column].combine_chunks().cast(self.kinds[name])
                for name, column in self.named.items()
            }
            yield from sketch_rows(selection.text_of(batch), others, self.parameters, part, row)
            row += batch.num_rows


def sketched(table: DataFrame, config: Config, check: Check | None) -> tuple[DataFrame, Path]:
    """Return the sketches of a DataFrame's documents, and where their ids lie in it.

    Beside `SKETCH_COLUMNS` they have ``doc_id``, ``source`` and `carried_columns`. The columns are
    checked at once.

    Raises
    ------
    InputError : a column is not there, or of a type that cannot be used.
    """
    from pyspark.sql import functions as F  # noqa: N812
    from pyspark.sql.pandas.types import to_arrow_schema, to_arrow_type

    columns = needed_columns(config, check.columns if check else ())
    columns = replace(columns, id_optional=False)
    selection = Selection(to_arrow_schema(table.schema), columns, TABLE_FILE)
    named = {"doc_id": "doc_id", **carried_columns(config, check)}
    schema = sketch_schema()
    kinds = {}
    for name, column in named.items():
        kind = table.select(column_at(selection.others[column])).schema.fields[0].dataType
        schema = schema.add(name, kind)
        kinds[name] = to_arrow_type(kind)
    work = SketchTable(columns, sketch_parameters(config), named, kinds)
    names = dict.fromkeys(path[0] for path in selection.paths())
    chosen = table.select(*(column_at((name,)) for name in names))
    found = chosen.mapInArrow(work, schema).withColumn("source", F.lit(TABLE_FILE.name))
    return found, selection.others["doc_id"]


def partition() -> int:
    """Return the number of the task's partition."""
    from pyspark import TaskContext

    context = TaskContext.get()
    return context.partitionId() if context is not None else 0


def column_at(path: Path) -> Column:
    """Return the column at a path, whatever letters are in its name."""
    from pyspark.sql import functions as F  # noqa: N812

    first, *rest = path
    column = F.col("`" + first.replace("`", "``") + "`")
    for step in rest:
        column = column.getField(step)
    return column

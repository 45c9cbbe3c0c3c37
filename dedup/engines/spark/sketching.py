"""Sketches of a DataFrame's documents, made by the local kernels inside `mapInArrow`."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, cast

import numpy as np
import pyarrow as pa

from dedup.config import Config
from dedup.documents import Sketches, SketchParameters, sketch_texts
from dedup.engines.spark.arrays import packed_words, rows
from dedup.ids import value_hashes
from dedup.io.base import Columns, InputFile
from dedup.io.columns import Path, Selection
from dedup.keeper import policy_column
from dedup.pipeline import needed_columns
from dedup.search import sketch_parameters
from dedup.text.hashing import Int64Array

if TYPE_CHECKING:
    from pyspark.sql import Column, DataFrame

TABLE_FILE = InputFile(0, 0, "table", "table", "arrow", None, 0, "table")
"""Stands for the DataFrame in messages, and in the column ``source``."""

SKETCH_COLUMNS = """
    part int, row bigint, num_chars bigint, num_tokens bigint, num_shingles bigint,
    digest_0 bigint, digest_1 bigint, text_0 bigint, text_1 bigint,
    is_null boolean, batch_bytes bigint, batch_invalid bigint, group bigint,
    keys binary, set binary
"""
"""A row for each document: the partition that sketched it and its place there, then the arrays of
`Sketches`. Digests are two words each, keys and set their words' bytes. What is known of a batch
alone stands in its first row. ``group`` is a hash of the value that documents are compared in."""


@dataclass(frozen=True)
class SketchRows:
    """Sketches batches of a DataFrame.

    Attributes
    ----------
    carried : columns of `Columns.extra` to hand on, under the name that they get.
    within : the column of `Columns.extra` that documents are compared in.
    kinds : the Arrow types of ``doc_id`` and of what is handed on.
    """

    columns: Columns
    parameters: SketchParameters
    carried: dict[str, str]
    within: str | None
    kinds: dict[str, pa.DataType]

    def __call__(self, batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        """Yield a batch of `SKETCH_COLUMNS`, and what is handed on, for each of the kernels'."""
        from pyspark import TaskContext

        context = TaskContext.get()
        part = context.partitionId() if context is not None else 0
        row = 0
        for batch in batches:
            selection = Selection(batch.schema, self.columns, TABLE_FILE)
            text, others = selection.text_of(batch), selection.others_of(batch)
            first = 0
            for sketches in sketch_texts(text, self.parameters):
                count = len(sketches.num_shingles)
                some = others.slice(first, count)
                yield self._rows(sketches, text.slice(first, count), some, part, row)
                first += count
                row += count

    def _rows(
        self, sketches: Sketches, text: pa.Array, others: pa.Table, part: int, row: int
    ) -> pa.RecordBatch:
        count = len(text)
        once = np.zeros(count, np.int64)
        once[0] = 1
        group = pa.nulls(count, pa.int64())
        if self.within is not None:
            group = _groups(others[self.within].combine_chunks())
        bands = np.full(count, sketches.keys.shape[1])
        named = {"doc_id": "doc_id", **self.carried}
        return rows(
            {
                "part": np.full(count, part, np.int32),
                "row": np.arange(row, row + count),
                "num_chars": sketches.num_chars,
                "num_tokens": sketches.num_tokens,
                "num_shingles": sketches.num_shingles,
                "digest_0": sketches.digests[:, 0].copy(),
                "digest_1": sketches.digests[:, 1].copy(),
                "text_0": sketches.text_digests[:, 0].copy(),
                "text_1": sketches.text_digests[:, 1].copy(),
                "is_null": text.is_null(),
                "batch_bytes": once * text.nbytes,
                "batch_invalid": once * sketches.num_invalid,
                "group": group,
                "keys": packed_words(sketches.keys.ravel(), bands),
                "set": packed_words(sketches.sets, sketches.num_shingles),
                **{
                    name: others[column].combine_chunks().cast(self.kinds[name])
                    for name, column in named.items()
                },
            }
        )


def _groups(values: pa.Array) -> pa.Array:
    """Return a hash of each value, null for null."""
    nulls = values.is_null().to_numpy(zero_copy_only=False)
    hashes: Int64Array = np.zeros(len(values), np.int64)
    hashes[~nulls] = value_hashes(values.drop_null()).view(np.int64)
    return pa.array(hashes, mask=nulls)


def sketched(table: DataFrame, config: Config) -> tuple[DataFrame, Path]:
    """Return the sketches of a DataFrame's documents, and where their ids lie in it.

    Beside `SKETCH_COLUMNS` they have ``doc_id``, ``source``, and ``policy`` where the keeper policy
    looks at a column. The columns are checked at once.

    Raises
    ------
    InputError : a column is not there, or of a type that cannot be used.
    """
    from pyspark.sql import functions as F  # noqa: N812
    from pyspark.sql.pandas.types import to_arrow_schema, to_arrow_type
    from pyspark.sql.types import StructType

    columns = needed_columns(config)
    columns = replace(columns, id_optional=False)
    selection = Selection(to_arrow_schema(table.schema), columns, TABLE_FILE)
    policy = policy_column(config.keep)
    carried = {} if policy is None else {"policy": policy}
    named = {"doc_id": "doc_id", **carried}
    types = {
        name: table.select(column_at(selection.others[column])).schema.fields[0].dataType
        for name, column in named.items()
    }
    fixed = cast(StructType, StructType.fromDDL(SKETCH_COLUMNS))
    schema = StructType([*fixed.fields])
    for name, kind in types.items():
        schema = schema.add(name, kind)
    work = SketchRows(
        columns=columns,
        parameters=sketch_parameters(config),
        carried=carried,
        within=config.within,
        kinds={name: to_arrow_type(kind) for name, kind in types.items()},
    )
    names = dict.fromkeys(path[0] for path in selection.paths())
    chosen = table.select(*(column_at((name,)) for name in names))
    found = chosen.mapInArrow(work, schema).withColumn("source", F.lit(TABLE_FILE.name))
    return found, selection.others["doc_id"]


def column_at(path: Path) -> Column:
    """Return the column at a path, whatever letters are in its name."""
    from pyspark.sql import functions as F  # noqa: N812

    first, *rest = path
    column = F.col("`" + first.replace("`", "``") + "`")
    for step in rest:
        column = column.getField(step)
    return column

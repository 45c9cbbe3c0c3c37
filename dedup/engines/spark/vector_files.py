"""A run of the Spark engine on files of vectors: each task reads its own part of one of them."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.ipc as ipc
import pyarrow.parquet as pq

from dedup.engines.local import PART_BYTES
from dedup.engines.spark.job import warnings_of_ids
from dedup.engines.spark.kind import Batches
from dedup.engines.spark.numbering import placed
from dedup.engines.spark.output import output_of
from dedup.engines.spark.plan import find
from dedup.engines.spark.session import scratch_folder, session
from dedup.engines.spark.stages import HASHES, Stages
from dedup.engines.spark.values import VALUE, as_values, positions, resolved
from dedup.engines.spark.vector_sketches import carried_with, dtype_of, vector_rows, vector_schema
from dedup.engines.spark.vectors import observed, vector_kind
from dedup.errors import InputError
from dedup.io.inputs import printable
from dedup.jobs.run_input import content_fingerprint, described_file
from dedup.jobs.sources import Fingerprint, check_unchanged
from dedup.vectors.config import VectorConfig
from dedup.vectors.inputs import (
    check_array,
    check_path,
    files_of,
    readable,
    wanted_columns,
)
from dedup.vectors.lists import floats

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

PathLike = str | os.PathLike[str]

_BLOCK_ROWS = 1 << 13


@dataclass(frozen=True)
class VectorPart:
    """Consecutive row groups, record batches, or rows of ``.npy``, of one file."""

    ordinal: int
    path: str
    first: int
    last: int

    def read(self, columns: list[str]) -> Iterator[pa.RecordBatch]:
        """Yield batches of the columns that are there; of ``.npy`` the vectors, as the first."""
        path = Path(self.path)
        with readable(path):
            if path.suffix == ".npy":
                yield from self._rows(np.load(path, mmap_mode="r", allow_pickle=False), columns[0])
            elif path.suffix in (".parquet", ".pq"):
                with pq.ParquetFile(path) as file:
                    there = [name for name in columns if name in file.schema_arrow.names]
                    groups = range(self.first, self.last)
                    yield from file.iter_batches(_BLOCK_ROWS, groups, there)
            else:
                with ipc.open_file(path) as reader:
                    there = [name for name in columns if name in reader.schema.names]
                    for number in range(self.first, self.last):
                        yield reader.get_batch(number).select(there)

    def _rows(self, array: np.ndarray, name: str) -> Iterator[pa.RecordBatch]:
        for first in range(self.first, self.last, _BLOCK_ROWS):
            values = floats(array[first : min(self.last, first + _BLOCK_ROWS)])
            flat = pa.array(np.ascontiguousarray(values).ravel())
            lists = pa.FixedSizeListArray.from_arrays(flat, values.shape[1])
            yield pa.RecordBatch.from_arrays([lists], [name])


class Split(NamedTuple):
    """A file in parts; the type of its vectors, and their number."""

    parts: list[VectorPart]
    dtype: str
    rows: int


def split(path: Path, ordinal: int, config: VectorConfig) -> Split:
    """Cut a file into parts of some `PART_BYTES`.

    Raises
    ------
    InputError : it is no file of vectors.
    """
    check_path(path)
    with readable(path):
        if path.suffix == ".npy":
            array = np.load(path, mmap_mode="r", allow_pickle=False)
            check_array(array, path.name, config, ())
            dtype = str(floats(array[:0]).dtype)
            count, rows, size = len(array), len(array), array.nbytes
        elif path.suffix in (".parquet", ".pq"):
            with pq.ParquetFile(path) as file:
                schema, count = file.schema_arrow, file.num_row_groups
                rows = file.metadata.num_rows
            size = path.stat().st_size
        else:
            with pa.memory_map(os.fspath(path)) as mapped, ipc.open_file(mapped) as reader:
                schema, count = reader.schema, reader.num_record_batches
                rows = sum(reader.get_batch(number).num_rows for number in range(count))
            size = path.stat().st_size
        if path.suffix != ".npy":
            wanted_columns(schema, path.name, config, ())
            dtype = dtype_of(schema.field(config.vector).type)
    step = max(1, count * PART_BYTES // max(1, size))
    name = os.fspath(path.absolute())
    parts = [
        VectorPart(ordinal, name, first, min(count, first + step))
        for first in range(0, count, step)
    ]
    return Split(parts, dtype, rows)


@dataclass(frozen=True)
class SketchVectorParts:
    """Reads and sketches parts of files.

    Attributes
    ----------
    parts : all of them.
    vector : the column of the vectors.
    named : the other columns to hand on, by the name that they get; ids may be missing.
    """

    parts: tuple[VectorPart, ...]
    vector: str
    named: dict[str, str]
    dtype: str
    measure: str

    def __call__(self, batches: Batches) -> Batches:
        """Yield the sketches of the parts with the numbers in (number,) rows."""
        for batch in batches:
            for number in batch.column(0).to_pylist():
                yield from self._part(number, self.parts[number])

    def _part(self, number: int, part: VectorPart) -> Batches:
        row = 0
        for batch in part.read(list(dict.fromkeys([self.vector, *self.named.values()]))):
            count = batch.num_rows
            others = {
                name: as_values(batch.column(column), reads_numbers=False)
                if column in batch.schema.names
                else positions(count)
                for name, column in self.named.items()
            }
            others["ordinal"] = pa.array(np.full(count, part.ordinal, np.int32))
            lists = batch.column(self.vector)
            yield vector_rows(lists, others, self.dtype, self.measure, number, row)
            row += count


def sketched_files(
    stages: Stages, files: Sequence[Split], names: Sequence[str], config: VectorConfig
) -> tuple[DataFrame, str]:
    """Return the sketches of all vectors of files, as `find` takes them, and the vectors' type.

    Parameters
    ----------
    names : of the files, as the tables have them.
    """
    from pyspark.sql import functions as F  # noqa: N812
    from pyspark.sql.types import IntegerType, StructType

    parts = tuple(part for file in files for part in file.parts)
    if not parts:
        raise InputError("the input holds no vector; give a table, an array or files of some.")
    dtype = max(file.dtype for file in files)  # float64 where there is any
    named = {"doc_id": config.id_column or "id", **carried_with(config, None)}
    schema = vector_schema()
    for name in named:
        schema = schema.add(name, StructType.fromDDL(VALUE))
    schema = schema.add("ordinal", IntegerType())
    work = SketchVectorParts(parts, config.vector, named, dtype, config.measure)
    numbers = stages.spark.range(0, len(parts), 1, len(parts))
    kinds = {f"kinds_{name}": F.collect_set(F.col(name)["kind"]) for name in named}
    written = stages.written(
        "sketches", numbers.mapInArrow(work, schema), observed() | kinds, HASHES
    )
    rows = placed(stages, written, "place")
    for name in named:
        seen = stages.observed["sketches"][f"kinds_{name}"]
        rows = rows.withColumn(name, resolved(name, seen, is_id=name == "doc_id"))
    sources = stages.table(
        pa.table(
            {
                "ordinal": np.arange(len(names), dtype=np.int32),
                "source": pa.array(names, pa.string()),
            }
        )
    )
    return rows.join(F.broadcast(sources), "ordinal"), dtype


def run_vector_files(
    inputs: Sequence[PathLike],
    output: PathLike | None,
    config: VectorConfig,
    *,
    scratch: PathLike | None,
    partitions: int | None,
    overwrite: bool,
) -> dict[str, Any]:
    """Find the near-duplicates in files of vectors, write the tables, and return the summary."""
    splits = [split(Path(given), ordinal, config) for ordinal, given in enumerate(inputs)]
    files = files_of(inputs)
    before = Fingerprint.of_all(files)
    sources = [
        described_file(file, fingerprint=content_fingerprint(file.path), rows=found.rows)
        for file, found in zip(files, splits, strict=True)
    ]
    spark = session(input_bytes=sum(file.size for file in files))
    target = None if output is None else output_of(spark, output, overwrite=overwrite)
    folder = scratch_folder(spark, None if scratch is None else os.fspath(scratch))
    stages = Stages(spark, folder, partitions)
    try:
        sketches, dtype = sketched_files(stages, splits, [file.name for file in files], config)
        kind = vector_kind(stages, sketches, config, dtype, by_id=False)
        first = warnings_of_ids(stages, sketches, strict=config.strict_ids)
        result = find(stages, sketches, kind, by_id=False)
        summary = result.summary
        summary["input"] |= {
            "files": len(files),
            "arguments": [printable(os.fspath(given)) for given in inputs],
            "sources": sources,
        }
        summary["warnings"] = first + summary["warnings"]
        summary |= stages.facts()
        check_unchanged(before, Fingerprint.of_all(files))
        if target is not None:
            target.write(stages, result)
    finally:
        stages.close()
    return summary

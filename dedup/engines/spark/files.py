"""Sketches of files: each task reads its own parts, by the local engine's readers.

Whatever the local engine reads is read here, and alike: positions, ids, what is left out and what
is wrong. The files must be where all executors find them, under the same path.
"""

from __future__ import annotations

import json
import pickle
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from operator import itemgetter
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from dedup.check import Check
from dedup.config import Config
from dedup.corpus import described_problems
from dedup.documents import SketchParameters
from dedup.engines.local import PART_BYTES
from dedup.engines.parts import PartRecords
from dedup.engines.sketching import READ_BYTES
from dedup.engines.spark.numbering import CountRows, counted_schema
from dedup.engines.spark.sketching import carried_columns, sketch_rows, sketch_schema
from dedup.engines.spark.stages import HASHES, Stages
from dedup.engines.spark.values import VALUE, as_values, kinds_of, positions, resolved
from dedup.io.base import Part, Problem
from dedup.io.formats import FORMATS, TABLE
from dedup.io.inputs import InputFile
from dedup.pipeline import needed_columns
from dedup.search import sketch_parameters

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

Input = dict[str, Any]
"""What the summary says of the input beyond what is counted on documents."""


@dataclass(frozen=True)
class SketchParts:
    """Reads and sketches parts of files.

    Attributes
    ----------
    named : the other columns to hand on, by the name that they get.
    reads_numbers : whether there is CSV, where texts may be numbers.
    """

    parameters: SketchParameters
    named: dict[str, str]
    reads_numbers: bool

    def __call__(self, batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        """Yield the sketches of (number, part) rows, and a row for each part as a whole.

        That one stands at row -1, and its ``facts`` say what was read.
        """
        for batch in batches:
            for number, pickled in zip(*(column.to_pylist() for column in batch), strict=True):
                yield from self._part(number, pickle.loads(pickled))

    def _part(self, number: int, part: Part) -> Iterator[pa.RecordBatch]:
        record = PartRecords(part.file.ordinal, None)
        excluded: Counter[str] = Counter()
        kinds: dict[str, set[str]] = {name: set() for name in self.named}
        for batch in FORMATS[part.file.format].read(part, READ_BYTES):
            record.add(batch.problems)
            others = self._others(batch.columns, len(batch), part)
            for name, found in kinds.items():
                found.update(kinds_of(others[name]))
            if batch.digests is not None:
                others["record"] = pa.array(batch.digests.view(np.int64))
            yield from sketch_rows(batch.text, others, self.parameters, number, record.rows)
            record.rows += len(batch)
            record.lines += batch.lines
            excluded += batch.excluded
        facts = {
            "file": record.file,
            "rows": record.rows,
            "lines": record.lines,
            "problems": [[p.reason, p.row, p.line, p.detail] for p in record.problems],
            "problem_counts": record.problem_counts,
            "excluded": excluded,
            "part": number,
            "kinds": {name: sorted(found) for name, found in kinds.items()},
        }
        empty = pa.array([""], pa.large_string())
        none = self._others(pa.table({}), 1, part)
        none["facts"] = pa.array([json.dumps(facts)])
        yield from sketch_rows(empty, none, self.parameters, number, -1)

    def _others(self, columns: pa.Table, count: int, part: Part) -> dict[str, pa.Array]:
        found = {}
        for name, column in self.named.items():
            if column in columns.column_names:
                is_text = self.reads_numbers and name != "doc_id"
                array = columns[column].combine_chunks()
                found[name] = as_values(array, reads_numbers=is_text)
            elif name == "doc_id":
                found[name] = positions(count)
            else:
                found[name] = as_values(pa.nulls(count), reads_numbers=False)
        found["ordinal"] = pa.array(np.full(count, part.file.ordinal, np.int32))
        found["facts"] = pa.nulls(count, pa.string())
        found["record"] = pa.nulls(count, pa.int64())
        return found


def parts_of(files: Sequence[InputFile], config: Config, check: Check | None) -> list[Part]:
    """Cut files into the parts that tasks read."""
    columns = needed_columns(config, check.columns if check else ())
    return [
        part for file in files for part in FORMATS[file.format].split(file, columns, PART_BYTES)
    ]


def sketched_files(
    stages: Stages,
    files: list[InputFile],
    parts: Sequence[Part],
    config: Config,
    check: Check | None,
) -> tuple[DataFrame, list[str], Input]:
    """Sketch all documents of files.

    Returns
    -------
    sketches : as `find` takes them; ``place`` is the position. They have ``ordinal``, the file,
        and ``record``, the digest of the record, too.
    riding : columns that the formats offer by themselves, for the clusters table.
    facts : for the summary.
    """
    from pyspark.sql import functions as F  # noqa: N812
    from pyspark.sql.types import IntegerType, LongType, StringType, StructType

    riding = list(dict.fromkeys(name for file in files for name in TABLE[file.format].rides_along))
    named = {"doc_id": "doc_id", **carried_columns(config, check)}
    named |= {name: name for name in riding}
    has_csv = any(file.format == "csv" for file in files)
    work = SketchParts(sketch_parameters(config), named, has_csv)
    schema = sketch_schema()
    for name in named:
        schema = schema.add(name, StructType.fromDDL(VALUE))
    schema = schema.add("ordinal", IntegerType()).add("facts", StringType())
    schema = schema.add("record", LongType())
    pickled = [(number, pickle.dumps(part)) for number, part in enumerate(parts)]
    tasks = stages.spark.sparkContext.parallelize(pickled, max(1, len(pickled)))
    given = stages.spark.createDataFrame(tasks, "number int, part binary")
    written = stages.written(
        "sketches",
        given.mapInArrow(work, schema),
        observe={"facts": F.collect_list("facts")},  # a row for each part
        options=HASHES,
    )
    told = map(json.loads, stages.observed["sketches"]["facts"])
    facts = sorted(told, key=itemgetter("part"))
    rows = [each["rows"] for each in facts]
    offsets = stages.table(
        pa.table(
            {
                "part": np.arange(len(facts), dtype=np.int32),
                "start": np.cumsum([0, *rows], dtype=np.int64)[:-1],
            }
        )
    )
    found = written.where("row >= 0").drop("facts").join(F.broadcast(offsets), "part")
    found = found.withColumn("place", F.col("start") + F.col("row")).drop("part", "row", "start")
    # Of a record that is read as text alone, the text's digest stands for it.
    found = found.withColumn("record", F.coalesce("record", "text_0"))
    for name in named:
        kinds = {kind for each in facts for kind in each["kinds"][name]}
        found = found.withColumn(name, resolved(name, kinds, is_id=name == "doc_id"))
    names = stages.table(
        pa.table(
            {
                "ordinal": np.array([file.ordinal for file in files], np.int32),
                "source": pa.array([file.name for file in files], pa.string()),
            }
        )
    )
    found = found.join(F.broadcast(names), "ordinal")
    if config.id_column is None and "offset" in riding:
        found = _told_apart(stages, found)
    return found, riding, _input(files, facts)


def _told_apart(stages: Stages, documents: DataFrame) -> DataFrame:
    """Add file and offset to ids of crawled pages that came before; see `dedup.page_ids`."""
    from pyspark.sql import functions as F  # noqa: N812

    ids = documents.where(F.col("doc_id").isNotNull()).select("doc_id", "place")
    ordered = stages.sorted_by(ids, ["doc_id"], ["place"])
    marked = ordered.mapInArrow(CountRows("doc_id"), counted_schema(ids))
    again = stages.written("repeated_ids", marked.where("repeats").select("place", "repeats"))
    there = F.concat_ws(":", "file", F.col("offset").cast("string"))
    is_page = F.col("repeats") & F.col("file").isNotNull() & F.col("offset").isNotNull()
    told = F.when(is_page, F.concat_ws(" ", "doc_id", there)).otherwise(F.col("doc_id"))
    return documents.join(again, "place", "left").withColumn("doc_id", told).drop("repeats")


def _input(files: Sequence[InputFile], facts: Sequence[dict[str, Any]]) -> Input:
    excluded: Counter[str] = Counter()
    records = []
    for each in facts:
        excluded.update(each["excluded"])
        problems = [Problem(*values) for values in each["problems"]]
        counts = Counter(each["problem_counts"])
        records.append(
            PartRecords(each["file"], None, each["rows"], each["lines"], problems, counts)
        )
    lines, reasons, unread = described_problems(files, records)
    return {
        "files": len(files),
        "excluded": dict(excluded),
        "problems": dict(reasons),
        "unread": dict(unread),
        "problem_lines": lines,
    }

"""Each file of the input once more, a task for it: its fingerprint, and copies of it.

The records of a file come to its task in order, with what was decided on them, and the local
engine's writers do the rest: the same name, format and codec, byte for byte, and each record
compared with the digest of what was read. A task holds some 30 bytes a record of one file, for
annotated copies some 100 more.
"""

from __future__ import annotations

import pickle
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from dedup.engines.spark.arrays import numbers
from dedup.engines.spark.decisions import with_removed
from dedup.engines.spark.stages import Stages
from dedup.errors import ConfigError
from dedup.io.base import Part
from dedup.io.filtered import CopyPlace, FileRecords, FilteredCopies
from dedup.io.formats import TABLE
from dedup.io.inputs import InputFile
from dedup.io.records import RecordCheck, whole_digest
from dedup.io.revisits import COLUMNS
from dedup.jobs.run_input import content_fingerprint, described_file
from dedup.output.schema import decisions_schema

if TYPE_CHECKING:
    from dedup.engines.spark.plan import Found

_MOST_TASKS = 10_000
_ADDED = ("cluster_id", "is_keeper", "keeper_id", "jaccard")


def check_copies(kinds: Sequence[str], files: Sequence[InputFile]) -> None:
    """Raise ConfigError where a task for a file cannot make the copies of it."""
    archive = next(
        (file for file in files if set(COLUMNS) <= {*TABLE[file.format].rides_along}), None
    )
    if kinds and archive is not None:
        raise ConfigError(
            f"{kinds[0]} is given for web archives ({archive.name}), whose revisit records go with "
            "pages of other files; run without it, and then use dedup filter on one machine."
        )


@dataclass(frozen=True)
class FileWork:
    """What a task is told of a file."""

    file: InputFile
    parts: Sequence[Part]
    places: Sequence[CopyPlace]


@dataclass(frozen=True)
class PassFiles:
    """Takes the records of files, one file after the other.

    Attributes
    ----------
    added : the columns of annotated copies, if there are any.
    """

    added: pa.Schema | None

    def __call__(self, batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        """Yield what the driver is told of each file, pickled.

        A file's first row holds its `FileWork`, the others are its records.
        """
        from pyspark import TaskContext

        context = TaskContext.get()
        attempt = context.taskAttemptId() if context is not None else 0
        for table in _by_file(batches):
            work: FileWork = pickle.loads(table["work"][0].as_py())
            told = self._passed(work, table.slice(1), attempt)
            yield pa.RecordBatch.from_pydict(
                {"ordinal": pa.array([work.file.ordinal], pa.int32()), "told": [pickle.dumps(told)]}
            )

    def _passed(self, work: FileWork, rows: pa.Table, attempt: int) -> dict[str, Any]:
        digests = rows["record"].to_numpy().view(np.uint64)
        removed = rows["is_removed"].to_numpy()
        check = partial(RecordCheck, work.file.name, digests)
        records = FileRecords(work.parts, len(rows), check)
        written = []
        for place in (place.tried(attempt) for place in work.places):
            decisions = None
            if place.kind == "annotated" and self.added is not None:
                decisions = rows.select(self.added.names).cast(self.added)
            try:
                written.append((place, place.write(records, removed, decisions)))
            except BaseException:
                place.discard()
                raise
        return {
            "fingerprint": content_fingerprint(work.file.path),
            "rows": len(rows),
            "records_digest": whole_digest(digests),
            "written": written,
        }


def _by_file(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.Table]:
    """Yield the rows of each file from batches that are sorted by file."""
    waiting: list[pa.RecordBatch] = []
    for batch in batches:
        ordinals = numbers(batch, "ordinal")
        edges = np.flatnonzero(np.diff(ordinals)) + 1
        for start, stop in pairwise([0, *edges.tolist(), len(ordinals)]):
            piece = batch.slice(start, stop - start)
            if waiting and len(piece) and waiting[0]["ordinal"][0] != piece["ordinal"][0]:
                yield pa.Table.from_batches(waiting)
                waiting = []
            if len(piece):
                waiting.append(piece)
    if waiting:
        yield pa.Table.from_batches(waiting)


def pass_files(
    stages: Stages,
    files: Sequence[InputFile],
    parts: Sequence[Part],
    result: Found,
    copies: FilteredCopies,
    kinds: Sequence[str],
) -> tuple[list[dict[str, Any]], dict[str, int]]:
    """Fingerprint all files, and write the copies, to be committed by the caller.

    Returns
    -------
    sources : what the summary says of each file; see `dedup.jobs.run_input.describe_input`.
    counts : kind -> the number of records written.
    """
    from pyspark.sql import functions as F  # noqa: N812
    from pyspark.sql.pandas.types import to_arrow_type

    rows = result.documents.select("ordinal", "position", "record", "rank")
    rows = with_removed(rows, result.decisions).drop("rank")
    clusters = result.clusters
    added = None
    if "annotated" in kinds:
        added = decisions_schema(to_arrow_type(clusters.schema["keeper_id"].dataType))
        rows = rows.join(clusters.select("position", *_ADDED), "position", "left")
        rows = rows.withColumn("is_keeper", F.coalesce("is_keeper", F.lit(True)))
    of_file: list[list[Part]] = [[] for _ in files]
    for part in parts:
        of_file[part.file.ordinal].append(part)
    copies.begin()
    given = [
        FileWork(file, of_file[number], [copies.place(kind, number) for kind in kinds])
        for number, file in enumerate(files)
    ]
    work = stages.table(
        pa.table(
            {
                "ordinal": np.array([one.file.ordinal for one in given], np.int32),
                "position": np.full(len(given), -1),
                "work": pa.array([pickle.dumps(one) for one in given], pa.binary()),
            }
        )
    )
    ordered = (
        rows.unionByName(work, allowMissingColumns=True)
        .repartitionByRange(min(len(files), _MOST_TASKS), "ordinal")
        .sortWithinPartitions("ordinal", "position")
    )
    done = stages.written("files", ordered.mapInArrow(PassFiles(added), "ordinal int, told binary"))
    found = {row.ordinal: pickle.loads(row.told) for row in done.collect()}
    sources, counts = [], Counter(dict.fromkeys(kinds, 0))
    for file in files:
        told = found[file.ordinal]
        for place, count in told.pop("written"):
            copies.add(place)
            counts[place.kind] += count
        digest = {"records_digest": told.pop("records_digest")}
        sources.append(described_file(file, **told) | digest)
    return sources, dict(counts)

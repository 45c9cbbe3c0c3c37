"""The task that passes over a file again: whatever batches its rows come in, and where it fails."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pytest

from dedup.engines.spark.copies import FileWork, PassFiles
from dedup.errors import ChangedInputError
from dedup.io.base import Columns
from dedup.io.filtered import KINDS, FilteredCopies
from dedup.io.formats import FORMATS
from dedup.io.inputs import discover
from dedup.io.records import record_digest
from dedup.output.schema import decisions_schema

if TYPE_CHECKING:
    from tests.object_store import Bucket

SCHEMA = decisions_schema(pa.string())


def rows_of(folder: Path, copied: dict[str, Any]) -> tuple[pa.Table, FilteredCopies]:
    """Write three files, of 4, 0 and 3 lines, and return the rows for their task."""
    pytest.importorskip("pyspark")
    for name, count in (("a.jsonl", 4), ("b.jsonl", 0), ("c.jsonl", 3)):
        lines = [f'{{"text": "{name} {number}"}}\n' for number in range(count)]
        (folder / name).write_text("".join(lines))
    files = discover([folder]).files
    copies = FilteredCopies(copied, files)
    found: list[dict[str, Any]] = []
    for file in files:
        parts = FORMATS["jsonl"].split(file, Columns(), 20)
        places = [copies.place(kind, file.ordinal) for kind in KINDS]
        work = pickle.dumps(FileWork(file, parts, places))
        found.append({"ordinal": file.ordinal, "work": work})
        for number, line in enumerate(Path(file.path).read_bytes().splitlines(keepends=True)):
            gone = number % 2 == 1
            found.append(
                {
                    "ordinal": file.ordinal,
                    "record": np.uint64(record_digest(line)).astype(np.int64),
                    "is_removed": gone,
                    "cluster_id": 0 if gone else None,
                    "is_keeper": not gone,
                    "keeper_id": "x" if gone else None,
                    "jaccard": 0.75 if gone else None,
                }
            )
    kinds = [("ordinal", pa.int32()), ("work", pa.binary()), ("record", pa.int64()), *SCHEMA]
    return pa.Table.from_pylist(found, pa.schema(kinds)), copies


@pytest.mark.parametrize("size", [1, 2, 3, 100])
def test_any_batches_give_the_copies(size: int, tmp_path: Path) -> None:
    data, out = tmp_path / "data", tmp_path / "out"
    data.mkdir()
    rows, copies = rows_of(data, {kind: out / kind for kind in KINDS})
    told = [
        pickle.loads(one)
        for batch in PassFiles(SCHEMA)(iter(rows.to_batches(max_chunksize=size)))
        for one in batch["told"].to_pylist()
    ]
    assert [one["rows"] for one in told] == [4, 0, 3]
    for one in told:
        for place, _ in one["written"]:
            copies.add(place)
    copies.commit()
    assert [[count for _, count in one["written"]] for one in told] == [
        [2, 2, 4],
        [0] * 3,
        [2, 1, 3],
    ]
    lines = (data / "c.jsonl").read_text().splitlines(keepends=True)
    assert (out / "kept/c.jsonl").read_text() == lines[0] + lines[2]
    assert (out / "removed/c.jsonl").read_text() == lines[1]
    assert (out / "removed/b.jsonl").read_bytes() == b""
    annotated = (out / "annotated/a.jsonl").read_text().splitlines()
    assert annotated[1] == (
        '{"text": "a.jsonl 1", "cluster_id": 0, "is_keeper": false, "is_removed": true, '
        '"keeper_id": "x", "jaccard": 0.75}'
    )


def test_copies_in_a_store(bucket: Bucket, tmp_path: Path) -> None:
    data, out = tmp_path / "data", tmp_path / "out"
    data.mkdir()
    for copied in (
        {kind: out / kind for kind in KINDS},
        {kind: bucket.uri(f"deep/{kind}") for kind in KINDS},
    ):
        rows, copies = rows_of(data, copied)
        told = [pickle.loads(batch["told"][0].as_py()) for batch in passed(rows)]
        for one in told:
            for copy, _ in one["written"]:
                copies.add(copy)
        copies.commit()
    wanted = {f"{file.parent.name}/{file.name}": file.read_bytes() for file in out.glob("*/*")}
    assert len(wanted) == 9
    assert bucket.files("deep") == wanted | {f"{kind}/_SUCCESS": b"" for kind in KINDS}


def passed(rows: pa.Table) -> list[pa.RecordBatch]:
    return list(PassFiles(SCHEMA)(iter(rows.to_batches())))


def test_an_attempt_that_fails_leaves_nothing(tmp_path: Path) -> None:
    data, out = tmp_path / "data", tmp_path / "out"
    data.mkdir()
    rows, _ = rows_of(data, {kind: out / kind for kind in KINDS})
    (data / "c.jsonl").write_text((data / "c.jsonl").read_text().replace("1", "7"))
    with pytest.raises(
        ChangedInputError, match=r"c\.jsonl is not what the run read \(its record 1"
    ):
        passed(rows)
    assert not [*out.rglob(".*-000002*")]

"""Files of vectors on Spark: read in parts, they are what the local engine reads whole."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.feather as feather
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner

from dedup.cli import cli
from dedup.engines.spark import vector_files
from dedup.engines.spark.arrays import unpacked_rows
from dedup.engines.spark.vector_files import SketchVectorParts, split
from dedup.errors import InputError
from dedup.vectors import VectorConfig, find_duplicates
from dedup.vectors.corpus import MIXED, NOT_FINITE, NULL, TOO_LARGE, ZERO
from dedup.vectors.reading import read_vectors
from tests.engines.test_spark_conformance import in_order
from tests.vectors.vector_worlds import at_cosine, background

BAD = {
    3: [np.nan] * 8,
    20: None,
    21: [1.0, None, *[0.0] * 6],
    40: [1.0] * 7,
    60: [0.0] * 8,
    61: [],
    90: [1e30, *[1.0] * 7],
}
REASONS = {3: NOT_FINITE, 20: NULL, 21: NULL, 40: MIXED, 60: ZERO, 61: MIXED, 90: TOO_LARGE}


def written(folder: Path, *, is_bad: bool) -> list[Path]:
    """Write a file of each format, of several types; three with ids, and one without."""
    vectors = background("random", 300, 8)
    vectors = np.concatenate([vectors, at_cosine(vectors[:80], 0.99), vectors[10:30]])
    vectors = np.random.default_rng(3).permutation(vectors)
    rows: list[Any] = vectors[:200].tolist()
    if is_bad:
        for place, value in BAD.items():
            rows[place] = value
    table = pa.table({"id": [f"a{n}" for n in range(200)], "embedding": rows})
    pq.write_table(table, folder / "a.parquet", row_group_size=30)
    half = pa.array(list(vectors[200:280].astype(np.float16)), pa.list_(pa.float16()))
    table = pa.table({"embedding": half, "id": pa.array(range(80))})
    feather.write_feather(table, folder / "b.arrow", compression="uncompressed", chunksize=32)
    np.save(folder / "c.npy", vectors[280:].astype(np.float32))
    return [folder / name for name in ("a.parquet", "b.arrow", "c.npy")]


def test_parts_are_what_is_read_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(vector_files, "PART_BYTES", 2000)
    monkeypatch.setattr(vector_files, "_BLOCK_ROWS", 17)
    paths = written(tmp_path, is_bad=True)
    config = VectorConfig(skip_bad=True)
    whole = read_vectors(paths, config)
    found = [split(path, ordinal, config) for ordinal, path in enumerate(paths)]
    assert [len(file.parts) > 1 for file in found] == [True] * 3
    assert [file.rows for file in found] == [200, 80, 120]
    assert {file.dtype for file in found} == {"float32", "float64"}
    parts = tuple(part for file in found for part in file.parts)
    work = SketchVectorParts(parts, "embedding", {"doc_id": "id"}, "float64", "cosine")
    numbers = pa.record_batch({"id": pa.array(range(len(parts)))})
    batches = list(work(iter([numbers])))
    table = pa.Table.from_batches(batches)
    assert table["ordinal"].to_numpy().tolist() == [0] * 200 + [1] * 80 + [2] * 120
    for part in range(len(parts)):
        rows = table["row"].to_numpy()[table["part"].to_numpy() == part]
        assert rows.tolist() == list(range(len(rows)))
    reasons = {n: reason for n, reason in enumerate(table["reason"].to_pylist()) if reason}
    wanted = {n: reason for n, reason in REASONS.items() if reason != MIXED}
    assert reasons == wanted
    dims = table["dim"].to_pylist()
    assert [dims[n] for n in (20, 40, 61, 0)] == [None, 7, 0, 8]
    good = np.setdiff1d(np.arange(400), list(REASONS))
    octets = unpacked_rows(table["content"].combine_chunks().filter(pa.array(whole.is_good)))
    assert np.array_equal(octets.view(np.float64), whole.values[good])
    for word in (0, 1):
        digests = table[f"digest_{word}"].to_numpy().view(np.uint64)
        assert np.array_equal(digests[good], whole.text_digests[good, word])


def test_a_file_that_is_none_of_vectors_is_refused(tmp_path: Path) -> None:
    pq.write_table(pa.table({"embedding": ["a"]}), tmp_path / "a.parquet")
    (tmp_path / "b.npy").write_bytes(b"no array")
    for name, said in (("a.parquet", "of type string"), ("b.npy", "cannot be read")):
        with pytest.raises(InputError, match=said):
            split(tmp_path / name, 0, VectorConfig())


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--engine", "spark", "--report"], "--report is not for --engine spark"),
        (["--engine", "spark", "--kept", "k"], "--kept is not for --engine spark"),
        (["--engine", "spark", "--max-removal", "0"], "--max-removal is not for --engine spark"),
        (["--scratch", "s"], "--scratch is for --engine spark"),
    ],
)
def test_what_is_for_one_engine_is_refused_by_the_other(options: list[str], said: str) -> None:
    refused = CliRunner().invoke(cli, ["vectors", "run", "a.npy", "-o", "out", *options])
    assert refused.exit_code == 2
    assert said in refused.output


@pytest.mark.slow
def test_files_of_all_formats_by_the_command(spark: Any, tmp_path: Path) -> None:
    paths = written(tmp_path, is_bad=True)
    named = [str(path) for path in paths]
    runner = CliRunner()
    command = ["vectors", "run", *named, "-o", str(tmp_path / "out"), "--engine", "spark"]
    refused = runner.invoke(cli, command)
    assert isinstance(refused.exception, InputError)
    assert "the vectors of rows 20, 21 (from 0) are null" in str(refused.exception)
    assert "2 are of another dimension" in str(refused.exception)
    assert not (tmp_path / "out").exists()
    done = runner.invoke(cli, [*command, "--skip-bad"], catch_exceptions=False)
    assert done.exit_code == 0, done.output
    expected = find_duplicates(named, skip_bad=True)
    for name in ("clusters", "pairs"):
        found = pq.read_table(tmp_path / "out" / f"{name}.parquet")
        assert in_order(found) == in_order(getattr(expected, name)), name
    assert expected.summary["result"]["removed"] > 90
    assert "400" in done.output.splitlines()[0]
    expected.write(tmp_path / "local")
    here, there = (
        json.loads((tmp_path / folder / "summary.json").read_text()) for folder in ("local", "out")
    )
    assert there["input"] == here["input"]
    assert there["warnings"] == here["warnings"]
    for command in (["audit", str(tmp_path / "out"), *named], ["report", str(tmp_path / "out")]):
        done = runner.invoke(cli, command, catch_exceptions=False)
        assert done.exit_code == 0, done.output

"""Filtered and annotated copies of files of vectors."""

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.ipc as ipc
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner

import dedup.vectors.run
from dedup.cli import cli
from dedup.errors import DedupError, InputError, OutputExistsError
from dedup.vectors import VectorConfig, find_duplicates
from dedup.vectors.run import run
from tests.vectors.vector_worlds import at_cosine, background


@pytest.fixture
def table() -> pa.Table:
    vectors = background("random", 200, 8)
    vectors = np.concatenate([vectors, at_cosine(vectors[:80], 0.99), np.zeros((3, 8))])
    lists = pa.FixedSizeListArray.from_arrays(pa.array(vectors.ravel()), 8)
    names = [f"{number}.png" for number in range(len(vectors))]
    return pa.table(
        {"id": names, "embedding": lists, "colour": ["red", None, "blue"] * 94 + ["red"]}
    )


@pytest.fixture
def inputs(table: pa.Table, tmp_path: Path) -> list[Path]:
    pq.write_table(table.slice(0, 120), tmp_path / "a.parquet", row_group_size=50)
    with ipc.new_file(tmp_path / "b.arrow", table.schema) as file:
        file.write_table(table.slice(120), max_chunksize=40)
    return [tmp_path / "a.parquet", tmp_path / "b.arrow"]


def _read(folder: Path) -> pa.Table:
    with ipc.open_file(folder / "b.arrow") as file:
        return pa.concat_tables([pq.read_table(folder / "a.parquet"), file.read_all()])


def test_copies_are_what_was_decided(inputs: list[Path], table: pa.Table, tmp_path: Path) -> None:
    kinds = ("kept", "removed", "annotated")
    options = [word for kind in kinds for word in (f"--{kind}", str(tmp_path / kind))]
    command = ["vectors", "run", *map(str, inputs), "-o", str(tmp_path / "out"), "--skip-bad"]
    done = CliRunner().invoke(cli, [*command, *options], catch_exceptions=False)
    assert done.exit_code == 0, done.output
    decided = find_duplicates(table, skip_bad=True)
    gone = pa.array(decided.decisions.removed)
    assert sum(gone.to_pylist()) >= 75
    assert _read(tmp_path / "removed").equals(table.filter(gone))
    kept = table.filter(pa.array(~decided.decisions.removed))
    assert _read(tmp_path / "kept").equals(kept)
    annotated = _read(tmp_path / "annotated")
    assert annotated.select(table.column_names).equals(table)
    assert annotated["is_removed"].combine_chunks().equals(gone)
    assert annotated["similarity"].to_pylist() == decided.decision_columns["similarity"].to_pylist()


def test_files_of_numpy_have_no_rows_to_copy(tmp_path: Path) -> None:
    np.save(tmp_path / "v.npy", background("random", 20, 8))
    with pytest.raises(InputError, match=r"v\.npy has no rows to copy; give Parquet or Arrow"):
        run([tmp_path / "v.npy"], tmp_path / "out", VectorConfig(), kept=tmp_path / "kept")
    assert not (tmp_path / "out").exists()


def test_too_much_removed_is_not_copied(inputs: list[Path], tmp_path: Path) -> None:
    config = VectorConfig(skip_bad=True)
    with pytest.raises(DedupError, match=r"more than --max-removal 0\.2; only the tables were"):
        run(inputs, tmp_path / "out", config, kept=tmp_path / "kept", max_removal=0.2)
    assert (tmp_path / "out/clusters.parquet").exists()
    assert not (tmp_path / "kept").exists()


def test_copies_that_are_there_stay(inputs: list[Path], tmp_path: Path) -> None:
    (tmp_path / "kept").mkdir()
    (tmp_path / "kept/b.arrow").write_text("mine")
    with pytest.raises(OutputExistsError, match=r"b\.arrow \(--kept\) is already there"):
        run(inputs, tmp_path / "out", VectorConfig(skip_bad=True), kept=tmp_path / "kept")
    assert not (tmp_path / "out").exists()


def test_an_input_that_changes_meanwhile_leaves_nothing(
    inputs: list[Path], table: pa.Table, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    find = dedup.vectors.run.find_vectors

    def find_and_change(*given: Any) -> Any:
        result = find(*given)
        pq.write_table(table.slice(1, 120), inputs[0])
        return result

    monkeypatch.setattr(dedup.vectors.run, "find_vectors", find_and_change)
    with pytest.raises(InputError, match=r"the input changed during the run \(file .*a\.parquet"):
        run(inputs, tmp_path / "out", VectorConfig(skip_bad=True), kept=tmp_path / "kept")
    assert not (tmp_path / "out").exists()
    assert not list((tmp_path / "kept").iterdir())

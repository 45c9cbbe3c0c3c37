"""An index of vectors on disk: kills, damage, a full disk, and what does not match or compare."""

from __future__ import annotations

import errno
import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from click.testing import CliRunner

import dedup
from dedup.cli import cli
from dedup.errors import ConfigError, DedupError, FormatVersionError, InputError
from dedup.index.files import NewFile
from dedup.vectors import VectorIndex
from tests.vectors.make_vector_format_1 import table_of
from tests.vectors.vector_worlds import background

ROOT = Path(__file__).parents[2]
VECTORS = background("random", 90, 8).astype(np.float32)
WRITER = """
import sys
import numpy as np
from dedup.vectors import VectorIndex
index = VectorIndex.open(sys.argv[1])
for number in range(int(sys.argv[2]), 1000):
    index.add(np.random.default_rng(number).standard_normal((20, 8)).astype(np.float32))
    if number % 4 == 3:
        index.compact()
    print(number, flush=True)
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Make an index of three batches, with a few of them removed."""
    index = VectorIndex.create(tmp_path / "index", VECTORS, tables=8, functions=4)
    for first in range(0, 90, 30):
        index.add(VECTORS[first : first + 30])
    index.remove([0, 31])
    return tmp_path / "index"


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.name != "lock"}


def test_killed_at_any_moment(tmp_path: Path) -> None:
    """What a writer said that it added is there; of the next batch all, or nothing."""
    path = tmp_path / "index"
    VectorIndex.create(path, VECTORS, tables=8, functions=4)
    number = 0
    for _ in range(2):
        writer = subprocess.Popen(
            [sys.executable, "-c", WRITER, str(path), str(number)],
            stdout=subprocess.PIPE,
            cwd=ROOT,
            env=os.environ | {"PYTHONPATH": str(ROOT)},
            text=True,
        )
        assert writer.stdout is not None
        with writer, writer.stdout as said:
            said.readline()
            os.kill(writer.pid, signal.SIGKILL)
            lines = said.read().splitlines()
        index = VectorIndex.open(path)
        assert index.verify() == []
        assert len(index) == index.manifest.added
        assert len(index) % 20 == 0
        assert len(index) // 20 - (number + 1 + len(lines)) in (0, 1)
        number = len(index) // 20
        added = [np.random.default_rng(one).standard_normal((20, 8)) for one in range(number)]
        queries = np.concatenate(added).astype(np.float32)
        assert index.query(queries, top=1)["doc_id"].to_pylist() == list(range(20 * number))
    index.add(VECTORS)
    named = {file.name for file in index.manifest.files}
    assert set(contents(path)) == named | {"manifest.json"}


def test_a_creation_that_was_killed_can_be_repeated(tmp_path: Path) -> None:
    path = tmp_path / "index"
    path.mkdir()
    for name in ("functions", "manifest.json.partial"):
        (path / name).write_text("half")
    with pytest.raises(dedup.OutputExistsError, match="index is there"):  # not ours
        VectorIndex.create(path, VECTORS)
    (path / "lock").touch()
    assert VectorIndex.create(path, VECTORS).verify() == []
    assert set(contents(path)) == {"functions", "manifest.json"}


def test_a_flipped_byte_anywhere_is_found(path: Path) -> None:
    whole = contents(path)
    assert "functions" in whole
    for name, data in whole.items():
        for place in {0, len(data) // 2, len(data) - 1}:
            damaged = bytearray(data)
            damaged[place] ^= 4
            (path / name).write_bytes(bytes(damaged))
            assert name in found_by_verify(path), place
        (path / name).write_bytes(data[: len(data) // 2])
        assert name in found_by_verify(path)
        (path / name).unlink()
        assert name in found_by_verify(path) or name == "manifest.json"
        (path / name).write_bytes(data)
    assert found_by_verify(path) == ""


def found_by_verify(path: Path) -> str:
    try:
        return "; ".join(VectorIndex.open(path).verify())
    except DedupError as error:
        return str(error)


class Full(NewFile):
    """A disk with room for so many bytes."""

    room = 0

    def write(self, data: Any) -> int:
        Full.room -= memoryview(data).nbytes
        if Full.room < 0:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return super().write(data)


def test_a_full_disk_changes_nothing(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    index = VectorIndex.open(path)
    before, answer = contents(path), index.query(VECTORS)
    for module in ("files", "segment"):
        monkeypatch.setattr(f"dedup.index.{module}.NewFile", Full)
    for room in (0, 700, 3000):
        for doing in (lambda: index.add(VECTORS + 1), index.compact):
            Full.room = room
            with pytest.raises(DedupError, match="is full; free some room there"):
                doing()
            assert contents(path) == before
    assert index.query(VECTORS).equals(answer)


def test_what_does_not_match_is_spelled_out(path: Path, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"with threshold 0.95, not 0.9; tables 8, not 9: use"):
        VectorIndex.open(path, threshold=0.9, tables=9, functions=4)
    with pytest.raises(ConfigError, match="with measure cosine, not euclidean"):
        VectorIndex.open(path, measure="euclidean")
    with pytest.raises(InputError, match="holds vectors of 8 dimensions, not 5; give vectors of"):
        VectorIndex.open(path).add(np.ones((3, 5)))
    dedup.Index.create(tmp_path / "documents")
    with pytest.raises(
        InputError, match=r"documents holds no vectors .*dedup vectors index create"
    ):
        VectorIndex.open(tmp_path / "documents")
    with pytest.raises(InputError, match=r"index holds no documents .*with dedup index create"):
        dedup.Index.open(path)
    with pytest.raises(InputError, match="is no index; make one with dedup vectors index create"):
        VectorIndex.open(tmp_path)
    with pytest.raises(ConfigError, match="an index has no option 'keep'"):
        VectorIndex.create(tmp_path / "other", VECTORS, keep="last")
    with pytest.raises(ConfigError, match="store is 'some'; give one of new, all"):
        VectorIndex.create(tmp_path / "other", VECTORS, store="some")
    assert not (tmp_path / "other").exists()
    with pytest.raises(dedup.OutputExistsError, match="index is there"):
        VectorIndex.create(path, VECTORS)
    manifest = json.loads((path / "manifest.json").read_text())
    for name in ("format_version", "hash_version"):
        (path / "manifest.json").write_text(json.dumps(manifest | {name: "x"}))
        with pytest.raises(FormatVersionError, match=rf"has {name} x, not \d+: use the version"):
            VectorIndex.open(path)


def test_vectors_that_cannot_be_compared(path: Path) -> None:
    """They are named by row, and nothing is added; or they are left out, and the rest is added."""
    index = VectorIndex.open(path)
    before = contents(path)
    bad = VECTORS[:6] + 1.0
    bad[1, 2], bad[4] = np.nan, 0
    for data, said in (
        (bad, r"vectors of row 1 \(from 0\) are NaN or infinite; 1 are zero"),
        (bad[4:], r"vectors of row 0 \(from 0\) are zero"),
        (bad[:1].astype(np.float64) * 1e-60, r"vectors of row 0 \(from 0\) are zero"),
    ):
        for doing in (index.add, index.query):
            with pytest.raises(InputError, match=said):
                doing(data)
    lists = pa.table({"embedding": [[1.0] * 8, [1.0] * 7, None, [9.0, *[1.0] * 7]]})
    with pytest.raises(InputError, match=r"of row 2 \(from 0\) are null; 1 are of another dim"):
        index.add(lists)
    assert contents(path) == before
    answer = index.add(lists, skip_bad=True)
    assert answer["match"].to_pylist() == ["new", None, None, "new"]
    assert answer["doc_id"].to_pylist() == [90, 91, 92, 93]
    assert index.query(lists, top=1, skip_bad=True)["query"].to_pylist() == [0, 3]
    assert index.add(bad, skip_bad=True)["match"].null_count == 2
    tiny = np.concatenate([bad[:1], bad[2:3]]).astype(np.float64) * [[1e-60], [2.0]]
    tiny = np.concatenate([tiny, np.full((1, 8), np.inf)])
    assert index.add(tiny, skip_bad=True)["match"].to_pylist() == [None, "near", None]
    assert len(index) == 88 + 2 + 4


def test_what_is_left_out_is_not_stored(tmp_path: Path) -> None:
    """By distance zeros are vectors like others, but those in the place of bad ones are none."""
    index = VectorIndex.create(
        tmp_path / "index", VECTORS, measure="euclidean", threshold=0.5, store="all", tables=8
    )
    data = np.concatenate([VECTORS[:3].astype(np.float64), np.zeros((2, 8))])
    data[[1, 2], 0] = np.nan, np.inf
    answer = index.add(data, skip_bad=True)
    assert answer["match"].to_pylist() == ["new", None, None, "new", "identical"]
    assert answer["distance"].to_pylist() == [None, None, None, None, 0.0]
    assert len(index) == 3
    nearest = index.query(data, top=1, skip_bad=True)
    assert nearest["doc_id"].to_pylist() == [0, 3, 3]


@pytest.mark.parametrize("measure", ["cosine", "euclidean"])
def test_a_sample_of_one(tmp_path: Path, measure: str) -> None:
    """Bad vectors of a sample do not matter, but there must be a good one."""
    sample = np.array([[np.nan, 0], [3, 4], [np.inf, 1]])
    index = VectorIndex.create(tmp_path / "index", sample, measure=measure)
    assert index.add(sample[1:2])["match"].to_pylist() == ["new"]
    assert index.query(sample[1:2])["doc_id"].to_pylist() == [0]
    with pytest.raises(InputError, match="no vector of the sample can be compared; give others"):
        VectorIndex.create(tmp_path / "none", sample[:1], measure=measure)
    assert not (tmp_path / "none").exists()


@pytest.mark.parametrize("measure", ["cosine", "euclidean"])
def test_distances_are_hashed_from_the_middle(tmp_path: Path, measure: str) -> None:
    """So that float32 has digits left where all vectors are far from the origin."""
    VectorIndex.create(tmp_path / "index", VECTORS + 5, measure=measure, threshold=0.5)
    center = np.fromfile(tmp_path / "index" / "functions", np.float32)[:8]
    expected = (VECTORS + 5).mean(axis=0) if measure == "euclidean" else np.zeros(8)
    assert center == pytest.approx(expected, abs=1e-5)


FORMAT_1 = Path(__file__).parent / "vector-format-1"


def test_an_index_of_format_1_loads_forever(tmp_path: Path) -> None:
    """Its files were written by the first version (see expected.json); they must never change."""
    expected = json.loads((FORMAT_1 / "expected.json").read_text())
    vectors = np.array(expected["vectors"])
    table = table_of(vectors, [f"v{number}" for number in range(len(vectors))])
    for measure, its in expected["measures"].items():
        shutil.copytree(FORMAT_1 / measure, tmp_path / measure)
        index = VectorIndex.open(tmp_path / measure)
        assert index.verify() == []
        nearest = index.query(table, top=2).drop_columns(["added"]).to_pylist()
        for row, wanted in zip(nearest, its["nearest"], strict=True):
            name = "similarity" if measure == "cosine" else "distance"
            assert row.pop(name) == pytest.approx(wanted.pop(name), abs=1e-12)
            assert row == wanted
        assert {name: index.stats()[name] for name in its["stats"]} == its["stats"]
        index.add(table)
        index.compact()
        assert index.verify() == []


def test_commands(tmp_path: Path) -> None:
    path, first, second = str(tmp_path / "index"), str(tmp_path / "a.npy"), str(tmp_path / "b.npy")
    np.save(first, VECTORS[:60])
    np.save(second, np.concatenate([VECTORS[50:], np.full((1, 8), np.nan, np.float32)]))

    def said(*arguments: str, code: int = 0) -> str:
        done = CliRunner().invoke(cli, ["vectors", *arguments])
        assert (done.exit_code, type(done.exception)) == (code, type(done.exception)), done.output
        return done.output if code == 0 else str(done.exception)

    options = ("--tables", "8", "--functions", "4")
    assert "is made: 8 tables of 4 functions" in said("index", "create", path, first, *options)
    assert said("index", "add", path, first).split()[:4] == ["vectors", "60", "new", "60"]
    assert "row 40 (from 0) are NaN" in said("index", "add", path, second, code=1)
    output = str(tmp_path / "added.jsonl")
    counted = said("index", "add", path, second, "--skip-bad", "-o", output).split()
    assert counted == [
        "vectors",
        "41",
        "new",
        "30",
        "identical",
        "10",
        "near",
        "0",
        "left",
        "out",
        "1",
    ]
    rows = [json.loads(line) for line in Path(output).read_text().splitlines()]
    assert rows[0] == {"doc_id": 60, "match": "identical", "keeper_id": 50, "similarity": 1.0}
    lines = said("query", path, first, "--top", "1", "--limit", "0", "--probes", "1").splitlines()
    assert [json.loads(line)["doc_id"] for line in lines] == list(range(60))
    assert said("index", "remove", path, "5") == "1 vectors removed\n"
    assert said("index", "compact", path).startswith("89 vectors in ")
    assert json.loads(said("index", "stats", path, "--json"))["vectors"] == 89
    assert "is sound" in said("index", "verify", path)

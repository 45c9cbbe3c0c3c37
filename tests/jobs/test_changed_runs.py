"""A run that is continued with other input or parameters is refused, and says what is other."""

from __future__ import annotations

import json
import os
import signal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import dedup
from dedup.jobs import local
from tests.resumable import TEXTS, command, filled, hidden, results, run, undisturbed


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return filled(tmp_path)


@pytest.fixture(scope="module")
def expected(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    return undisturbed(tmp_path_factory.mktemp("expected"))


def change_size(folder: Path) -> None:
    pq.write_table(pa.table({"text": TEXTS[:126]}), folder / "in" / "a.parquet")


def change_time(folder: Path) -> None:
    path = folder / "in" / "a.parquet"
    before = path.stat()
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns + 1000))


def remove(folder: Path) -> None:
    (folder / "in" / "b.parquet").unlink()


def add(folder: Path) -> None:
    (folder / "in" / "new.jsonl").write_text('{"text": "new"}\n')


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (change_size, "a.parquet: size "),
        (change_time, "a.parquet: written "),
        (remove, "b.parquet is gone"),
        (add, "new.jsonl is new"),
    ],
)
def test_changed_input_is_refused(folder: Path, change: Any, words: str) -> None:
    assert run(folder, "part 4").returncode == -signal.SIGKILL
    change(folder)
    done = command(folder)
    assert done.returncode == 1
    assert words in done.stderr
    assert "--restart" in done.stderr
    assert done.stderr.count("\n") == 1
    assert not (folder / "out").exists()
    done = command(folder, "--restart", "-q")
    assert (done.returncode, done.stderr) == (0, "")
    assert json.loads((folder / "out" / "summary.json").read_text())["resumed_parts"] == 0
    assert hidden(folder) == []


@pytest.mark.parametrize(
    ("option", "words"),
    [
        (["--threshold", "0.9"], "threshold 0.8 -> 0.9"),
        (["--ngram", "4"], "ngram 5 -> 4"),
        (["--keep", "longest"], "keep first -> longest"),
        (["--seed", "random"], "seed 0 -> random"),
        (["--fold-digits"], "fold_digits False -> True"),
    ],
)
def test_changed_parameters_are_refused(
    folder: Path, expected: dict[str, bytes], option: list[str], words: str
) -> None:
    assert run(folder, "part 4").returncode == -signal.SIGKILL
    done = command(folder, *option)
    assert done.returncode == 1
    assert words in done.stderr
    assert not (folder / "out").exists()
    # The former command still goes on; workers, memory and what only refuses may differ.
    done = command(folder, "--workers", 3, "--memory", "1GiB", "--max-removal", 1, "-v")
    assert done.returncode == 0, done.stderr
    assert "parts that an earlier run has sketched" in done.stdout
    assert results(folder) == expected


def test_a_random_seed_is_taken_over(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(local, "SMALL_BYTES", 0)

    def stop(*_: object) -> None:
        raise StopIteration

    inside, out = [folder / "in"], folder / "out"
    with pytest.raises(StopIteration) as caught:
        dedup.run(inside, out, dedup.Config(seed="random", workers=1), progress=stop)
    assert caught.value.__notes__ == [
        f"what was done is kept in {folder}/.out.scratch; the same command continues."
    ]
    manifest = json.loads((folder / ".out.scratch" / "manifest.json").read_text())
    result = dedup.run(inside, out, dedup.Config(seed="random", workers=1))
    assert result.summary["resumed_parts"] == 1
    assert result.summary["config"]["seed"] == manifest["seed"]

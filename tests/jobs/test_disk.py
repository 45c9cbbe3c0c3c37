"""Disks that are full, read-only or gone, and input that changes: a sentence, and nothing lost."""

from __future__ import annotations

import os
import resource
import shutil
import subprocess
import sys
from collections import namedtuple
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import dedup
from dedup.config import Config
from dedup.engines import pool
from dedup.jobs import local
from dedup.output.result import Result
from dedup.resources.costs import scratch_bytes
from tests.worlds import world

ROOT = Path(__file__).parents[2]
TEXTS = world(1500, seed=4)
Usage = namedtuple("Usage", "total used free")
LIMITED = """
import sys, dedup.jobs.local, dedup.jobs.disk
dedup.jobs.local.SMALL_BYTES = 0
if sys.argv.pop(1) == "unchecked":
    dedup.jobs.disk.check_room = lambda *_, **__: None
from dedup.cli import main
main()
"""


@pytest.fixture
def inside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Make an input of three files, none too small to spill."""
    monkeypatch.setattr(local, "SMALL_BYTES", 0)
    folder = tmp_path / "in"
    folder.mkdir()
    for number in range(3):
        table = pa.table({"text": TEXTS[number * 500 : (number + 1) * 500]})
        pq.write_table(table, folder / f"{number}.parquet", compression="none")
    return folder


@pytest.fixture
def old(tmp_path: Path) -> dict[str, bytes]:
    """Make an output that is there already."""
    pq.write_table(pa.table({"text": TEXTS[:20]}), tmp_path / "old.parquet")
    dedup.run([tmp_path / "old.parquet"], tmp_path / "out", Config())
    return contents(tmp_path / "out")


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()}


def hidden(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.rglob(".*"))


def sentence(inputs: list[Path], output: Path, **options: Any) -> str:
    """Return the message of the error of a run."""
    config = Config(workers=1)
    with pytest.raises(dedup.DedupError) as caught:
        dedup.run(inputs, output, config, **options)
    text = str(caught.value)
    assert "\n" not in text
    assert text.endswith(".")
    return text


def test_the_need_is_stated(inside: Path, tmp_path: Path) -> None:
    result = dedup.run([inside], tmp_path / "out", Config(workers=1))
    disk = result.summary["disk"]
    documents, shingles = 1500, result.summary["input"]["shingles"]
    assert disk["needed_bytes"] >= scratch_bytes(documents, shingles, 17, 0)
    assert disk["basis"] == "at most, by the size of the input"
    assert disk["free_bytes"] > disk["needed_bytes"]


def test_too_little_room_is_refused_before_the_start(
    inside: Path, tmp_path: Path, old: dict[str, bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda _: Usage(1 << 40, 0, 100_000))
    message = sentence([inside], tmp_path / "out", overwrite=True)
    assert message.startswith("the run needs about ")
    assert "which has 100 kB free; give another folder with --scratch" in message
    assert contents(tmp_path / "out") == old
    assert hidden(tmp_path) == []


def test_a_sample_decides_where_the_bound_is_too_much(
    inside: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The estimate comes near what is known afterwards; the bound is many times that."""
    whole = dedup.run([inside], tmp_path / "out", Config(workers=1)).summary
    bound = whole["disk"]["needed_bytes"]
    monkeypatch.setattr(shutil, "disk_usage", lambda _: Usage(1 << 40, 0, bound - 1))
    disk = dedup.run([inside], tmp_path / "two", Config(workers=1)).summary["disk"]
    assert disk["basis"] == "about, by a sample of the input"
    true = scratch_bytes(1500, whole["input"]["shingles"], 17, 50 * 1500)
    assert disk["needed_bytes"] == pytest.approx(true, rel=0.2)


def test_no_room_for_the_copies_is_refused_before_the_start(
    inside: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def usage(folder: str) -> Usage:
        return Usage(1 << 40, 0, 1 << 40 if ".scratch" in str(folder) else 1000)

    monkeypatch.setattr(shutil, "disk_usage", usage)
    message = sentence([inside], tmp_path / "out", kept=tmp_path / "deep" / "kept")
    assert message.startswith("a copy of the input needs up to ")
    assert "1.0 kB are free" in message
    assert hidden(tmp_path) == []


@pytest.fixture
def tiny(tmp_path: Path) -> Iterator[Path]:
    """Mount a file system of 600 kB, where that can be done."""
    place = tmp_path / "tiny"
    place.mkdir()
    if shutil.which("mount") is None or os.geteuid() != 0:
        pytest.skip("only root can mount a small file system")
    mounting = ["mount", "-t", "tmpfs", "-o", "size=600k", "tmpfs", str(place)]
    if subprocess.run(mounting, capture_output=True).returncode:
        pytest.skip("no file system can be mounted here")
    yield place
    subprocess.run(["umount", str(place)], check=True)


def limited(
    inside: Path, *arguments: object, checked: bool = False, **options: Any
) -> subprocess.CompletedProcess[str]:
    check = "checked" if checked else "unchecked"
    return subprocess.run(
        [sys.executable, "-c", LIMITED, check, "run", str(inside), *map(str, arguments)],
        capture_output=True,
        text=True,
        timeout=60,
        cwd=ROOT,
        **options,
    )


def test_a_disk_that_fills_up(
    inside: Path, tmp_path: Path, tiny: Path, old: dict[str, bytes]
) -> None:
    """With the scratch, the output, or the copies on it, and with the check beforehand or not."""
    out = tmp_path / "out"
    checked = limited(inside, "-o", out, "--overwrite", "--scratch", tiny, checked=True)
    assert checked.returncode == 1
    assert "kB free; give another folder with --scratch" in checked.stderr
    assert list(tiny.iterdir()) == []

    scratch = limited(inside, "-o", out, "--overwrite", "--scratch", tiny)
    assert scratch.returncode == 1
    assert f"Error: the disk that holds {tiny}" in scratch.stderr
    assert "is full; free some room there" in scratch.stderr
    assert contents(out) == old
    # Where the disk was full before the first part was done, there is nothing to keep.
    left = list(tiny.iterdir())
    assert all(f"What was done is kept in {path}" in scratch.stderr for path in left)
    assert ("is kept in" in scratch.stderr) == bool(left)
    for path in left:
        shutil.rmtree(path)

    copies = limited(inside, "-o", out, "--overwrite", "--kept", tiny / "kept", "--pairs", "all")
    assert copies.returncode == 1
    assert "No space left on device" in copies.stderr
    assert list((tiny / "kept").iterdir()) == []
    assert contents(out) == old

    # What was done is kept: with the copies elsewhere it goes on.
    assert f"What was done is kept in {tmp_path}/.out.scratch" in copies.stderr
    again = limited(
        *(inside, "-o", out, "--overwrite", "--kept", tmp_path / "kept", "--pairs", "all")
    )
    assert again.returncode == 0, again.stderr
    assert "parts that an earlier run has sketched" in again.stdout
    assert pq.read_table(tmp_path / "kept").num_rows > 0

    filler = tiny / "filler"
    filler.write_bytes(bytes(590_000))
    output = limited(
        *(inside, "-o", tiny / "out", "--scratch", tmp_path / "place", "--keep-evidence")
    )
    assert output.returncode == 1
    assert "is full" in output.stderr
    assert not (tiny / "out").exists()
    assert [path.name for path in tiny.iterdir()] == ["filler", "kept"]


def test_a_limit_on_the_size_of_files(inside: Path, tmp_path: Path, old: dict[str, bytes]) -> None:
    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))

    done = limited(inside, "-o", tmp_path / "out", "--overwrite", preexec_fn=limit)
    assert done.returncode == 1
    assert done.stderr == "Error: a file would grow beyond the limit of ulimit -f; raise it.\n"
    assert contents(tmp_path / "out") == old
    assert hidden(tmp_path) == []


@pytest.mark.parametrize("kind", ["output", "kept", "scratch"])
def test_a_folder_under_a_file(inside: Path, tmp_path: Path, kind: str) -> None:
    file = tmp_path / "file"
    file.write_text("no folder")
    places = {"output": tmp_path / "out", "kept": tmp_path / "kept", "scratch": tmp_path / "s"}
    places[kind] = file / "deep" / "place"
    message = sentence([inside], places.pop("output"), **places)
    assert "cannot write" in message
    assert str(file) in message
    assert not (tmp_path / "out").exists()
    assert hidden(tmp_path) == []


@pytest.mark.parametrize("kind", ["output", "kept", "scratch"])
def test_a_folder_that_is_read_only(inside: Path, tmp_path: Path, tiny: Path, kind: str) -> None:
    subprocess.run(["mount", "-o", "remount,ro", str(tiny)], check=True)
    places = {"output": tmp_path / "out", "kept": tmp_path / "kept", "scratch": tmp_path / "s"}
    places[kind] = tiny / "place"
    message = sentence([inside], places.pop("output"), **places)
    assert "cannot write" in message
    assert str(tiny) in message
    assert not (tmp_path / "out").exists()
    assert hidden(tmp_path) == []


def test_scratch_that_vanishes(
    inside: Path, tmp_path: Path, old: dict[str, bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    def vanish(*_: object, **__: object) -> None:
        shutil.rmtree(tmp_path / ".out.scratch")
        raise FileNotFoundError(2, "No such file or directory", str(tmp_path / ".out.scratch"))

    monkeypatch.setattr("dedup.pipeline.search", vanish)
    message = sentence([inside], tmp_path / "out", overwrite=True)
    assert message == (
        f"the scratch folder {tmp_path}/.out.scratch has vanished during the run; run it again."
    )
    assert contents(tmp_path / "out") == old


def vanish(path: Path) -> None:
    path.rename(path.with_name("elsewhere"))


def rewrite(path: Path) -> None:
    pq.write_table(pa.table({"text": [*TEXTS[:500], "one more"]}), path)


@pytest.mark.parametrize("stage", ["reading", "searching", "copying", "committing"])
@pytest.mark.parametrize("change", [vanish, rewrite])
def test_input_that_changes_midway(
    inside: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, stage: str, change: Any
) -> None:
    changed = []

    def once(*_: object) -> None:
        if not changed:
            changed.append(change(inside / "2.parquet"))

    def before(owner: Any, name: str) -> None:
        real = getattr(owner, name)

        def patched(*arguments: Any, **options: Any) -> Any:
            once()
            return real(*arguments, **options)

        monkeypatch.setattr(owner, name, patched)

    if stage == "searching":
        before(sys.modules["dedup.pipeline"], "search")
    elif stage == "copying":
        before(Result, "write_copies")
    elif stage == "committing":
        before(Result, "write_into")
    progress = once if stage == "reading" else None
    out, kept = tmp_path / "out", tmp_path / "kept"
    message = sentence([inside], out, kept=kept, progress=progress)
    what = "is gone" if change is vanish else ": size "
    assert message.startswith(
        f"the input changed during the run (file {inside}/2.parquet{what}"[:60]
    )
    assert what in message
    assert not out.exists()
    assert not kept.exists() or not any(kept.iterdir())
    if change is rewrite:  # what was read is worth nothing
        assert hidden(tmp_path) == []
        return
    (inside / "elsewhere").rename(inside / "2.parquet")
    assert dedup.run([inside], out, Config(), kept=kept).summary["resumed_parts"] > 0
    assert hidden(tmp_path) == []


def test_a_worker_killed_by_the_kernel(
    inside: Path, tmp_path: Path, old: dict[str, bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its work is lost, that of others is kept; the old output stays until the run is repeated."""
    started: list[pool.Worker] = []
    real = pool.Worker.__init__

    def noted(worker: pool.Worker, *arguments: Any) -> None:
        real(worker, *arguments)
        started.append(worker)

    monkeypatch.setattr(pool.Worker, "__init__", noted)

    def kill(*_: object) -> None:
        for worker in started:
            worker._process.kill()

    out = tmp_path / "out"
    with monkeypatch.context() as deadly:
        real_call = pool.Worker.call

        def call(worker: pool.Worker, task: object) -> Any:
            kill()
            return real_call(worker, task)

        deadly.setattr(pool.Worker, "call", call)
        with pytest.raises(dedup.DedupError) as caught:
            dedup.run([inside], out, Config(workers=3), overwrite=True)
    assert "a worker process was killed (signal 9)" in str(caught.value)
    assert "--memory" in str(caught.value)
    assert contents(out) == old
    result = dedup.run([inside], out, Config(workers=3), overwrite=True)
    assert result.summary["input"]["documents"] == 1500
    assert hidden(tmp_path) == []

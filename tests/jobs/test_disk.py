"""Disks that are full, read-only or not there: a sentence, and nothing lost."""

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

import pyarrow.parquet as pq
import pytest

import dedup
from dedup.config import Config
from dedup.resources.costs import scratch_bytes
from tests.jobs.conftest import contents, hidden, sentence

ROOT = Path(__file__).parents[2]
Usage = namedtuple("Usage", "total used free")
LIMITED = """
import sys, dedup.jobs.local, dedup.jobs.disk
dedup.jobs.local.SMALL_BYTES = 0
if sys.argv.pop(1) == "unchecked":
    dedup.jobs.disk.check_room = lambda *_, **__: None
from dedup.cli import main
main()
"""


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

"""A run that was killed, failed or was interrupted is continued by the same call."""

from __future__ import annotations

import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.resumable import ROOT, TEXTS, command, filled, hidden, results, run, undisturbed

MOMENTS = [
    "part 1",
    "part 4",
    "part 4 alone",
    "search",
    "copies",
    "tables",
    "commit",
    "rename 1",
    "end",
]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return filled(tmp_path)


@pytest.fixture(scope="module")
def expected(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    return undisturbed(tmp_path_factory.mktemp("expected"))


@pytest.mark.parametrize("moment", MOMENTS)
def test_killed_and_continued(folder: Path, expected: dict[str, bytes], moment: str) -> None:
    assert run(folder, moment).returncode == -signal.SIGKILL
    done = run(folder, workers=1)
    assert done.returncode == 0, done.stderr
    assert results(folder) == expected
    assert hidden(folder) == []
    assert int(done.stdout) >= (0 if moment == "part 1" else 3)


@pytest.mark.parametrize("moment", ["part 4", "commit", "rename 1", "rename 2", "end"])
def test_the_old_output_is_never_lost(
    folder: Path, expected: dict[str, bytes], moment: str
) -> None:
    """An old output of other input is replaced in the end, and is whole until then."""
    texts = {"text": TEXTS[:50]}
    (folder / "in").rename(folder / "later")
    (folder / "in").mkdir()
    pq.write_table(pa.table(texts), folder / "in" / "a.parquet")
    assert run(folder).returncode == 0
    old = results(folder)
    shutil.rmtree(folder / "in")
    (folder / "later").rename(folder / "in")
    assert run(folder, moment, overwrite="overwrite").returncode == -signal.SIGKILL
    now = results(folder)
    mine = {name for name in now if name.startswith("out/")}
    if mine:
        whole = [{n: v for n, v in one.items() if n.startswith("out/")} for one in (old, expected)]
        assert {name: now[name] for name in mine} in whole
    done = run(folder, overwrite="overwrite")
    assert done.returncode == 0, done.stderr
    assert results(folder) == expected
    assert hidden(folder) == []


def test_parts_that_are_not_whole_are_sketched_again(
    folder: Path, expected: dict[str, bytes]
) -> None:
    """As after a power failure: the size of a file came to disk, or its name, and no more."""
    assert run(folder, "part 4").returncode == -signal.SIGKILL
    parts = folder / ".out.scratch" / "parts"
    first, second, third, *_ = sorted(parts.glob("*.json"))
    first.write_text("")
    second.with_suffix(".counts").write_bytes(b"")
    third.with_suffix(".arrow").unlink()
    done = run(folder)
    assert done.returncode == 0, done.stderr
    assert done.stdout == "1\n"
    assert results(folder) == expected


def test_a_manifest_that_cannot_be_read_is_no_manifest(
    folder: Path, expected: dict[str, bytes]
) -> None:
    assert run(folder, "part 4").returncode == -signal.SIGKILL
    (folder / ".out.scratch" / "manifest.json").write_text("{}")
    done = run(folder)
    assert (done.returncode, done.stdout) == (0, "0\n")
    assert results(folder) == expected


def test_scratch_elsewhere(folder: Path, expected: dict[str, bytes]) -> None:
    place = folder / "deep" / "place"
    done = command(folder, "--scratch", place, "--threshold", "nan-sense")
    assert done.returncode == 1
    assert not place.exists()
    done = command(folder, "--scratch", place, "-q")
    assert (done.returncode, done.stderr) == (0, "")
    assert list(place.iterdir()) == []
    assert results(folder) == expected


def test_an_interrupted_run_says_how_to_go_on(folder: Path, expected: dict[str, bytes]) -> None:
    code = (
        "import os, signal, dedup.jobs.local, dedup.terminal\n"
        # A shell that starts the tests in the background has it ignored.
        "signal.signal(signal.SIGINT, signal.default_int_handler)\n"
        "dedup.jobs.local.SMALL_BYTES = 0\n"
        "dedup.terminal.ProgressBar.update = lambda *_: os.kill(os.getpid(), signal.SIGINT)\n"
        "from dedup.cli import main\n"
        "main()\n"
    )
    done = subprocess.run(
        [
            *(sys.executable, "-c", code, "run", folder / "in", "-o", folder / "out"),
            *("--kept", folder / "kept", "--keep-evidence"),
        ],
        capture_output=True,
        text=True,
        timeout=60,
        cwd=ROOT,
    )
    assert done.returncode == 130
    assert done.stderr.strip().splitlines() == [
        "Interrupted: nothing was written.",
        f"What was done is kept in {folder}/.out.scratch; the same command continues.",
    ]
    assert not (folder / "out").exists()
    assert command(folder).returncode == 0
    assert results(folder) == expected

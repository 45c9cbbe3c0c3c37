"""A run that was killed, failed or was interrupted is continued by the same call."""

from __future__ import annotations

import fcntl
import gzip
import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import dedup
from dedup import local
from dedup.engines.pool import WorkerPool
from dedup.workspace import Workspace
from tests.worlds import world

ROOT = Path(__file__).parents[1]
TEXTS = world(1200, seed=21)

SCRIPT = """
import os, signal, sys
import dedup, dedup.local
dedup.local.SMALL_BYTES = 0
folder, workers, moment = sys.argv[1], int(sys.argv[2]), sys.argv[3]

def die(*_, **__):
    if moment.endswith("alone"):
        os.kill(os.getpid(), signal.SIGKILL)
    os.killpg(0, signal.SIGKILL)

parts = 0
def progress(done, total):
    global parts
    parts += 1
    if moment.startswith(f"part {parts}"):
        die()

def patch(owner, name, calls=1):
    real, left = getattr(owner, name), [calls]
    def patched(*arguments, **options):
        left[0] -= 1
        if not left[0]:
            die()
        return real(*arguments, **options)
    setattr(owner, name, patched)

if moment == "search":
    import dedup.pipeline
    patch(dedup.pipeline, "search")
elif moment == "tables":
    import dedup.result
    patch(dedup.result, "write_evidence")
elif moment == "copies":
    import dedup.io.filtered
    patch(dedup.io.filtered, "_write", 2)
elif moment == "commit":
    from dedup.io.filtered import FilteredCopies
    real_commit = FilteredCopies.commit
    def commit(self):
        patch(os, "replace", 2)
        real_commit(self)
    FilteredCopies.commit = commit
elif moment in ("rename 1", "rename 2"):
    from pathlib import Path
    patch(Path, "rename", int(moment[-1]))
elif moment == "end":
    from dedup.workspace import Workspace
    patch(Workspace, "_clear", 2)

result = dedup.run(
    [folder + "/in"], folder + "/out", dedup.Config(workers=workers), kept=folder + "/kept",
    keep_evidence=True, overwrite=sys.argv[4] == "overwrite", progress=progress,
)
print(result.summary["resumed_parts"])
"""
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
    """Make some Parquet files and a compressed stream: a part each."""
    inside = tmp_path / "in"
    inside.mkdir()
    for number, name in enumerate("abcdefgh"):
        table = pa.table({"text": TEXTS[number * 125 : (number + 1) * 125]})
        pq.write_table(table, inside / f"{name}.parquet")
    lines = "".join(json.dumps({"text": text}) + "\n" for text in TEXTS[1000:])
    (inside / "i.jsonl.gz").write_bytes(gzip.compress(lines.encode(), mtime=0))
    return tmp_path


def run(
    folder: Path, moment: str = "", workers: int = 2, overwrite: str = ""
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", SCRIPT, str(folder), str(workers), moment, overwrite],
        capture_output=True,
        text=True,
        timeout=60,
        start_new_session=True,
        cwd=ROOT,
    )


def results(folder: Path) -> dict[str, bytes]:
    """Return all that a run has written, but for what depends on the time and the machine."""
    found = {}
    for part in ("out", "kept"):
        for path in sorted((folder / part).rglob("*")):
            if path.is_file() and path.name not in ("summary.json", "manifest.json"):
                found[str(path.relative_to(folder))] = path.read_bytes()
    return found


def hidden(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob(".*"))


@pytest.fixture(scope="module")
def expected(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    folder = tmp_path_factory.mktemp("expected")
    build: Any = globals()["folder"].__wrapped__
    build(folder)
    done = run(folder)
    assert done.returncode == 0, done.stderr
    assert done.stdout == "0\n"
    assert hidden(folder) == []
    return results(folder)


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


def command(folder: Path, *arguments: object) -> subprocess.CompletedProcess[str]:
    code = "import dedup.local; dedup.local.SMALL_BYTES = 0; from dedup.cli import main; main()"
    return subprocess.run(
        [
            *(sys.executable, "-c", code, "run", str(folder / "in")),
            *("-o", str(folder / "out"), "--kept", str(folder / "kept"), "--keep-evidence"),
            *map(str, arguments),
        ],
        capture_output=True,
        text=True,
        timeout=60,
        cwd=ROOT,
    )


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


def test_two_runs_at_once(folder: Path) -> None:
    with Workspace(folder / "out", None):
        done = command(folder)
        assert done.returncode == 1
        assert "another run is at work in" in done.stderr
        assert done.stderr.count("\n") == 1
    assert command(folder, "-q").returncode == 0
    assert hidden(folder) == []


def test_workers_hold_the_lock_of_a_parent_that_was_killed(folder: Path) -> None:
    """Until they notice that it is gone they may still write to their parts."""
    with Workspace(folder / "out", None) as space:
        path = f"{space.folder}/lock"
        with WorkerPool(1, (space.lock,)):
            os.close(space.lock)
            space.lock = os.open(path, os.O_RDWR)
            with pytest.raises(BlockingIOError):
                fcntl.flock(space.lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        fcntl.flock(space.lock, fcntl.LOCK_EX | fcntl.LOCK_NB)


def test_a_folder_that_is_not_ours_is_left_alone(folder: Path) -> None:
    other = folder / ".out.scratch" / "thesis.txt"
    other.parent.mkdir()
    other.write_text("all of it")
    done = command(folder)
    assert done.returncode == 1
    assert "no scratch folder of dedup" in done.stderr
    assert other.read_text() == "all of it"


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
        "import os, signal, dedup.local, dedup.terminal\n"
        "dedup.local.SMALL_BYTES = 0\n"
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


def test_leftovers_of_killed_runs_go_and_those_of_others_stay(folder: Path) -> None:
    sleeping = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    dead = subprocess.Popen([sys.executable, "-c", ""])
    dead.wait()
    (folder / "kept").mkdir()
    for process in (sleeping.pid, dead.pid):
        (folder / f".out.{process}.partial").mkdir()
        (folder / "kept" / f".kept-000000.{process}.partial").write_text("half")
    done = command(folder)
    assert done.returncode == 0, done.stderr
    assert hidden(folder) == [
        f".out.{sleeping.pid}.partial",
        f"kept/.kept-000000.{sleeping.pid}.partial",
    ]
    sleeping.communicate()

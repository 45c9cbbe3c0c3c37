"""The scratch folder of a run: one run at a time, and nothing of others is touched."""

from __future__ import annotations

import fcntl
import os
import subprocess
import sys
from pathlib import Path

import pytest

from dedup.engines.pool import WorkerPool
from dedup.jobs.workspace import Workspace
from tests.resumable import command, filled, hidden


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return filled(tmp_path)


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

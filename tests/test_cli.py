"""The command: twins with the library, exit codes, one sentence for each error, Ctrl-C."""

from __future__ import annotations

import gzip
import json
import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from dataclasses import fields
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner

import dedup
from dedup.cli import cli
from dedup.config import Config
from tests.worlds import world

TEXTS = world(300, seed=5)
ROOT = Path(__file__).parents[1]


def command(*arguments: object, **options: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, str(ROOT / "cli.py"), *map(str, arguments)],
        capture_output=True,
        text=True,
        timeout=60,
        **options,  # type: ignore[call-overload]
    )


@pytest.fixture
def jsonl(tmp_path: Path) -> Path:
    path = tmp_path / "docs.jsonl"
    lines = [json.dumps({"id": i, "text": text}) for i, text in enumerate(TEXTS)]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def test_every_config_field_is_an_option_with_its_help() -> None:
    text = " ".join(CliRunner().invoke(cli, ["run", "--help"]).output.split())
    for option in fields(Config):
        assert "--" + option.name.replace("_", "-") in text
        assert option.metadata["help"] in text


def test_the_command_and_the_library_give_the_same(jsonl: Path, tmp_path: Path) -> None:
    done = command("run", jsonl, "-o", tmp_path / "out", "--threshold", "0.7", "--pairs", "all")
    assert (done.returncode, done.stderr.count("Error")) == (0, 0)
    result = dedup.find_duplicates(jsonl, threshold="0.7", pairs="all")
    assert pq.read_table(tmp_path / "out" / "clusters.parquet").equals(result.clusters)
    assert pq.read_table(tmp_path / "out" / "pairs.parquet").equals(result.pairs)
    summary = json.loads((tmp_path / "out" / "summary.json").read_text())
    assert summary["config"]["threshold"] == "0.7"
    assert summary["result"] == result.summary["result"]
    assert f"{result.summary['result']['removed']:,}" in done.stdout


def test_version_and_help_and_usage() -> None:
    assert command("--version").stdout.strip() == f"dedup, version {dedup.__version__}"
    assert command("--help").returncode == 0
    assert command("run").returncode == 2
    assert command("run", "x.parquet").returncode == 2
    assert command("run", "x.parquet", "-o", "out", "--linkage", "magic").returncode == 2


def test_help_is_quick() -> None:
    before = os.times()
    for _ in range(5):
        command("--help")
    after = os.times()
    seconds = after.children_user + after.children_system
    seconds -= before.children_user + before.children_system
    assert seconds / 5 < 0.2  # 0.07 on a quiet machine


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["nowhere.parquet"], "no file or folder nowhere.parquet"),
        (["{jsonl}", "--text-column", "body"], "body"),
        (["{jsonl}", "--threshold", "2"], "threshold is 2"),
        (["{jsonl}", "--keep", "best"], "keep is 'best'"),
    ],
)
def test_errors_are_one_sentence(
    arguments: list[str], message: str, jsonl: Path, tmp_path: Path
) -> None:
    filled = [argument.format(jsonl=jsonl) for argument in arguments]
    done = command("run", *filled, "-o", tmp_path / "out")
    assert done.returncode == 1
    assert done.stdout == ""
    assert done.stderr.startswith("Error: ")
    assert message in done.stderr
    assert done.stderr.count("\n") == 1
    assert not (tmp_path / "out").exists()
    assert [p.name for p in tmp_path.iterdir() if p.name.startswith(".")] == []


def test_quiet_prints_nothing(jsonl: Path, tmp_path: Path) -> None:
    done = command("run", jsonl, "-o", tmp_path / "out", "--quiet")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_standard_input(jsonl: Path, tmp_path: Path) -> None:
    done = command(
        *("run", "-", "-o", tmp_path / "out", "--kept", tmp_path / "kept"),
        input=jsonl.read_text(encoding="utf-8"),
    )
    assert done.returncode == 0, done.stderr
    clusters = pq.read_table(tmp_path / "out" / "clusters.parquet")
    expected = dedup.find_duplicates(jsonl)
    assert clusters.drop(["source"]).equals(expected.clusters.drop(["source"]))
    kept = (tmp_path / "kept" / "stdin.jsonl").read_text(encoding="utf-8").splitlines()
    lines = jsonl.read_text(encoding="utf-8").splitlines()
    removed = expected.decisions.removed
    assert kept == [line for line, gone in zip(lines, removed, strict=True) if not gone]


def test_kept_removed_and_annotated(jsonl: Path, tmp_path: Path) -> None:
    packed = tmp_path / "in" / "docs.jsonl.gz"
    packed.parent.mkdir()
    packed.write_bytes(gzip.compress(jsonl.read_bytes()))
    done = command(
        *("run", packed.parent, "-o", tmp_path / "out"),
        *("--kept", tmp_path / "k", "--removed", tmp_path / "r", "--annotated", tmp_path / "a"),
    )
    assert done.returncode == 0, done.stderr
    lines = jsonl.read_bytes().splitlines()
    kept = gzip.decompress((tmp_path / "k" / "docs.jsonl.gz").read_bytes()).splitlines()
    removed = gzip.decompress((tmp_path / "r" / "docs.jsonl.gz").read_bytes()).splitlines()
    assert sorted(kept + removed) == sorted(lines)
    summary = json.loads((tmp_path / "out" / "summary.json").read_text())
    assert summary["output"] == {"kept": len(kept), "removed": len(removed), "annotated": 300}
    annotated = [
        json.loads(line)
        for line in gzip.decompress((tmp_path / "a" / "docs.jsonl.gz").read_bytes()).splitlines()
    ]
    clusters = pq.read_table(tmp_path / "out" / "clusters.parquet").to_pylist()
    keeper = {row["doc_id"]: row["keeper_id"] for row in clusters}
    assert {
        row["id"]: row["keeper_id"] for row in annotated if row["keeper_id"] is not None
    } == keeper
    assert sum(row["is_keeper"] for row in annotated) == len(kept)


def test_a_run_that_would_remove_too_much_writes_no_copies(tmp_path: Path) -> None:
    pq.write_table(
        pa.table({"text": ["the same words again and again"] * 50}), tmp_path / "d.parquet"
    )
    done = command(
        *("run", tmp_path / "d.parquet", "-o", tmp_path / "out", "--kept", tmp_path / "kept")
    )
    assert done.returncode == 1
    assert "98.0% of the documents" in done.stderr
    assert "--max-removal" in done.stderr
    assert not (tmp_path / "kept").exists()
    assert (tmp_path / "out" / "clusters.parquet").exists()


def test_a_dry_run_writes_nothing(jsonl: Path, tmp_path: Path) -> None:
    done = command("run", jsonl, "--dry-run")
    assert done.returncode == 0
    assert "duplicates" in done.stdout
    assert [p.name for p in tmp_path.iterdir()] == ["docs.jsonl"]


def test_bad_records_are_kept_counted_and_named(tmp_path: Path) -> None:
    path = tmp_path / "docs.jsonl"
    words = " ".join(f"w{i}" for i in range(40))
    good = json.dumps({"text": words})
    path.write_text(f'{good}\nnot json\n{{"title": "no text"}}\n[1]\n{good}\n')
    done = command("run", path, "-o", tmp_path / "out", "--kept", tmp_path / "kept", "-v")
    assert done.returncode == 3, done.stderr
    summary = json.loads((tmp_path / "out" / "summary.json").read_text())
    assert summary["input"]["documents"] == 5
    assert sum(summary["input"]["problems"].values()) == 3
    assert any("docs.jsonl, line 2" in line for line in summary["input"]["problem_lines"])
    kept = (tmp_path / "kept" / "docs.jsonl").read_text()
    assert kept == f'{good}\nnot json\n{{"title": "no text"}}\n[1]\n'


def start_long_run(tmp_path: Path) -> subprocess.Popen[str]:
    """Start a run over a pipe that never ends, with workers, and wait until it is at work."""
    running = subprocess.Popen(
        [
            *(sys.executable, str(ROOT / "cli.py"), "run", "-"),
            *("-o", str(tmp_path / "out"), "--workers", "3"),
        ],
        stdin=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    assert running.stdin is not None
    running.stdin.write(json.dumps({"text": "some words"}) + "\n")
    running.stdin.flush()
    deadline = time.monotonic() + 20
    while len(children(running.pid)) < 2 or not any(tmp_path.glob(".out.scratch")):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    time.sleep(0.5)
    return running


def children(pid: int) -> list[int]:
    found = Path(f"/proc/{pid}/task/{pid}/children")
    return [int(child) for child in found.read_text().split()] if found.exists() else []


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


@pytest.mark.skipif(not Path("/proc/self").exists(), reason="looks at processes in /proc")
def test_interrupt_stops_everything_and_leaves_nothing(tmp_path: Path) -> None:
    running = start_long_run(tmp_path)
    workers = children(running.pid)
    os.killpg(running.pid, signal.SIGINT)
    _, errors = running.communicate(timeout=20)
    assert running.returncode == 130
    assert errors.strip() == "Interrupted: nothing was written."
    assert not any(alive(worker) for worker in workers)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(not Path("/proc/self").exists(), reason="looks at processes in /proc")
def test_workers_die_with_a_killed_parent(tmp_path: Path) -> None:
    running = start_long_run(tmp_path)
    workers = children(running.pid)
    running.kill()
    running.communicate(timeout=20)
    deadline = time.monotonic() + 10
    while any(alive(worker) for worker in workers):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    assert not (tmp_path / "out").exists()


@pytest.mark.skipif(not Path("/proc/self").exists(), reason="looks at processes in /proc")
def test_a_killed_worker_is_an_error_of_one_sentence(tmp_path: Path) -> None:
    running = start_long_run(tmp_path)
    for worker in children(running.pid):
        os.kill(worker, signal.SIGKILL)
    assert running.stdin is not None
    lines = (json.dumps({"text": " ".join(f"w{i * j}" for j in range(500))}) for i in range(30_000))
    with suppress(BrokenPipeError), running.stdin:
        for line in lines:
            running.stdin.write(line + "\n")
    running.wait(timeout=40)
    assert running.stderr is not None
    with running.stderr:
        errors = running.stderr.read()
    assert running.returncode == 1
    assert "a worker process was killed (signal 9)" in errors
    assert not (tmp_path / "out").exists()

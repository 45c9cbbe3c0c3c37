"""Input that cannot be read: counted by file, named up to a bound, and told by the exit code."""

from __future__ import annotations

import json
from pathlib import Path

from click.testing import CliRunner

import dedup
from dedup.cli import cli
from dedup.engines.parts import MAX_NAMED, PartRecords
from dedup.io.base import Problem

STORY = " ".join(f"word{number}" for number in range(30))
GOOD = json.dumps({"text": STORY}) + "\n"


def exit_code(path: Path, *options: str) -> int:
    output = str(path.parent / "out")
    arguments = ["run", str(path), "-o", output, "-q", "--overwrite", *options]
    return CliRunner().invoke(cli, arguments).exit_code


def test_exit_codes(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_text(GOOD * 3)
    assert exit_code(path) == 0
    path.write_text(GOOD * 3 + '{"title": "no text"}\n')
    assert exit_code(path) == 0
    path.write_text(GOOD * 3 + "{broken\n")
    assert exit_code(path) == 3
    assert json.loads((tmp_path / "out" / "summary.json").read_text())["result"]["removed"] == 2
    assert exit_code(path, "--keep", "magic") == 1
    assert exit_code(path, "--linkage", "magic") == 2


def test_the_process_ends_with_the_code(tmp_path: Path) -> None:
    import subprocess
    import sys

    path = tmp_path / "a.jsonl"
    path.write_text(GOOD + "{broken\n")
    code = "from dedup.cli import main; main()"
    command = [sys.executable, "-c", code, "run", str(path), "--dry-run"]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 3
    assert "duplicates" in done.stdout
    assert "1 times in a.jsonl" in done.stderr


def test_places_are_counted_by_file_and_named_up_to_a_bound(tmp_path: Path) -> None:
    for name in "ab":
        (tmp_path / f"{name}.jsonl").write_text(('{"x": 1}\n' * 500 + GOOD + "{broken\n") * 150)
    (tmp_path / "c.jsonl").write_text(GOOD)
    found = dedup.find_duplicates(str(tmp_path)).summary["input"]
    assert found["unread"] == {"a.jsonl": 150, "b.jsonl": 150}
    assert found["problems"] == {"no text field": 150_000, "not JSON": 300}
    lines = found["problem_lines"]
    for name in "ab":
        broken = [line for line in lines if line.startswith(f"{name}.jsonl") and "not JSON" in line]
        assert len(broken) == MAX_NAMED
        assert broken[0].startswith(f"{name}.jsonl, line 502: not JSON")
        assert broken[1].startswith(f"{name}.jsonl, line 1004: not JSON")
    assert len(lines) == 4 * MAX_NAMED


def test_problems_of_a_part_take_bounded_memory() -> None:
    records = PartRecords(0, None)
    for _ in range(1000):
        records.add([Problem("no text field", 0), Problem("truncated", 0)])
        records.rows += 1
    assert len(records.problems) == 2 * MAX_NAMED
    assert [problem.row for problem in records.problems[:4]] == [0, 0, 1, 1]
    assert records.problem_counts == {"no text field": 1000, "truncated": 1000}

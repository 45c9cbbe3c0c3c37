"""``dedup explain`` in a terminal: what it prints fits, shows what differs, and acts on nothing."""

from __future__ import annotations

import json
import os
import pty
import re
import subprocess
import sys
import unicodedata
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from hypothesis import given
from hypothesis import strategies as st

import dedup
from dedup.cli import cli
from dedup.commands.explain import OPTIONS
from dedup.config import Config
from dedup.report.cells import width
from dedup.report.explanation_lines import explanation_lines
from tests.text.texts import DETERMINISTIC, texts

ROOT = Path(__file__).parents[2]
STORY = " ".join(f"word{number}" for number in range(40))
ATTACKS = (
    "\x1b]0;owned\x07\x1b[2J\x1b[31m",
    "gpj.\u202eexe \u2066x\u2069\u2028y",
    "a\r\n\tb\x9b2J",
    "漢" * 500,
    "e" + "\u0301" * 500,
    "x" * 5_000,
    "[-not gone-]{+not new+}",
)


def plain(line: str) -> str:
    return re.sub(r"\x1b\[\d+m", "", line)


def explain(*arguments: object, columns: int = 80) -> Result:
    given = ["explain", *map(str, arguments)]
    return CliRunner().invoke(cli, given, env={"COLUMNS": str(columns)})


@pytest.mark.parametrize("columns", [1, 40, 60, 120])
@pytest.mark.parametrize("colours", [True, False])
@pytest.mark.parametrize("attack", ATTACKS)
def test_lines_fit_and_carry_no_controls(attack: str, columns: int, colours: bool) -> None:
    left, right = f"{STORY} {attack} {STORY}", f"{STORY} {attack[::-1]} other {STORY}"
    found = dedup.explain(left, right)
    lines = list(explanation_lines(found, columns, colours=colours))
    assert all(width(plain(line)) <= max(columns, 40) for line in lines)
    assert colours == any("\x1b[" in line for line in lines)
    kinds = {unicodedata.category(char) for line in lines for char in plain(line)}
    assert not kinds & {"Cc", "Cf", "Cs", "Zl", "Zp"}
    assert all(line.count("\x1b[") == 2 * line.count("\x1b[0m") for line in lines)


@DETERMINISTIC
@given(left=texts, right=texts, columns=st.integers(40, 100))
def test_short_differences_are_shown_whole(left: str, right: str, columns: int) -> None:
    found = dedup.explain(left, right, ngram=2)
    lines = list(explanation_lines(found, columns, colours=False))
    assert all(width(line) <= columns for line in lines)
    assert found.difference is not None
    assert lines[-1].endswith(".")


def test_what_differs_is_marked() -> None:
    found = dedup.explain("the quick brown fox jumps", "The quick brown cat jumps!", ngram=2)
    lines = list(explanation_lines(found, 80, colours=False))
    assert "the quick brown [-fox-]{+cat+} jumps" in lines
    assert lines[-1] == "4 tokens stand in both, [-1 only left-], {+1 only right+}."
    coloured = list(explanation_lines(found, 80, colours=True))
    assert (
        "the quick brown \x1b[31m[-fox-]\x1b[0m\x1b[32m{+cat+}\x1b[0m\x1b[33m jumps\x1b[0m"
    ) in coloured
    assert list(map(plain, coloured))[: len(lines) - 1] == lines[:-1]


def test_what_is_alike_is_cut_and_said_to_be() -> None:
    long = " ".join(f"same{number}" for number in range(500))
    found = dedup.explain(f"{long} a {long} b {long}", f"{long} x {long} y {long}")
    lines = list(explanation_lines(found, 100, colours=False))
    assert any(line.startswith("… ") for line in lines)  # of the beginning the end alone
    shown = " ".join(lines)
    assert "same499 [-a-]{+x+} same0" in shown
    assert "same499 [-b-]{+y+} same0" in shown
    assert "same250" not in shown
    assert shown.count("…") == 3
    many = dedup.explain(
        " ".join(f"w{n} a{n}" for n in range(300)),
        " ".join(f"w{n} b{n}" for n in range(300)),
        ngram=1,
    )
    shown = " ".join(explanation_lines(many, 100, colours=False))
    segments = len(many.difference.segments)  # type: ignore[union-attr]
    assert f"and {segments - 80:,} more segments (--json has all)" in shown


def test_json_has_stable_keys() -> None:
    done = explain("--text", STORY, f"{STORY} more", "--json")
    found = json.loads(done.output)
    assert list(found) == [
        *("left", "right", "jaccard", "left_containment", "right_containment"),
        *("shared_shingles", "shared_examples", "estimated_jaccard", "standard_error", "hamming"),
        *("bands", "rows", "collisions", "candidate_probability", "threshold", "measure"),
        *("reaches", "verdict", "difference", "no_difference", "notes"),
    ]
    assert found["shared_shingles"] == 36
    assert found["jaccard"] == 36 / 37
    sides = ("left", "right")
    for side, text in zip(sides, (STORY, f"{STORY} more"), strict=True):
        spans = [span for part in found["difference"]["segments"] for span in part[side]]
        assert "".join(span["text"] for span in spans) == text


def test_the_command_takes_files_texts_and_ids(tmp_path: Path) -> None:
    files = [tmp_path / "a.txt", tmp_path / "b.txt"]
    for file, text in zip(files, (STORY, f"{STORY} more"), strict=True):
        file.write_text(text, encoding="utf-8")
    by_files = explain(*files)
    assert by_files.exit_code == 0
    assert "0.9729  36 of 37 shingles, at or above the threshold 0.8" in by_files.output
    assert explain("--text", "a \udcff b", STORY).exit_code == 0  # an argument that is no UTF-8
    by_text = explain("--text", STORY, f"{STORY} more", "--threshold", "0.99")
    assert "36 of 37 shingles, below the threshold 0.99" in by_text.output
    dedup.run(files, tmp_path / "out", Config())
    by_ids = explain("a.txt", "@1", "--run", tmp_path / "out")
    assert "in one cluster: b.txt is removed, and a.txt is its keeper" in by_ids.output


def test_wrong_usage_is_said(tmp_path: Path) -> None:
    assert "not both" in explain("a", "b", "--run", tmp_path, "--text").output
    assert "give --run, too" in explain("a", "b", "--input", tmp_path).output
    done = explain("a", "b", "--run", tmp_path, "--ngram", 3)
    assert isinstance(done.exception, dedup.ConfigError)
    assert set(OPTIONS) <= set(Config.names())


def on_terminal(*arguments: str, **environment: str) -> bytes:
    """Return what the command prints to a terminal."""
    parent, child = pty.openpty()
    command = [sys.executable, str(ROOT / "cli.py"), "explain", "--text", *arguments]
    env = {name: value for name, value in os.environ.items() if name != "NO_COLOR"} | environment
    with subprocess.Popen(command, stdout=child, stdin=child, env=env) as process:
        os.close(child)
        shown = b""
        try:
            while piece := os.read(parent, 1 << 16):
                shown += piece
        except OSError:  # the other end is closed
            pass
        assert process.wait(60) == 0
    os.close(parent)
    return shown


def test_colours_are_for_terminals_that_want_them() -> None:
    texts_ = ("one two three four five six", "one two three four five seven")
    assert b"\x1b[31m" in on_terminal(*texts_)
    assert b"\x1b" not in on_terminal(*texts_, "--plain")
    assert b"\x1b" not in on_terminal(*texts_, NO_COLOR="1")
    assert b"\x1b" not in on_terminal(*texts_, "--json")
    assert "\x1b" not in explain("--text", *texts_).output

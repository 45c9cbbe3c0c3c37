"""The command of a report does the run again, whatever the words, and tells no more than them."""

from __future__ import annotations

import json
import shlex
import subprocess
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

import dedup
from dedup.cli import cli
from dedup.config import Config
from dedup.report.command import commands_of
from tests.worlds import world


def summary_of(config: Config, arguments: list[str]) -> dict[str, object]:
    return {"config": config.to_dict(), "input": {"arguments": arguments}}


def parsed(line: str) -> tuple[tuple[str, ...], Config]:
    """Return the inputs and the options as the command itself takes them."""
    words = shlex.split(line)
    assert words[:2] == ["dedup", "run"]
    context = cli.commands["run"].make_context("run", words[2:])
    names = set(Config.names())
    options = {name: value for name, value in context.params.items() if name in names}
    return context.params["inputs"], Config(**options)


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"threshold": "0.7", "ngram": 3, "keep": "max:a b'c", "fold_digits": True},
        {"linkage": "components", "ignore_common": 0.5, "common_within": "host", "seed": 2**63},
        {"within": "file", "text_column": "title,body", "max_comparisons": 7, "strict_ids": True},
        {"measure": "containment", "min_tokens": 9, "recall": 0.5},
    ],
)
def test_a_command_has_the_options_of_the_run(options: dict[str, object]) -> None:
    config = Config(**options)  # type: ignore[arg-type]
    (line,) = commands_of(summary_of(config, ["in put/*.parquet", "b.jsonl"]))
    assert parsed(line) == (("in put/*.parquet", "b.jsonl"), config)


@given(st.lists(st.text(min_size=1), min_size=1, max_size=3))
def test_every_argument_survives_the_shell(arguments: list[str]) -> None:
    arguments = [one.replace("\0", "").replace("://", "") or "x" for one in arguments]
    arguments = [one.encode("utf-8", "replace").decode() for one in arguments]
    (line,) = commands_of(summary_of(Config(), arguments))
    assert line.isprintable()
    expected = ["./" + one if one.startswith("-") and one != "-" else one for one in arguments]
    expected = ["-" if one == "stdin" else one for one in expected]
    words = line.removeprefix("dedup run ").removesuffix(" -o OUT")
    if "$'" not in words:
        assert shlex.split(words) == expected
        return
    bash = subprocess.run(
        ["bash", "-c", f"printf '%s\\0' {words}"],
        capture_output=True,
        check=True,
        env={"LC_ALL": "C.UTF-8"},
    )
    assert bash.stdout.decode().split("\0")[:-1] == expected


def test_what_is_free_or_secret_is_not_told() -> None:
    config = Config(workers=3, memory="2GiB", max_removal=0.5)
    for argument, told in (
        ("s3://key:secret@bucket/a.parquet?region=x&scheme=http", "s3://bucket/a.parquet"),
        ("s3://key:secret@bucket/part-?.parquet", "'s3://bucket/part-?.parquet'"),
        ("abfs://box:secret@account.example/a", "abfs://box@account.example/a"),
        ("http://user:pw@[bad", "'http://[bad'"),
        ("dir/user:pw@x?y", "'dir/user:pw@x?y'"),
    ):
        (line,) = commands_of(summary_of(config, [argument]))
        assert line == f"dedup run {told} -o OUT"


def test_a_run_tells_no_path_but_what_was_passed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    pq.write_table(pa.table({"text": world(50, seed=1)}), "a.parquet")
    dedup.run(["./a.parquet"], "out", Config(threshold="0.7"), keep_evidence=True)  # type: ignore[arg-type]
    dedup.recluster("out", "again", threshold="0.9", keep="longest")
    summary = json.loads(Path("again/summary.json").read_text(encoding="utf-8"))
    assert commands_of(summary) == [
        "dedup run ./a.parquet -o OUT --threshold 0.7 --keep-evidence",
        "dedup recluster OUT --threshold 0.9 --keep longest",
    ]


def test_too_many_arguments_and_none_are_left_to_the_reader() -> None:
    for arguments in ([], [str(i) for i in range(101)]):
        (line,) = commands_of(summary_of(Config(), arguments))
        assert line == "dedup run INPUT... -o OUT"


def test_the_command_does_the_run_again(tmp_path: Path) -> None:
    rows = world(120, seed=3)
    pq.write_table(pa.table({"body": rows, "host": ["a", "b"] * 60}), tmp_path / "a b.parquet")
    options: dict[str, Any] = {
        "text_column": "body",
        "threshold": "0.6",
        "within": "host",
        "keep": "longest",
        "linkage": "components",
        "seed": "random",
        "fold_digits": True,
    }
    out, again = tmp_path / "out", tmp_path / "again"
    dedup.run([tmp_path / "a b.parquet"], out, Config(**options))
    (line,) = commands_of(json.loads((out / "summary.json").read_text(encoding="utf-8")))
    words = shlex.split(line)
    words[words.index("OUT")] = str(again)
    done = CliRunner().invoke(cli, words[1:], catch_exceptions=False)
    assert done.exit_code == 0
    for name in ("clusters.parquet", "pairs.parquet", "removed.parquet"):
        assert (again / name).read_bytes() == (out / name).read_bytes()

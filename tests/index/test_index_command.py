"""The commands of `dedup index`, from files to what they print."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner, Result

import dedup
from dedup.cli import cli
from tests.worlds import world

TEXTS = world(150, seed=6)


def command(*arguments: object, given: str | None = None) -> Result:
    found = CliRunner().invoke(cli, ["index", *map(str, arguments)], input=given)
    if found.exception is not None and not isinstance(found.exception, SystemExit):
        raise found.exception
    return found


def lines(text: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in text.splitlines()]


@pytest.fixture
def files(tmp_path: Path) -> list[Path]:
    """Make an input of two files."""
    rows = [{"id": f"p{number}", "text": text} for number, text in enumerate(TEXTS)]
    first, second = tmp_path / "a.jsonl", tmp_path / "b.parquet"
    first.write_text("".join(json.dumps(row) + "\n" for row in rows[:80]))
    pq.write_table(pa.Table.from_pylist(rows[80:]), second)
    return [first, second]


def test_from_create_to_verify(tmp_path: Path, files: list[Path]) -> None:
    path = tmp_path / "index"
    run = dedup.find_duplicates(files, threshold=0.7)
    made = command("create", path, "--store", "all", "--threshold", "0.7")
    assert made.stdout == f"{path} is made: {len_bands(path)} rows\n"
    for file in files:
        out = tmp_path / f"{file.stem}-added.parquet"
        said = command("add", path, file, "-o", out).stdout.split()
        answer = pq.read_table(out)
        kinds = answer["match"].to_pylist()
        assert said[:2] == ["documents", str(len(kinds))]
        assert said[2:] == [
            word
            for kind in ("new", "identical", "equal", "near")
            for word in (kind, str(kinds.count(kind)))
        ]
    clusters = lines(command("clusters", path).stdout)
    removed = {row["doc_id"] for row in clusters if row["is_removed"]}
    assert removed == {row["doc_id"] for row in run.clusters.to_pylist() if row["is_removed"]}
    assert len(removed) > 20
    stats = json.loads(command("stats", path, "--json").stdout)
    assert stats == dedup.Index.open(path).stats()
    assert f"{'documents':<14}{150:>16}\n" in command("stats", path).stdout
    assert command("remove", path, "p1", "p2", "none").stdout == "2 documents removed\n"
    assert command("remove", path, "--ids", "-", given="p3\np1\n").stdout == "1 documents removed\n"
    assert command("compact", path).stdout.startswith("147 documents in ")
    assert command("verify", path).stdout.startswith(f"{path} is sound: ")


def len_bands(path: Path) -> str:
    manifest = dedup.Index.open(path).manifest
    return f"{manifest.bands} bands of {manifest.rows}"


def test_query_prints_what_the_library_finds(tmp_path: Path, files: list[Path]) -> None:
    index = dedup.Index.create(tmp_path / "index")
    command("add", index.path, files[0])
    index.refresh()
    expected = index.query(pq.read_table(files[1])).to_pylist()
    said = lines(command("query", index.path, files[1]).stdout)
    assert said == [row | {"added": str(row["added"])} for row in expected]
    assert len(said) > 5
    command("query", index.path, files[1], "--top", 1, "-o", tmp_path / "found.parquet")
    best = pq.read_table(tmp_path / "found.parquet")
    assert len(best) == len(set(best["query_id"].to_pylist())) <= len(said)
    by_input = command("query", index.path, "-", given=json.dumps({"text": TEXTS[0]}))
    assert lines(by_input.stdout)[0]["doc_id"] == "p0"


def test_several_files_are_one_addition(tmp_path: Path, files: list[Path]) -> None:
    index = dedup.Index.create(tmp_path / "index")
    command("add", index.path, *files)
    assert index.manifest.generation == 0
    index.refresh()
    assert index.manifest.generation == 1
    bad = tmp_path / "c.parquet"
    bad.write_bytes(b"PAR1 and no more")
    with pytest.raises(dedup.InputError):
        command("add", index.path, files[0], bad, "-o", tmp_path / "out.jsonl")
    assert dedup.Index.open(index.path).manifest.generation == 1
    assert not list(tmp_path.glob("out.jsonl*"))


def test_bad_records_are_named(tmp_path: Path) -> None:
    index = dedup.Index.create(tmp_path / "index")
    file = tmp_path / "a.jsonl"
    file.write_text('{"text": "one"}\n' + "{bad\n" * 7)
    said = command("add", index.path, file)
    assert said.stderr.startswith("Warning: a.jsonl, line 2: not JSON (")
    assert said.stderr.count("not JSON") == 5
    assert said.stderr.endswith("Warning: 7 such problems in all.\n")


def test_verify_names_the_damage(tmp_path: Path, files: list[Path]) -> None:
    index = dedup.Index.create(tmp_path / "index")
    index.add(pq.read_table(files[1]))
    data = tmp_path / "index" / "00000000.data"
    with data.open("r+b") as file:
        file.seek(-3, io.SEEK_END)
        file.write(b"\xff")
    with pytest.raises(dedup.InputError, match=r"is damaged: 00000000\.data has the checksum"):
        command("verify", index.path)


def test_usage(tmp_path: Path) -> None:
    dedup.Index.create(tmp_path / "index")
    assert command("remove", tmp_path / "index").exit_code == 2
    assert command("add", tmp_path / "index").exit_code == 2
    with pytest.raises(dedup.ConfigError, match="stores new documents alone"):
        command("clusters", tmp_path / "index")
    for name in ("create", "add", "query", "remove", "stats", "compact", "verify", "clusters"):
        assert command(name, "--help").stdout.startswith(f"Usage: cli index {name} ")

"""Texts come back as the run read them, or not at all."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import dedup
from dedup.io.inputs import discover
from dedup.jobs.run_input import content_fingerprint
from dedup.report.texts import Texts

TEXTS = [f"the text of document {i} é {'x' * i}" for i in range(40)]


def write_input(folder: Path) -> list[Path]:
    folder.mkdir(exist_ok=True)
    lines = [json.dumps({"id": f"a{i}", "text": text}) for i, text in enumerate(TEXTS[:15])]
    (folder / "a.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")
    table = pa.table({"id": [f"b{i}" for i in range(15, 40)], "text": TEXTS[15:]})
    pq.write_table(table, folder / "b.parquet", row_group_size=4)
    return [folder / "a.jsonl", folder / "b.parquet"]


@pytest.fixture(params=[True, False], ids=["evidence", "none"])
def world(tmp_path: Path, request: pytest.FixtureRequest) -> Path:
    files = write_input(tmp_path / "in")
    config = dedup.Config(workers=1)
    dedup.run(files, tmp_path / "out", config, keep_evidence=request.param)
    return tmp_path


def test_texts_come_in_input_order(world: Path) -> None:
    texts = Texts(world / "out")
    found = list(texts.read([39, 3, 15, 3]))
    assert found == [(3, TEXTS[3]), (15, TEXTS[15]), (39, TEXTS[39])]
    assert dict(texts.read(range(40))) == dict(enumerate(TEXTS))
    assert texts.problems == {}


def test_a_changed_file_is_named_and_not_shown(world: Path) -> None:
    path = world / "in" / "a.jsonl"
    path.write_text(path.read_text(encoding="utf-8").replace("document 3", "document 7"))
    texts = Texts(world / "out")
    assert dict(texts.read([2, 20])) == {20: TEXTS[20]}
    assert texts.why_not(2) == "a.jsonl changed since the run"


def test_a_vanished_file_is_named(world: Path) -> None:
    (world / "in" / "b.parquet").unlink()
    texts = Texts(world / "out")
    assert list(texts.read([20])) == []
    assert texts.why_not(20) == "b.parquet is no longer there"


def test_files_may_have_moved(world: Path) -> None:
    shutil.move(world / "in", world / "moved")
    files = [world / "moved" / "a.jsonl", world / "moved" / "b.parquet"]
    assert dict(Texts(world / "out", discover(files).files).read([1, 30])) == {
        1: TEXTS[1],
        30: TEXTS[30],
    }
    with pytest.raises(dedup.InputError, match=r"1 files are given and .* is of 2"):
        Texts(world / "out", files[:1])


def test_evidence_tells_a_change_that_the_fingerprint_does_not_see(tmp_path: Path) -> None:
    """The fingerprint of a large file is of some of its blocks."""
    path = tmp_path / "large.jsonl"
    rows = [json.dumps({"text": f"{i:06d} " + "x" * 993}) for i in range(20_000)]
    path.write_text("\n".join(rows) + "\n", encoding="utf-8")
    dedup.run([path], tmp_path / "out", dedup.Config(workers=1), keep_evidence=True)
    before = content_fingerprint(str(path))
    raw, line = path.read_bytes(), len(rows[0]) + 1
    unseen = ((len(raw) - (1 << 16)) * 99 // 255 + (1 << 16)) // line + 2  # after the 100th block
    changed = raw.replace(b"%06d x" % unseen, b"%06d y" % unseen)
    assert changed != raw
    path.write_bytes(changed)
    assert content_fingerprint(str(path)) == before
    texts = Texts(tmp_path / "out")
    assert list(texts.read([unseen])) == []
    assert texts.why_not(unseen) == "large.jsonl changed since the run"


def test_own_tokens_come_back_as_lists(tmp_path: Path) -> None:
    lists = [["A", "b c"], ["d"]]
    pq.write_table(pa.table({"text": lists}), tmp_path / "t.parquet")
    dedup.run([tmp_path / "t.parquet"], tmp_path / "out", dedup.Config(), keep_evidence=True)
    assert dict(Texts(tmp_path / "out").read([0, 1])) == dict(enumerate(lists))


def test_a_table_in_memory_cannot_be_read_again(tmp_path: Path) -> None:
    dedup.find_duplicates(pa.table({"text": TEXTS})).write(tmp_path / "out")
    texts = Texts(tmp_path / "out")
    assert list(texts.read([0])) == []
    assert texts.why_not(0) == "the run was of a table in memory"


def test_a_folder_without_results_is_refused(tmp_path: Path) -> None:
    with pytest.raises(dedup.InputError, match="holds no results"):
        Texts(tmp_path)

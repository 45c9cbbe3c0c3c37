"""An index on disk: damage is found, a full disk changes nothing, one writes while others read."""

from __future__ import annotations

import errno
import json
import os
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import dedup
from dedup.index import base as index_module
from dedup.index.files import NewFile
from tests.worlds import world

ROOT = Path(__file__).parents[2]
TEXTS = world(120, seed=5)
HOLDER = """
import sys, time
from dedup.index.lock import writing
with writing(sys.argv[1], 1.0):
    print("held", flush=True)
    time.sleep(600)
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Make an index of three batches, a few of them removed."""
    index = dedup.Index.create(tmp_path / "index")
    for first in range(0, 90, 30):
        index.add(TEXTS[first : first + 30])
    index.remove([0, 31])
    return tmp_path / "index"


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.name != "lock"}


def test_a_flipped_byte_anywhere_is_found(path: Path) -> None:
    """Of each file the first, the last and some bytes between; a cut or missing file as well."""
    assert dedup.Index.open(path).verify() == []
    whole = contents(path)
    for name, data in whole.items():
        # Those of Arrow are taken to pieces as the index is opened.
        step = 3 if name.endswith(".ids") else max(1, len(data) // 7)
        places = {0, len(data) - 1, *range(0, len(data), step)}
        for place in places:
            damaged = bytearray(data)
            damaged[place] ^= 4
            (path / name).write_bytes(bytes(damaged))
            assert name in found_by_verify(path), place
        (path / name).write_bytes(data[: len(data) // 2])
        assert name in found_by_verify(path)
        (path / name).unlink()
        assert name in found_by_verify(path) or name == "manifest.json"
        (path / name).write_bytes(data)
    assert found_by_verify(path) == ""


def found_by_verify(path: Path) -> str:
    """Return what the index says of its damage."""
    try:
        return "; ".join(dedup.Index.open(path).verify())
    except dedup.DedupError as error:
        return str(error)


class Full(NewFile):
    """A disk with room for so many bytes."""

    room = 0

    def write(self, data: Any) -> int:
        Full.room -= memoryview(data).nbytes
        if Full.room < 0:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return super().write(data)


@pytest.mark.parametrize("doing", ["add", "compact", "remove"])
def test_a_full_disk_at_any_moment_changes_nothing(
    path: Path, monkeypatch: pytest.MonkeyPatch, doing: str
) -> None:
    index = dedup.Index.open(path)
    actions: dict[str, Callable[[], object]] = {
        "add": lambda: index.add(TEXTS[90:]),
        "compact": index.compact,
        "remove": lambda: index.remove([60, 61, 1]),
    }
    before, answer = contents(path), index.query(TEXTS)
    for module in ("files", "segment"):
        monkeypatch.setattr(f"dedup.index.{module}.NewFile", Full)
    refused = 0
    for room in [*range(0, 40, 8), *range(100, 300_000, 9_000)]:
        Full.room = room
        try:
            actions[doing]()
        except dedup.DedupError as error:
            said = str(error)
        else:
            break
        refused += 1
        assert "is full; free some room there" in said
        assert contents(path) == before
        assert index.query(TEXTS).equals(answer)
    assert refused > 2
    assert contents(path) != before
    assert index.verify() == dedup.Index.open(path).verify() == []


def test_a_manifest_that_cannot_be_written_changes_nothing(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = contents(path)

    def no_room(*_: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    index = dedup.Index.open(path)
    with monkeypatch.context() as patch:
        patch.setattr("dedup.index.files.os.replace", no_room)
        with pytest.raises(dedup.DedupError, match="is full"):
            index.add(TEXTS[90:])
    index.add([])
    del before["manifest.json"]
    after = contents(path)
    del after["manifest.json"]
    assert after == before


def test_an_error_in_the_middle_of_a_stream_adds_nothing(path: Path) -> None:
    import pyarrow as pa

    before = contents(path)
    index = dedup.Index.open(path)
    steps = index.adding(iter([(pa.array(TEXTS[90:100]), None), (pa.array(TEXTS[100:]), None)]))
    next(steps)
    steps.close()
    assert contents(path) == before
    assert index.add(TEXTS[90:100])["doc_id"].to_pylist() == list(range(90, 100))


def test_two_writers(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The second one waits; one who has no patience fails with a sentence; a dead one is no one."""
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(path)],
        stdout=subprocess.PIPE,
        cwd=ROOT,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
    )
    assert holder.stdout is not None
    with holder, holder.stdout:
        assert holder.stdout.readline() == b"held\n"
        index = dedup.Index.open(path)
        index.query(TEXTS[:3])  # readers don't mind
        monkeypatch.setattr(index_module, "PATIENCE_SECONDS", 0.1)
        with pytest.raises(dedup.DedupError, match=r"another writer is at work in .*index; wait"):
            index.add(["one more"])
        monkeypatch.setattr(index_module, "PATIENCE_SECONDS", 30.0)
        answers: list[Any] = []
        waiting = threading.Thread(target=lambda: answers.append(index.add(["one more"])))
        waiting.start()
        time.sleep(0.1)
        assert not answers
        holder.kill()
        waiting.join()
    assert answers[0]["match"].to_pylist() == ["new"]


def test_writers_in_turn_see_what_the_others_did(path: Path) -> None:
    """Four threads, an Index each: every text is new once, and every number is given once."""
    texts = [" ".join(f"w{number}.{k}" for k in range(20)) for number in range(12)]
    answers: list[dict[str, Any]] = []

    def add_all() -> None:
        index = dedup.Index.open(path)
        for text in texts:
            answers.extend(index.add([text]).to_pylist())

    threads = [threading.Thread(target=add_all) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(row["match"] == "new" for row in answers) == len(texts)
    assert sorted(row["doc_id"] for row in answers) == list(range(90, 90 + 48))
    assert len(dedup.Index.open(path).query(texts)) == len(texts)


def test_a_reader_keeps_its_state_until_it_looks_again(path: Path) -> None:
    reader, writer = dedup.Index.open(path), dedup.Index.open(path)
    before = reader.query(TEXTS).to_pylist()
    size = len(reader)
    for text in TEXTS[90:]:
        writer.add([text])
    writer.remove(range(40, 80))
    writer.compact()
    assert reader.query(TEXTS).to_pylist() == before
    assert len(reader) == size
    reader.refresh()
    assert reader.query(TEXTS).to_pylist() == writer.query(TEXTS).to_pylist() != before


def test_what_does_not_match_is_spelled_out(path: Path) -> None:
    with pytest.raises(
        dedup.ConfigError, match=r"made with threshold 0.8, not 0.7; ngram 5, not 3"
    ):
        dedup.Index.open(path, threshold=0.7, ngram=3)
    dedup.Index.open(path, threshold=0.8, text_column="body")
    manifest = json.loads((path / "manifest.json").read_text())
    for name in ("format_version", "hash_version", "unicode_version"):
        (path / "manifest.json").write_text(json.dumps(manifest | {name: "x"}))
        with pytest.raises(dedup.FormatVersionError, match=rf"has {name} x, not [\d.]+: use the"):
            dedup.Index.open(path)
    for text in ("", "{", "[]", '{"format": "other"}', "\x00"):
        (path / "manifest.json").write_text(text)
        with pytest.raises(dedup.InputError):
            dedup.Index.open(path)


def test_create_takes_no_folder_that_is_not_empty(tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").write_text("42")
    with pytest.raises(dedup.OutputExistsError, match="mine is there"):
        dedup.Index.create(tmp_path / "mine")
    dedup.Index.create(tmp_path / "index")
    with pytest.raises(dedup.OutputExistsError):
        dedup.Index.create(tmp_path / "index")
    with pytest.raises(dedup.InputError, match="is no index; make one with dedup index create"):
        dedup.Index.open(tmp_path / "mine")
    with pytest.raises(dedup.ConfigError, match="an index has no option 'keep'"):
        dedup.Index.create(tmp_path / "other", keep="last")
    with pytest.raises(dedup.ConfigError, match="store is 'some'; give one of new, all"):
        dedup.Index.create(tmp_path / "other", store="some")
    assert not (tmp_path / "other").exists()


def test_files_of_others_in_the_folder_stay(path: Path) -> None:
    (path / "notes.data").write_text("mine")
    index = dedup.Index.open(path)
    index.add(TEXTS[90:])
    index.compact()
    assert (path / "notes.data").read_text() == "mine"
    named = {file.name for entry in index.manifest.segments for file in entry.files}
    assert set(contents(path)) == named | {"notes.data", "manifest.json"}


FORMAT_1 = Path(__file__).parent / "format-1"


def test_an_index_of_format_1_loads_forever(tmp_path: Path) -> None:
    """Its files were written by the first version (see expected.json); they must never change."""
    expected = json.loads((FORMAT_1 / "expected.json").read_text())
    for store, its in expected["stores"].items():
        shutil.copytree(FORMAT_1 / store, tmp_path / store)
        index = dedup.Index.open(tmp_path / store)
        assert index.verify() == []
        assert index.query(expected["texts"]).drop_columns(["added"]).to_pylist() == its["matches"]
        assert {name: index.stats()[name] for name in its["stats"]} == its["stats"]
        if store == "all":
            assert index.clusters().to_pylist() == its["clusters"]
        index.add(expected["texts"])
        index.compact()
        assert index.verify() == []

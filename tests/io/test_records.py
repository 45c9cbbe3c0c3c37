"""Copies are made of the records that were decided upon, or not at all, whatever the format."""

from __future__ import annotations

import gzip
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st
from io_files import WRITERS
from test_warc import answer, html, record

import dedup
from dedup.errors import ChangedInputError
from dedup.io import records
from dedup.io.records import RecordCheck, token_digests, whole_digest
from dedup.jobs import run_input
from dedup.output.result import Result

WORDS = " ".join(f"word{i}" for i in range(40))
TEXTS = [WORDS, f"Something else {WORDS[::-1]}", f"{WORDS} more", f"{WORDS} less"]


def warc(path: Path, rows: list[tuple[str, str | None]]) -> None:
    pieces = [
        record("response", answer(html(str(text))), f"http://{id}.example/") for id, text in rows
    ]
    pack = gzip.compress if path.suffix == ".gz" else bytes
    path.write_bytes(b"".join(map(pack, pieces)))


def tokens(path: Path, rows: list[tuple[str, str | None]]) -> None:
    lists = [str(text).split() for _, text in rows]
    pq.write_table(pa.table({"id": [id for id, _ in rows], "text": lists}), path)


def token_ids(path: Path, rows: list[tuple[str, str | None]]) -> None:
    lists = [[sum(word.encode()) for word in str(text).split()] for _, text in rows]
    pq.write_table(pa.table({"id": [id for id, _ in rows], "text": lists}), path)


def lone(path: Path, rows: list[tuple[str, str | None]]) -> None:
    path.mkdir()
    for (id, _), (_, text) in zip(sorted(rows), rows, strict=True):
        (path / f"{id}{path.suffix}").write_text(f"<p>{text}</p>", encoding="utf-8")


WRITE: dict[str, Callable[[Path, Any], object]] = WRITERS | {
    ".warc": warc,
    ".warc.gz": warc,
    "-tokens.parquet": tokens,
    "-ids.parquet": token_ids,
    ".txt": lone,
    ".html": lone,
}
SOME = [
    *(".parquet", ".arrow", "-stream.arrow", ".jsonl", ".jsonl.gz", ".csv", ".tsv.zst", ".warc"),
    *(".warc.gz", "-tokens.parquet", "-ids.parquet", ".txt", ".html"),
]


def swapped(path: Path, suffix: str, order: list[int]) -> None:
    """Write the records in another order, each file with the time of the one that was there."""
    files = sorted(path.iterdir()) if path.is_dir() else [path]
    times = [os.stat(file) for file in files]
    if path.is_dir():
        for file in files:
            file.unlink()
        path.rmdir()
    WRITE[suffix](path, [(f"d{i}", TEXTS[i]) for i in order])
    for file, time in zip(files, times, strict=True):
        os.utime(file, ns=(time.st_atime_ns, time.st_mtime_ns))


@pytest.mark.parametrize("kind", ["kept", "removed", "annotated"])
@pytest.mark.parametrize("suffix", SOME)
def test_input_that_changes_unseen_is_refused(
    suffix: str, kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The sizes and times of the files tell nothing, and other records stand at the positions."""
    path, out = tmp_path / f"input{suffix}", tmp_path / "out"
    WRITE[suffix](path, [(f"d{i}", text) for i, text in enumerate(TEXTS)])
    write = Result.write_copies

    def changed(self: Result, *arguments: Any) -> None:
        swapped(path, suffix, [0, 2, 1, 3])
        write(self, *arguments)

    monkeypatch.setattr(Result, "write_copies", changed)
    monkeypatch.setattr("dedup.jobs.local.check_unchanged", lambda *_: None)
    folders: dict[str, Any] = {kind: tmp_path / kind}
    with pytest.raises(
        ChangedInputError, match=r"is not what the run read \(.*record \d is another"
    ):
        dedup.run([path], out, dedup.Config(), **folders)
    assert not out.exists()
    assert not [p for p in (tmp_path / kind).rglob("*") if p.is_file()]
    monkeypatch.setattr(Result, "write_copies", write)
    swapped(path, suffix, [0, 1, 2, 3])
    result = dedup.run([path], out, dedup.Config(), **folders)
    assert result.summary["output"] == {kind: {"kept": 2, "removed": 2, "annotated": 4}[kind]}


@pytest.mark.parametrize("changed", [[2, 1, 0, 3], [0, 2, 1, 3], [0, 1, 2], [0, 1, 2, 3, 3]])
@pytest.mark.parametrize("suffix", [".parquet", ".jsonl.gz", ".csv", ".warc.gz"])
def test_later_too(
    suffix: str, changed: list[int], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also where the fingerprint of the file sees nothing, and where only kept records changed."""
    monkeypatch.setattr(run_input, "content_fingerprint", lambda _: "the same")
    path, out = tmp_path / f"input{suffix}", tmp_path / "out"
    WRITE[suffix](path, [(f"d{i}", text) for i, text in enumerate(TEXTS)])
    dedup.run([path], out, dedup.Config())
    assert dedup.filter_files(out, [path], kept=tmp_path / "before") == {"kept": 2}
    swapped(path, suffix, changed)
    with pytest.raises(ChangedInputError, match="is not what the run read"):
        dedup.filter_files(out, [path], kept=tmp_path / "after")
    assert not [p for p in (tmp_path / "after").rglob("*") if p.is_file()]


def test_what_is_known_of_some_records_only(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(records, "_TOGETHER", 3)
    lines = [b"%d" % i for i in range(10)]
    digests = np.array([records.record_digest(line) for line in lines], np.uint64)
    known = np.arange(10) % 4 == 1

    def check(given: list[bytes], whole: str | None = None) -> None:
        checked = RecordCheck("name", digests, known, whole)
        for line in given:
            checked.add(line)
        checked.finish()

    check(lines, whole_digest(digests))
    for place in range(10):
        other = [*lines[:place], b"x", *lines[place + 1 :]]
        with pytest.raises(ChangedInputError):
            check(other, whole_digest(digests))
        if not known[place]:
            check(other)
    for some, message in ((lines[:-1], "fewer"), ([*lines, b""], "more")):
        with pytest.raises(ChangedInputError, match=message):
            check(some)


TOKENS = st.lists(st.lists(st.text("ab", max_size=3), max_size=4), max_size=6)


@given(TOKENS, st.integers(0, 3))
def test_digests_of_tokens_tell_lists_apart(lists: list[list[str]], start: int) -> None:
    array = pa.array(lists, pa.large_list(pa.large_binary()))[start:]
    found = token_digests(array)
    assert found is not None
    again = token_digests(pa.array(array.to_pylist(), array.type))
    assert again is not None
    assert found.tolist() == again.tolist()
    assert len(set(found.tolist())) == len({str(row) for row in array.to_pylist()})

"""Text files: one document each."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from io_files import ID, one, read

from dedup.errors import InputError
from dedup.io.base import Columns
from dedup.io.inputs import discover
from dedup.io.text import FORMAT


def test_a_document_a_file(tmp_path: Path) -> None:
    contents = {"a/ü.txt": b"one\r\ntwo", "b.md": b"", "c.text": b"caf\xe9", "d.TXT": b"\0\n"}
    for name, content in contents.items():
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(content)
    files = discover([tmp_path]).files
    found = [read(file) for file in files]
    assert [f.ids for f in found] == [["a/ü.txt"], ["b.md"], ["c.text"], ["d.TXT"]]
    assert [f.texts for f in found] == [["one\r\ntwo"], [""], [b"caf\xe9"], ["\0\n"]]
    assert [f.reasons() for f in found] == [[], ["empty file"], ["invalid UTF-8"], []]
    assert [len(f.parts) for f in found] == [1] * 4


def test_other_columns_are_refused(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("x")
    with pytest.raises(InputError, match="no extra column 'score'; it has: doc_id, text"):
        read(tmp_path / "a.txt", Columns(extra=("score",)))


def test_copies(tmp_path: Path) -> None:
    path, out = tmp_path / "a.txt", tmp_path / "out.txt"
    path.write_bytes(b"caf\xe9\r\n")
    parts = FORMAT.split(one(path), ID, 1)
    assert FORMAT.copy(parts, np.array([False]), str(out), others=True) == 0
    assert not out.exists()
    assert FORMAT.copy(parts, np.array([True]), str(out), others=False) == 1
    assert out.read_bytes() == path.read_bytes()


def test_annotation_is_a_table_beside(tmp_path: Path) -> None:
    path, out = tmp_path / "a.txt", tmp_path / "out"
    path.write_text("x")
    decisions = pa.table({"cluster_id": [5], "jaccard": [0.5]})
    assert FORMAT.annotated_name("d/a.txt") == "d/a.txt.parquet"
    assert FORMAT.annotate(FORMAT.split(one(path), ID, 1), decisions, str(out)) == 1
    assert pq.read_table(out).to_pylist() == [{"doc_id": "a.txt", "cluster_id": 5, "jaccard": 0.5}]

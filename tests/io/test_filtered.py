"""Copies of a whole input: one output for each file, all or nothing."""

from __future__ import annotations

import gzip
import io
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from io_files import ID, json_lines, read, table

from dedup.errors import DedupError, OutputExistsError
from dedup.io.filtered import FileRecords, FilteredCopies
from dedup.io.formats import FORMATS
from dedup.io.inputs import InputFile, discover

ROWS: list[tuple[str, str | None]] = [(f"d{i}", f"text {i}") for i in range(4)]


@pytest.fixture
def corpus(tmp_path: Path) -> Path:
    root = tmp_path / "corpus"
    (root / "über").mkdir(parents=True)
    (root / "a.jsonl.gz").write_bytes(gzip.compress(json_lines(ROWS)))
    pq.write_table(table(ROWS), root / "b.parquet")
    (root / "c.txt").write_text("a text")
    (root / "d.txt").write_text("a text")
    (root / "über" / "東京.jsonl").write_bytes(json_lines(ROWS))
    return root


def opened(files: list[InputFile]) -> list[FileRecords]:
    return [
        FileRecords(FORMATS[f.format].split(f, ID, 1 << 20), 1 if f.format == "text" else 4)
        for f in files
    ]


def tree(root: Path) -> list[str]:
    return sorted(str(p.relative_to(root)) for p in root.rglob("*") if p.is_file())


REMOVED = np.array([0, 1, 0, 1, 0, 0, 0, 1, 0, 1, 1, 1, 1, 1], bool)
DECISIONS = pa.table(
    {
        "cluster_id": pa.array(range(14)),
        "is_keeper": pa.array(~REMOVED),
        "keeper_id": pa.array([f"k{i}" for i in range(14)]),
        "jaccard": pa.array([i / 16 for i in range(14)]),
    }
)


def test_three_kinds(corpus: Path, tmp_path: Path) -> None:
    files = discover([corpus]).files
    folders = {kind: tmp_path / kind for kind in ("kept", "removed", "annotated")}
    with FilteredCopies(folders, files) as copies:
        counts = copies.write(opened(files), REMOVED, lambda a, b: DECISIONS.slice(a, b - a))
        assert not any(p.is_file() and not p.name.startswith(".") for p in tmp_path.glob("kept/*"))
        copies.commit()
    assert counts == {"kept": 6, "removed": 8, "annotated": 14}
    assert tree(tmp_path / "kept") == ["a.jsonl.gz", "b.parquet", "c.txt", "über/東京.jsonl"]
    assert tree(tmp_path / "removed") == ["a.jsonl.gz", "b.parquet", "d.txt", "über/東京.jsonl"]
    assert tree(tmp_path / "annotated") == [
        "a.jsonl.gz", "b.parquet", "c.txt.parquet", "d.txt.parquet", "über/東京.jsonl",
    ]  # fmt: skip
    assert read(tmp_path / "kept/a.jsonl.gz").ids == ["d0", "d2"]
    assert read(tmp_path / "removed/b.parquet").ids == ["d3"]
    assert read(tmp_path / "kept/über/東京.jsonl").texts == []
    told = pq.read_table(tmp_path / "annotated/d.txt.parquet").to_pylist()
    assert told == [{"doc_id": "d.txt", **DECISIONS.slice(9, 1).to_pylist()[0]}]
    parts = pq.read_table(tmp_path / "annotated/b.parquet")
    assert parts.select(DECISIONS.column_names).equals(DECISIONS.slice(4, 4))


def test_what_is_not_committed_is_removed(corpus: Path, tmp_path: Path) -> None:
    files = discover([corpus]).files

    def fail() -> None:
        with FilteredCopies({"kept": tmp_path / "kept"}, files) as copies:
            copies.write(opened(files), REMOVED)
            assert len(tree(tmp_path / "kept")) == 4
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fail()
    assert tree(tmp_path / "kept") == []


def test_existing_targets_are_refused(corpus: Path, tmp_path: Path) -> None:
    files = discover([corpus]).files
    (tmp_path / "kept").mkdir()
    (tmp_path / "kept" / "d.txt").write_text("mine")
    with pytest.raises(OutputExistsError, match=r"d\.txt \(--kept\) is already there"):
        FilteredCopies({"kept": tmp_path / "kept"}, files)
    with FilteredCopies({"kept": tmp_path / "kept"}, files, overwrite=True) as copies:
        copies.write(opened(files), REMOVED)
        assert (tmp_path / "kept" / "d.txt").read_text() == "mine"
        copies.commit()
    assert not (tmp_path / "kept" / "d.txt").exists()  # it was removed in this run
    assert (tmp_path / "kept" / "c.txt").exists()


@pytest.mark.parametrize("overwrite", [False, True])
def test_inputs_are_never_overwritten(corpus: Path, tmp_path: Path, *, overwrite: bool) -> None:
    files = discover([corpus]).files
    (tmp_path / "link").symlink_to(corpus)
    for folder in (corpus, tmp_path / "link", tmp_path / "x" / ".." / "corpus"):
        with pytest.raises(OutputExistsError, match="--kept would overwrite the input"):
            FilteredCopies({"kept": folder}, files, overwrite=overwrite)


def test_two_copies_in_one_place_are_refused(corpus: Path, tmp_path: Path) -> None:
    files = discover([corpus]).files
    both: dict[str, Any] = {"kept": tmp_path / "out", "removed": tmp_path / "out"}
    with pytest.raises(OutputExistsError, match="two copies would be written to"):
        FilteredCopies(both, files)


def test_files_of_equal_names_get_their_own_targets(tmp_path: Path) -> None:
    for folder in ("x", "y"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "a.txt").write_text(folder)
    files = discover([tmp_path / "x" / "a.txt", tmp_path / "y" / "a.txt"]).files
    with FilteredCopies({"kept": tmp_path / "kept"}, files) as copies:
        copies.write(opened(files), np.zeros(2, bool))
        copies.commit()
    assert tree(tmp_path / "kept") == ["x/a.txt", "y/a.txt"]


def test_standard_input_becomes_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    content = json_lines(ROWS)
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(content)))
    files = discover(["-"]).files
    (tmp_path / "scratch").mkdir()
    parts = list(FORMATS["jsonl"].spool(files[0], ID, str(tmp_path / "scratch"), 50))
    with FilteredCopies({"kept": tmp_path / "kept"}, files) as copies:
        copies.write([FileRecords(parts, 4)], np.array([0, 1, 0, 0], bool))
        copies.commit()
    kept = (tmp_path / "kept" / "stdin.jsonl").read_bytes()
    lines = content.splitlines(keepends=True)
    assert kept == b"".join(lines[:1] + lines[2:])


def test_a_folder_that_cannot_be_made(corpus: Path, tmp_path: Path) -> None:
    files = discover([corpus]).files
    (tmp_path / "kept").write_text("a file")
    with (
        pytest.raises(DedupError, match=r"cannot write .*; check the folder"),
        FilteredCopies({"kept": tmp_path / "kept"}, files) as copies,
    ):
        copies.write(opened(files), REMOVED)

"""What every format owes: the same records however it is cut, and copies that lose nothing."""

from __future__ import annotations

import pickle
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from io_files import ID, ROWS, TEXTS, WRITERS, one, read, unpacked

from dedup.errors import InputError
from dedup.io.base import Columns
from dedup.io.formats import FORMATS

SUFFIXES = sorted(WRITERS)
DECISIONS = pa.table(
    {
        "cluster_id": pa.array([7 if i % 3 else None for i in range(len(ROWS))]),
        "is_keeper": pa.array([bool(i % 2) for i in range(len(ROWS))]),
        "keeper_id": pa.array([None if i % 2 else f'd,"{i}' for i in range(len(ROWS))]),
        "jaccard": pa.array([None if i % 4 else i / 16 for i in range(len(ROWS))]),
    }
)


def expected(name: str) -> list[str | None]:
    """CSV knows no null."""
    return [text or "" for text in TEXTS] if ".csv" in name or ".tsv" in name else TEXTS


@pytest.fixture(params=SUFFIXES)
def path(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    path = tmp_path / f"größe 東京{request.param}"
    WRITERS[request.param](path, ROWS)
    return path


def test_reads_texts_and_ids(path: Path) -> None:
    found = read(path)
    assert found.texts == expected(path.name)
    assert found.ids == [id for id, _ in ROWS]
    assert found.problems == []


@pytest.mark.parametrize("target", [1, 7, 64, 1000, 5100])
@pytest.mark.parametrize("batch", [1, 100])
def test_parts_and_batches_change_nothing(path: Path, target: int, batch: int) -> None:
    found = read(path, target=target, batch=batch)
    assert found.texts == expected(path.name)
    assert found.ids == [id for id, _ in ROWS]
    if target == 1 and not FORMATS[one(path).format].needs_spool(one(path)):
        assert len(found.parts) > 1


@pytest.mark.parametrize("target", [1, 100, 1 << 20])
def test_spooled_chunks_hold_the_same_records(path: Path, tmp_path: Path, target: int) -> None:
    found = read(path, target=target, scratch=tmp_path)
    assert found.texts == expected(path.name)
    assert found.ids == [id for id, _ in ROWS]


def test_parts_can_be_pickled(path: Path) -> None:
    parts = FORMATS[one(path).format].split(one(path), ID, 100)
    assert pickle.loads(pickle.dumps(parts)) == parts


def test_default_id_may_be_missing_and_an_asked_one_not(path: Path) -> None:
    found = read(path, Columns(("text",), "key", id_optional=True))
    assert found.texts == expected(path.name)
    assert found.ids == []
    with pytest.raises(InputError, match=r"has no id column 'key'; it has: id, text"):
        read(path, Columns(("text",), "key"))


def test_wrong_names_list_the_columns_there_are(path: Path, tmp_path: Path) -> None:
    for columns in (Columns(("body",)), Columns(("text", "body")), Columns(extra=("body",))):
        with pytest.raises(InputError, match=r"no (text|extra) column 'body'; it has: id, text"):
            read(path, columns)
        with pytest.raises(InputError, match=r"no (text|extra) column 'body'; it has: id, text"):
            read(path, columns, scratch=tmp_path)


def test_two_text_columns_are_joined(path: Path) -> None:
    found = read(path, Columns(("id", "text")))
    assert found.texts == [
        id if text is None else f"{id}\n{text}"
        for (id, _), text in zip(ROWS, expected(path.name), strict=True)
    ]


def test_extra_columns_come_along(path: Path) -> None:
    found = read(path, Columns(("text",), None, ("id",)), batch=50)
    assert pa.concat_tables(found.columns)["id"].to_pylist() == [id for id, _ in ROWS]


@pytest.mark.parametrize("target", [40, 1 << 30])
def test_kept_and_removed_share_the_records(path: Path, tmp_path: Path, target: int) -> None:
    file = one(path)
    writer = FORMATS[file.format]
    parts = writer.split(file, ID, target)
    mask = np.array([i % 3 > 0 for i in range(len(ROWS))])
    for chosen, others, name in ((mask, True, "kept"), (~mask, False, "removed")):
        out = tmp_path / name / path.name
        out.parent.mkdir()
        assert writer.copy(parts, chosen, str(out), others=others) == chosen.sum()
        found = read(out)
        assert found.texts == [t for t, c in zip(expected(path.name), chosen, strict=True) if c]
        assert found.ids == [id for (id, _), c in zip(ROWS, chosen, strict=True) if c]


def test_keeping_all_gives_the_file_back(path: Path, tmp_path: Path) -> None:
    file = one(path)
    writer = FORMATS[file.format]
    out = tmp_path / "out" / path.name
    out.parent.mkdir()
    parts = writer.split(file, ID, 100)
    writer.copy(parts, np.ones(len(ROWS), bool), str(out), others=True)
    if file.format in ("parquet", "arrow"):
        assert read(out).texts == TEXTS
    else:
        assert unpacked(out) == unpacked(path)


def test_keeping_none_leaves_a_readable_file(path: Path, tmp_path: Path) -> None:
    file = one(path)
    writer = FORMATS[file.format]
    out = tmp_path / "out" / path.name
    out.parent.mkdir()
    parts = writer.split(file, ID, 100)
    assert writer.copy(parts, np.zeros(len(ROWS), bool), str(out), others=False) == 0
    found = read(out)
    assert found.texts == []
    assert found.reasons() == (["empty file"] if out.stat().st_size == 0 else [])


def test_chunks_serve_copies_too(path: Path, tmp_path: Path) -> None:
    file = one(path)
    writer = FORMATS[file.format]
    parts = list(writer.spool(file, ID, str(tmp_path), 300))
    out = tmp_path / "out" / path.name
    out.parent.mkdir()
    for _ in range(2):  # with the chunks, and after they are gone
        writer.copy(parts, np.ones(len(ROWS), bool), str(out), others=True)
        assert read(out).texts == expected(path.name)
        for part in parts:
            if part.path is not None:
                Path(part.path).unlink(missing_ok=True)


def annotated(path: Path, out: Path) -> list[dict[str, object]]:
    """Annotate a file and return the decisions that are found in the copy."""
    file = one(path)
    writer = FORMATS[file.format]
    out.parent.mkdir(exist_ok=True)
    assert writer.annotated_name(path.name) == path.name
    parts = writer.split(file, ID, 100)
    assert writer.annotate(parts, DECISIONS, str(out)) == len(ROWS)
    names = tuple(DECISIONS.column_names)
    found = read(out, Columns(("text",), "id", names), batch=1000)
    assert found.texts == expected(path.name)
    assert found.ids == [id for id, _ in ROWS]
    assert found.problems == []
    whole = pa.concat_tables(found.columns, promote_options="permissive")
    return [{name: row[name] for name in names} for row in whole.to_pylist()]


def as_cell(value: object) -> str | None:
    """Return what CSV makes of a value."""
    if value is None:
        return None
    return str(value).lower() if isinstance(value, bool) else str(value)


def test_annotated_copies_carry_the_decisions(path: Path, tmp_path: Path) -> None:
    rows = DECISIONS.to_pylist()
    if ".csv" in path.name or ".tsv" in path.name:
        rows = [{name: as_cell(value) for name, value in row.items()} for row in rows]
    out = tmp_path / "out" / path.name
    assert annotated(path, out) == rows
    assert annotated(out, tmp_path / "again" / path.name) == rows  # replaced, not doubled
    twice = read(tmp_path / "again" / path.name).parts[0]
    assert twice.header.count(b"cluster_id") <= 1


def test_empty_files_have_no_records_and_a_problem(path: Path, tmp_path: Path) -> None:
    path.write_bytes(b"")
    found = read(path)
    assert found.texts == []
    assert [(p.reason, p.row) for p in found.problems] == [("empty file", None)]
    out = tmp_path / "out"
    writer = FORMATS[one(path).format]
    assert writer.copy(found.parts, np.zeros(0, bool), str(out), others=True) == 0
    assert writer.annotate(found.parts, DECISIONS.slice(0, 0), str(out)) == 0


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_no_rows(suffix: str, tmp_path: Path) -> None:
    path = tmp_path / f"none{suffix}"
    WRITERS[suffix](path, [])
    is_empty = path.stat().st_size == 0
    found = read(path, target=10)
    assert found.texts == []
    assert found.reasons() == (["empty file"] if is_empty else [])
    assert len(found.parts) == 1


@pytest.mark.parametrize("suffix", [s for s in SUFFIXES if "parquet" in s or "arrow" in s])
def test_what_is_no_such_file_is_an_input_error(suffix: str, tmp_path: Path) -> None:
    path = tmp_path / f"bad{suffix}"
    path.write_bytes(b"this is no such file at all, and long enough to look at")
    with pytest.raises(InputError, match=r"bad.* cannot be read as (Parquet|Arrow IPC)"):
        read(path)


def test_a_file_that_vanished_is_an_input_error(path: Path) -> None:
    file = one(path)
    path.unlink()
    with pytest.raises(InputError, match="cannot be read"):
        read(file)

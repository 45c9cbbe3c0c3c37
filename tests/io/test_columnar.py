"""Parquet and Arrow IPC: types of text, nested fields, layouts, shares of large pieces."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from io_files import ID, one, read

from dedup.errors import InputError
from dedup.io.arrow import FORMAT as ARROW
from dedup.io.arrow import _compression, batches_of, stored
from dedup.io.base import Columns
from dedup.io.columns import Selection
from dedup.io.formats import FORMATS

WORDS = ["one", None, "drei", ""]
TYPES = [
    pa.string(),
    pa.large_string(),
    pa.string_view(),
    pa.binary(),
    pa.large_binary(),
    pa.binary_view(),
    pa.dictionary(pa.int32(), pa.string()),
    pa.null(),
]
PLAIN = {pa.string(), pa.large_string(), pa.binary(), pa.large_binary()}


def write(path: Path, data: pa.Table, **options: Any) -> Path:
    if path.suffix == ".parquet":
        try:
            pq.write_table(data, path, **options)
        except pa.ArrowNotImplementedError:
            pytest.skip(f"this pyarrow cannot write {data.schema.types} to Parquet")
    else:
        with pa.ipc.new_file(str(path), data.schema) as writer:
            writer.write_table(data, **options)
    return path


@pytest.fixture(params=["a.parquet", "a.arrow"])
def path(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    return tmp_path / str(request.param)


@pytest.mark.parametrize("kind", TYPES, ids=str)
def test_text_of_every_type(path: Path, kind: pa.DataType) -> None:
    if pa.types.is_null(kind):
        words: list[str | None] = [None] * 4
    else:
        words = WORDS
    write(path, pa.table({"text": pa.array(words).cast(kind), "id": [1, 2, 3, 4]}))
    found = read(path)
    assert [t.decode() if isinstance(t, bytes) else t for t in found.texts] == words
    assert found.kinds <= PLAIN
    assert found.problems == []
    assert read(path, Columns(("text", "text"))).kinds <= PLAIN


@pytest.mark.parametrize("kind", [pa.int64(), pa.list_(pa.float64()), pa.timestamp("s")], ids=str)
def test_other_types_are_named(path: Path, kind: pa.DataType) -> None:
    write(path, pa.table({"text": pa.nulls(2, kind)}))
    with pytest.raises(InputError, match=r"the text column 'text' is of type (int|list|timest)"):
        read(path, Columns())


def test_nested_text(path: Path) -> None:
    pages = [{"text": "a", "n": 1}, None, {"text": None, "n": 3}, {"text": "d", "n": 4}]
    kind = pa.struct([("text", pa.string()), ("n", pa.int64())])
    data = pa.table({"page": pa.array(pages, kind), "page.n": [9, 8, 7, 6]})
    write(path, data)
    found = read(path, Columns(("page.text",), None, ("page.n",)))
    assert found.texts == ["a", None, None, "d"]
    if path.suffix == ".arrow":  # a column's own name comes first
        assert found.columns[0]["page.n"].to_pylist() == [9, 8, 7, 6]
    with pytest.raises(InputError, match=r"it has: page\.text, page\.n, page\.n"):
        read(path, Columns(("page.body",)))
    with pytest.raises(InputError, match=r"no text column 'page\.text\.x'"):
        read(path, Columns(("page.text.x",)))


def test_ids_keep_their_type_but_for_nested_ones(path: Path) -> None:
    for ids, kind in (
        (pa.array([1, 2], pa.uint8()), pa.uint8()),
        (pa.array(["a", "b"]).dictionary_encode(), pa.string()),
        (pa.array(["a", "b"], pa.string_view()), pa.large_string()),
        (pa.array([b"a", b"b"], pa.binary(1)), pa.binary()),
        (pa.array([1.5, None]), pa.float64()),
    ):
        write(path, pa.table({"text": ["x", "y"], "id": ids}))
        found = read(path)
        assert found.ids == ids.to_pylist()
        assert found.columns[0]["doc_id"].type == kind
    write(path, pa.table({"text": ["x"], "id": pa.array([[1]])}))
    with pytest.raises(InputError, match=r"'id', asked for as doc_id, is of the nested type list"):
        read(path)


@pytest.mark.parametrize("target", [1, 50, 700, 10_000])
def test_one_large_piece_is_shared(path: Path, target: int) -> None:
    texts = [f"text number {i}" for i in range(1000)]
    write(path, pa.table({"text": texts, "id": range(1000)}))
    found = read(path, target=target)
    assert found.texts == texts
    assert found.ids == list(range(1000))
    assert len(found.parts) > 1


def test_invalid_utf8_in_a_string_column_passes_through(path: Path) -> None:
    data = pa.array([b"caf\xe9"]).view(pa.string())
    write(path, pa.table({"text": data}))
    file = one(path)
    reader = FORMATS[file.format]
    (part,) = reader.split(file, Columns(), 10_000)
    (batch,) = reader.read(part, 100)
    assert batch.text.view(pa.binary()).to_pylist() == [b"caf\xe9"]


def test_parquet_copies_keep_codecs_groups_and_schema(tmp_path: Path) -> None:
    path, out = tmp_path / "a.parquet", tmp_path / "out.parquet"
    schema = pa.schema(
        [
            pa.field("text", pa.string(), metadata={"why": "because"}),
            pa.field("n", pa.timestamp("us", "UTC")),
            pa.field("tags", pa.list_(pa.dictionary(pa.int32(), pa.string()))),
        ],
        metadata={"pandas": "{}"},
    )
    data = pa.table(
        {"text": [f"t{i}" for i in range(100)], "n": range(100), "tags": [["a", "b"]] * 100}
    ).cast(schema)
    codecs = {"text": "brotli", "n": "none", "tags.list.element": "zstd"}
    pq.write_table(data, path, compression=codecs, row_group_size=30, use_dictionary=["text"])
    parts = FORMATS["parquet"].split(one(path), Columns(), 1 << 20)
    mask = np.arange(100) % 2 == 0
    assert FORMATS["parquet"].copy(parts, mask, str(out), others=True) == 50
    expected = pq.read_table(path).filter(pa.array(mask))
    assert pq.read_table(out).equals(expected, check_metadata=True)
    before, after = pq.ParquetFile(path).metadata, pq.ParquetFile(out).metadata
    assert [after.row_group(i).num_rows for i in range(4)] == [15, 15, 15, 5]
    for i in range(3):
        assert after.row_group(0).column(i).compression == before.row_group(0).column(i).compression
        assert after.row_group(0).column(i).encodings == before.row_group(0).column(i).encodings


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("codec", [None, "lz4", "zstd"])
def test_arrow_copies_keep_layout_and_codec(
    tmp_path: Path, *, stream: bool, codec: str | None
) -> None:
    path, out = tmp_path / "a.arrow", tmp_path / "out.arrow"
    data = pa.table(
        {"text": pa.array(["word " * 50, "b"] * 30).dictionary_encode(), "n": range(60)}
    )
    data = data.replace_schema_metadata({"a": "b"})
    new = pa.ipc.new_stream if stream else pa.ipc.new_file
    with new(str(path), data.schema, options=pa.ipc.IpcWriteOptions(compression=codec)) as writer:
        writer.write_table(data, max_chunksize=20)
    parts = ARROW.split(one(path), Columns(), 100)
    mask = np.arange(60) % 3 == 0
    assert ARROW.copy(parts, mask, str(out), others=True) == 20
    opened = (pa.ipc.open_stream if stream else pa.ipc.open_file)(str(out))
    assert opened.read_all().equals(data.filter(pa.array(mask)), check_metadata=True)
    assert _compression(one(out)) == codec


def test_a_cut_arrow_stream_gives_what_was_before(tmp_path: Path) -> None:
    path, out = tmp_path / "a.arrow", tmp_path / "out.arrow"
    data = pa.table({"text": [f"text {i}" for i in range(100)]})
    with pa.ipc.new_stream(str(path), data.schema) as writer:
        writer.write_table(data, max_chunksize=10)
    os.truncate(path, path.stat().st_size // 2)
    found = read(path, Columns(), target=100)
    assert found.texts == [f"text {i}" for i in range(len(found.texts))]
    assert len(found.texts) in (30, 40, 50)
    assert found.reasons() == ["truncated"]
    mask = np.ones(len(found.texts), bool)
    assert ARROW.copy(found.parts, mask, str(out), others=True) == len(found.texts)


def test_stored_tables_are_read_from_the_memory_map(tmp_path: Path) -> None:
    texts = [f"text {i}" for i in range(20_000)]
    data = pa.table({"text": texts, "id": range(20_000)})
    file = stored(data.to_batches(), data.schema, str(tmp_path / "t.arrow"), "table")
    parts = ARROW.split(file, ID, 50_000)
    assert len(parts) > 2
    got: list[str] = []
    before = pa.total_allocated_bytes()
    held = [batch for part in parts for batch in ARROW.read(part, 1 << 16)]
    assert pa.total_allocated_bytes() - before < 100_000  # texts alone are 200 kB
    for batch in held:
        got += batch.text.to_pylist()
    assert got == texts
    assert file.name == "table"


def test_batches_in_memory(tmp_path: Path) -> None:
    data = pa.table({"text": ["a", "b", None] * 10, "id": range(30)})
    file = one(write(tmp_path / "a.arrow", data))
    selection = Selection(data.schema, ID, file)
    batches = list(batches_of(data.to_batches(), selection, 10))
    assert [t for batch in batches for t in batch.text.to_pylist()] == ["a", "b", None] * 10
    assert [i for b in batches for i in b.columns["doc_id"].to_pylist()] == list(range(30))
    assert len(batches) > 5


def test_feather_1_is_named(tmp_path: Path) -> None:
    path = tmp_path / "old.feather"
    path.write_bytes(b"FEA1" + b"\0" * 100 + b"FEA1")
    with pytest.raises(InputError, match="Feather 1"):
        read(path)


def test_damage_inside_a_parquet_file_is_an_input_error(tmp_path: Path) -> None:
    path = tmp_path / "hurt.parquet"
    pq.write_table(pa.table({"text": [f"text {i}" for i in range(5000)]}), path)
    content = bytearray(path.read_bytes())
    content[100:2000] = b"\xaa" * 1900
    path.write_bytes(content)
    with pytest.raises(InputError, match=r"hurt\.parquet cannot be read as Parquet"):
        read(path, Columns())

"""CSV: quotes, line ends and all that real files do with them."""

from __future__ import annotations

import csv
import gzip
import io
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from io_files import ID, csv_bytes, one, read

from dedup.errors import InputError
from dedup.io.base import Columns
from dedup.io.csv import FORMAT
from dedup.io.quoting import assembled, ends_quoted, is_open, raw_fields, spans, value

AWKWARD = st.text(st.sampled_from('"",\n\nab'), max_size=40)


def lines_of(content: bytes) -> list[bytes]:
    return content.splitlines(keepends=True)  # there is no lone CR in these tests


def records_of(content: bytes) -> list[bytes]:
    return list(assembled(lines_of(content), b","))


@settings(max_examples=400, deadline=None)
@given(AWKWARD)
@example('a,"b')
@example('a,"b""')
@example('""""')
@example('5" disk,"x"y",z\n')
def test_fields_are_those_of_pythons_csv(content: str) -> None:
    records = [record for record in records_of(content.encode()) if record.strip()]
    ours = [[value(r, span).decode() for span in spans(r, b",")] for r in records]
    theirs = [row for row in csv.reader(io.StringIO(content, newline="")) if row]
    if records and is_open(records[-1], spans(records[-1], b",")[-1]):
        # Python's reader keeps the newline before the end of the file in an open quote.
        theirs[-1][-1] = theirs[-1][-1].removesuffix("\n")
    assert ours == theirs


@settings(max_examples=200, deadline=None)
@given(AWKWARD, st.integers(0, 3))
def test_records_and_fields_lose_no_byte(content: str, extra: int) -> None:
    raw = content.encode() * (extra + 1)
    records = records_of(raw)
    assert b"".join(records) == raw
    for record in records:
        assert b",".join(raw_fields(record, b",")) == record.removesuffix(b"\n")


@settings(max_examples=200, deadline=None)
@given(st.lists(st.sampled_from(['""', '"', ",", "\n", "a", ',"x"', ',"a""b"']), max_size=30))
def test_the_fast_and_the_slow_look_at_quotes_agree(pieces: list[str]) -> None:
    block = "".join(pieces).encode()
    longer = block * 1 + b"\n" + b',"x",""""\n' * 40  # past the point where numpy takes over
    for quoted in (False, True):
        slow = quoted
        for line in lines_of(longer):
            slow = ends_quoted(line, b",", quoted=slow)
        assert ends_quoted(longer, b",", quoted=quoted) == slow


@settings(max_examples=150, deadline=None)
@given(AWKWARD, st.integers(1, 40))
def test_any_cut_gives_the_same_records(
    tmp_path_factory: pytest.TempPathFactory, content: str, target: int
) -> None:
    path = tmp_path_factory.mktemp("cut") / "a.csv"
    path.write_bytes(b"id,text\n" + content.encode())
    whole, cut = read(path), read(path, target=target, batch=1)
    assert cut.texts == whole.texts
    assert cut.ids == whole.ids
    assert cut.problems == whole.problems


def test_bad_records_are_kept_and_told_by_line(tmp_path: Path) -> None:
    content = (
        b'id,text,n\r\n1,"two\r\nlines",1\r\n\r\n2,few\r\n3,too,many,fields\r\n4,caf\xe9,1\r\n'
        b'5\r\n6,a\rb,\r\n7,"never closed,1\r\nso that this belongs to it\r\n'
    )
    path, out = tmp_path / "bad.csv", tmp_path / "out.csv"
    path.write_bytes(content)
    for target in (1, 30, 1000):
        found = read(path, Columns(("text",), "id", ("n",)), target=target)
        texts = [text.encode() if isinstance(text, str) else text for text in found.texts]
        assert texts == [
            b"two\r\nlines", b"few", b"too", b"caf\xe9", None, b"a\rb",
            b"never closed,1\r\nso that this belongs to it",
        ]  # fmt: skip
        assert found.ids == ["1", "2", "3", "4", "5", "6", "7"]
        assert sorted((p.line, p.reason, p.row) for p in found.problems) == [
            (5, "wrong number of fields", 1),
            (6, "wrong number of fields", 2),
            (7, "invalid UTF-8", 3),
            (8, "wrong number of fields", 4),
            (10, "quote never closed", 6),
            (10, "wrong number of fields", 6),
        ]
    extra = pa.concat_tables(found.columns, promote_options="permissive")
    assert extra["n"].to_pylist() == ["1", None, "many", "1", None, None, None]
    assert FORMAT.copy(found.parts, np.ones(7, bool), str(out), others=True) == 7
    assert out.read_bytes() == content


def test_annotation_fills_up_short_records(tmp_path: Path) -> None:
    path, out = tmp_path / "short.csv", tmp_path / "out.csv"
    path.write_bytes(b'\xef\xbb\xbftext,"a ""b""",n\r\n"x,1",2\r\n\r\ny,2,3\n"open')
    decisions = pa.table(
        {
            "cluster_id": [1, None, 3],
            "jaccard": [0.5, 1.0, None],
            "is_keeper": [True, False, None],
            "keeper_id": ['a"b', "c,d", "e"],
        }
    )
    parts = FORMAT.split(one(path), Columns(("text",)), 100)
    FORMAT.annotate(parts, decisions, str(out))
    assert out.read_bytes() == (
        b'\xef\xbb\xbftext,"a ""b""",n,cluster_id,jaccard,is_keeper,keeper_id\r\n'
        b'"x,1",2,,1,0.5,true,"a""b"\r\n\r\ny,2,3,,1.0,false,"c,d"\n"open'
    )


def test_header_names(tmp_path: Path) -> None:
    path = tmp_path / "names.csv"
    path.write_bytes(b'\xef\xbb\xbf"id","the ""text"", here","id"\n1,x,2\n')
    found = read(path, Columns(('the "text", here',), "id"))
    assert (found.texts, found.ids) == (["x"], ["1"])
    with pytest.raises(InputError, match="no text column 'text'; it has: id, the"):
        read(path)


def test_a_wrong_delimiter_shows_in_the_error(tmp_path: Path) -> None:
    path = tmp_path / "semicolons.csv"
    path.write_text("id;text\n1;x\n")
    with pytest.raises(InputError, match="it has: id;text"):
        read(path)


def test_a_field_of_megabytes(tmp_path: Path) -> None:
    path = tmp_path / "long.csv"
    long = 'x"\n,' * 200_000
    path.write_text("id,text\n1,{}\n2,b\n".format('"' + long.replace('"', '""') + '"'))
    assert read(path, target=1000).texts == [long, "b"]
    assert read(path, ID, scratch=tmp_path, target=1000).texts == [long, "b"]


@pytest.mark.parametrize("through", ["read", "spool"])
def test_not_gzip_at_all_is_a_problem_not_an_error(tmp_path: Path, through: str) -> None:
    path, out = tmp_path / "plain.csv.gz", tmp_path / "out.csv.gz"
    path.write_bytes(b"id,text\n1,x\n")
    found = read(path, scratch=tmp_path if through == "spool" else None)
    assert found.texts == []
    assert found.reasons() == ["damaged"]
    assert FORMAT.copy(found.parts, np.zeros(0, bool), str(out), others=True) == 0


@pytest.mark.parametrize("through", ["read", "spool"])
def test_cut_gzip_gives_what_was_before(tmp_path: Path, through: str) -> None:
    path = tmp_path / "cut.csv.gz"
    rows = [(str(i), f'text {i}, "{"pad " * i}"\n') for i in range(200)]
    whole = gzip.compress(csv_bytes(rows))
    path.write_bytes(whole[: len(whole) // 2])
    found = read(path, target=500, scratch=tmp_path if through == "spool" else None)
    good = found.texts[:-1] if len(found.problems) > 1 else found.texts  # the record that was cut
    assert good == [text for _, text in rows[: len(good)]]
    assert 50 < len(good) < 200
    assert found.reasons()[-1] == "truncated"

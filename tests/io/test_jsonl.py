"""JSON Lines: real files, with everything that goes wrong in them."""

from __future__ import annotations

import gzip
import io
import json
import sys
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from io_files import ID, json_lines, one, read

from dedup.errors import InputError
from dedup.io.base import Columns
from dedup.io.inputs import discover
from dedup.io.jsonl import FORMAT

BAD_LINES = b"".join(
    [
        b'{"id": 1, "text": "one"}\r\n',
        b"\n",
        b'{"id": 2, "text": \n',
        b" \t \r\n",
        b"[1, 2]\n",
        b'{"id": 3}\n',
        b'{"id": 4, "text": null}\n',
        b'{"id": 5, "text": 17, "id": 55}\n',
        b'{"id": 6, "text": "caf\xe9"}\n',
        b'{"id": 7, "text": "\\ud800 alone"}\n',
        b'  {"id": 8, "text": "NaN is fine", "x": NaN}  \n',
        b'{"id": 9, "text": "two"} {"id": 10}\n',
        b"\xff\xfe\n",
        b"[" * 100_000 + b"\n",
        b'{"id": 11, "text": "last", "n": ' + b"9" * 200 + b"}",
    ]
)
BAD_TEXTS = [
    b"one", None, None, None, None, None, b"caf\xe9", b"\xed\xa0\x80 alone", b"NaN is fine",
    None, None, None, b"last",
]  # fmt: skip
BAD_IDS = [1, None, None, 3, 4, 55, 6, 7, 8, None, None, None, 11]
BAD_REASONS = {
    3: ["not JSON"],
    5: ["not an object"],
    6: ["no text field"],
    8: ["text is no string"],
    9: ["invalid UTF-8"],
    10: ["invalid UTF-8"],
    12: ["not JSON"],
    13: ["invalid UTF-8", "not JSON"],
    14: ["not JSON"],
}


def as_bytes(texts: list[str | bytes | None]) -> list[bytes | None]:
    return [text.encode() if isinstance(text, str) else text for text in texts]


@pytest.mark.parametrize("target", [20, 100, 1 << 20])
@pytest.mark.parametrize("batch", [1, 1 << 20])
def test_bad_lines_are_kept_and_told_by_line(tmp_path: Path, target: int, batch: int) -> None:
    path = tmp_path / "bad.jsonl"
    path.write_bytes(BAD_LINES)
    found = read(path, target=target, batch=batch)
    assert as_bytes(found.texts) == BAD_TEXTS
    assert found.ids == BAD_IDS
    reasons: dict[int | None, list[str]] = {}
    for problem in found.problems:
        reasons.setdefault(problem.line, []).append(problem.reason)
    assert reasons == BAD_REASONS
    rows = {p.line: p.row for p in found.problems}
    assert rows[3] == 1
    assert rows[14] == 11
    told = next(p for p in found.problems if p.line == 3).describe("bad.jsonl")
    assert told.startswith("bad.jsonl, line 3: not JSON (Expecting value")


@pytest.mark.parametrize("which", ["kept", "annotated"])
def test_bad_lines_pass_through_unchanged(tmp_path: Path, which: str) -> None:
    path, out = tmp_path / "bad.jsonl", tmp_path / "out.jsonl"
    path.write_bytes(BAD_LINES)
    parts = FORMAT.split(one(path), ID, 1 << 20)
    count = len(BAD_TEXTS)
    if which == "kept":
        assert FORMAT.copy(parts, np.ones(count, bool), str(out), others=True) == count
        assert out.read_bytes() == BAD_LINES
        return
    decisions = pa.table({name: pa.nulls(count) for name in ("cluster_id", "jaccard")})
    assert FORMAT.annotate(parts, decisions, str(out)) == count
    before, after = BAD_LINES.split(b"\n"), out.read_bytes().split(b"\n")
    added = b', "cluster_id": null, "jaccard": null}'
    for old, new in zip(before, after, strict=True):
        bare = old.rstrip()
        is_object = bare.endswith(b"}") and b"} {" not in bare
        assert new == (old.replace(bare, bare[:-1] + added) if is_object else old)


def test_annotation_replaces_keys_of_its_names(tmp_path: Path) -> None:
    path, out = tmp_path / "a.jsonl", tmp_path / "out.jsonl"
    path.write_text('{"jaccard": 3, "text": "ü", "cluster_id": 1}\n{}\n')
    decisions = pa.table({"cluster_id": [8, 9], "jaccard": [0.5, 1.0]})
    parts = FORMAT.split(one(path), Columns(("text",)), 100)
    assert FORMAT.annotate(parts, decisions, str(out)) == 2
    assert out.read_text() == (
        '{"text": "ü", "cluster_id": 8, "jaccard": 0.5}\n{"cluster_id": 9, "jaccard": 1.0}\n'
    )


@settings(max_examples=150, deadline=None)
@given(
    st.lists(st.sampled_from([b"", b" ", b"{", b"\xff", b"\r", b'{"text": "a\\nb"}', b"null"])),
    st.booleans(),
    st.integers(1, 60),
)
def test_any_cut_gives_the_same_records(
    tmp_path_factory: pytest.TempPathFactory, lines: list[bytes], is_ended: bool, target: int
) -> None:
    path = tmp_path_factory.mktemp("cut") / "a.jsonl"
    content = b"\n".join(lines) + (b"\n" if is_ended else b"")
    path.write_bytes(content)
    columns = Columns(("text",))
    whole = read(path, columns)
    cut = read(path, columns, target=target, batch=1)
    assert cut.texts == whole.texts
    assert cut.problems == whole.problems
    assert len(whole.texts) == sum(1 for line in content.split(b"\n") if line.strip())


def test_byte_order_mark(tmp_path: Path) -> None:
    path, out = tmp_path / "bom.jsonl", tmp_path / "out.jsonl"
    path.write_bytes(b"\xef\xbb\xbf" + json_lines([("a", "x"), ("b", "y"), ("c", "z")]))
    for target in (1, 10, 100):
        found = read(path, target=target)
        assert found.texts == ["x", "y", "z"]
        assert found.problems == []
        assert read(path, target=target, scratch=tmp_path).texts == ["x", "y", "z"]
    FORMAT.copy(found.parts, np.ones(3, bool), str(out), others=True)
    assert out.read_bytes() == path.read_bytes()


@pytest.mark.parametrize("through", ["read", "spool"])
def test_cut_gzip_gives_what_was_before(tmp_path: Path, through: str) -> None:
    rows = [(str(i), f"text {i} " + "pad " * i) for i in range(200)]
    whole = gzip.compress(json_lines(rows))
    path = tmp_path / "cut.jsonl.gz"
    path.write_bytes(whole[: len(whole) // 2])
    found = read(path, target=500, scratch=tmp_path if through == "spool" else None)
    good = [text for text in found.texts if text is not None]
    assert good == [text for _, text in rows[: len(good)]]
    assert 50 < len(good) < 200
    assert found.reasons()[-1] == "truncated"
    assert found.reasons()[:-1] in ([], ["not JSON"])  # the line that was cut is a record too
    assert len(found.texts) == len(good) + len(found.problems) - 1


@pytest.mark.parametrize("through", ["read", "spool"])
def test_not_gzip_at_all_is_a_problem_not_an_error(tmp_path: Path, through: str) -> None:
    path = tmp_path / "plain.jsonl.gz"
    path.write_bytes(json_lines([("a", "x")]))
    found = read(path, scratch=tmp_path if through == "spool" else None)
    assert found.texts == []
    assert found.reasons() == ["damaged"]


def test_nested_fields_and_dotted_names(tmp_path: Path) -> None:
    path = tmp_path / "nested.jsonl"
    lines = [
        {"page": {"text": "a", "meta": {"lang": "de"}}, "id": 1},
        {"page": None, "id": 2},
        {"page": "no object", "id": 3},
        {"page.text": "dotted", "page": {"text": "b"}, "id": 4},
    ]
    path.write_text("\n".join(json.dumps(line) for line in lines))
    found = read(path, Columns(("page.text",), "id", ("page.meta.lang",)))
    assert found.texts == ["a", None, None, "dotted"]
    assert found.columns[0]["page.meta.lang"].to_pylist() == ["de", None, None, None]
    assert found.reasons() == ["no text field"] * 2
    with pytest.raises(InputError, match=r"it has: page\.text, page\.meta\.lang, id, page"):
        read(path, Columns(("page.body",)))


@pytest.mark.parametrize(
    ("values", "ids", "kind"),
    [
        ("1 2 null", [1, 2, None], pa.int64()),
        ('"a" "b"', ["a", "b"], pa.string()),
        ('1 "b" 2.5 true', ["1", "b", "2.5", "true"], pa.string()),
        (f"1 {2**70}", ["1", str(2**70)], pa.string()),
        ("1.5 2.5", [1.5, 2.5], pa.float64()),
        ("true false", [True, False], pa.bool_()),
        ('[1] {"a":2}', ["[1]", '{"a": 2}'], pa.string()),
        ('"\\ud800"', ["\ufffd\ufffd\ufffd"], pa.string()),
    ],
)
def test_ids_of_all_types(tmp_path: Path, values: str, ids: list[object], kind: object) -> None:
    path = tmp_path / "ids.jsonl"
    path.write_text("".join(f'{{"text": "x", "id": {value}}}\n' for value in values.split()))
    if "{" in values:
        path.write_text('{"text": "x", "id": [1]}\n{"text": "x", "id": {"a":2}}\n')
    found = read(path)
    assert found.ids == ids
    assert found.columns[0]["doc_id"].type == kind


def test_one_json_value_is_refused_with_the_cure(tmp_path: Path) -> None:
    path = tmp_path / "array.json"
    for content in ('[\n{"text": "a"}\n]', '[{"text": "a"}]', '{\n  "text": "a"\n}'):
        path.write_text(content)
        with pytest.raises(InputError, match=r"is one JSON value, not JSON Lines; .*jq"):
            read(path)


def test_a_column_may_come_late_but_not_too_late(tmp_path: Path) -> None:
    path = tmp_path / "late.jsonl"
    path.write_text('{"title": 1}\n' * 100 + '{"text": "x"}\n')
    found = read(path, Columns(("text",)))
    assert found.texts == [None] * 100 + ["x"]
    assert found.reasons() == ["no text field"] * 100


def test_standard_input(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    content = b"\xef\xbb\xbf" + BAD_LINES
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(content)))
    (file,) = discover(["-"]).files
    assert (file.name, file.target) == ("stdin", "stdin.jsonl")
    assert FORMAT.needs_spool(file)
    found = read(file, target=50, scratch=tmp_path)
    assert as_bytes(found.texts) == BAD_TEXTS
    assert len(found.parts) > 3
    out = tmp_path / "out"
    FORMAT.copy(found.parts, np.ones(len(BAD_TEXTS), bool), str(out), others=True)
    assert out.read_bytes() == content


def test_empty_standard_input(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"")))
    found = read(discover(["-"]).files[0], scratch=tmp_path)
    assert found.texts == []
    assert found.reasons() == ["empty file"]


def test_compressed_standard_input_names_the_cure(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    packed = gzip.compress(BAD_LINES)
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(packed)))
    with pytest.raises(InputError, match=r"compressed \(gzip\); unpack it .*gzip -dc"):
        read(discover(["-"]).files[0], scratch=tmp_path)

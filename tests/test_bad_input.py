"""Text columns of every type and bytes of every kind: read as one would expect, or one sentence."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import dedup

STORY = " ".join(f"word{number}" for number in range(60))
TEXTS = [STORY, "Größe, 汉字 and … more words than five", None, STORY + " end", "", STORY]
REMOVED = [3, 5]

MAX_BYTES = 3 << 30
"""Peak memory of a run on one document of 200 MB."""
MAX_SECONDS = 60.0
LONG_TOKEN_SECONDS = 10.0

HUGE = """
import json, resource, sys, time
import numpy as np, pyarrow as pa
import dedup

def document(kind, size):
    if kind == "one token":
        return b"a" * size
    if kind == "one line of Chinese":
        codes = np.random.default_rng(0).integers(0x4E00, 0x9000, size // 3).astype("<u4")
        return codes.tobytes().decode("utf-32-le").encode()
    letters = np.random.default_rng(0).integers(97, 123, size, dtype=np.uint8)
    letters[::7] = ord(" ")
    return letters.tobytes()

raw = document(sys.argv[1], int(sys.argv[2]))
offsets = np.cumsum([0, 9, len(raw), len(raw) if sys.argv[3] == "twice" else 9], dtype=np.int64)
data = b"some text" + raw + (raw if sys.argv[3] == "twice" else b"some text")
text = pa.Array.from_buffers(
    pa.large_binary(), 3, [None, pa.py_buffer(offsets.tobytes()), pa.py_buffer(data)]
)
table = pa.table({"text": text})
del raw, data, text
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
start = time.perf_counter()
result = dedup.find_duplicates(table, workers=1)
seconds = time.perf_counter() - start
own, children = (
    resource.getrusage(who).ru_maxrss << 10
    for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
)
keepers = result.decisions.removed_by.tolist()
print(json.dumps({"seconds": seconds, "peak": max(own, children), "before": before << 10,
                  "keepers": keepers}))
"""


def removed(table: pa.Table | Path, **options: object) -> list[int]:
    result = dedup.find_duplicates(table, **options)  # type: ignore[arg-type]
    return removed_documents(result)


def removed_documents(result: dedup.Result) -> list[int]:
    keepers = result.decisions.removed_by
    return np.flatnonzero(keepers != np.arange(len(keepers))).tolist()


def encoded() -> list[bytes | None]:
    return [None if text is None else text.encode() for text in TEXTS]


COLUMNS = {
    "string": pa.array(TEXTS, pa.string()),
    "large_string": pa.array(TEXTS, pa.large_string()),
    "string_view": pa.array(TEXTS, pa.string_view()),
    "binary": pa.array(encoded(), pa.binary()),
    "large_binary": pa.array(encoded(), pa.large_binary()),
    "binary_view": pa.array(encoded(), pa.binary_view()),
    "dictionary": pa.array(TEXTS, pa.string()).dictionary_encode(),
    "dictionary of large strings": pa.array(TEXTS, pa.large_string()).dictionary_encode(),
    "a slice": pa.array(["before", *TEXTS, "after"], pa.string()).slice(1, len(TEXTS)),
}


@pytest.mark.parametrize("kind", COLUMNS)
def test_text_of_any_type_gives_the_same_answer(kind: str) -> None:
    assert removed(pa.table({"text": COLUMNS[kind]})) == REMOVED


@pytest.mark.parametrize("kind", [name for name in COLUMNS if "view" not in name])
def test_text_of_any_type_comes_from_parquet_too(kind: str, tmp_path: Path) -> None:
    pq.write_table(pa.table({"text": COLUMNS[kind]}), tmp_path / "in.parquet")
    assert removed(tmp_path / "in.parquet") == REMOVED


def test_chunks_of_a_column_are_one_column() -> None:
    chunks = pa.chunked_array([COLUMNS["string"].slice(0, 2), COLUMNS["string"].slice(2)])
    assert removed(pa.table({"text": chunks})) == REMOVED


@pytest.mark.parametrize(
    "column",
    [
        pa.array([1.5, 2.5]),
        pa.array([True, False]),
        pa.array([{"a": "x"}, {"a": "y"}]),
        pa.array([None, 1], pa.date32()),
    ],
    ids=lambda column: str(column.type),
)
def test_a_column_that_is_no_text_is_one_sentence(column: pa.Array, tmp_path: Path) -> None:
    table = pa.table({"text": column})
    with pytest.raises(dedup.InputError) as caught:
        dedup.find_duplicates(table)
    pq.write_table(table, tmp_path / "in.parquet")
    with pytest.raises(dedup.InputError) as from_file:
        dedup.find_duplicates(tmp_path / "in.parquet")
    for error in (caught.value, from_file.value):
        message = str(error)
        assert "'text'" in message
        assert str(column.type).split("<")[0] in message
        assert message.endswith(".")
        assert "\n" not in message


def test_a_column_of_nulls_has_documents_without_text() -> None:
    result = dedup.find_duplicates(pa.table({"text": pa.nulls(3)}))
    assert result.summary["result"]["removed"] == 0


def test_invalid_utf8_is_replaced_for_comparing_and_counted() -> None:
    story = STORY.encode()
    raw = [story + b" caf\xe9", story + " caf\ufffd".encode(), b"\xff" + story, story]
    table = pa.table({"text": pa.array(raw, pa.binary())})
    result = dedup.find_duplicates(table, threshold=1.0)
    assert removed_documents(result) == [1, 3]
    assert result.summary["input"]["invalid_utf8"] == 2
    assert result.clusters["match"].to_pylist().count("equal") == 2


def test_strings_of_parquet_may_hold_invalid_utf8_all_the_same(tmp_path: Path) -> None:
    raw = pa.array([STORY.encode() + b" caf\xe9 \xc3", b"a\x80b\xe2\x82", b"ok"], pa.binary())
    liar = pa.Array.from_buffers(pa.string(), len(raw), raw.buffers())
    pq.write_table(pa.table({"text": liar}), tmp_path / "in.parquet")
    for source in (tmp_path / "in.parquet", pa.table({"text": liar})):
        result = dedup.find_duplicates(source)
        assert result.summary["input"]["invalid_utf8"] == 2


def test_byte_0_is_a_separator_and_no_end() -> None:
    words = STORY.replace(" ", "\0")
    other = STORY.replace("word59", "word60")
    assert removed(pa.table({"text": [STORY, words, "\0", "\0\0", other]}), threshold=1.0) == [1]


def test_lone_surrogates_of_json_count_as_replacement_characters(tmp_path: Path) -> None:
    rows = [STORY + " \ud800 end", STORY + " \ufffd end", "\ude00", "fine \U0001f600"]
    path = tmp_path / "in.jsonl"
    path.write_text("".join(json.dumps({"text": row}) + "\n" for row in rows))
    assert removed(path, threshold=1.0) == [1]


def test_lone_surrogates_of_python_strings_are_refused_by_arrow_itself() -> None:
    with pytest.raises(UnicodeEncodeError):
        pa.table({"text": ["\ud800"]})


def run_huge(kind: str, size: int, copies: str) -> dict[str, object]:
    command = [sys.executable, "-c", HUGE, kind, str(size), copies]
    found = subprocess.run(command, check=True, capture_output=True, text=True)
    measured: dict[str, object] = json.loads(found.stdout.splitlines()[-1])
    print(kind, measured)  # noqa: T201 (figures for whoever looks)
    return measured


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["words", "one line of Chinese"])
def test_a_document_of_200_megabytes(kind: str) -> None:
    measured = run_huge(kind, 200_000_000, "once")
    assert measured["keepers"] == [0, 1, 0]
    assert measured["seconds"] < MAX_SECONDS
    assert measured["peak"] < MAX_BYTES


def test_a_token_of_50_megabytes_takes_no_time() -> None:
    start = time.perf_counter()
    measured = run_huge("one token", 50_000_000, "twice")
    assert measured["keepers"] == [0, 1, 1]
    assert measured["seconds"] < LONG_TOKEN_SECONDS
    assert measured["peak"] < MAX_BYTES
    assert time.perf_counter() - start < 3 * LONG_TOKEN_SECONDS

"""The user's own tokens: lists of strings or integers, of every Arrow type, in place of text."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

import dedup
from dedup.documents import BATCH_BYTES, Sketches, SketchParameters, sketch_texts
from dedup.io.base import Columns
from dedup.io.formats import FORMATS
from dedup.io.inputs import discover
from dedup.io.token_lists import token_lists
from dedup.text.shingles import MAX_SLOTS
from tests.batches import WORDS
from tests.oracles_hashing import shingle_hash

PARAMETERS = SketchParameters(3, 0, None, False)

STRINGS: list[list[str | None] | None] = [
    ["one", "two", "three", "four"],
    None,
    [],
    ["One", "two", "", "\0", "\0a", "a", "a b"],
    ["x" * 64, "y" * 65, "z" * 1000, "é", "汉字"],
    [None, "one", None, "two", "three", "four"],
    [None],
]
NUMBERS: list[list[int | None] | None] = [
    [1, 2, 3, 4],
    None,
    [],
    [0, 0, 0],
    [127, 5, 100, 3],
    [None, 1, 2, None, 3, 4],
    [None],
]
STRING_TYPES = [
    pa.list_(pa.string()),
    pa.large_list(pa.string()),
    pa.list_(pa.large_string()),
    pa.list_(pa.binary()),
    pa.large_list(pa.large_binary()),
    pa.list_(pa.string_view()),
    pa.list_(pa.dictionary(pa.int32(), pa.string())),
    pa.list_view(pa.string()),
]
NUMBER_TYPES = [
    *(pa.list_(kind()) for kind in (pa.int8, pa.int16, pa.int32, pa.int64)),
    *(pa.list_(kind()) for kind in (pa.uint8, pa.uint16, pa.uint32, pa.uint64)),
    pa.large_list(pa.int32()),
]


def sketch(lists: pa.Array, batch_documents: int = MAX_SLOTS) -> Sketches:
    """Return the sketches of all documents as those of one batch."""
    parts = list(sketch_texts(lists, PARAMETERS, batch_documents))
    names = [name for name in vars(parts[0]) if name != "num_invalid"]
    return Sketches(
        **{name: np.concatenate([getattr(part, name) for part in parts]) for name in names},
        num_invalid=sum(part.num_invalid for part in parts),
    )


def assert_same(left: Sketches, right: Sketches) -> None:
    for name, value in vars(left).items():
        np.testing.assert_array_equal(value, getattr(right, name), err_msg=name)


def bare(values: list[Any]) -> list[list[Any]]:
    """Return the lists without nulls."""
    return [[token for token in each or [] if token is not None] for each in values]


@pytest.mark.parametrize("kind", STRING_TYPES, ids=str)
def test_lists_of_strings_of_every_type(kind: pa.DataType) -> None:
    array = pa.array(STRINGS, kind)
    found = token_lists(array)
    assert found.type == pa.large_list(pa.large_binary())
    assert found.is_null().to_pylist() == [each is None for each in STRINGS]
    assert_same(sketch(found), sketch(token_lists(pa.array(bare(STRINGS)))))
    for start, stop in ((1, 4), (3, 7), (0, 1), (2, 3)):
        part = token_lists(array.slice(start, stop - start))
        assert_same(
            sketch(part), sketch(token_lists(pa.array(STRINGS[start:stop], pa.list_(pa.string()))))
        )
        assert_same(sketch(found.slice(start, stop - start)), sketch(part))


@pytest.mark.parametrize("kind", NUMBER_TYPES, ids=str)
def test_lists_of_integers_of_every_type(kind: pa.DataType) -> None:
    array = pa.array(NUMBERS, kind)
    found = token_lists(array)
    assert found.type == pa.large_list(pa.int64())
    expected = token_lists(pa.array(bare(NUMBERS), pa.list_(pa.int64())))
    assert_same(sketch(found), sketch(expected))
    for start, stop in ((1, 4), (3, 7), (0, 1)):
        part = token_lists(array.slice(start, stop - start))
        assert_same(sketch(part), sketch(expected.slice(start, stop - start)))
        assert_same(sketch(found.slice(start, stop - start)), sketch(part))


def test_lists_of_a_fixed_size() -> None:
    kind = pa.list_(pa.int32(), 2)
    array = pa.array([[9, 9], [1, 2], None, [3, None]], kind).slice(1)
    expected = token_lists(pa.array([[1, 2], None, [3]], pa.list_(pa.int64())))
    assert_same(sketch(token_lists(array)), sketch(expected))


def test_tokens_are_the_words_of_the_text_they_come_from() -> None:
    texts = ["one two three four five", "a", "w" * 100 + " b c d", "snake_case x1 007 " * 9]
    lists = token_lists(pa.array([text.split() for text in texts]))
    (found,) = sketch_texts(lists, PARAMETERS)
    (expected,) = sketch_texts(pa.array(texts), PARAMETERS)
    for name in ("sets", "num_shingles", "num_tokens", "digests"):
        np.testing.assert_array_equal(getattr(found, name), getattr(expected, name))
    assert found.num_chars.tolist() == found.num_tokens.tolist()


@given(st.lists(st.lists(st.sampled_from([word for word in WORDS if "\0" not in word]))))
def test_sets_are_those_of_the_definition(documents: list[list[str]]) -> None:
    if not documents:
        return
    found = sketch(token_lists(pa.array(documents, pa.list_(pa.string()))))
    expected = []
    for words in documents:
        shingles = {tuple(words[at : at + 3]) for at in range(max(len(words) - 2, 0))}
        shingles |= {tuple(words)} if 0 < len(words) < 3 else set()
        expected += sorted(shingle_hash(shingle, 3, 0) for shingle in shingles)
    assert found.sets.tolist() == expected


tokens_of_any_kind = st.one_of(
    st.lists(st.lists(st.binary(max_size=20), min_size=1, max_size=3), min_size=2, max_size=8),
    st.lists(
        st.lists(st.integers(-(2**63), 2**63 - 1), min_size=1, max_size=3), min_size=2, max_size=8
    ),
)


@given(tokens_of_any_kind)
def test_sets_are_equal_exactly_where_the_lists_are(documents: list[list[Any]]) -> None:
    found = sketch(token_lists(pa.array(documents)))
    digests = [digest.tobytes() for digest in found.digests]
    texts = [digest.tobytes() for digest in found.text_digests]
    for left, one in enumerate(documents):
        for right, other in enumerate(documents):
            # Up to w tokens are one shingle: equal only where all the tokens are.
            assert (digests[left] == digests[right]) == (one == other)
            assert (texts[left] == texts[right]) == (one == other)


def test_integers_of_every_size_are_told_apart() -> None:
    values = [
        sign * ((1 << bit) + more) for bit in range(62) for more in (0, 1) for sign in (1, -1)
    ]
    distinct = sorted({0, 2**63 - 1, -(2**63), 2**32 - 1, *values})
    found = sketch(token_lists(pa.array([[value] for value in distinct])))
    assert len(set(found.sets.tolist())) == len(distinct) > 200


def test_what_a_null_list_covers_is_no_token() -> None:
    values = pa.array([9, 9, 1, 2], pa.int64())
    covering = pa.LargeListArray.from_arrays([0, 2, 4], values, mask=pa.array([True, False]))
    assert_same(sketch(covering), sketch(token_lists(pa.array([None, [1, 2]]))))


def test_bytes_of_zero_and_lengths_tell_tokens_apart() -> None:
    tokens = [
        b"",
        b"\0",
        b"\0\0",
        b"a",
        b"\0a",
        b"a\0",
        b"a" * 8,
        b"a" * 8 + b"\0",
        b"\0" * 80,
        b"b",
    ]
    found = sketch(token_lists(pa.array([[token] for token in tokens])))
    assert len(set(found.sets.tolist())) == len(tokens)
    together = sketch(token_lists(pa.array([tokens])))
    assert together.num_shingles.tolist() == [len(tokens) - 2]


@pytest.mark.parametrize("values", [STRINGS, NUMBERS], ids=["strings", "integers"])
@pytest.mark.parametrize("size", [1, 2, 3])
def test_sketches_do_not_depend_on_the_batch(values: list[Any], size: int) -> None:
    lists = token_lists(pa.array(values * 5))
    assert_same(sketch(lists, size), sketch(lists))


def test_batches_end_at_about_their_bytes() -> None:
    lists = [["word"] * (BATCH_BYTES // 10)] * 5
    sizes = [len(p.num_tokens) for p in sketch_texts(token_lists(pa.array(lists)), PARAMETERS)]
    assert sizes == [2, 2, 1]
    numbers = pa.array([[1] * (BATCH_BYTES // 16)] * 5)
    sizes = [len(p.num_tokens) for p in sketch_texts(token_lists(numbers), PARAMETERS)]
    assert sizes == [2, 2, 1]


STORY = [f"w{i}" for i in range(80)]
DOCUMENTS = [STORY, [*STORY[:-1], "x"], None, [], [], list(reversed(STORY)), STORY]


def decided(result: dedup.Result) -> list[tuple[int, int, float, str]]:
    columns = ("position", "cluster_id", "jaccard", "match")
    return [tuple(row[name] for name in columns) for row in result.clusters.to_pylist()]  # type: ignore[misc]


EXPECTED = [
    (0, 0, 1.0, "identical"),
    (1, 0, 75 / 77, "near"),
    (6, 0, 1.0, "identical"),
]


@pytest.mark.parametrize("suffix", ["parquet", "arrow", "table"])
@pytest.mark.parametrize("numbers", [False, True])
def test_a_column_of_lists_is_compared_by_its_tokens(
    suffix: str, numbers: bool, tmp_path: Path
) -> None:
    values: list[Any] = DOCUMENTS
    if numbers:
        ids = {word: place for place, word in enumerate(dict.fromkeys([*STORY, "x"]))}
        values = [each if each is None else [ids[word] for word in each] for each in DOCUMENTS]
    kind = pa.list_(pa.int32() if numbers else pa.string())
    table = pa.table({"words": pa.array(values, kind)})
    source: Any = table
    if suffix != "table":
        source = tmp_path / f"docs.{suffix}"
        if suffix == "parquet":
            pq.write_table(table, source, row_group_size=3)
        else:
            with pa.ipc.new_file(str(source), table.schema) as writer:
                writer.write_table(table, max_chunksize=3)
    result = dedup.find_duplicates(source, text="words")
    assert decided(result) == [(*row[:2], pytest.approx(row[2]), row[3]) for row in EXPECTED]
    assert result.summary["input"]["null_text"] == 1
    assert result.summary["input"]["blank_text"] == 2
    assert result.summary["input"]["tokens"] == 4 * 80


def test_the_longest_is_that_of_most_tokens() -> None:
    table = pa.table({"text": [STORY[:78], STORY, [*STORY[:77], "a very long token" * 9]]})
    result = dedup.find_duplicates(table, keep="longest")
    assert result.clusters["cluster_id"].to_pylist() == [1, 1, 1]


def test_kept_copies_hold_the_lists(tmp_path: Path) -> None:
    table = pa.table({"text": pa.array(DOCUMENTS), "n": range(len(DOCUMENTS))})
    kept = dedup.drop_duplicates(table)
    assert kept["n"].to_pylist() == [0, 2, 3, 4, 5]
    pq.write_table(table, tmp_path / "docs.parquet")
    dedup.run([tmp_path / "docs.parquet"], tmp_path / "out", dedup.Config(), kept=tmp_path / "kept")
    assert pq.read_table(tmp_path / "kept" / "docs.parquet").equals(kept)


def test_what_lists_cannot_be_is_said(tmp_path: Path) -> None:
    table = pa.table({"text": pa.array(DOCUMENTS), "title": ["a"] * len(DOCUMENTS)})
    with pytest.raises(dedup.InputError, match=r"taken as they are; leave out --unit, --fold-dig"):
        dedup.find_duplicates(table, unit="char", fold_digits=True)
    with pytest.raises(dedup.InputError, match="cannot be joined with other columns"):
        dedup.find_duplicates(table, text="title,text")
    with pytest.raises(dedup.InputError, match=r"is of type list<item: double>; give a column of"):
        dedup.find_duplicates(pa.table({"text": [[1.5]]}))
    with pytest.raises(dedup.InputError, match=r"of type list<item: list<item: int64>>"):
        dedup.find_duplicates(pa.table({"text": [[[1]]]}))
    huge = pa.table({"text": pa.array([[2**63]], pa.list_(pa.uint64()))})
    with pytest.raises(
        dedup.InputError, match=r"a token of 'text' is no 64-bit integer .* 2\*\*63"
    ):
        dedup.find_duplicates(huge)


def test_nested_lists_and_parts_of_every_size(tmp_path: Path) -> None:
    pages = pa.array([{"words": each, "n": 1} for each in DOCUMENTS])
    pq.write_table(pa.table({"page": pages}), tmp_path / "docs.parquet", row_group_size=2)
    result = dedup.find_duplicates(tmp_path / "docs.parquet", text="page.words")
    assert [row[0] for row in decided(result)] == [0, 1, 6]


def test_row_groups_of_lists_are_shared(tmp_path: Path) -> None:
    path = tmp_path / "docs.parquet"
    pq.write_table(pa.table({"text": [STORY] * 200}), path, row_group_size=50, use_dictionary=False)
    (file,) = discover([path]).files
    assert len(FORMATS["parquet"].split(file, Columns(), 20_000)) == 4

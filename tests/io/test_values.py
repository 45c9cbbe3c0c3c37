"""Values without a schema: the same column however it is cut."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dedup.io.values import as_text, column_of, numbers, text_array, unified

VALUE = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**70), 2**70),
    st.integers(-5, 5),
    st.floats(),
    st.sampled_from([1.0, 2.5, 1e300]),
    st.text(max_size=3),
    st.sampled_from(["\ud800", "7"]),
    st.lists(st.integers(), max_size=2),
)
ALIKE = st.sampled_from(
    [st.integers(-9, 9), st.integers(), st.floats(), st.floats() | st.integers(-9, 9), VALUE]
)


@settings(max_examples=300, deadline=None)
@given(st.data(), ALIKE, st.booleans())
def test_cutting_a_column_changes_nothing(
    data: st.DataObject, values: st.SearchStrategy[object], is_id: bool
) -> None:
    column = data.draw(st.lists(values, min_size=1, max_size=8))
    at = data.draw(st.integers(0, len(column)))
    pieces = [column_of(column[:at], is_id=is_id), column_of(column[at:], is_id=is_id)]
    joined = pa.chunked_array(unified(pieces, is_id=is_id)).combine_chunks()
    whole = column_of(column, is_id=is_id)
    assert joined.type == whole.type
    assert str(joined.to_pylist()) == str(whole.to_pylist())  # NaN is unequal to itself


def test_types_are_kept_and_mixtures_become_strings() -> None:
    assert column_of([1, None], is_id=True).type == pa.int64()
    assert column_of([1, 2.5], is_id=False).to_pylist() == [1.0, 2.5]
    assert column_of([1, 2.5], is_id=True).to_pylist() == ["1", "2.5"]
    assert column_of([1, "1"], is_id=False).to_pylist() == ["1", "1"]
    assert column_of([None], is_id=True).type == pa.null()


def test_columns_of_files_are_brought_together() -> None:
    strings = [pa.array(["a"], pa.large_string()), pa.array([1], pa.int32()), pa.nulls(1)]
    assert [array.to_pylist() for array in unified(strings, is_id=True)] == [["a"], ["1"], [None]]
    numbers_ = [pa.array([1], pa.int32()), pa.array([2.5], pa.float32())]
    assert [array.type for array in unified(numbers_, is_id=False)] == [pa.float64()] * 2
    wide = [pa.array([2**64 - 1], pa.uint64()), pa.array([-1], pa.int64())]
    assert [array.to_pylist() for array in unified(wide, is_id=True)] == [[str(2**64 - 1)], ["-1"]]
    assert unified([pa.nulls(2)], is_id=True)[0].type == pa.null()


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("a", "a"), (b"\xff", "\ufffd"), (1.0, "1"), (0.1, "0.1"), (True, "true"), (7, "7"),
        (Decimal("1.50"), "1.50"), (date(2020, 1, 2), "2020-01-02"), ({"ü": [1]}, '{"ü": [1]}'),
    ],
)  # fmt: skip
def test_as_text(value: object, text: str) -> None:
    assert as_text(value) == text


def test_numbers_out_of_strings() -> None:
    whole = numbers(pa.array(["1", None, "-3"]))
    parts = numbers(pa.array(["1", "2.5e3"]))
    assert whole is not None
    assert parts is not None
    assert whole.type == pa.int64()
    assert parts.to_pylist() == [1.0, 2500.0]
    assert numbers(pa.array(["1", "two"])) is None


def test_texts_that_are_no_utf8_stay_bytes() -> None:
    array, invalid = text_array(["ok", None, "caf\udce9", "\ud800", b"raw", b"\xff"])
    assert array.type == pa.large_binary()
    assert array.to_pylist() == [b"ok", None, b"caf\xe9", b"\xed\xa0\x80", b"raw", b"\xff"]
    assert invalid == [2, 3, 5]
    array, invalid = text_array(["ok", None])
    assert array.type == pa.large_string()
    assert invalid == []

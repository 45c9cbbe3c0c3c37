"""Keeper policies: against a naive sort, with nulls, NaN and ties, on every kind of column."""

from __future__ import annotations

import datetime
import decimal
import math
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dedup.errors import ConfigError, InputError
from dedup.keeper import keeper_order, policy_column

DAY = datetime.datetime(2024, 5, 1)
COLUMNS: dict[str, tuple[pa.DataType, list[Any]]] = {
    "int64": (pa.int64(), [3, None, -1, 3, 2, None, 2**62, -(2**62)]),
    "uint64": (pa.uint64(), [2**64 - 1, 0, None, 2**63]),
    "int8": (pa.int8(), [-128, 127, None, 0]),
    "float": (pa.float64(), [1.5, math.nan, None, -math.inf, math.nan, 1.5, math.inf, 0.0, None]),
    "float32": (pa.float32(), [0.25, None, math.nan, -0.5, 0.25]),
    "string": (pa.string(), ["b", "a", None, "B", "", "ä", "ab", "b", "Z", "\U0001f600", "\uffff"]),
    "large_string": (pa.large_string(), ["b", None, "a", "b"]),
    "binary": (pa.binary(), [b"b", b"\xff", None, b"", b"\x00"]),
    "bool": (pa.bool_(), [True, None, False, True]),
    "timestamp": (pa.timestamp("us"), [DAY, None, DAY - datetime.timedelta(microseconds=1), DAY]),
    "timestamp with zone": (pa.timestamp("s", "UTC"), [5, None, 4, 5]),
    "date": (pa.date32(), [datetime.date(2024, 1, 1), None, datetime.date(1969, 12, 31)]),
    "time": (pa.time64("us"), [datetime.time(1, 2), None, datetime.time(0, 59)]),
    "duration": (pa.duration("s"), [5, None, -5]),
    "decimal": (pa.decimal128(9, 2), [decimal.Decimal("1.50"), None, decimal.Decimal("-2.25")]),
    "null": (pa.null(), [None, None, None]),
    "empty": (pa.int64(), []),
}


def is_nan(value: object) -> bool:
    return isinstance(value, float) and math.isnan(value)


def naive(values: Sequence[Any], largest_first: bool) -> list[int]:
    """Sort by value, then NaN, then null; what is equal goes by position."""
    places = range(len(values))
    present = [at for at in places if values[at] is not None and not is_nan(values[at])]
    distinct = sorted({values[at] for at in present}, reverse=largest_first)
    order = [at for value in distinct for at in present if values[at] == value]
    order += [at for at in places if is_nan(values[at])]
    return order + [at for at in places if values[at] is None]


def order_by(keep: str, column: pa.ChunkedArray, name: str = "column") -> list[int]:
    sizes = np.zeros(len(column), np.int64)
    found = keeper_order(keep, sizes, sizes, pa.table({name: column}))
    assert found.dtype == np.int64
    return found.tolist()


@pytest.mark.parametrize("name", COLUMNS)
@pytest.mark.parametrize("num_chunks", [1, 3])
def test_columns_are_sorted_as_naively(name: str, num_chunks: int) -> None:
    type_, values = COLUMNS[name]
    edges = np.linspace(0, len(values), num_chunks + 1).astype(int).tolist()
    chunks = [pa.array(values[start:stop], type_) for start, stop in pairwise(edges)]
    column = pa.chunked_array(chunks, type_)
    assert order_by("max:column", column) == naive(values, largest_first=True)
    assert order_by("min:column", column) == naive(values, largest_first=False)


@given(st.lists(st.one_of(st.none(), st.integers(0, 5).map(float), st.floats()), max_size=40))
def test_any_floats_are_sorted_as_naively(values: list[float | None]) -> None:
    column = pa.chunked_array([pa.array(values, pa.float64(), from_pandas=False)])
    assert order_by("max:column", column) == naive(values, largest_first=True)
    assert order_by("min:column", column) == naive(values, largest_first=False)


@given(st.lists(st.integers(0, 6), max_size=60))
def test_lengths_and_positions(lengths: list[int]) -> None:
    num_chars = np.array(lengths, np.int64)
    num_shingles = num_chars[::-1] % 4
    places = list(range(len(lengths)))
    expected = {
        "first": places,
        "last": places[::-1],
        "longest": sorted(places, key=lambda at: (-lengths[at], at)),
        "shortest": sorted(places, key=lambda at: (lengths[at], at)),
        "largest": sorted(places, key=lambda at: (-(lengths[-1 - at] % 4), at)),
    }
    for keep, order in expected.items():
        assert keeper_order(keep, num_chars, num_shingles, pa.table({})).tolist() == order


def test_a_column_may_have_any_name() -> None:
    for name in ("score", "a:b", " x", "größe", "first"):
        assert policy_column(f"max:{name}") == name
        column = pa.chunked_array([[1, 3, 2]])
        assert order_by(f"max:{name}", column, name) == [1, 2, 0]


@pytest.mark.parametrize("keep", ["first", "last", "longest", "shortest", "largest"])
def test_these_policies_look_at_no_column(keep: str) -> None:
    assert policy_column(keep) is None


@pytest.mark.parametrize(
    "keep",
    [
        "",
        "biggest",
        "max",
        "min",
        "max:",
        "min:",
        "first:",
        "first:x",
        ":c",
        "MAX:c",
        "Last",
        "newest:",
        "shortest-url:x",
        "host-order",
        "host-order:",
    ],
)
def test_an_unknown_policy_is_refused_with_those_there_are(keep: str) -> None:
    with pytest.raises(ConfigError, match="first, last, longest, shortest, largest, max:COL") as it:
        policy_column(keep)
    assert repr(keep) in str(it.value)


@pytest.mark.parametrize("values", [[[1], [2]], [{"a": [1]}, None]])
def test_a_column_without_an_order_is_refused_with_its_type(values: list[Any]) -> None:
    column = pa.chunked_array([values])
    with pytest.raises(InputError, match="no order; give a column of numbers") as it:
        order_by("max:column", column)
    assert str(column.type) in str(it.value)


@pytest.mark.parametrize("type_", [pa.string(), pa.timestamp("s")])
def test_dates_order_with_nulls_last_and_ties_by_position(type_: pa.DataType) -> None:
    dates = ["2024-05-01T00:00:00", None, "2023-01-31T10:00:00", "2024-05-01T00:00:00"]
    column = pa.chunked_array([pa.array(dates).cast(type_)])
    for keep, expected in (("newest", [0, 3, 2, 1]), ("oldest", [2, 0, 3, 1])):
        assert policy_column(keep) == "date"
        assert order_by(keep, column, "date") == expected
        assert policy_column(f"{keep}:seen") == "seen"
        assert order_by(f"{keep}:seen", column, "seen") == expected


@given(
    st.lists(
        st.one_of(
            st.none(),
            st.tuples(
                st.sampled_from(["http://", "https://", "HTTPS://", "ftp://", ""]),
                st.sampled_from(["a.org", "www.a.org", "ä.org", "a.org/?utm_source=x"]),
            ).map("".join),
        ),
        max_size=30,
    )
)
def test_the_shortest_url_without_its_scheme_comes_first(urls: list[str | None]) -> None:
    def key(at: int) -> tuple[bool, int, bool, int]:
        url = urls[at]
        if url is None:
            return True, 0, False, at
        scheme = next((s for s in ("http://", "https://") if url.lower().startswith(s)), "")
        return False, len(url) - len(scheme), scheme != "https://", at

    column = pa.chunked_array([pa.array(urls, pa.string())])
    expected = sorted(range(len(urls)), key=key)
    assert order_by("shortest-url", column, "url") == expected


def test_hosts_go_by_their_line_and_others_come_last(tmp_path: Path) -> None:
    file = tmp_path / "hosts: mine.txt"
    file.write_text("B.org\n\na.org \nb.org\n", encoding="utf-8")
    column = pa.chunked_array([["x.org", "a.org", None, "b.ORG", "a.org", "b.org"]])
    keep = f"host-order:{file}"
    assert policy_column(keep) == "host"
    assert order_by(keep, column, "host") == [3, 5, 1, 4, 0, 2]
    file.write_bytes(b"\xff\xfe")
    with pytest.raises(InputError, match="a host on each line"):
        order_by(keep, column, "host")
    with pytest.raises(ConfigError, match=r"there is no file .*check the path"):
        policy_column(f"host-order:{tmp_path}/other")


@pytest.mark.parametrize("keep", ["shortest-url", "host-order"])
def test_urls_and_hosts_are_strings(keep: str, tmp_path: Path) -> None:
    (tmp_path / "hosts").write_text("a.org")
    policy = keep if keep == "shortest-url" else f"{keep}:{tmp_path}/hosts"
    name = policy_column(policy)
    assert name is not None
    with pytest.raises(InputError, match="give a column of strings"):
        order_by(policy, pa.chunked_array([[["a"], ["b"]]]), name)


PAGES = st.lists(
    st.tuples(
        st.sampled_from(
            [None, "http://a.org/", "https://a.org/", "http://a.org/x", "http://b.org/"]
        ),
        st.sampled_from([None, "http://a.org/", "http://a.org/x"]),
        st.sampled_from([None, "a.org", "b.org", "c.org"]),
    ),
    max_size=30,
)


@given(pages=PAGES, chunks=st.integers(1, 3))
def test_pages_that_name_another_as_canonical_come_later(
    pages: list[tuple[str | None, str | None, str | None]], chunks: int, tmp_path_factory: Any
) -> None:
    """After all others by URL, and after those of their host by host; null URLs come last."""
    file = tmp_path_factory.getbasetemp() / "hosts"
    file.write_text("b.org\na.org\n")

    def by_url(at: int) -> tuple[bool, bool, int, bool, int]:
        url, canonical, _ = pages[at]
        if url is None:
            return True, False, 0, False, at
        rest = url.removeprefix("http://").removeprefix("https://")
        is_variant = canonical is not None and canonical != url
        return False, is_variant, len(rest), not url.startswith("https:"), at

    def by_host(at: int) -> tuple[int, bool, bool, int]:
        url, canonical, host = pages[at]
        is_variant = canonical is not None and canonical != url
        return ["b.org", "a.org", host].index(host), url is None, is_variant and url is not None, at

    step = max(1, -(-len(pages) // chunks))
    pieces = [pages[at : at + step] for at in range(0, max(1, len(pages)), step)]
    columns = {
        name: pa.chunked_array(
            [pa.array([page[n] for page in piece], pa.string()) for piece in pieces]
        )
        for n, name in enumerate(("url", "canonical", "host"))
    }
    table = pa.table(columns)
    sizes = np.zeros(len(pages), np.int64)
    for keep, key in (("shortest-url", by_url), (f"host-order:{file}", by_host)):
        found = keeper_order(keep, sizes, sizes, table).tolist()
        assert found == sorted(range(len(pages)), key=key)

"""What comes from the web reaches no terminal as it is, and takes the room that is said."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dedup.report.cells import fitted, padded, printable, width, wrapped
from tests.text.texts import DETERMINISTIC, texts


@DETERMINISTIC
@given(text=st.one_of(texts, st.text()))
def test_nothing_unseen_is_left(text: str) -> None:
    shown = printable(text)
    unseen = {"Cc", "Cf", "Cs", "Zl", "Zp", "Co", "Cn"}
    assert {
        unicodedata.category(char) for char in shown if char not in "\u200c\u200d"
    } & unseen == set()
    assert printable(shown) == shown
    assert width(shown) >= 0


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("\x1b]0;owned\x07", r"\x1b]0;owned\x07"),
        ("a\r\nb\x9b2J", r"a\r\nb\x9b2J"),
        ("gpj.\u202eexe", r"gpj.\u202eexe"),
        ("\u2066a\u2069\u2028", r"\u2066a\u2069\u2028"),
        ("\ud800", r"\ud800"),
        ("क्\u200dष", "क्\u200dष"),
        ("e" + "\u0301" * 50, "e" + "\u0301" * 8),
    ],
)
def test_escapes_are_shown(text: str, shown: str) -> None:
    assert printable(text) == shown


@pytest.mark.parametrize(
    ("text", "cells"),
    [("abc", 3), ("漢字", 4), ("\uff21", 2), ("ｱ", 1), ("e\u0301", 1), ("", 0)],
)
def test_cells(text: str, cells: int) -> None:
    assert width(text) == cells
    assert width(padded(text, 9)) == 9


@DETERMINISTIC
@given(text=texts, cells=st.integers(0, 30))
def test_what_is_fitted_fits(text: str, cells: int) -> None:
    text = printable(text)
    short = fitted(text, cells)
    assert width(short) <= cells
    if width(text) <= cells:
        assert short == text or len(text) > cells
    elif cells > 2:
        assert "…" in short
        head, _, tail = short.partition("…") if "…" not in text else ("", "", "")
        assert text.startswith(head)
        assert text.endswith(tail)


def test_both_ends_are_kept() -> None:
    assert fitted("https://a.example/long/path/4028.html", 19) == "https://a…4028.html"
    assert fitted("漢字漢字漢字", 7) == "漢…漢字"


@DETERMINISTIC
@given(text=texts, cells=st.integers(8, 30))
def test_wrapped_lines_fit_and_lose_nothing(text: str, cells: int) -> None:
    text = printable(text)
    lines = wrapped(text, cells, "  ")
    assert all(width(line) <= cells for line in lines)
    assert "".join("".join(lines).split()) == "".join(text.split())

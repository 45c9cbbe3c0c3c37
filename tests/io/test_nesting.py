"""Pages that would cost a parser too much are told before it sees them, and no others."""

from __future__ import annotations

import random
from collections import Counter
from itertools import islice, product
from pathlib import Path

import pytest
from io_files import read
from test_warc import SENTENCE, answer, record

from dedup.io.nesting import (
    HARMLESS_BYTES,
    MAX_ATTRIBUTES,
    MAX_TAGS,
    excess,
    is_deeper,
    may_be_deeper,
)
from dedup.io.pages import MAX_DEPTH, MAX_PAGE_BYTES, text_of

LETTERS = [bytes([code]) for code in b"abcdefghijklmnopqrstuvwxyz0123456789_-:.,;"]


def test_nesting() -> None:
    assert not is_deeper("<div></div>" * 9 + "<p><br><li>" * 9, 5)
    assert is_deeper("<div>" * 6, 5)
    assert is_deeper("<div></x>" * 6, 5)
    assert not is_deeper("<div>" * 5 + "</div>" * 5, 5)
    assert is_deeper("<div></div>" * 9 + "<div>" * 6, 5)  # at the very end
    assert is_deeper("<Br_>" * 6, 5)  # no tag that holds nothing
    page = ("<div>" * 1_000_000 + SENTENCE).encode()
    text, is_deep = text_of(page, None, "main", is_html=True)
    assert is_deep
    assert text.startswith("The quick")
    below = "<div>" * (MAX_DEPTH - 10) + SENTENCE
    assert not text_of(below.encode(), None, "main", is_html=True)[1]


def test_what_may_be_deeper() -> None:
    """Nothing that is deeper is missed but by end tags that close nothing, in pages of few tags."""
    rng = random.Random(3)
    found = Counter[tuple[bool, bool]]()
    for _ in range(3_000):
        open_tags: list[str] = []
        page = ""
        for _ in range(rng.randrange(30)):
            if open_tags and rng.random() < rng.choice([0.3, 0.5, 0.9]):
                page += f"</{open_tags.pop()}>"
            else:
                name = rng.choice(["div", "B", "a href='/'", "x-y", "p", "br", "!--"])
                page += f"<{name}>" + rng.choice(["", "text", " a < b "])
                if name in ("div", "B", "x-y"):
                    open_tags.append(name)
        is_found = is_deeper(page, 4)
        found[is_found, may_be_deeper(page.encode(), 4)] += 1
    assert found[True, False] == 0 < found[False, False]
    assert found[True, True] > 300
    assert not may_be_deeper(b"<div></x>" * 16, 4)
    assert may_be_deeper(b"<div></x>" * 17, 4)


def told(page: bytes) -> str:
    """Return what a page has too much of when it is large enough for harm."""
    return excess(page + b" " * HARMLESS_BYTES)


def test_what_is_too_much() -> None:
    names = b" ".join(b"a%d" % n for n in range(MAX_ATTRIBUTES))
    assert told(b"<a " + names + b">") == ""
    assert told(b"<a " + names + b" b c>") == "a tag of over 10,000 attributes"
    assert told(b"<a/" + (names + b" b c>").replace(b" ", b"/")) != ""
    values = b"".join(b"a%d='<\"'" % n for n in range(MAX_ATTRIBUTES + 2))
    assert told(b"x<a " + values + b"><p>") != ""
    assert told(b"x<a b\"c '" + values.replace(b"<", b">") + b"><p>") != ""
    assert told(b"<a href='data:" + b"x" * 10**6 + b"'>" + b"word " * 10**5) == ""
    assert told(b"<p>x</p>" * 10**5) == ""
    assert told(b"<" * (MAX_TAGS + 1)) == "over 1,000,000 tags"
    assert told(b"<a \"'" * (MAX_TAGS - 1)) in ("", "a tag of over 10,000 attributes")
    assert MAX_PAGE_BYTES == 64 << 20


def test_a_page_too_small_for_harm_is_parsed_in_seconds(tmp_path: Path) -> None:
    names = (b"".join(letters) for letters in product(LETTERS, repeat=3))
    page = b"<a " + b" ".join(islice(names, HARMLESS_BYTES // 4 - 10)) + b">x</a>"
    assert HARMLESS_BYTES - 100 < len(page) <= HARMLESS_BYTES
    assert excess(page) == ""
    path = tmp_path / "a.warc"
    path.write_bytes(record("response", answer(page), "http://a.org/"))
    assert len(read(path).texts) == 1


@pytest.mark.parametrize("seed", range(12))
def test_tags_of_many_attributes_are_found_wherever_they_lie(seed: int) -> None:
    rng = random.Random(seed)
    value = b"x" * rng.choice([0, 3, 40, 15_000])
    styles = [b"%d", b'b%d="><i>"', b"c%d='\">'", b"d%d=e", b'"%d']
    tag = [rng.choice(styles[: 1 + seed % len(styles)]) % n for n in range(MAX_ATTRIBUTES + 2)]
    for _ in range(3):
        tag.insert(rng.randrange(len(tag)), b'v="' + value + b'"')
    before = b'word\'s <b class="x">' * rng.randrange(2_000) + b"y" * rng.randrange(100)
    whole = b"<A " + b" ".join(tag) + b">"
    assert told(before + whole + b"the end") == "a tag of over 10,000 attributes"
    half = b"<A " + b" ".join(tag[:5_000]) + b">"
    assert told(before + half + b"text" + half) == ""

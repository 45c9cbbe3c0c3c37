"""Folding and the scan beneath it: on random text of few characters, whole and broken."""
# ruff: noqa: RUF001 (letters that look like others are the subject here)

from __future__ import annotations

import random

import numpy as np
import pytest

from dedup.text.hashing import hash_constants
from dedup.text.scan import characters, is_valid, scan
from dedup.text.tokens import token_hashes
from tests import oracles_hashing, reference
from tests.batches import batch_tokens, layout
from tests.text.texts import is_utf8

ALPHABET = (
    *"汉字，。、かカー한국жЖёλςשاäéab ",
    *("\u0301", "\u3099", "\u3000", "𠀀", "👍", "ﬁ", "\u0e33", "น", "\u094d", "क", "\u200d"),
    *("０", "Ａ", "´", "\ufe0f", "…", "\u00a0", "㍿", "㎏", "℃", "ẚ", "\u4dc0", "ㇰ", "ヿ", "ゝ"),
)
BYTES = b"\x80\xbf\xc0\xc3\xd0\xe3\xe4\xe5\xed\xa0\xf0\xf5\xffA"

# Invalid, though each has as many bytes 0x80..0xBF as its other bytes ask for.
BALANCED = {
    "Han cut by the end": b"a\x80\x80" + "汉汉".encode() + b"\xe5",
    "Han cut after two bytes": "汉a".encode() + b"\x80" + "汉".encode() + b"\xe5\x80",
    "Cyrillic cut by the end": "жжж a".encode() + b"\x80" + "жж".encode() + b"\xd0",
    "Hangul cut by the end": "한국어 a".encode() + b"\x80\x80" + "한".encode() + b"\xec",
    "others cut by the end": b"a\x80b\xe2\x82",
    "few cut by the end": b"a\x80b" + b" plain" * 9 + b"\xe2\x82",
    "swapped": "汉a".encode() + b"\xe5a\x80\x80",
}


def random_text(chance: random.Random) -> bytes:
    """Draw text of a few of the characters; half of the texts have bytes changed."""
    pool = chance.sample(ALPHABET, chance.choice([1, 2, 5, 20]))
    raw = bytearray("".join(chance.choices(pool, k=chance.randint(0, 30))).encode())
    for _ in range(chance.choice([0, 0, 1, 2])):
        if raw:
            place = chance.randrange(len(raw))
            change = [b"", bytes([chance.choice(BYTES)])]
            raw[place : place + chance.randint(0, 1)] = chance.choice(change)
    return bytes(raw)


def found_valid(*documents: bytes) -> bool:
    data, offsets = layout(list(documents))
    scans = [scan(data, erase=False), scan(data, erase=True)]
    found = {is_valid(data, offsets, characters(data, scanned.leads), scanned) for scanned in scans}
    assert len(found) == 1
    return found.pop()


@pytest.mark.parametrize("seed", range(8))
def test_random_text_is_valid_and_has_tokens_as_python_says(seed: int) -> None:
    chance = random.Random(seed)
    for _ in range(250):
        documents = [random_text(chance) for _ in range(chance.randint(1, 4))]
        assert found_valid(*documents) is all(map(is_utf8, documents)), documents
        meant = [reference.tokens(raw.decode("utf-8", "replace")) for raw in documents]
        expected = [[oracles_hashing.token_hash(word, 0) for word in words] for words in meant]
        assert batch_tokens(documents) == expected, documents


@pytest.mark.parametrize("raw", BALANCED.values(), ids=BALANCED.keys())
def test_bytes_that_balance_are_not_valid_for_that(raw: bytes) -> None:
    assert not is_utf8(raw)
    assert not found_valid(raw)
    assert not found_valid(b"before", raw)


def test_a_character_of_two_documents_is_not_valid() -> None:
    for char in ("汉", "ж", "한", "ä", "👍", "。", "，"):
        raw = char.encode()
        for plain in (b"", b"plain words " * 9, "汉字".encode() * 9):
            assert found_valid(plain, raw)
            for cut in range(1, len(raw)):
                assert not found_valid(plain + raw[:cut], raw[cut:] + plain)


@pytest.mark.parametrize("first", [0x3000, 0xFF00])
def test_what_stands_among_han_is_as_python_says(first: int) -> None:
    chars = map(chr, range(first, first + 0x100))
    texts = [f"汉字{char}汉字{char}{mark}漢字" for char in chars for mark in "\u0301\u0338\u3099"]
    meant = [reference.tokens(text) for text in texts]
    expected = [[oracles_hashing.token_hash(word, 0) for word in words] for words in meant]
    assert batch_tokens([text.encode() for text in texts]) == expected


def test_commas_and_full_stops_are_passed_over_by_those_who_erase_them() -> None:
    data, _ = layout(["汉字，汉字。かな、汉字！".encode()])
    assert characters(data, scan(data, erase=True).leads).codes.tolist() == [ord("！")]
    named = characters(data, scan(data, erase=False).leads).codes
    assert "".join(map(chr, named)) == "，。、！"


def test_text_of_several_groups_is_as_document_by_document() -> None:
    chance = random.Random(1)
    documents = [random_text(chance) * 500 for _ in range(120)] + [b"plain " * 60_000]
    data, offsets = layout(documents)
    assert len(data) > 1 << 20
    constants = hash_constants(0, 5)
    hashes, bounds, num_invalid = token_hashes(data, offsets, constants)
    singly = [token_hashes(*layout([raw]), constants) for raw in documents]
    np.testing.assert_array_equal(hashes, np.concatenate([part for part, _, _ in singly]))
    assert np.diff(bounds).tolist() == [len(part) for part, _, _ in singly]
    assert num_invalid == sum(invalid for _, _, invalid in singly)

"""Canonical text and classes against the naive definitions, on all of Unicode."""
# ruff: noqa: RUF001 (letters that look like others are the subject here)

import unicodedata
from itertools import pairwise, product

import numpy as np
import pytest
from hypothesis import given

from dedup.text import canonical as module
from dedup.text.canonical import canonical, canonical_utf8
from dedup.text.folding import PADDING, fold, fold_canonical
from dedup.text.unicode import COMPOSE, NUM_CODE_POINTS, REORDER, tables
from dedup.text.utf8 import GROUP_BYTES
from tests import reference
from tests.batches import layout
from tests.text.texts import DETERMINISTIC, batches, is_utf8, texts

CHARACTERS = [chr(code) for code in range(NUM_CODE_POINTS) if not 0xD800 <= code < 0xE000]
# All at once, for speed: nothing merges with what stands before or after byte 0.
CANONICAL = ["\0", *canonical("\0".join(CHARACTERS[1:])).split("\0")]
LOWER = bytes(range(256)).lower()


def canonical_batch(documents):
    """Return the documents' canonical bytes, with ASCII in lower case, and the invalid ones."""
    data, offsets, num_invalid = canonical_utf8(*layout(documents))
    lower = data.tobytes().translate(LOWER)
    bounds = offsets.tolist()
    return [lower[a:b] for a, b in pairwise(bounds)], num_invalid


def cut_places(text):
    """Return where unspaced characters start and end."""
    return np.flatnonzero(np.zeros(0) if text.cuts is None else text.cuts)


def batch_tokens(documents):
    """Return each document's tokens, cut as the edges of the kernels say."""
    data, offsets, _ = canonical_utf8(*layout(documents))
    text = fold_canonical(data, offsets)
    folded, cuts = text.data[:-PADDING], cut_places(text)
    found = []
    for start, stop in pairwise(text.offsets.tolist()):
        inner = cuts[(cuts > start) & (cuts < stop)].tolist()
        edges = [start, *inner, stop]
        pieces = [folded[a:b].tobytes() for a, b in pairwise(edges)]
        found.append([word.decode() for piece in pieces for word in piece.split(b"\0") if word])
    return found


@DETERMINISTIC
@given(texts)
def test_canonical_is_the_definition(text):
    assert canonical(text) == reference.canonical_text(text)


# Marks of all classes, what decomposes into some, and conjoining letters.
MOVING = "\u0301\u0316\u0323\u0327\u0338\u0344\u0345\u0f73\u0f74\u05b4\u3099\u1161\u11a8\uff9e"


@pytest.mark.parametrize("size", [254, 255, 700])
def test_long_rows_of_marks_are_put_in_order(size):
    """In `MOVING`, all may change places, so that nothing ends a row."""
    assert (tables().actions[list(map(ord, MOVING))] >= REORDER).all()
    rng = np.random.default_rng(size)
    for first in ("a", "\u1100", "", "\u0378"):
        row = "".join(rng.choice(list(MOVING), size).tolist())
        text = f"é {first}{row} b{row[:20]}"
        assert canonical(text) == reference.canonical_text(text)
        ordered = module._in_order(text)
        assert (ordered == text) == (size < 255)
        if size >= 255:  # Python has nothing left to sort
            assert unicodedata.normalize("NFKD", ordered) == ordered


@DETERMINISTIC
@given(batches)
def test_a_batch_is_its_documents_one_by_one_whatever_their_bytes(documents):
    expected = [
        reference.canonical_text(raw.decode("utf-8", "replace")).encode() for raw in documents
    ]
    found, num_invalid = canonical_batch(documents)
    assert found == expected
    assert num_invalid == sum(not is_utf8(raw) for raw in documents)


@DETERMINISTIC
@given(batches)
def test_tokens_are_those_of_the_definition(documents):
    expected = [reference.tokens(raw.decode("utf-8", "replace")) for raw in documents]
    assert batch_tokens(documents) == expected


def test_every_code_point_alone():
    found, num_invalid = canonical_batch([char.encode() for char in CHARACTERS])
    assert num_invalid == 0
    assert [
        hex(ord(char))
        for char, expected, form in zip(CHARACTERS, CANONICAL, found, strict=True)
        if form != expected.encode()
    ] == []


def test_every_code_point_between_letters():
    stable = [char for char, form in zip(CHARACTERS, CANONICAL, strict=True) if char == form]
    stable = [char for char in stable if not char.isascii()]
    data, offsets = layout([f"a{char}b".encode() for char in stable])
    text = fold_canonical(data, offsets)
    cuts = set(cut_places(text).tolist())
    bounds, nonzero = offsets.tolist(), (text.data != 0).tolist()
    for char, start, stop in zip(stable, bounds[:-1], bounds[1:], strict=True):
        kind = reference.SPACED if reference.is_mark(char) else reference.class_of(char)
        assert set(nonzero[start + 1 : stop - 1]) == {kind != reference.SEPARATOR}, hex(ord(char))
        forced = [place in cuts for place in (start, start + 1, stop - 1)]
        unspaced = kind == reference.UNSPACED
        assert forced == [False, unspaced, unspaced], hex(ord(char))


def test_every_composing_character_after_every_kind_of_base():
    seconds = [chr(code) for code in np.flatnonzero(tables().actions == COMPOSE)]
    composed = [chr(code) for code in range(0x250) if canonical(chr(code)) == chr(code)]
    bases = [*composed, *map(chr, range(0x900, 0xE00, 3)), *map(chr, range(0x1B00, 0x1B40))]
    bases += [
        "\u0301",
        "\u0316",
        "\u0e49",
        "\u1100",
        "\u1112",
        "\uac00",
        "\uac01",
        "\u3046",
        "\u30ef",
    ]
    documents = [(base + second).encode() for base in bases for second in seconds]
    expected = [canonical(raw.decode()).encode() for raw in documents]
    assert canonical_batch(documents)[0] == expected


@pytest.mark.parametrize(
    "alphabet",
    [
        # Bases, capitals, marks that compose, marks that only move, and what is removed.
        "qeéИͰ\u0306\u0301\u0316\u035f\u0e38\u200d",
        # Bases and vowels that are no marks: Hangul (as compatibility letters too) and Kannada.
        "\u3131\u1100\u1161\uac00\u11a8\u11a7\u0cc6\u0cc2\u0cd5\u200d",
    ],
)
def test_what_merges_and_changes_places_in_every_order(alphabet):
    texts = ["".join(chars) for size in (2, 3, 4) for chars in product(alphabet, repeat=size)]
    expected = [reference.canonical_text(text).encode() for text in texts]
    assert canonical_batch([text.encode() for text in texts]) == (expected, 0)


def test_ascii_comes_back_as_the_same_arrays():
    data, offsets = layout([b"Plain \0", b"", b"TEXT"])
    found = canonical_utf8(data, offsets)
    assert found[0] is data
    assert found[1] is offsets
    assert found[2] == 0


def test_documents_may_stand_anywhere_in_the_data():
    data, offsets = layout([b"\xff\xff", "Ä…".encode(), b"Q", b"\xff"])
    found, bounds, num_invalid = canonical_utf8(data, offsets[1:4])
    assert (found.tobytes(), bounds.tolist(), num_invalid) == ("ä...Q".encode(), [0, 5, 6], 0)


@pytest.mark.parametrize(
    "text",
    [
        "‘Curly’ quotes — and Straße, ÄÖÜ, no\u00a0break, …",
        "人人生而自由，在尊严和权利上一律平等。",
        "すべての人間は、生まれながらにして自由であり、かつ、尊厳と権利とについて平等である。ＡＢＣ",
        "Все люди рождаются свободными и равными",
        "모든 인간은 태어날 때부터",
        "ประเทศไทย น้ำ",
        "हिन्दी में लिखा, क\u093cलम",
        "সমস্ত মানুষ স্বাধীনভাবে",
        "عربي\u200c و\u064e",
        "½ ﬁ ™ №",
        "👩\u200d👧 ❤\ufe0f",
    ],
)
def test_most_documents_never_become_a_string(text, monkeypatch):
    expected = canonical(text).encode()
    monkeypatch.setattr(module, "canonical", lambda _: pytest.fail("not needed here"))
    assert canonical_batch([text.encode()]) == ([expected], 0)


@pytest.mark.parametrize(
    ("raw", "invalid"),
    [
        (b"caf\xc3\xa9", 0),
        (b"caf\xe9", 1),
        (b"\x80", 1),
        (b"\xc3", 1),
        (b"\xe2\x82", 1),
        (b"\xf0\x9f\x98", 1),
        (b"\xc0\x80", 1),
        (b"\xc1\xbf", 1),
        (b"\xe0\x9f\xbf", 1),
        (b"\xf0\x8f\xbf\xbf", 1),
        (b"\xf4\x90\x80\x80", 1),
        (b"\xf5\x80\x80\x80", 1),
        (b"\xed\xa0\x80\xed\xb0\x80", 1),
        (b"\xed\x9f\xbf\xee\x80\x80", 0),
        (b"\xff\xfe", 1),
        (b"\xf0\x90\x80\x80\xf4\x8f\xbf\xbf", 0),
    ],
)
def test_invalid_utf8_becomes_replacement_characters(raw, invalid):
    good = "gut…".encode()
    found, num_invalid = canonical_batch([good, raw, good])
    assert found == [b"gut...", canonical(raw.decode("utf-8", "replace")).encode(), b"gut..."]
    assert num_invalid == invalid


def test_a_character_cut_by_the_end_of_its_document_spoils_both_parts():
    assert canonical_batch([b"\xe2\x82", b"\xac", b"", b"ok"]) == (
        ["\ufffd".encode(), "\ufffd".encode(), b"", b"ok"],
        2,
    )


def test_code_points_younger_than_14_stay_whatever_python_knows_of_them():
    # A modifier letter, a mark below, capitals and a composing vowel of Unicode 15 and 16.
    young = "\U0001e030e\U00010efd\u0301\ua7cb\U00011382\U000113c9"
    assert canonical("É" + young) == "é" + young
    assert canonical_batch([young.encode()]) == ([young.encode()], 0)
    assert batch_tokens(["ab\U0001e030cd".encode()]) == [["ab", "cd"]]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Soft\u00adhyphen", ["softhyphen"]),
        ("ΟΔΥΣΣΕΥΣ ς", ["οδυσσευσ", "σ"]),
        ("İ", ["i\u0307"]),
        ("汉字kanji漢字", ["汉", "字", "kanji", "漢", "字"]),
        ("ラーメン", list("ラーメン")),
        ("น้ำ", ["น", "้", "\u0e4d", "า"]),
        ("e\u0301a\u0e31", ["éa\u0e31"]),
        ("汉\ufe00\u0301字", ["汉", "\ufe00", "\u0301", "字"]),
        ("\u0301a", ["\u0301a"]),
        (" \u0e31\u0316x", ["\u0e31", "\u0316", "x"]),
        ("❤\ufe0f", ["\ufe0f"]),
        ("हिन्दी", ["हिन्दी"]),
        ("䷀汉", ["汉"]),
        ("a\0b", ["a", "b"]),
        ("½", ["1", "2"]),
        ("👩\u200d👧", []),
    ],
)
def test_tokens_by_hand(text, expected):
    assert reference.tokens(text) == expected
    assert batch_tokens([text.encode()]) == [expected]


def test_no_mark_has_its_base_in_another_document():
    documents = ["汉", "\u0301a", "a", "\u0e31", "\u0316b", "汉\ufe00", "\u0301c"]
    assert batch_tokens([document.encode() for document in documents]) == [
        *(["汉"], ["\u0301a"], ["a"], ["\u0e31"], ["\u0316b"], ["汉", "\ufe00"], ["\u0301c"])
    ]


@pytest.mark.parametrize(
    "char", ["ä", "Ä", "汉", "，", "ท", "ก\u0e49", "é", "🙂", "\xa0", "½", "e\u0301"]
)
def test_documents_longer_than_a_group(char):
    document = char * (GROUP_BYTES // len(char.encode()) + 3)
    batch = [document.encode(), b"x", document.encode(), "汉".encode()]
    expected = canonical(document).encode()
    assert canonical_batch(batch) == ([expected, b"x", expected, "汉".encode()], 0)
    whole = reference.tokens(char * 3)
    counts = [len(tokens) for tokens in batch_tokens(batch)]
    assert counts[0] == counts[2] == (1 if len(whole) == 1 else len(reference.tokens(document)))


def test_cuts_are_distinct_where_groups_meet():
    document = ("汉" * (GROUP_BYTES // 3 + 1)).encode()
    data, offsets = layout([document, document])
    for text in (fold(data, offsets), fold_canonical(data, offsets)):
        assert cut_places(text).tolist() == list(range(0, len(data) + 1, 3))


def test_text_without_anything_to_cut():
    for documents in ([], [b""], [b"", b""], ["ä".encode()]):
        data, offsets = layout(documents)
        assert fold(data, offsets).cuts is None
        assert fold_canonical(data, offsets).cuts is None

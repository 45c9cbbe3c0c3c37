"""Options of text against their definitions: alone, together, and blind to neighbours."""
# ruff: noqa: RUF001 (letters that look like others are the subject here)

from __future__ import annotations

import unicodedata
from itertools import pairwise, product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dedup.text import unicode
from dedup.text.hashing import hash_constants
from dedup.text.options import DEFAULT, TextOptions, without_accents
from dedup.text.tokens import token_hashes
from dedup.text.unicode import NUM_CODE_POINTS, tables, traits
from tests import oracles_hashing, reference
from tests.batches import layout, mixed_texts
from tests.text.texts import batches, texts

ON_AND_OFF = (False, True)
ALL = [
    reference.Options(*chosen)
    for chosen in product(ON_AND_OFF, ON_AND_OFF, ON_AND_OFF, ("word", "char"))
]

# Beyond the usual texts: what the options look at, at every place of a document.
HARD = (
    *(
        "don't",
        "U.S.A.",
        "a--b",
        "a -b",
        "a- b",
        "and/or",
        "x\0y",
        "x\x7fy",
        "x\u0085y",
        "x\u0090y",
    ),
    *(
        "x\u200by",
        "x\u2028y",
        "x\u2029y",
        "x\u1680y",
        "x\u00a0y",
        "x\u3000y",
        "x\u2003y",
        "x’y",
        "x…y",
    ),
    *("汉.汉", "汉.\u0301a", "a.\u0301", "\u0301.a", "😀a😀b", "ก.า", "한.국", "."),
    *("café", "cafe\u0301", "Å", "й", "が", "ｶﾞ", "กำ้า", "\u1100\u0301\u1161", "e\u0316\u0301"),
    *("กั", "कि", "ที่", "العَرَبِيَّة", "ǰ", "\u01f0", "\u0344", "\U0001e030\u0301", "ö\U00010efdo"),
    *("1999", "٣٤", "๑๒๓", "０１", "²", "①", "𝟘", "𑁦", "߀", "꘠", "๑", "1.5", "1,000", "\u0be6"),
    *("က\u1037", "a\u20dd", "\u0e31", "\u0488", "\ufe0f", "❤\ufe0f", "\u302e", "가\u302e\u0301"),
)
hard_texts = st.lists(
    st.one_of(st.sampled_from(HARD), texts, st.sampled_from(["", " ", ".", "a", "Z", "é"])),
    max_size=6,
).map("".join)
options_of = st.sampled_from(ALL)


def option_tokens(documents: list[bytes], options: reference.Options) -> list[list[int]]:
    """Return the token hashes of each document of one batch."""
    hashes, bounds, _ = token_hashes(
        *layout(documents), hash_constants(0, 1), TextOptions(*options)
    )
    assert len(bounds) == len(documents) + 1
    assert (bounds[0], bounds[-1]) == (0, len(hashes))
    values = hashes.tolist()
    return [values[a:b] for a, b in pairwise(bounds.tolist())]


def meant_tokens(documents: list[bytes], options: reference.Options) -> list[list[int]]:
    return [
        [
            oracles_hashing.token_hash(token, 0)
            for token in reference.tokens(raw.decode("utf-8", "replace"), options)
        ]
        for raw in documents
    ]


def test_the_options_are_those_of_the_definition() -> None:
    assert tuple(vars(DEFAULT).items()) == tuple(reference.NO_OPTIONS._asdict().items())
    assert len(ALL) == 16


@pytest.mark.parametrize("options", ALL, ids=str)
@given(st.lists(hard_texts.map(str.encode), max_size=5))
@settings(max_examples=60)
def test_tokens_are_those_of_the_definition(
    options: reference.Options, documents: list[bytes]
) -> None:
    assert option_tokens(documents, options) == meant_tokens(documents, options)


@given(batches, options_of)
@settings(max_examples=200)
def test_tokens_of_any_bytes_are_those_of_the_definition(
    documents: list[bytes], options: reference.Options
) -> None:
    assert option_tokens(documents, options) == meant_tokens(documents, options)


@pytest.mark.parametrize("options", ALL, ids=str)
def test_every_hard_text_between_all_others(options: reference.Options) -> None:
    documents = [
        text.encode()
        for word in HARD
        for text in (word, f"a{word}", f"{word}a", f"é {word} 汉", f"{word}{word}")
    ]
    together = option_tokens(documents, options)
    assert together == meant_tokens(documents, options)
    assert together[::-1] == option_tokens(documents[::-1], options)
    for document, found in zip(documents, together, strict=True):
        assert option_tokens([document], options) == [found]


@pytest.mark.parametrize("options", ALL, ids=str)
@pytest.mark.parametrize("size", [1, 7, 100])
def test_tokens_do_not_depend_on_the_batch(options: reference.Options, size: int) -> None:
    documents = [text.encode() for text in mixed_texts(120, seed=4)]
    together = option_tokens(documents, options)
    parts = [
        option_tokens(documents[at : at + size], options) for at in range(0, len(documents), size)
    ]
    assert [hashes for part in parts for hashes in part] == together


def test_offsets_may_start_inside_the_data() -> None:
    documents = [text.encode() for text in mixed_texts(40, seed=5)]
    ascii_only = [b"Don't 12", b"U.S.A. 3", b"a-b 45"]
    for options in ALL:
        for each in (documents, ascii_only):
            data, offsets = layout(each)
            constants = hash_constants(0, 1)
            whole, bounds, _ = token_hashes(data, offsets, constants, TextOptions(*options))
            part, part_bounds, _ = token_hashes(data, offsets[2:], constants, TextOptions(*options))
            np.testing.assert_array_equal(part, whole[bounds[2] :])
            np.testing.assert_array_equal(part_bounds, bounds[2:] - bounds[2])


@pytest.mark.parametrize(
    ("options", "text", "expected"),
    [
        ({"strip_accents": True}, "Café Ångström и́й が", ["cafe", "angstrom", "ии", "か"]),
        ({"strip_accents": True}, "straße ł ø 한국어", ["straße", "ł", "ø", "한국어"]),
        ({"join_words": True}, "Don't U.S.A. well-known", ["dont", "usa", "wellknown"]),
        ({"join_words": True}, "end. Next (and) 'so'", ["end", "next", "and", "so"]),
        ({"join_words": True}, "你好，世界", ["你", "好", "世", "界"]),
        ({"fold_digits": True}, "10 May 1999, x2", ["00", "may", "0000", "x0"]),
        ({"fold_digits": True}, "٣٤ ２０ x²", ["00", "00", "x0"]),
        ({"unit": "char"}, "  A b--c! ", ["a", " ", "b", " ", "c"]),
        ({"unit": "char"}, "...", []),
        ({"unit": "char", "join_words": True}, "U.S.A", ["u", "s", "a"]),
    ],
)
def test_examples(options: dict[str, object], text: str, expected: list[str]) -> None:
    meant = reference.Options(**options)  # type: ignore[arg-type]
    assert reference.tokens(text, meant) == expected
    assert option_tokens([text.encode()], meant) == meant_tokens([text.encode()], meant)


@given(texts)
def test_the_text_without_accents_is_that_of_the_definition(text: str) -> None:
    canonical = reference.canonical_text(text)
    assert without_accents(canonical) == reference.without_accents(canonical)


def test_the_input_is_not_written_to() -> None:
    for text in ("Don't 12", "Größe 汉.字 ٣ x’y"):
        data, offsets = layout([text.encode()])
        data.flags.writeable = False
        before = data.tobytes()
        for options in ALL:
            token_hashes(data, offsets, hash_constants(0, 1), TextOptions(*options))
        assert data.tobytes() == before


def test_traits_are_those_of_the_definition() -> None:
    assigned = tables().assigned.tolist()
    meant = []
    for code in range(NUM_CODE_POINTS):
        char = chr(code)
        category = unicodedata.category(char) if assigned[code] else "Cn"
        if category == "Nd":
            meant.append(unicode.DIGIT)
        elif category == "Mn":
            meant.append(unicode.NONSPACING)
        else:
            parts = unicodedata.normalize("NFD", char) if assigned[code] else char
            has_mark = any(unicodedata.category(part) == "Mn" for part in parts)
            meant.append(unicode.ACCENTED if has_mark and assigned[code] else unicode.PLAIN)
    assert traits().tolist() == meant


def test_traits_are_loaded_only_for_the_options() -> None:
    traits.cache_clear()
    token_hashes(*layout(["é 汉字 ١".encode()]), hash_constants(0, 1))
    assert traits.cache_info().currsize == 0

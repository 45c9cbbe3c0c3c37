"""Text in which canonicalisation and classes are hard: Hypothesis strategies, and what is valid."""
# ruff: noqa: RUF001 (letters that look like others are the subject here)

from __future__ import annotations

from hypothesis import settings
from hypothesis import strategies as st

DETERMINISTIC = settings(derandomize=True, deadline=None, max_examples=400, database=None)

WORDS = (
    *("word", "Straße", "ÄÖÜ", "İstanbul", "ΟΔΥΣΣΕΥΣ", "ﬁn", "ＡＢＣ１２", "x_1", "naïve"),
    *("汉字", "人人生而自由，", "㍿", "カタカナー", "ｶﾞｷﾞ", "ひらがな", "ラーメン"),
    *("ประเทศไทยน้ำ", "ລາວ", "ភាសាខ្មែរ", "မြန်မာဘာသာ"),
    *("हिन्दी", "क\u093cलम", "সমস্ত মানুষ", "தமிழ்", "한국어", "ㅋㅋㅠㅠ"),
    *("العَرَبِيَّة", "עִבְרִית"),
    *("👩\u200d👩\u200d👧", "❤\ufe0f", "1\ufe0f\u20e3", "🇩🇪", "👍🏽"),
    *("‘quoted’", "no\u00a0break", "½", "´", "™", "…"),
)
# Marks of every kind, what composes, what is removed, separators, code points that are younger than
# Unicode 14.0 (with marks and capitals among them), and the last ones of all planes.
CHARACTERS = (
    "aAeEIjJ oOuU_09.\0\n\u0085\u00a0\u2028\u3000\ufffd"
    "\u0300\u0301\u0302\u0308\u030c\u0316\u0323\u0327\u0338\u0342\u0345\u0488\u05b4\u064b\u0653"
    "\u093c\u094d\u09be\u0bbe\u0cd5\u0e31\u0e33\u0e49\u0eb3\u102e\u1039\u17d2\u302a\u3099\u309a\u20dd"
    "\u1100\u1161\u11a8\uac00\ud7a3\u3131\u3160\uff9e\uff9f\ufe0f\U000e0100\U000e0020"
    "\u00ad\u200c\u200d\ufeff\u200b\u2060\u0130\u0131\u1e9e\u017f\u03c2\u03a3\u2126\u212a\u1fb3"
    "\u00e9\u00c9\u1ebf\u0958\u09dc\u0340\u0344\u0387\u2000\u4dc0\u4e00\u9fff\u3400\U00020000\U0002f800"
    "\U0001e030\U00010efd\U00011f02\U00011f41\U0001e4ec\U000105c9\u0378\U0002ebf0\ua7cb"
    "\ue000\uffff\U0001ffff\U000f0000\U0010ffff"
)

any_character = st.one_of(
    st.sampled_from(CHARACTERS),
    st.integers(0, 0x10FFFF - 0x800).map(lambda n: chr(n if n < 0xD800 else n + 0x800)),
    st.integers(0, 0x3FFF).map(chr),
    st.integers(0, 0x7F).map(chr),
)
texts = st.lists(st.one_of(any_character, st.sampled_from(WORDS)), max_size=12).map("".join)


@st.composite
def broken_utf8(draw: st.DrawFn) -> bytes:
    """Draw UTF-8 with bytes cut off, changed or put in (also encoded surrogates)."""
    raw = bytearray(draw(texts).encode())
    for _ in range(draw(st.integers(0, 3))):
        place = draw(st.integers(0, len(raw)))
        inserted = st.sampled_from([b"\xed\xa0\x80", b"\xc0\xaf", b"\xf4\x90\x80\x80", b"\xe2\x80"])
        raw[place : place + draw(st.integers(0, 2))] = draw(
            st.one_of(inserted, st.binary(max_size=2))
        )
    return bytes(raw)


batches = st.lists(st.one_of(texts.map(str.encode), broken_utf8()), max_size=6)


def is_utf8(raw: bytes) -> bool:
    try:
        raw.decode()
    except UnicodeDecodeError:
        return False
    return True

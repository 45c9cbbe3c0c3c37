"""Documents as the kernels take them, and texts in which tokens are hard."""

from __future__ import annotations

import random
from collections.abc import Sequence
from itertools import pairwise

import numpy as np

from dedup.text.hashing import HASH_BITS, Int64Array, UInt8Array, hash_constants
from dedup.text.shingles import HASH_MASK, MAX_SLOTS, shingle_sets
from dedup.text.tokens import token_hashes

WORDS = (
    *("a", "Be", "the", "eighteen", "exactly8", "nineBytes", "snake_case", "x1", "007"),
    *("Straße", "GRÜßE", "Äpfel", "Donaudampfschifffahrtsgesellschaftskapitän"),
    *("ΟΔΥΣΣΕΥΣ", "λόγος", "αβγδεζηθ", "Ἀθῆναι"),
    *("人人生而自由", "汉字", "重复数据", "ประเทศไทย", "น้ำ", "ラーメン", "ひらがな"),
    *("한국어", "العَرَبِيَّة", "हिन्दी", "ﬁn", "½", "e\u0301te\u0301"),
    *("👩\u200d👩\u200d👧", "👍🏽", "🇩🇪", "\0", "a\0b", "soft\u00adhyphen", "\u3000", "…"),
    *("w" * 8, "v" * 9, "u" * 63, "t" * 64, "s" * 65, "r" * 1000, "q" * 1001),
    *("ü" * 4, "ü" * 5, "ö" * 32, "ö" * 33, "ä" * 600, "한" * 25),
)
BREAKS = (" ", " ", " ", " ", "\n", ", ", "-", "\t", "\0", "\u00a0", "", "。")


def mixed_text(num_words: int, seed: int) -> str:
    """Return words of many scripts and lengths, joined in many ways."""
    chooser = random.Random(seed)
    return "".join(chooser.choice(WORDS) + chooser.choice(BREAKS) for _ in range(num_words))


def mixed_texts(num_documents: int, seed: int = 0) -> list[str]:
    """Return documents of 0 to 40 words; some share their beginning with the one before."""
    chooser = random.Random(seed)
    found: list[str] = []
    for number in range(num_documents):
        fresh = mixed_text(chooser.choice((0, 1, 2, 4, 5, 6, 12, 40)), 1000 * seed + number)
        shares = bool(found) and chooser.random() < 0.4
        found.append(found[-1][: len(found[-1]) * 3 // 4] + " " + fresh if shares else fresh)
    return found


def layout(documents: Sequence[bytes]) -> tuple[UInt8Array, Int64Array]:
    """Return the bytes of all documents and their offsets."""
    offsets = np.cumsum([0, *map(len, documents)], dtype=np.int64)
    return np.frombuffer(b"".join(documents), np.uint8), offsets


def batch_tokens(documents: Sequence[bytes], seed: int = 0) -> list[list[int]]:
    """Return the token hashes of each document of one batch."""
    hashes, bounds, _ = token_hashes(*layout(documents), hash_constants(seed, 1))
    assert hashes.dtype == np.uint64
    assert len(bounds) == len(documents) + 1
    assert bounds[0] == 0
    assert bounds[-1] == len(hashes)
    values = hashes.tolist()
    return [values[a:b] for a, b in pairwise(bounds.tolist())]


def batch_sets(
    documents: Sequence[bytes], ngram: int = 5, seed: int = 0, batch_documents: int = MAX_SLOTS
) -> list[list[int]]:
    """Return the shingle set of each document, as ascending hashes."""
    constants = hash_constants(seed, ngram)
    found: list[list[int]] = []
    for first in range(0, len(documents), batch_documents):
        batch = documents[first : first + batch_documents]
        hashes, bounds, _ = token_hashes(*layout(batch), constants)
        composite = shingle_sets(hashes, bounds, constants)
        assert (composite[1:] > composite[:-1]).all()
        slots = np.arange(len(batch) + 1, dtype=np.uint64) << np.uint64(HASH_BITS)
        edges = np.searchsorted(composite, slots).tolist()
        assert edges[-1] == len(composite)
        values = (composite & HASH_MASK).tolist()
        found += [values[a:b] for a, b in pairwise(edges)]
    return found

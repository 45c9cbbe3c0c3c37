"""Shingle sets: sizes and Jaccard of the oracle, exactly; golden hashes; no collisions."""

from __future__ import annotations

import random
from fractions import Fraction
from itertools import combinations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dedup.text.hashing import HASH_BITS, HASH_VERSION, UInt64Array, hash_constants
from dedup.text.shingles import MAX_SLOTS, distinct, shingle_hashes, shingle_sets
from dedup.text.tokens import token_hashes
from tests import reference
from tests.batches import batch_sets, layout, mixed_text, mixed_texts
from tests.oracles_hashing import shingle_hash
from tests.text.texts import texts

# Hash version 1, seed 0: whoever changes these must raise HASH_VERSION.
GOLDEN = {
    ("The quick brown fox jumps over the lazy dog.", 5): [
        *(0x318E81C5E6DD2, 0x61AF3614FFA55, 0x8B0FF5611FE4D, 0x96A0545D17E0D, 0xF10E68D096EA1),
    ],
    ("The quick brown fox", 5): [0x79F2E9667A2],
    ("Straße ΟΔΥΣΣΕΥΣ 人人生而自由 ประเทศไทย", 3): [
        *(0x157D727C9CD8E, 0x356900FED1ED8, 0x35B8C45B85C7C, 0x3E2E1C0997D71, 0x444EC01D39521),
        *(0x4F97722B89708, 0x56744E8DBE54B, 0x5A90C3743B5E1, 0x66469F94BC3D9, 0xA9BBD206DAE12),
        *(0xC9C80546C9788, 0xE5523470B0093, 0xEC6EEE8C0915D, 0xEC916F16097EE, 0xF9AD6351F20F6),
    ],
    ("a", 1): [0xDA4E9145BEDB],
    ("x" * 100 + " " + "é" * 20, 2): [0x72C9AFA07176A],
}


@pytest.fixture(scope="module")
def corpus() -> list[str]:
    return mixed_texts(300, seed=1)


def encoded(documents: list[str]) -> list[bytes]:
    return [document.encode() for document in documents]


def jaccard(left: list[int], right: list[int]) -> Fraction:
    return reference.jaccard(set(left), set(right))  # type: ignore[arg-type]


@pytest.mark.parametrize("width", [1, 2, 5, 7])
def test_sizes_and_jaccard_are_the_oracles(corpus: list[str], width: int) -> None:
    meant = [reference.shingles(text, width) for text in corpus]
    found = batch_sets(encoded(corpus), width)
    assert [len(hashes) for hashes in found] == [len(shingles) for shingles in meant]
    partial = 0
    for left, right in combinations(range(len(corpus)), 2):
        expected = reference.jaccard(meant[left], meant[right])
        assert jaccard(found[left], found[right]) == expected
        partial += 0 < expected < 1
    assert partial > 50


def test_shingles_are_equal_exactly_where_their_hashes_are(corpus: list[str]) -> None:
    meant = set.union(*(reference.shingles(text, 5) for text in corpus))
    found = {value for hashes in batch_sets(encoded(corpus)) for value in hashes}
    assert found == {shingle_hash(shingle, 5, 0) for shingle in meant}
    assert len(found) == len(meant) > 2000


@given(st.lists(texts, max_size=5), st.integers(1, 7))
def test_sets_of_any_batch_are_those_of_the_definition(documents: list[str], width: int) -> None:
    expected = [
        sorted(shingle_hash(shingle, width, 0) for shingle in reference.shingles(text, width))
        for text in documents
    ]
    assert batch_sets(encoded(documents), width) == expected


@pytest.mark.parametrize("width", range(1, 8))
def test_documents_of_0_to_w_tokens_have_one_shingle_of_their_own(width: int) -> None:
    words = [f"word{number}" for number in range(width + 1)]
    documents = [" ".join(words[:count]) for count in range(width + 2)]
    found = batch_sets(encoded(documents), width)
    assert [len(hashes) for hashes in found] == [0, *[1] * width, 2]
    # No two lengths share a shingle, but the last holds the one of exactly w tokens.
    assert len({hashes[0] for hashes in found[1 : width + 1]}) == width
    assert found[width][0] in found[width + 1]
    for count, hashes in enumerate(found[1 : width + 1], start=1):
        assert hashes == [shingle_hash(words[:count], width, 0)]
    # The same between documents of any length, in any order.
    for left, right in ((0, -1), (1, width + 1), (width, 0), (width + 1, 1)):
        around = [documents[left], *documents, documents[right]]
        assert batch_sets(encoded(around), width)[1:-1] == found
        assert batch_sets(encoded(around[::-1]), width)[1:-1] == found[::-1]


def test_order_and_place_of_the_tokens_count() -> None:
    documents = ["a b c", "a c b", "b a c", "c b a", "a b", "b a", "a a", "a", "a a a", "a a b"]
    found = batch_sets(encoded(documents), 5)
    assert len({hashes[0] for hashes in found}) == len(documents)


@pytest.mark.parametrize("size", [1, 7, 100])
def test_sets_do_not_depend_on_the_batch(corpus: list[str], size: int) -> None:
    documents = encoded(corpus)
    assert batch_sets(documents, batch_documents=size) == batch_sets(documents)


def test_sets_do_not_depend_on_neighbours(corpus: list[str]) -> None:
    documents = encoded(corpus)
    together = batch_sets(documents)
    order = list(range(len(documents)))
    random.Random(2).shuffle(order)
    assert batch_sets([documents[at] for at in order]) == [together[at] for at in order]
    huge = mixed_text(60_000, seed=3).encode()
    assert len(huge) > 1_000_000
    assert batch_sets([huge, *documents])[1:] == together
    assert batch_sets([*documents, huge])[:-1] == together


def test_a_full_batch_keeps_its_last_slot_apart_from_what_is_dropped() -> None:
    documents = [b"one two three four five six"] * MAX_SLOTS
    found = batch_sets(documents)
    assert len(found) == MAX_SLOTS == 4095
    assert found[0] == found[-1]
    assert all(len(hashes) == 2 for hashes in found)


@given(st.lists(st.lists(st.integers(0, (1 << 64) - 1), max_size=9), max_size=6), st.integers(1, 7))
def test_hashes_are_below_2_to_the_52_for_any_tokens(words: list[list[int]], width: int) -> None:
    tokens = np.array([word for document in words for word in document], np.uint64)
    bounds = np.cumsum([0, *map(len, words)])
    hashes, dropped = shingle_hashes(tokens, bounds, hash_constants(0, width))
    assert len(hashes) == len(tokens)
    assert not (hashes >> np.uint64(HASH_BITS)).any()
    assert (np.diff(dropped) > 0).all()
    kept = len(tokens) - len(dropped)
    assert kept == sum(max(len(word) - width + 1, min(len(word), 1)) for word in words)


def test_hashes_use_all_52_bits_evenly() -> None:
    text = " ".join(map(str, range(20_000))).encode()
    hashes = np.array(batch_sets([text])[0], np.uint64)
    bits = (hashes[:, None] >> np.arange(HASH_BITS, dtype=np.uint64)) & np.uint64(1)
    share = bits.mean(axis=0)
    # 4 standard errors of a fair coin; a bit that is not is off by far more.
    assert abs(share - 0.5).max() < 4 * 0.5 / np.sqrt(len(hashes))


def test_another_seed_gives_other_hashes(corpus: list[str]) -> None:
    documents = encoded(corpus)
    versions = [batch_sets(documents, 5, seed) for seed in (0, 1, (1 << 64) - 1)]
    found = [{value for hashes in version for value in hashes} for version in versions]
    for left, right in combinations(found, 2):
        assert not left & right
        assert len(left) == len(right)


def test_another_width_gives_other_hashes() -> None:
    text = " ".join(f"word{number}" for number in range(1000)).encode()
    found = [set(batch_sets([text], width)[0]) for width in range(1, 8)]
    assert len(set.union(*found)) == sum(map(len, found))


@pytest.mark.parametrize(("text", "width"), GOLDEN)
def test_golden_hashes(text: str, width: int) -> None:
    assert HASH_VERSION == 1
    assert batch_sets([text.encode()], width) == [GOLDEN[text, width]]


@pytest.mark.parametrize("values", [[], [3], [3, 3], [1, 2, 2, 5, 5, 5, 9]])
def test_distinct(values: list[int]) -> None:
    assert distinct(np.array(values, np.uint64)).tolist() == sorted(set(values))


def vocabulary_hashes(words: list[str]) -> UInt64Array:
    """Return the token hashes of distinct words."""
    hashes, bounds, _ = token_hashes(*layout([" ".join(words).encode()]), hash_constants(0, 5))
    assert bounds[1] == len(words)
    return hashes


def all_tuples(words: list[str], width: int) -> UInt64Array:
    """Return the shingle hashes of all tuples of `width` of the words."""
    places = np.indices((len(words),) * width).reshape(width, -1).T
    tokens = vocabulary_hashes(words)[places].ravel()
    bounds = np.arange(len(places) + 1) * width
    hashes, dropped = shingle_hashes(tokens, bounds, hash_constants(0, width))
    hashes = np.delete(hashes, dropped)
    assert len(hashes) == len(places)
    return hashes


def test_two_million_structured_shingles_do_not_collide() -> None:
    """Expected of ideal 52-bit hashes: 0.0009 collisions among all of these."""
    counting = " ".join(map(str, range(900_000))).encode()
    hashes, bounds, _ = token_hashes(*layout([counting]), hash_constants(0, 5))
    constants = hash_constants(0, 5)
    found = [shingle_sets(hashes, bounds, constants)]
    assert len(found[0]) == 900_000 - 4
    # Few distinct words: all 5-tuples of 15 letters, all 20-tuples of two words.
    found.append(all_tuples(list("abcdefghijklmno"), 5))
    found.append(all_tuples(["yes", "no"], 20))
    # A table's rows: only a number in them differs.
    rows = [f"row {number} of the table" for number in range(100_000)]
    rows_hashes, rows_bounds, _ = token_hashes(*layout(encoded(rows)), constants)
    row_shingles, dropped = shingle_hashes(rows_hashes, rows_bounds, constants)
    found.append(np.delete(row_shingles, dropped))
    everything = np.concatenate(found)
    assert len(everything) == 899_996 + 15**5 + 2**20 + 100_000 > 2_000_000
    everything.sort()
    assert len(distinct(everything)) == len(everything)

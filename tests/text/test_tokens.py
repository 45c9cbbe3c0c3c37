"""Token hashes: against the naive tokens, and blind to neighbours and batches."""

from __future__ import annotations

import random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dedup.text.hashing import hash_constants
from dedup.text.tokens import token_hashes
from tests import oracles_hashing, reference
from tests.batches import WORDS, batch_tokens, layout, mixed_text, mixed_texts
from tests.text.texts import batches, texts

# Lengths around the ends of 8-byte words, of the last word hashed by words, and far beyond.
LENGTHS = (1, 2, 7, 8, 9, 15, 16, 17, 55, 56, 57, 63, 64, 65, 66, 71, 72, 73, 999, 1000, 1001, 5000)


@pytest.fixture(scope="module")
def corpus() -> list[str]:
    return mixed_texts(400)


@pytest.fixture(scope="module")
def corpus_tokens(corpus: list[str]) -> list[list[str]]:
    return [reference.tokens(text) for text in corpus]


def encoded(documents: list[str]) -> list[bytes]:
    return [document.encode() for document in documents]


def test_every_document_has_the_tokens_of_the_definition(
    corpus: list[str], corpus_tokens: list[list[str]]
) -> None:
    found = batch_tokens(encoded(corpus))
    assert [len(hashes) for hashes in found] == [len(words) for words in corpus_tokens]
    assert sum(map(len, found)) > 4000


def test_tokens_are_equal_exactly_where_their_hashes_are(
    corpus: list[str], corpus_tokens: list[list[str]]
) -> None:
    meant = [word for words in corpus_tokens for word in words]
    hashes = [value for values in batch_tokens(encoded(corpus)) for value in values]
    both = set(zip(meant, hashes, strict=True))
    assert len(both) == len(set(meant)) == len(set(hashes))
    assert len(both) > 100


@given(batches)
@settings(max_examples=200)
def test_tokens_of_any_bytes_are_those_of_the_definition(documents: list[bytes]) -> None:
    meant = [reference.tokens(raw.decode("utf-8", "replace")) for raw in documents]
    found = batch_tokens(documents)
    assert found == [[oracles_hashing.token_hash(word, 0) for word in words] for words in meant]


@pytest.mark.parametrize("letter", ["a", "_", "ü", "λ", "한", "𐐨"])
@pytest.mark.parametrize("seed", [0, 12345])
def test_tokens_of_all_lengths_hash_like_python_integers(letter: str, seed: int) -> None:
    words = [letter * length for length in LENGTHS]
    expected = [oracles_hashing.token_hash(word, seed) for word in words]
    assert batch_tokens([" ".join(words).encode()], seed) == [expected]
    # Each at the very end of the data, where the last 8 bytes reach beyond it.
    assert batch_tokens(encoded(words), seed) == [[value] for value in expected]
    for word, value in zip(words, expected, strict=True):
        assert batch_tokens([word.encode()], seed) == [[value]]


def test_long_tokens_differ_by_any_of_their_bytes() -> None:
    for length in LENGTHS:
        places = {0, 7, 8, length // 2, length - 9, length - 8, length - 1}
        words = ["a" * length, "a" * (length + 1)]
        words += ["a" * at + "b" + "a" * (length - at - 1) for at in places if 0 <= at < length]
        (hashes,) = batch_tokens([" ".join(words).encode()])
        assert len(set(hashes)) == len(set(words)) == len(hashes)


def test_what_follows_a_token_does_not_matter() -> None:
    word = "exactly_"
    for size in range(1, len(word) + 1):
        part = word[:size]
        (alone,) = batch_tokens([part.encode()])
        for follower in (" ", ".", "!x", " zzzzzzzz", "\u3000", "\n\n\n", "汉", "。\xff"):
            (found,) = batch_tokens([(part + follower).encode()])
            assert found[0] == alone[0]


@pytest.mark.parametrize("size", [1, 7, 100])
def test_tokens_do_not_depend_on_the_batch(corpus: list[str], size: int) -> None:
    documents = encoded(corpus)
    together = batch_tokens(documents)
    parts = [batch_tokens(documents[at : at + size]) for at in range(0, len(documents), size)]
    assert [hashes for part in parts for hashes in part] == together


def test_tokens_do_not_depend_on_neighbours(corpus: list[str]) -> None:
    documents = encoded(corpus)
    together = batch_tokens(documents)
    order = list(range(len(documents)))
    random.Random(1).shuffle(order)
    shuffled = batch_tokens([documents[place] for place in order])
    assert shuffled == [together[place] for place in order]
    huge = mixed_text(60_000, seed=1).encode()
    assert len(huge) > 1_000_000
    after_huge = batch_tokens([huge, *documents, huge])
    assert after_huge[1:-1] == together
    assert after_huge[0] == after_huge[-1]


@given(st.lists(texts, max_size=5), texts, texts)
def test_a_document_between_any_others_keeps_its_tokens(
    before: list[str], middle: str, after: str
) -> None:
    alone = batch_tokens([middle.encode()])
    assert batch_tokens(encoded([*before, middle, after]))[-2:-1] == alone


def test_a_word_cut_by_the_end_of_a_document_is_two_words() -> None:
    word = "straßenbahn汉字ประเทศไทย한국어".encode()
    for cut in range(len(word) + 1):
        halves = [word[:cut], word[cut:]]
        meant = [reference.tokens(half.decode("utf-8", "replace")) for half in halves]
        expected = [[oracles_hashing.token_hash(token, 0) for token in half] for half in meant]
        assert batch_tokens(halves) == expected


def test_empty_documents_may_stand_anywhere() -> None:
    found = batch_tokens([b"", b"", b"one two", b"", b"", b"three", b"!", b""])
    assert [len(hashes) for hashes in found] == [0, 0, 2, 0, 0, 1, 0, 0]
    assert batch_tokens([b""]) == [[]]
    assert batch_tokens([]) == []
    assert batch_tokens([b"ab", b"", b"cd"])[2] == batch_tokens([b"cd"])[0]


@pytest.mark.parametrize("ascii_only", [True, False])
def test_offsets_may_start_inside_the_data(corpus: list[str], ascii_only: bool) -> None:
    texts = [text.encode("ascii", "ignore").decode() for text in corpus] if ascii_only else corpus
    data, offsets = layout(encoded(texts[:60]))
    constants = hash_constants(0, 1)
    hashes, bounds, _ = token_hashes(data, offsets, constants)
    for first in (1, 17, 59):
        part, part_bounds, _ = token_hashes(data, offsets[first:], constants)
        np.testing.assert_array_equal(part, hashes[bounds[first] :])
        np.testing.assert_array_equal(part_bounds, bounds[first:] - bounds[first])
    part, _, _ = token_hashes(data, offsets[:30], constants)
    np.testing.assert_array_equal(part, hashes[: bounds[29]])


def test_the_input_is_not_written_to() -> None:
    data, offsets = layout([b"Mixed CASE, and Punctuation!", "Größe 汉字".encode()])
    data.flags.writeable = False
    before = data.tobytes(), offsets.tolist()
    token_hashes(data, offsets, hash_constants(0, 1))
    assert (data.tobytes(), offsets.tolist()) == before


def test_invalid_documents_are_counted_and_read_as_replacement_characters() -> None:
    raw = [b"caf\xe9 ole", "fine ü".encode(), b"\xff\xfe", b"plain", b"half \xe6\xb1"]
    replaced = [document.decode("utf-8", "replace").encode() for document in raw]
    *_, num_invalid = token_hashes(*layout(raw), hash_constants(0, 1))
    assert num_invalid == 3
    assert batch_tokens(raw) == batch_tokens(replaced)


def test_another_seed_gives_other_hashes() -> None:
    words = [word for word in WORDS if reference.tokens(word)]
    hashes = [
        value
        for seed in (0, 1, 2, (1 << 64) - 1)
        for word_hashes in batch_tokens(encoded(words), seed)
        for value in set(word_hashes)
    ]
    assert len(set(hashes)) == 4 * len({word for text in words for word in reference.tokens(text)})

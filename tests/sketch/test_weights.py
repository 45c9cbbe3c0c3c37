"""Fingerprints weighted by term frequency: those of naive counting, from the text on."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import numpy as np
import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

import dedup
from dedup.config import Config
from dedup.documents import sketch_texts
from dedup.search import sketch_parameters
from dedup.sketch.weights import frequency_weights, packed, unpacked
from tests import oracles_hashing, oracles_sketch, reference

WIDTH = 2
PARAMETERS = sketch_parameters(Config(method="both", ngram=WIDTH, simhash_weights="tf"))
WORDS = st.lists(st.sampled_from("abc"), max_size=300)


def naive_fingerprint(words: list[str]) -> int:
    """Return the fingerprint in which each shingle counts the binary digits of its frequency."""
    occurrences = [tuple(words[i : i + WIDTH]) for i in range(max(1, len(words) - WIDTH + 1))]
    counts = Counter(shingle for shingle in occurrences if shingle)
    return oracles_sketch.fingerprint(
        oracles_hashing.shingle_hash(shingle, WIDTH, 0)
        for shingle, count in counts.items()
        for _ in range(len(f"{count:b}"))
    )


def test_the_weight_is_the_number_of_binary_digits() -> None:
    counts = [*range(1, 2000), 2**31 - 1, 2**31, 2**52 - 1, 2**52]
    expected = [len(f"{count:b}") for count in counts]
    assert frequency_weights(np.array(counts)).tolist() == expected


@given(st.lists(WORDS, min_size=1, max_size=6))
def test_fingerprints_are_the_naive_ones(documents: list[list[str]]) -> None:
    texts = pa.array([" ".join(words) for words in documents])
    (found,) = sketch_texts(texts, PARAMETERS)
    assert found.fingerprints.tolist() == [naive_fingerprint(words) for words in documents]


def test_weights_change_fingerprints_and_nothing_else() -> None:
    texts = pa.array(["a b c d " * 40 + "e f g h i j k l m n o p", "a b c d e f g", "", "x"])
    (tf,) = sketch_texts(texts, PARAMETERS)
    (plain,) = sketch_texts(texts, replace(PARAMETERS, weighted=False))
    assert tf.fingerprints[0] != plain.fingerprints[0]
    assert tf.fingerprints[1:].tolist() == plain.fingerprints[1:].tolist()
    for name in ("sets", "num_shingles", "keys", "digests", "text_digests"):
        np.testing.assert_array_equal(getattr(tf, name), getattr(plain, name))


def test_sets_carry_the_weights_where_fingerprints_come_later() -> None:
    texts = pa.array(["a b a b a b a b c", "", "a b c"])
    (later,) = sketch_texts(texts, replace(PARAMETERS, fingerprints=False, banding=None))
    (plain,) = sketch_texts(texts, replace(PARAMETERS, weighted=False))
    sets, weights = unpacked(later.sets)
    np.testing.assert_array_equal(sets, plain.sets)
    np.testing.assert_array_equal(later.digests, plain.digests)
    assert sorted(weights.tolist()) == [1, 1, 1, 2, 3]  # ab ab ab ab, ba ba ba, bc; ab, bc
    np.testing.assert_array_equal(packed(sets, weights), later.sets)


def test_the_option_reaches_the_search() -> None:
    """A repeated line weighs: two pages that share it and little else come nearer by it."""
    line = "buy now and pay less tomorrow "
    texts = [line * 64 + "one two three four five six", line * 64 + "un deux trois quatre cinq"]
    table = pa.table({"text": texts})
    options = {"method": "simhash", "max_hamming": 16, "threshold": "0.1"}
    counts = [
        dedup.find_duplicates(table, simhash_weights=weights, **options).corpus.fingerprints
        for weights in ("set", "tf")
    ]
    distances = [int(np.bitwise_count(prints[0] ^ prints[1])) for prints in counts]
    assert distances[1] < distances[0]
    assert reference.jaccard(*(reference.shingles(text, 5) for text in texts)) > 0

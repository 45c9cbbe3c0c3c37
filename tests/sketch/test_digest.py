"""Digests: XXH3-128 of each slice, and of canonical text under a seed of its own."""

from __future__ import annotations

import numpy as np
import xxhash
from hypothesis import given
from hypothesis import strategies as st

from dedup.sketch.digest import NO_DIGEST, digests, text_digest
from tests.batches import layout
from tests.random_sets import joined


@given(st.lists(st.binary(max_size=300), max_size=8))
def test_digests_of_texts_are_xxh3_of_their_bytes(documents: list[bytes]) -> None:
    found = digests(*layout(documents))
    assert found.shape == (len(documents), 2)
    assert [row.tobytes() for row in found] == [xxhash.xxh3_128_digest(raw) for raw in documents]


@given(st.lists(st.sets(st.integers(0, (1 << 52) - 1), max_size=9), max_size=8))
def test_digests_of_sets_are_xxh3_of_their_ascending_hashes(sets: list[set[int]]) -> None:
    values, bounds = joined(sets)
    expected = [
        xxhash.xxh3_128_digest(b"".join(value.to_bytes(8, "little") for value in sorted(each)))
        for each in sets
    ]
    assert [row.tobytes() for row in digests(values, bounds)] == expected


def test_slices_may_leave_out_what_is_before_and_behind() -> None:
    values, bounds = joined([{1, 2}, {3}, {4, 5}])
    np.testing.assert_array_equal(digests(values, bounds[1:3]), digests(values, bounds)[1:2])


def test_a_text_without_tokens_shares_no_digest_with_a_set_or_with_nothing() -> None:
    for text in ("", "!", "one two"):
        assert len(text_digest(text)) == len(NO_DIGEST) == 16
        assert text_digest(text) not in (NO_DIGEST, xxhash.xxh3_128_digest(text.encode()))
    assert text_digest("!") != text_digest("?")

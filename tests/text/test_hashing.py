"""The generator behind all constants, against its published numbers and Python integers."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dedup.text.hashing import hash_constants, mix64, mix64_array, random_words
from tests import oracles_hashing as oracle

GOLDEN = 0x9E3779B97F4A7C15
words = st.integers(0, (1 << 64) - 1)


def test_mix64_gives_the_published_splitmix64_sequence() -> None:
    # The test vector of the generator's reference implementation, seed 1234567.
    expected = [
        6457827717110365317,
        3203168211198807973,
        9817491932198370423,
        4593380528125082431,
        16408922859458223821,
    ]
    assert [mix64(1234567 + step * GOLDEN) for step in range(1, 6)] == expected


@given(st.lists(words, max_size=20))
def test_mix64_of_an_array_is_mix64_of_its_elements(values: list[int]) -> None:
    array = np.array(values, np.uint64)
    assert mix64_array(array) is array
    assert array.tolist() == [mix64(value) for value in values]
    assert array.tolist() == [oracle.finalised(value) for value in values]


@given(words, st.integers(0, 10), st.integers(0, 20))
def test_random_words_are_the_generators(seed: int, stream: int, count: int) -> None:
    assert random_words(seed, stream, count) == oracle.constants(seed, stream, count)


def test_streams_and_seeds_share_no_word() -> None:
    found = [
        word for seed in range(50) for stream in range(6) for word in random_words(seed, stream, 7)
    ]
    assert len(set(found)) == len(found)


@pytest.mark.parametrize("seed", [0, 1, (1 << 64) - 1])
def test_constants_are_odd_where_they_multiply_and_distinct_everywhere(seed: int) -> None:
    constants = hash_constants(seed, 7)
    factors = [int(constants.token[0]), int(constants.token[1]), int(constants.final)]
    factors += constants.shingle.tolist()
    assert all(factor % 2 for factor in factors)
    added = [int(constants.token[2]), *constants.short.tolist()]
    assert len({*factors, *added}) == len(factors) + len(added) == 3 + 7 + 1 + 7


def test_constants_of_a_wider_shingle_begin_with_those_of_a_narrower() -> None:
    # So that a seed has one sequence of factors, whatever the shingle's width.
    assert hash_constants(5, 7).shingle[:3].tolist() == hash_constants(5, 3).shingle.tolist()

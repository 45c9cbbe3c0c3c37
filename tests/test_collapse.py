"""The exact collapse: the first document of each digest, as a dictionary finds it."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dedup.collapse import representatives

# Digests that agree in one word, in leading bits alone, in nothing, and zeros: no digest.
words = st.one_of(
    st.integers(0, 3), st.integers(0, 3).map(lambda n: n << 60), st.integers(0, (1 << 64) - 1)
)
digests = st.lists(st.tuples(words, words), max_size=40)


def naive(values: list[tuple[int, int]]) -> list[int]:
    first: dict[tuple[int, int], int] = {}
    return [
        place if value == (0, 0) else first.setdefault(value, place)
        for place, value in enumerate(values)
    ]


def found(values: list[tuple[int, int]]) -> list[int]:
    return representatives(np.array(values, np.uint64).reshape(-1, 2)).tolist()


@given(digests)
def test_representatives_are_those_of_a_dictionary(values: list[tuple[int, int]]) -> None:
    assert found(values) == naive(values)


@pytest.mark.parametrize("num_distinct", [1, 30, 3000, 100_000])
def test_many_documents(num_distinct: int) -> None:
    rng = np.random.default_rng(num_distinct)
    pool = rng.integers(0, 1 << 64, (num_distinct, 2), dtype=np.uint64)
    pool[0] = 0
    values = pool[rng.integers(0, num_distinct, 5000)]
    expected = naive([tuple(row) for row in values.tolist()])
    assert representatives(values).tolist() == expected


def test_digests_that_agree_in_half_or_in_leading_bits_are_apart() -> None:
    rng = np.random.default_rng(1)
    first, second = rng.integers(1 << 40, 1 << 63, 2).tolist()
    values = [(first, second), (first, second + 1), (first + 1, second), (first, second)]
    values += [(first, 0), (0, second), (0, 0), (0, 0), (first + 1, second), (0, second)]
    assert found(values) == [0, 1, 2, 0, 4, 5, 6, 7, 2, 5]

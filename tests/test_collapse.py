"""The exact collapse: the first document of each digest, as a dictionary finds it."""

from __future__ import annotations

import random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dedup import collapse as module
from dedup.collapse import representatives
from dedup.spill.scratch import Scratch
from dedup.text.hashing import UInt64Array

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
    return of(np.array(values, np.uint64).reshape(-1, 2))


def of(values: UInt64Array, scratch: Scratch | None = None) -> list[int]:
    every = np.arange(len(values))
    return representatives(values, every, values.any(axis=1), scratch or Scratch()).tolist()


@given(digests)
def test_representatives_are_those_of_a_dictionary(values: list[tuple[int, int]]) -> None:
    assert found(values) == naive(values)


@given(digests, st.randoms(use_true_random=False), st.sampled_from([1, 2, 5, 1 << 20]))
def test_any_order_some_left_out_range_by_range(
    values: list[tuple[int, int]], chooser: random.Random, together: int
) -> None:
    """Ranks follow an order; what is not compared equals nothing; ranges hold a few documents."""
    order = list(range(len(values)))
    chooser.shuffle(order)
    compared = [value != (0, 0) and chooser.random() < 0.8 for value in values]
    first: dict[tuple[int, int], int] = {}
    expected = [
        first.setdefault(values[document], rank) if compared[document] else rank
        for rank, document in enumerate(order)
    ]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "_RANGE_DOCUMENTS", together)
        patch.setattr(module, "_BLOCK", max(1, together // 2))
        ranks = representatives(
            np.array(values, np.uint64).reshape(-1, 2),
            np.array(order, np.int64),
            np.array(compared, np.bool_),
            Scratch(),
        )
    assert ranks.tolist() == expected


@pytest.mark.parametrize("num_distinct", [1, 30, 3000, 100_000])
def test_many_documents(num_distinct: int) -> None:
    rng = np.random.default_rng(num_distinct)
    pool = rng.integers(0, 1 << 64, (num_distinct, 2), dtype=np.uint64)
    pool[0] = 0
    values = pool[rng.integers(0, num_distinct, 5000)]
    expected = naive([tuple(row) for row in values.tolist()])
    assert of(values) == expected


def test_digests_that_agree_in_half_or_in_leading_bits_are_apart() -> None:
    rng = np.random.default_rng(1)
    first, second = rng.integers(1 << 40, 1 << 63, 2).tolist()
    values = [(first, second), (first, second + 1), (first + 1, second), (first, second)]
    values += [(first, 0), (0, second), (0, 0), (0, 0), (first + 1, second), (0, second)]
    assert found(values) == [0, 1, 2, 0, 4, 5, 6, 7, 2, 5]

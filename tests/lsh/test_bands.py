"""Band keys: equal exactly where a band agrees, and never across bands."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from dedup.lsh.bands import band_keys
from tests import oracles_hashing


def naive_key(rows: list[int], band: int, bands: int) -> int:
    words = oracles_hashing.constants(0, 4, len(rows) + bands)
    total = sum(value * (factor | 1) for value, factor in zip(rows, words, strict=False))
    return oracles_hashing.finalised((total + words[len(rows) + band]) % oracles_hashing.WORD)


@given(st.integers(1, 5), st.integers(1, 6), st.data())
def test_keys_are_the_naive_ones(bands: int, rows: int, data: st.DataObject) -> None:
    component = st.integers(0, (1 << 52) - 1)
    row = st.lists(component, min_size=bands * rows, max_size=bands * rows)
    table = data.draw(st.lists(row, max_size=4))
    array = np.array(table, np.uint64).reshape(len(table), bands * rows)
    expected = [
        [naive_key(each[band * rows : (band + 1) * rows], band, bands) for band in range(bands)]
        for each in table
    ]
    assert band_keys(array, bands, rows).tolist() == expected


def test_documents_share_a_key_exactly_where_all_rows_of_a_band_agree() -> None:
    rng = np.random.default_rng(1)
    table = rng.integers(0, 3, (300, 12), dtype=np.uint64)
    keys = band_keys(table, 4, 3)
    for band in range(4):
        rows = [tuple(row) for row in table[:, 3 * band : 3 * band + 3].tolist()]
        both = set(zip(rows, keys[:, band].tolist(), strict=True))
        assert len(both) == len(set(rows)) == len({key for _, key in both}) == 27
    # The same rows in two bands, or in another order, are two keys.
    assert len(set(keys.ravel().tolist())) == 4 * 27

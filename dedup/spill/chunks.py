"""Chunks: neighbours that are worked on together, as many as fit a budget of memory."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray


def chunks(
    bounds: NDArray[np.int64], most: int, most_items: int | None = None
) -> Iterator[tuple[int, int]]:
    """Cut a row of items into chunks: pairs of the first item and the one after the last.

    Parameters
    ----------
    bounds : int64, shape (items + 1,), ascending; item i takes bounds[i+1] - bounds[i].
    most : what the items of a chunk take together at most, but for an item that takes more alone.
    most_items : of a chunk; any number if not given.
    """
    first, end = 0, len(bounds) - 1
    while first < end:
        last = int(np.searchsorted(bounds, bounds[first] + most, side="right")) - 1
        last = max(last, first + 1)
        if most_items is not None:
            last = min(last, first + most_items)
        yield first, last
        first = last


def weighed_chunks(
    weights: NDArray[np.int64], most: int, most_items: int | None = None
) -> Iterator[tuple[int, int]]:
    """Cut a row of items, given by what each takes, into chunks; see `chunks`."""
    return chunks(np.concatenate([[0], np.cumsum(weights)]), most, most_items)

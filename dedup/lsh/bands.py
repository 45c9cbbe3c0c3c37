"""Band keys: one 64-bit key for each band of a signature."""

from __future__ import annotations

import numpy as np

from dedup.text.hashing import UInt64Array, mix64_array, random_words

_STREAM = 4


def band_keys(signatures: UInt64Array, bands: int, rows: int) -> UInt64Array:
    """Return the band keys of every signature.

    A key is a hash of the band's rows and number: documents share a key where they agree in all
    rows of one band (and, with probability 2**-64 a pair, by chance).

    Parameters
    ----------
    signatures : uint64, shape (documents, bands * rows).

    Returns
    -------
    uint64, shape (documents, bands).
    """
    words = np.array(random_words(0, _STREAM, rows + bands), np.uint64)
    factors = words[:rows] | np.uint64(1)
    grid = signatures.reshape(len(signatures), bands, rows)
    keys = grid[:, :, 0] * factors[0]
    for row in range(1, rows):
        keys += grid[:, :, row] * factors[row]
    keys += words[rows:]
    return mix64_array(keys)

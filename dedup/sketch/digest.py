"""Digests: 128-bit XXH3 of a document's exact text and of its shingle set.

Equal set digests collapse to one document before the search, so groups of copies cost O(n).
A document without a token is digested by its canonical text, under a different seed.
"""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import xxhash

from dedup.text.hashing import Int64Array, UInt8Array, UInt64Array

_TEXT_ONLY_SEED = 0x7465_7874
NO_DIGEST = bytes(16)
"""Digest of a document that is a duplicate of nothing: null, empty or blank text."""


def digests(values: UInt8Array | UInt64Array, bounds: Int64Array) -> UInt64Array:
    """Return the digest of each of a row of slices.

    Parameters
    ----------
    values : uint8 (texts) or uint64 (shingle sets), contiguous.
    bounds : int64, shape (documents + 1,); document i is values[bounds[i]:bounds[i+1]].

    Returns
    -------
    uint64, shape (documents, 2); the 16 bytes of each XXH3-128.
    """
    octets = values.view(np.uint8).data
    edges = (bounds * values.itemsize).tolist()
    digest = xxhash.xxh3_128_digest
    joined = b"".join([digest(octets[a:b]) for a, b in pairwise(edges)])
    return np.frombuffer(joined, np.uint64).reshape(-1, 2)


def text_digest(canonical: str) -> bytes:
    """Return the digest of a document without tokens, by its canonical text."""
    return xxhash.xxh3_128_digest(canonical.encode(), _TEXT_ONLY_SEED)

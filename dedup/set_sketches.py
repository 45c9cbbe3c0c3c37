"""Shingle sets of a batch to band keys, fingerprints and digests: all that the search asks for.

The one order of these kernels, for sets fresh from text and for sets that were filtered later.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from dedup.lsh.bands import band_keys
from dedup.lsh.parameters import Banding
from dedup.sketch.digest import digests
from dedup.sketch.minhash import signatures
from dedup.sketch.simhash import fingerprints
from dedup.sketch.weights import repeated
from dedup.text.hashing import Int64Array, UInt64Array


@dataclass(frozen=True)
class SetSketches:
    """What is derived from the sets of a batch.

    Attributes
    ----------
    keys : uint64, shape (documents, bands); no bands without a banding.
    fingerprints : uint64, shape (documents,); zero where not wanted.
    digests : uint64, shape (documents, 2).
    """

    keys: UInt64Array
    fingerprints: UInt64Array
    digests: UInt64Array


def sketch_sets(
    composite: UInt64Array,
    sets: UInt64Array,
    bounds: Int64Array,
    banding: Banding | None,
    wants_fingerprints: bool,
    weights: Int64Array | None = None,
) -> SetSketches:
    """Sketch the sets of a batch of documents.

    Parameters
    ----------
    composite : uint64, strictly ascending; (slot << 52 | shingle hash).
    sets : uint64; the shingle hashes alone.
    bounds : int64, shape (documents + 1,); document i has shingles bounds[i] up to bounds[i+1].
    weights : int64; how often each shingle counts in the fingerprint, once if not given.
    """
    num_documents = len(bounds) - 1
    if banding is None:
        keys = np.zeros((num_documents, 0), np.uint64)
    else:
        table = signatures(composite, num_documents, banding.num_hashes)
        keys = band_keys(table, banding.bands, banding.rows)
    if not wants_fingerprints:
        prints = np.zeros(num_documents, np.uint64)
    elif weights is None:
        prints = fingerprints(sets, bounds)
    else:
        prints = fingerprints(*repeated(sets, bounds, weights))
    return SetSketches(keys, prints, digests(sets, bounds))

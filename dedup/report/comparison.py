"""Two documents compared in every way that a run knows: exactly, by signature, bands and SimHash.

References
----------
Broder (1997), On the resemblance and containment of documents. Li, Owen, Zhang (2012), One
permutation hashing (the variance of the estimate).
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from fractions import Fraction

import numpy as np
import pyarrow as pa

from dedup.config import Config
from dedup.documents import sketch_texts
from dedup.lsh.bands import band_keys
from dedup.lsh.parameters import Banding
from dedup.report.shingled import Text
from dedup.search import sketch_parameters
from dedup.sketch.minhash import signatures
from dedup.text.hashing import HASH_BITS, UInt64Array


@dataclass(frozen=True)
class Compared:
    """What is compared of a document.

    Attributes
    ----------
    shingles : uint64; the sorted distinct shingle hashes.
    fingerprint : SimHash.
    num_tokens : of the whole text.
    has_text : whether it can be a duplicate of anything; False for null and blank text.
    """

    shingles: UInt64Array
    fingerprint: int
    num_tokens: int
    has_text: bool

    @classmethod
    def of(cls, text: Text, config: Config) -> Compared:
        """Sketch a text."""
        parameters = replace(sketch_parameters(config), banding=None, fingerprints=True)
        (sketches,) = sketch_texts(_as_array(text), parameters)
        return cls(
            shingles=sketches.sets,
            fingerprint=int(sketches.fingerprints[0]),
            num_tokens=int(sketches.num_tokens[0]),
            has_text=bool(sketches.digests[0].any()),
        )


@dataclass(frozen=True)
class Comparison:
    """What the sets of two documents have in common, and what the search could see of it.

    Attributes
    ----------
    left_shingles, right_shingles, shared : distinct shingles of each, and of both.
    estimated_jaccard : the share of components in which the signatures agree.
    standard_error : of that estimate, at the pair's exact Jaccard similarity.
    bands, rows : how a signature is cut.
    collisions : the numbers of the bands in which the keys are equal.
    hamming : bits in which the fingerprints differ, of 64.
    """

    left_shingles: int
    right_shingles: int
    shared: int
    estimated_jaccard: float
    standard_error: float
    bands: int
    rows: int
    collisions: tuple[int, ...]
    hamming: int

    @property
    def union(self) -> int:
        """Distinct shingles of both together."""
        return self.left_shingles + self.right_shingles - self.shared

    @property
    def jaccard(self) -> Fraction:
        """The share of the union that both have, exactly; 0 where there is none."""
        return Fraction(self.shared, self.union) if self.union else Fraction(0)

    @property
    def left_containment(self) -> Fraction:
        """The share of the left set that the right one has; 0 where it is empty."""
        return Fraction(self.shared, self.left_shingles) if self.left_shingles else Fraction(0)

    @property
    def right_containment(self) -> Fraction:
        """The share of the right set that the left one has; 0 where it is empty."""
        return Fraction(self.shared, self.right_shingles) if self.right_shingles else Fraction(0)

    @property
    def candidate_probability(self) -> float:
        """The chance that a pair of this Jaccard similarity shares a band, by the S-curve."""
        return Banding(self.bands, self.rows).candidate_probability(float(self.jaccard))

    def measured(self, measure: str) -> Fraction:
        """Return Jaccard, or the larger of both containments."""
        if measure == "jaccard":
            return self.jaccard
        return max(self.left_containment, self.right_containment)


def compare(left: Compared, right: Compared, banding: Banding) -> Comparison:
    """Compare two documents, their signatures cut into such bands."""
    one, other = left.shingles, right.shingles
    shared = len(np.intersect1d(one, other, assume_unique=True))
    slot = np.uint64(1 << HASH_BITS)
    table = signatures(np.concatenate([one, other | slot]), 2, banding.num_hashes)
    keys = band_keys(table, banding.bands, banding.rows)
    both = bool(len(one)) and bool(len(other))
    collisions = np.flatnonzero(keys[0] == keys[1]) if both else np.zeros(0, np.int64)
    return Comparison(
        left_shingles=len(one),
        right_shingles=len(other),
        shared=shared,
        estimated_jaccard=float((table[0] == table[1]).mean()) if both else 0.0,
        standard_error=_standard_error(np.union1d(one, other), shared, banding.num_hashes),
        bands=banding.bands,
        rows=banding.rows,
        collisions=tuple(collisions.tolist()),
        hamming=(left.fingerprint ^ right.fingerprint).bit_count(),
    )


def _standard_error(union: UInt64Array, shared: int, num_hashes: int) -> float:
    """Return the standard error of the Jaccard similarity that two signatures estimate.

    Each component shows one shingle of the union, by chance a shared one. One-permutation hashing
    draws them without replacement, and a component of an empty bin repeats another: if the
    shingle s stands in the share w(s) of the components of the union's own signature, the
    variance is J(1 - J) (u sum(w**2) - 1) / (u - 1). That is J(1 - J) / num_hashes for a large
    union of u shingles, and less for a small one.
    """
    size = len(union)
    if size < 2:
        return 0.0
    _, counts = np.unique(signatures(union, 1, num_hashes), return_counts=True)
    repeats = float(((counts / num_hashes) ** 2).sum())
    jaccard = shared / size
    return math.sqrt(jaccard * (1 - jaccard) * max(0.0, size * repeats - 1) / (size - 1))


def _as_array(text: Text) -> pa.Array:
    if isinstance(text, str):
        return pa.array([text], pa.large_string())
    if text and isinstance(text[0], int):
        return pa.array([text], pa.large_list(pa.int64()))
    tokens = [str(token).encode("utf-8", "surrogateescape") for token in text]
    return pa.array([tokens], pa.large_list(pa.large_binary()))

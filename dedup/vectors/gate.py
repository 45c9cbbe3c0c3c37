"""The gate: a few random bits of each vector, which tell unlike ones before they are compared.

Bits of two vectors agree with a probability p that falls with their distance; so of all bits at
least a number agree that a pair at the threshold falls short of with a small known probability: a
tenth of the misses that the recall allows.

For cosine a bit is the side of a random hyperplane, p = 1 - a / pi. For Euclidean distance it is
the parity of a p-stable projection floor((a.x + b) / w), w = 6 thresholds. Two projections that are
t steps apart have equal parity with probability |1 - (t mod 2)|, and t is normal with deviation
c / w, so by the Fourier series of that triangle

    p(c) = 1/2 + 4 / pi**2 * sum_{k odd} exp(-(pi k c / w)**2 / 2) / k**2.

References
----------
Charikar (2002), Similarity estimation techniques from rounding algorithms. Raginsky, Lazebnik
(2009), Locality-sensitive binary codes from shift-invariant kernels.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dedup.text.hashing import UInt64Array
from dedup.vectors.families.base import Float32Array, Float64Array
from dedup.vectors.families.hyperplanes import Hyperplanes
from dedup.vectors.families.stable import StableProjections

_WORDS = (1, 2, 3, 4, 6, 8)
_FAR_PASS = 1e-3
_STEPS = 6.0
_SEED_SHIFT = 0x6761_7465


@dataclass(frozen=True)
class Gate:
    """Which pairs are worth an exact comparison.

    Attributes
    ----------
    words : 64 bits each.
    most_unlike : the largest number of bits in which a pair may differ.
    width : of the steps whose parities the bits are; None for hyperplanes.
    """

    words: int
    most_unlike: int
    width: float | None

    def directions(self, dim: int, seed: int) -> Float32Array:
        """Draw the projections; shape (dim or dim + 1, bits)."""
        family = Hyperplanes() if self.width is None else StableProjections(self.width)
        return family.directions(dim, 64 * self.words, seed ^ _SEED_SHIFT)

    def bits(self, projections: Float32Array) -> UInt64Array:
        """Return the bits, 64 to a word; uint64, shape (words, vectors)."""
        found = projections > 0 if self.width is None else np.floor(projections) % 2 > 0
        packed = np.packbits(found, axis=1, bitorder="little").view("<u8")
        return np.ascontiguousarray(packed.T)


def parity_agreement(distance: float, width: float) -> float:
    """Return p(c) of the module's text."""
    if distance == 0:
        return 1.0
    k = np.arange(1, 400, 2)
    terms = np.exp(-((math.pi * k * distance / width) ** 2) / 2) / k**2
    return float(0.5 + 4 / math.pi**2 * terms.sum())


def choose_gate(measure: str, near: float, far: Float64Array, miss: float) -> Gate:
    """Choose the fewest words that stop all but a thousandth of the pairs drawn from the vectors.

    Parameters
    ----------
    near : distance at the threshold.
    far : float64; distances of pairs drawn.
    miss : the probability with which a pair at the threshold may be stopped.
    """
    width = None if measure == "cosine" else _STEPS * near

    def agreement(distance: float) -> float:
        if width is None:
            return 1 - distance / math.pi
        return parity_agreement(distance, width)

    like = agreement(near)
    unlike = agreement(float(np.median(far)) if len(far) else math.inf)
    for words in _WORDS:
        most = most_differing(64 * words, 1 - like, miss)
        passed = _tail(64 * words, 1 - unlike)[most]
        if passed <= _FAR_PASS:
            break
    return Gate(words, most, width)


def most_differing(bits: int, differs: float, miss: float) -> int:
    """Return the least number of bits that a pair exceeds with at most the probability `miss`."""
    return int(np.searchsorted(_tail(bits, differs), 1 - miss))


def _tail(bits: int, differs: float) -> NDArray[np.float64]:
    """Return the distribution function of the number of differing bits, shape (bits + 1,)."""
    if differs <= 0:
        return np.ones(bits + 1)
    i = np.arange(bits + 1)
    factorials = np.concatenate([[0.0], np.cumsum(np.log(np.arange(1, bits + 1)))])
    ways = factorials[bits] - factorials[i] - factorials[bits - i]
    return np.cumsum(np.exp(ways + i * math.log(differs) + (bits - i) * math.log1p(-differs)))

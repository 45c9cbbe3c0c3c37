"""Vectors with planted near-duplicates, and all pairs of them at the threshold."""

from dataclasses import dataclass
from typing import Any

import numpy as np

MATES = (1, 2, 3, 4)
"""Near-duplicates of a family's first vector, at cosines uniform from the threshold to 1."""

_TOPICS = 5_000
_TOPIC_COSINE = 0.6
_COMMON_COSINE = 0.2


@dataclass
class World:
    """Vectors and their near pairs.

    Attributes
    ----------
    vectors : float32, shape (count, dim); of length 1.
    pairs : int64, shape (pairs, 2); sorted, smaller position first.
    """

    vectors: np.ndarray
    pairs: np.ndarray


def make_world(kind: str, given: dict[str, Any], seed: int = 0) -> World:
    """Make vectors in all directions, or of topics, all a little alike; shuffle families in.

    Vectors of one topic have cosine 0.6 on average, others 0.2. Pairs outside of families do not
    come near the threshold: it is twelve deviations away.

    Parameters
    ----------
    kind : ``uniform`` or ``topics``.
    given : with ``count``, ``dim``, ``families`` and ``threshold``.
    """
    count, dim, threshold = given["count"], given["dim"], given["threshold"]
    random = np.random.default_rng(seed)
    sizes = random.choice(MATES, min(given["families"], count // 25))
    num_mates = int(sizes.sum())
    alone = _unit(random.standard_normal((count - num_mates, dim), np.float32))
    if kind == "topics":
        common = _unit(random.standard_normal((1, dim), np.float32))
        topics = _unit(random.standard_normal((_TOPICS, dim), np.float32))
        of_topic = topics[random.integers(0, _TOPICS, len(alone))]
        parts = (_COMMON_COSINE, _TOPIC_COSINE - _COMMON_COSINE, 1 - _TOPIC_COSINE)
        weights = np.sqrt(np.array(parts, np.float32))
        alone = _unit(weights[0] * common + weights[1] * of_topic + weights[2] * alone)
    first = alone[np.repeat(np.arange(len(sizes)), sizes)]
    cosine = random.uniform(threshold, 1, num_mates).astype(np.float32)[:, None]
    away = random.standard_normal((num_mates, dim), np.float32)
    away = _unit(away - (away * first).sum(axis=1)[:, None] * first)
    mates = cosine * first + np.sqrt(1 - cosine**2) * away
    order = random.permutation(count)
    place = np.argsort(order)
    vectors = np.concatenate([alone, mates])[order]
    ends = len(alone) + np.cumsum(sizes)
    pairs = []
    for family, (end, size) in enumerate(zip(ends.tolist(), sizes.tolist(), strict=True)):
        members = np.sort(place[[family, *range(end - size, end)]])
        left, right = np.triu_indices(len(members), 1)
        pairs.append(np.stack([members[left], members[right]], axis=1))
    listed = np.concatenate(pairs)
    near = listed[cosines(vectors, listed) >= threshold]
    return World(vectors, near[np.lexsort(near.T[::-1])])


def cosines(vectors: np.ndarray, pairs: np.ndarray) -> np.ndarray:
    """Return the cosine of each pair; float64, shape (pairs,)."""
    found = [np.zeros(0)]
    for start in range(0, len(pairs), 1 << 16):
        left, right = pairs[start : start + (1 << 16)].T
        a, b = vectors[left].astype(np.float64), vectors[right].astype(np.float64)
        lengths = np.linalg.norm(a, axis=1) * np.linalg.norm(b, axis=1)
        found.append((a * b).sum(axis=1) / lengths)
    return np.concatenate(found)


def _unit(vectors: np.ndarray) -> np.ndarray:
    return vectors / np.linalg.norm(vectors, axis=1)[:, None]

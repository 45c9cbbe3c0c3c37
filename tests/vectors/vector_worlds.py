"""Vectors with known near-duplicates, and what a naive search says of them."""

import numpy as np

KINDS = ("random", "clustered", "real-like")


def background(kind: str, count: int, dim: int, seed: int = 0) -> np.ndarray:
    """Return vectors: in all directions; in tight groups; or as models make them.

    The last have a common mean, few strong directions, and lengths that differ.
    """
    random = np.random.default_rng(seed)
    if kind == "random":
        return random.standard_normal((count, dim))
    if kind == "clustered":
        centers = random.standard_normal((max(2, count // 50), dim))
        return centers[random.integers(0, len(centers), count)] + 0.6 * random.standard_normal(
            (count, dim)
        )
    scale = 1 / np.sqrt(np.arange(1, dim + 1))
    basis, _ = np.linalg.qr(random.standard_normal((dim, dim)))
    drawn = random.standard_normal((count, dim)) * scale + 0.5 * scale
    return (drawn @ basis) * np.exp(0.3 * random.standard_normal((count, 1)))


def at_cosine(vectors: np.ndarray, cosine: float, seed: int = 1) -> np.ndarray:
    """Return a vector at that cosine from each, in a random direction, of random length."""
    random = np.random.default_rng(seed)
    unit = vectors / np.linalg.norm(vectors, axis=1)[:, None]
    away = random.standard_normal(vectors.shape)
    away -= (away * unit).sum(axis=1)[:, None] * unit
    away /= np.linalg.norm(away, axis=1)[:, None]
    return (cosine * unit + np.sqrt(1 - cosine**2) * away) * random.uniform(
        0.5, 2, (len(vectors), 1)
    )


def at_distance(vectors: np.ndarray, distance: float, seed: int = 1) -> np.ndarray:
    """Return a vector at that distance from each."""
    away = np.random.default_rng(seed).standard_normal(vectors.shape)
    return vectors + distance * away / np.linalg.norm(away, axis=1)[:, None]


def naive_values(vectors: np.ndarray, measure: str) -> np.ndarray:
    """Return the cosines, or distances, of all with all."""
    vectors = vectors.astype(np.float64)
    if measure == "cosine":
        unit = vectors / np.linalg.norm(vectors, axis=1)[:, None]
        return unit @ unit.T
    return np.linalg.norm(vectors[:, None] - vectors[None], axis=2)


def naive_pairs(vectors: np.ndarray, measure: str, threshold: float) -> set[tuple[int, int]]:
    """Return all pairs at the threshold."""
    values = naive_values(vectors, measure)
    near = values >= threshold if measure == "cosine" else values <= threshold
    return set(zip(*(side.tolist() for side in np.nonzero(np.triu(near, 1))), strict=True))


def naive_keepers(count: int, pairs: set[tuple[int, int]], order: list[int]) -> dict[int, int]:
    """Return who removes each removed vector: the greedy walk in keeper order."""
    rank = {position: place for place, position in enumerate(order)}
    mates: dict[int, list[int]] = {position: [] for position in range(count)}
    for left, right in pairs:
        mates[left].append(right)
        mates[right].append(left)
    removed: dict[int, int] = {}
    for position in order:
        before = [
            other
            for other in mates[position]
            if rank[other] < rank[position] and other not in removed
        ]
        if before:
            removed[position] = min(before, key=rank.__getitem__)
    return removed

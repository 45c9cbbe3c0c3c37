"""Pictures made on the spot for docs/near-images.md, their embeddings, and a tiny classifier.

Numpy only. ``python docs/near_images.py`` draws docs/near-images.svg anew.
"""

from __future__ import annotations

import base64
import struct
import zlib
from pathlib import Path

import numpy as np
import pyarrow as pa

from dedup.vectors import find_duplicates

SIDE = 48
EDITS = ("re-encoded", "brighter", "cropped", "noisy")
SERIES = "of the series"

_SHAPES = 7
_GRID = 8
_THUMBNAIL = 24


def scenes(count: int, seed: int) -> dict[str, np.ndarray]:
    """Draw what pictures show: a gradient, and discs and bars in front of it."""
    random = np.random.default_rng(seed)
    shape = (count, _SHAPES)
    found = {
        "slope": random.uniform(-60, 60, (count, 2)),
        "base": random.uniform(70, 170, count),
        "place": random.uniform(0.05, 0.95, (*shape, 2)),
        "size": random.uniform(0.08, 0.28, (*shape, 2)),
        "is_disc": random.random(shape) < 0.5,
        "grey": random.uniform(0, 255, shape),
    }
    found["size"][:, -1] *= 0.8
    return found


def pictures(scene: dict[str, np.ndarray]) -> np.ndarray:
    """Paint scenes; float64, shape (count, SIDE, SIDE)."""
    y, x = np.meshgrid(*[(np.arange(SIDE) + 0.5) / SIDE] * 2, indexing="ij")
    slope = scene["slope"][:, :, None, None]
    found = scene["base"][:, None, None] + slope[:, 0] * (x - 0.5) + slope[:, 1] * (y - 0.5)
    for shape in range(_SHAPES):
        place = scene["place"][:, shape, :, None, None]
        size = scene["size"][:, shape, :, None, None]
        across, down = (x - place[:, 0]) / size[:, 0], (y - place[:, 1]) / size[:, 1]
        disc = across**2 + down**2 < 1
        bar = np.maximum(abs(across), abs(down)) < 0.85
        inside = np.where(scene["is_disc"][:, shape, None, None], disc, bar)
        found = np.where(inside, scene["grey"][:, shape, None, None], found)
    return found.clip(0, 255)


def edited(images: np.ndarray, edit: str, seed: int) -> np.ndarray:
    """Return copies of pictures as they get around."""
    random = np.random.default_rng([seed, EDITS.index(edit)])
    count = len(images)
    if edit == "brighter":
        gain = random.uniform(0.75, 1.15, count)[:, None, None]
        return (images * gain + random.uniform(-30, 30, count)[:, None, None]).clip(0, 255)
    if edit == "noisy":
        return (images + random.normal(0, 9, images.shape)).clip(0, 255)
    if edit == "re-encoded":  # as JPEG does it: the cosines of 8 x 8 blocks, in coarse steps
        k = np.arange(8)
        cosines = np.cos(np.pi * (2 * k + 1) * k[:, None] / 16) * np.where(k, 0.5, 8**-0.5)[:, None]
        blocks = images.reshape(count, SIDE // 8, 8, SIDE // 8, 8).transpose(0, 1, 3, 2, 4)
        step = 14.0 + 7 * (k + k[:, None])
        coarse = np.round(cosines @ blocks @ cosines.T / step) * step
        back = (cosines.T @ coarse @ cosines).transpose(0, 1, 3, 2, 4)
        return back.reshape(images.shape).clip(0, 255)
    zoom = random.uniform(0.91, 0.97, count)
    first = random.uniform(0, 1, (2, count)) * (1 - zoom)
    rows, columns = (
        ((one[:, None] + zoom[:, None] * (np.arange(SIDE) + 0.5) / SIDE) * SIDE).astype(int)
        for one in first
    )
    return images[np.arange(count)[:, None, None], rows[:, :, None], columns[:, None, :]]


def of_one_series(scene: dict[str, np.ndarray], seed: int) -> dict[str, np.ndarray]:
    """Return other scenes of the same series: the thing in front is another, elsewhere."""
    random = np.random.default_rng(seed)
    found = {name: values.copy() for name, values in scene.items()}
    count = len(scene["base"])
    found["place"][:, -1] = random.uniform(0.1, 0.9, (count, 2))
    found["grey"][:, -1] = random.uniform(0, 255, count)
    return found


def gallery(originals: int, seed: int) -> tuple[pa.Table, np.ndarray]:
    """Return pictures as a table with embeddings, and what each is a copy of.

    Of a third of the originals there are two copies, of half of them two others of the series.

    Returns
    -------
    table : ``id``, ``embedding``, ``thumbnail`` (bytes); in random order.
    group : int64; equal for an original and its copies.
    """
    scene = scenes(originals, seed)
    painted = pictures(scene)
    pieces, groups = [painted], [np.arange(originals)]
    copied = np.arange(originals // 3)
    for place, edit in enumerate(EDITS):
        some = copied[place % 2 :: 2]
        pieces.append(edited(painted[some], edit, seed))
        groups.append(some)
    chosen = np.arange(originals // 4, originals // 4 + originals // 2)
    for number in (1, 2):
        others = of_one_series({n: values[chosen] for n, values in scene.items()}, seed + number)
        pieces.append(pictures(others))
        groups.append(number * originals + chosen)
    order = np.random.default_rng(seed).permutation(sum(map(len, pieces)))
    return as_table(np.concatenate(pieces)[order]), np.concatenate(groups)[order]


def as_table(images: np.ndarray) -> pa.Table:
    """Return pictures with their embeddings and thumbnails."""
    embedded = embeddings(images)
    ends = np.arange(len(images) + 1, dtype=np.int32) * embedded.shape[1]
    vectors = pa.ListArray.from_arrays(pa.array(ends), pa.array(embedded.ravel()))
    step = SIDE // _THUMBNAIL
    small = images.reshape(len(images), _THUMBNAIL, step, _THUMBNAIL, step).mean(axis=(2, 4))
    return pa.table(
        {
            "id": [f"picture-{number:05}" for number in range(len(images))],
            "embedding": vectors,
            "thumbnail": [image.tobytes() for image in small.astype(np.uint8)],
        }
    )


def embeddings(images: np.ndarray) -> np.ndarray:
    """Return means and slopes of a grid of blocks; float32, shape (count, 192)."""
    step = SIDE // _GRID
    down, across = np.gradient(images, axis=(1, 2))
    maps = [images - images.mean(axis=(1, 2), keepdims=True), 4 * down, 4 * across]
    blocks = [one.reshape(-1, _GRID, step, _GRID, step).mean(axis=(2, 4)) for one in maps]
    return np.stack(blocks, axis=1).reshape(len(images), -1).astype(np.float32)


def differences(left: pa.ChunkedArray, right: pa.ChunkedArray) -> np.ndarray:
    """Return what a classifier looks at of pairs of thumbnails; float64, shape (pairs, 6).

    Brightness and contrast are taken off, and small shifts tried: a crop is off by a pixel
    everywhere, a picture of the series is far off in one place.
    """
    a, b = (_even(side) for side in (left, right))
    inner = slice(1, -1)
    shifted = [
        abs(a[:, inner, inner] - np.roll(b, (down, across), (1, 2))[:, inner, inner])
        for down in (-1, 0, 1)
        for across in (-1, 0, 1)
    ]
    apart = np.min(shifted, axis=0)
    side = apart.shape[1] // 2
    blocks = np.sort(apart.reshape(-1, side, 2, side, 2).mean(axis=(2, 4)).reshape(len(a), -1))
    looked_at = [apart.mean(axis=(1, 2)), shifted[4].mean(axis=(1, 2))]
    looked_at += [blocks[:, -many] for many in (1, 4, 12, 30)]
    return np.log(np.stack(looked_at, axis=1) + 0.02)


def _even(thumbnails: pa.ChunkedArray) -> np.ndarray:
    octets = np.frombuffer(b"".join(thumbnails.to_pylist()), np.uint8)
    images = octets.reshape(-1, _THUMBNAIL, _THUMBNAIL).astype(np.float64)
    images -= images.mean(axis=(1, 2), keepdims=True)
    return images / (images.std(axis=(1, 2), keepdims=True) + 1)


def fitted(features: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Fit a logistic regression by Newton's method; the last weight is the constant."""
    x = np.column_stack([features, np.ones(len(features))])
    weights = np.zeros(x.shape[1])
    for _ in range(30):
        p = 1 / (1 + np.exp(-x @ weights))
        slope = x.T @ (labels - p) - 1e-3 * weights
        curve = (x * (p * (1 - p))[:, None]).T @ x + 1e-3 * np.eye(len(weights))
        weights += np.linalg.solve(curve, slope)
    return weights


def probability(features: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Return how sure the classifier is that two pictures are one."""
    return 1 / (1 + np.exp(-(features @ weights[:-1] + weights[-1])))


def labelled_pairs(originals: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Return what a classifier learns from: pairs that a search found, and which are copies."""
    table, group = gallery(originals, seed)
    pairs = find_duplicates(table, threshold=0.8, pairs="all").pairs
    left, right = pairs["left_position"], pairs["right_position"]
    images = table["thumbnail"]
    features = differences(images.take(left), images.take(right))
    return features, group[left.to_numpy()] == group[right.to_numpy()]


def quality(pairs: pa.Table, group: np.ndarray) -> tuple[float, float]:
    """Return precision and recall of pairs, by the groups of their positions."""
    left, right = (pairs[f"{side}_position"].to_numpy() for side in ("left", "right"))
    right_ones = int((group[left] == group[right]).sum())
    sizes = np.unique(group, return_counts=True)[1]
    return right_ones / len(left), right_ones / int((sizes * (sizes - 1) // 2).sum())


def drawing(rows: int) -> str:
    """Return a sheet of pictures, with what the search and the classifier say of them, as SVG."""
    weights = fitted(*labelled_pairs(1500, seed=1))
    scene = scenes(rows, seed=9)
    first = pictures(scene)
    columns = {"original": first} | {edit: edited(first, edit, 9) for edit in EDITS}
    columns |= {f"{SERIES} {'ab'[n]}": pictures(of_one_series(scene, n)) for n in (0, 1)}
    original = as_table(first)
    unit = _unit(embeddings(first))
    found = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {len(columns) * 110} '
        f'{rows * 130 + 26}" font-family="sans-serif" font-size="12" text-anchor="middle">',
        '<rect width="100%" height="100%" fill="#fff"/>',
    ]
    for column, (name, images) in enumerate(columns.items()):
        centre = column * 110 + 55
        found.append(f'<text x="{centre}" y="17" font-weight="bold">{name}</text>')
        cosine = (unit * _unit(embeddings(images))).sum(axis=1)
        thumbnails = as_table(images)["thumbnail"]
        sure = probability(differences(original["thumbnail"], thumbnails), weights)
        for row, image in enumerate(images):
            top = row * 130 + 26
            data = base64.b64encode(_png(image)).decode()
            found.append(
                f'<image x="{centre - 48}" y="{top}" width="96" height="96" '
                f'style="image-rendering:pixelated" href="data:image/png;base64,{data}"/>'
            )
            if column:
                colour = "#1a7f37" if sure[row] > 0.5 else "#b3261e"
                said = f"{cosine[row]:.2f} · {sure[row]:.2f}"
                found.append(f'<text x="{centre}" y="{top + 112}" fill="{colour}">{said}</text>')
    return "\n".join([*found, "</svg>", ""])


def _unit(vectors: np.ndarray) -> np.ndarray:
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def _png(image: np.ndarray) -> bytes:
    """Encode a picture in shades of grey."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return (
            struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        )

    rows = np.pad(image.astype(np.uint8), ((0, 0), (1, 0)))  # a filter byte before each
    header = struct.pack(">IIBBBBB", *image.shape[::-1], 8, 0, 0, 0, 0)
    body = chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows.tobytes(), 9))
    return b"\x89PNG\r\n\x1a\n" + body + chunk(b"IEND", b"")


if __name__ == "__main__":
    Path(__file__).with_name("near-images.svg").write_text(drawing(4), encoding="utf-8")

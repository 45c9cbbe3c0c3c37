"""dedup, faiss and brute force on one world of vectors: all near pairs, within a time limit.

`python -m benchmarks.vector_peers FOLDER RUN` is what `benchmarks.vectors` starts for each run of
its configuration; it prints a line of JSON for each setting as soon as it is measured.
"""

import json
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from benchmarks.vector_worlds import World, cosines

_BATCH = 500
_ADDED = 10_000
_BLOCK_ROWS = 1 << 17
_ROUNDING = 1e-5
"""Of a product of float32; exact cosines decide afterwards."""


class Peer(Protocol):
    """Answers queries among vectors it was given."""

    def add(self, vectors: np.ndarray) -> None:
        """Take some more of the vectors."""

    def near(self, queries: np.ndarray) -> np.ndarray:
        """Return pairs (number of the query, position) that may be near; int64, shape (n, 2)."""


class Hnsw:
    """faiss's graph: M is ``links``, efConstruction ``build``."""

    def __init__(self, run: dict[str, Any], given: dict[str, Any]) -> None:
        import faiss

        self.index = faiss.IndexHNSWFlat(given["dim"], run["links"], faiss.METRIC_INNER_PRODUCT)
        self.index.hnsw.efConstruction = run["build"]
        self.neighbours = given["neighbours"]

    def set(self, setting: int) -> None:
        """Walk on with so many candidates: efSearch."""
        self.index.hnsw.efSearch = setting

    def add(self, vectors: np.ndarray) -> None:
        """Take some more of the vectors."""
        self.index.add(vectors)

    def near(self, queries: np.ndarray) -> np.ndarray:
        """Return the nearest that the walk meets."""
        return _listed(self.index.search(queries, self.neighbours)[1])


class Lsh:
    """faiss's table of signs of projections, all of which are read for each query."""

    def __init__(self, run: dict[str, Any], given: dict[str, Any]) -> None:
        import faiss

        self.index = faiss.IndexLSH(given["dim"], run["bits"])
        self.neighbours = given["neighbours"]

    def add(self, vectors: np.ndarray) -> None:
        """Take some more of the vectors."""
        if not self.index.is_trained:
            self.index.train(vectors)
        self.index.add(vectors)

    def near(self, queries: np.ndarray) -> np.ndarray:
        """Return the nearest by their bits."""
        return _listed(self.index.search(queries, self.neighbours)[1])


class Range:
    """faiss's exact range search."""

    def __init__(self, run: dict[str, Any], given: dict[str, Any]) -> None:
        import faiss

        self.index = faiss.IndexFlatIP(given["dim"])
        self.limit = given["threshold"] - _ROUNDING

    def add(self, vectors: np.ndarray) -> None:
        """Take some more of the vectors."""
        self.index.add(vectors)

    def near(self, queries: np.ndarray) -> np.ndarray:
        """Return all at the threshold."""
        limits, _, labels = self.index.range_search(queries, self.limit)
        numbers = np.repeat(np.arange(len(queries)), np.diff(limits.astype(np.int64)))
        return np.stack([numbers, labels], axis=1)


class Brute:
    """Products of matrices."""

    def __init__(self, run: dict[str, Any], given: dict[str, Any]) -> None:
        self.vectors = np.zeros((0, given["dim"]), np.float32)
        self.limit = given["threshold"] - _ROUNDING

    def add(self, vectors: np.ndarray) -> None:
        """Take the vectors."""
        self.vectors = np.concatenate([self.vectors, vectors]) if len(self.vectors) else vectors

    def near(self, queries: np.ndarray) -> np.ndarray:
        """Return all at the threshold."""
        found = []
        for first in range(0, len(self.vectors), _BLOCK_ROWS):
            product = queries @ self.vectors[first : first + _BLOCK_ROWS].T
            pairs = np.argwhere(product >= self.limit)
            pairs[:, 1] += first
            found.append(pairs)
        return np.concatenate(found)


PEERS = {"hnsw": Hnsw, "lsh": Lsh, "range": Range, "brute": Brute}


def _listed(neighbours: np.ndarray) -> np.ndarray:
    numbers = np.repeat(np.arange(len(neighbours)), neighbours.shape[1])
    pairs = np.stack([numbers, neighbours.ravel()], axis=1)
    return pairs[pairs[:, 1] >= 0]


def measured(run: dict[str, Any], given: dict[str, Any], world: World) -> Iterator[dict[str, Any]]:
    """Yield a row for each setting of a run, until the target is reached or the time is up."""
    if run["tool"] == "dedup":
        for setting in run["settings"]:
            yield {"setting": setting} | _by_dedup(setting, given, world)
        return
    start = time.perf_counter()
    peer = PEERS[run["tool"]](run, given)
    step = _ADDED if run["tool"] == "hnsw" else given["count"]
    for first in range(0, given["count"], step):
        if time.perf_counter() - start > run["limit_seconds"]:
            yield {"unfinished": f"{first:,} of {given['count']:,} vectors were in the index"}
            return
        peer.add(world.vectors[first : first + step])
    build = time.perf_counter() - start
    for setting in run.get("settings", [None]):
        if setting is not None:
            peer.set(setting)
        left = run["limit_seconds"] - (time.perf_counter() - start)
        row = _of_sample(peer, given, world, left)
        if row is None:
            yield {"setting": setting, "unfinished": f"the index took {build:.0f} s"}
            return
        reached = row["recall"] >= given["target_recall"]
        left = run["limit_seconds"] - (time.perf_counter() - start)
        if reached and row["query_seconds"] < left:
            row = _of_all(peer, given, world, left) or row
            reached = row["recall"] >= given["target_recall"]
        yield {"setting": setting, "seconds": round(build + row.pop("query_seconds"), 2)} | row
        if reached:
            return


def _by_dedup(recall: float, given: dict[str, Any], world: World) -> dict[str, Any]:
    from dedup.vectors import find_duplicates

    start = time.perf_counter()
    result = find_duplicates(
        world.vectors, threshold=given["threshold"], recall=recall, pairs="all"
    )
    rows = result.pairs
    seconds = round(time.perf_counter() - start, 2)
    pairs = np.stack([rows["left_position"].to_numpy(), rows["right_position"].to_numpy()], axis=1)
    note = result.summary["tables"]
    return {"seconds": seconds, "note": note} | _scored(pairs, world.pairs, world.pairs, given)


def _of_all(peer: Peer, given: dict[str, Any], world: World, limit: float) -> dict[str, Any] | None:
    """Ask for every vector; None where the time is up before."""
    start = time.perf_counter()
    found = []
    for first in range(0, given["count"], _ADDED):
        if time.perf_counter() - start > limit:
            return None
        queries = np.arange(first, min(given["count"], first + _ADDED))
        found.append(_near(peer, queries, world, given))
    pairs = np.unique(np.concatenate(found), axis=0)
    seconds = time.perf_counter() - start
    return {"query_seconds": seconds} | _scored(pairs, world.pairs, world.pairs, given)


def _of_sample(
    peer: Peer, given: dict[str, Any], world: World, limit: float
) -> dict[str, Any] | None:
    """Time some random queries, and ask for both ends of some pairs, until the time is up.

    A pair is found from either end, as it would be if all were asked.
    """
    start = time.perf_counter()
    random = np.random.default_rng(1)
    most = min(given["sampled_queries"], given["count"])
    queries = random.permutation(given["count"])[:most]
    pairs = world.pairs[random.permutation(len(world.pairs))[:most]]
    seconds, asked, found = 0.0, 0, []
    while asked < most and time.perf_counter() - start < limit:
        batch = slice(asked, min(asked + _BATCH, most))
        before = time.perf_counter()
        _near(peer, queries[batch], world, given)
        seconds += time.perf_counter() - before
        found.append(_near(peer, np.unique(pairs[batch]), world, given))
        asked = batch.stop
    if not asked:
        return None
    listed = np.unique(np.concatenate(found), axis=0)
    return {
        "query_seconds": seconds * given["count"] / asked,
        "sampled_queries": asked,
    } | _scored(listed, pairs[:asked], world.pairs, given)


def _near(peer: Peer, queries: np.ndarray, world: World, given: dict[str, Any]) -> np.ndarray:
    """Return the near pairs of some queries, each once, smaller position first."""
    pairs = peer.near(world.vectors[queries])
    pairs[:, 0] = queries[pairs[:, 0]]
    pairs = np.sort(pairs[pairs[:, 0] != pairs[:, 1]], axis=1)
    pairs = np.unique(pairs, axis=0)
    return pairs[cosines(world.vectors, pairs) >= given["threshold"]]


def _scored(
    found: np.ndarray, wanted: np.ndarray, true: np.ndarray, given: dict[str, Any]
) -> dict[str, Any]:
    """Return the recall of the wanted pairs, and the share of the found ones that are true."""
    keys, needed, all_true = (
        np.sort(pairs, axis=1) @ np.array([given["count"], 1]) for pairs in (found, wanted, true)
    )
    return {
        "recall": float(np.isin(needed, keys).mean()),
        "precision": float(np.isin(keys, all_true).mean()) if len(keys) else 1.0,
    }


def _peak_bytes() -> int:
    lines = Path("/proc/self/status").read_text().splitlines()
    return 1024 * int(next(line for line in lines if line.startswith("VmHWM")).split()[1])


def main(folder: Path, run: dict[str, Any]) -> None:
    """Print a row for each setting of a run."""
    given = json.loads((folder / "given.json").read_text())
    world = World(np.load(folder / "vectors.npy"), np.load(folder / "pairs.npy"))
    for row in measured(run, given, world):
        print(json.dumps(row | {"peak_bytes": _peak_bytes()}), flush=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]), json.loads(sys.argv[2]))

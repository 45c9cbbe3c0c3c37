"""The indexes that are compared, a process each: ``python -m benchmarks.index_tools NAME ...``.

Prints its figures as JSON. dedup is built by one process and asked by another, for it is on disk;
the peers live in memory, so one process does both.
"""

from __future__ import annotations

import argparse
import json
import os
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.index_documents import BLOCK, block, questions

ADDED_TOGETHER = 50
"""Blocks that are added at a time."""
SINGLE, WARM = 2, 1
"""Blocks that are asked document by document; the first `WARM` are not counted."""
BATCHES = 20
THRESHOLD = 0.8
Add = Callable[[Sequence[str]], Any]
Query = Callable[[Sequence[str]], Sequence[int]]
"""Returns for each document how many stored ones match."""


def anonymous_bytes() -> int:
    """Return the memory of this process that no file backs."""
    for line in Path("/proc/self/smaps_rollup").read_text().splitlines():
        if line.startswith("Anonymous:"):
            return int(line.split()[1]) << 10
    raise RuntimeError("/proc/self/smaps_rollup has no line Anonymous")


def added(add: Add, documents: int) -> dict[str, Any]:
    """Add documents, and say how long that took without making them."""
    seconds = 0.0
    for first in range(0, documents // BLOCK, ADDED_TOGETHER):
        last = min(first + ADDED_TOGETHER, documents // BLOCK)
        texts = [text for number in range(first, last) for text in block(number)]
        start = time.perf_counter()
        add(texts)
        seconds += time.perf_counter() - start
    return {"added": documents, "add_seconds": seconds, "building_bytes": anonymous_bytes()}


def asked(query: Query, documents: int) -> dict[str, Any]:
    """Ask document by document, and in batches."""
    blocks = np.random.default_rng(5).permutation(documents // BLOCK).tolist()
    singles: list[float] = []
    for place in range(SINGLE + WARM):
        for text in questions(blocks[place % len(blocks)]):
            start = time.perf_counter()
            query([text])
            singles.append(time.perf_counter() - start)
    rates, found = [], 0
    for place in range(BATCHES + WARM):
        texts = questions(blocks[(SINGLE + WARM + place) % len(blocks)])
        start = time.perf_counter()
        counts = query(texts)
        rates.append(len(texts) / (time.perf_counter() - start))
        found += sum(1 for count in counts[::2] if count)
    milliseconds = np.array(singles[WARM * BLOCK :]) * 1e3
    return {
        "single_p50_ms": float(np.percentile(milliseconds, 50)),
        "single_p99_ms": float(np.percentile(milliseconds, 99)),
        "batch_documents_per_second": float(np.median(rates[WARM:])),
        "found_share": found / ((BATCHES + WARM) * BLOCK / 2),
        "querying_bytes": anonymous_bytes(),
    }


def dedup_build(documents: int, folder: str) -> dict[str, Any]:
    """Build the index on disk."""
    from dedup import Index

    index = Index.create(folder, threshold=THRESHOLD)
    result = added(index.add, documents)
    disk = sum(entry.stat().st_size for entry in os.scandir(folder))
    return result | {"disk_bytes": disk, "segments": index.stats()["segments"]}


def dedup_query(documents: int, folder: str) -> dict[str, Any]:
    """Ask the index on disk, whose pages are in the page cache."""
    from dedup import Index

    index = Index.open(folder)

    def query(texts: Sequence[str]) -> Sequence[int]:
        places = index.query(texts)["query"].to_numpy()
        return np.bincount(places, minlength=len(texts)).tolist()

    return asked(query, documents)


def gaoya(documents: int, _: str) -> dict[str, Any]:
    """Ask gaoya's index, which compares signatures by their estimate."""
    from gaoya.minhash import MinHashStringIndex

    from benchmarks.peers.process import bands_for_recall

    bands, rows = bands_for_recall(THRESHOLD)
    index = MinHashStringIndex(
        hash_size=32,
        jaccard_threshold=THRESHOLD,
        num_bands=bands,
        band_size=rows,
        analyzer="word",
        lowercase=True,
        ngram_range=(5, 5),
        id_container="smallvec",
    )
    ids: Iterator[int] = iter(range(documents))

    def add(texts: Sequence[str]) -> None:
        index.par_bulk_insert_docs([next(ids) for _ in texts], list(texts))

    def query(texts: Sequence[str]) -> Sequence[int]:
        if len(texts) == 1:
            return [len(index.query(texts[0]))]
        return [len(found) for found in index.par_bulk_query(list(texts))]

    return added(add, documents) | asked(query, documents)


def datasketch(documents: int, _: str) -> dict[str, Any]:
    """Ask datasketch's MinHashLSH, without a check of the candidates."""
    from datasketch import MinHashLSH

    from benchmarks.peers.datasketch import NUM_PERM, sketches
    from benchmarks.peers.process import bands_of_128

    index = MinHashLSH(threshold=THRESHOLD, num_perm=NUM_PERM, params=bands_of_128(THRESHOLD))
    ids: Iterator[int] = iter(range(documents))

    def add(texts: Sequence[str]) -> None:
        for signature in sketches(texts):
            index.insert(next(ids), signature, check_duplication=False)

    def query(texts: Sequence[str]) -> Sequence[int]:
        return [len(index.query(signature)) for signature in sketches(texts)]

    return added(add, documents) | asked(query, documents)


TOOLS = {one.__name__: one for one in (dedup_build, dedup_query, gaoya, datasketch)}


def main() -> None:
    """Run one tool."""
    parser = argparse.ArgumentParser()
    parser.add_argument("name", choices=TOOLS)
    parser.add_argument("documents", type=int)
    parser.add_argument("folder")
    arguments = parser.parse_args()
    print(json.dumps(TOOLS[arguments.name](arguments.documents, arguments.folder)))


if __name__ == "__main__":
    main()

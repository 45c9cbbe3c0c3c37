"""The files of a run are the same byte for byte, whatever the memory, the parts and the processes.

Also where a cap leaves comparisons out: what it leaves out depends on the documents alone.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from dedup import cluster, collapse, decisions, edges, ids
from dedup.config import Config
from dedup.engines import part_writer
from dedup.engines.local import LocalEngine
from dedup.engines.pool import WorkerPool
from dedup.io.inputs import discover
from dedup.lsh import candidates, grouping
from dedup.output import pairs, tables
from dedup.pipeline import find
from dedup.spill import runs, scratch
from dedup.spill.scratch import Scratch
from tests.worlds import world

Files = dict[str, bytes]

OPTIONS: list[dict[str, Any]] = [
    {},
    {"linkage": "components", "pairs": "all"},
    {"measure": "containment", "pairs": "all"},
    {"method": "both", "pairs": "all"},
    {"method": "exact"},
    {"method": "exact", "linkage": "components", "pairs": "all"},
    {"ignore_common": 0.2},
]

# How much is done at a time; what a cap leaves out depends on none of these.
PIECES = [
    (runs, "RUN_KEYS", 700),
    (ids, "_HASHED_TOGETHER", 90),
    (grouping, "_RANGE_ENTRIES", 400),
    (cluster, "_PAIRS_TOGETHER", 300),
    (candidates, "_PAIRS_TOGETHER", 300),
    (collapse, "_RANGE_DOCUMENTS", 500),
    (collapse, "_BLOCK", 130),
    (decisions, "_BLOCK", 170),
    (edges, "_VERIFIED_TOGETHER", 200),
    (pairs, "_BLOCK", 190),
    (pairs, "_PAIRS_TOGETHER", 50),
    (tables, "_BLOCK", 210),
    (part_writer, "_RUN_BYTES", 20_000),
]


def name(options: dict[str, Any]) -> str:
    return "-".join(map(str, options.values())) or "default"


def written(folder: Path, texts: list[str]) -> Path:
    folder.mkdir()
    for number in range(4):
        some = texts[number::4]
        table = pa.table({"id": [f"{number}-{n}" for n in range(len(some))], "text": some})
        pq.write_table(table, folder / f"{number}.parquet", row_group_size=60)
    return folder


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    texts = world(2_500, seed=12, num_tokens=40)
    return written(tmp_path_factory.mktemp("large") / "in", texts)


@pytest.fixture(scope="module")
def templates(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Pages of templates, whose buckets are too large for a small cap."""
    rng = np.random.default_rng(3)
    texts = []
    for number in range(600):
        page = [f"t{number % 3}w{place}" for place in range(100)]
        for place in rng.integers(0, 100, int(rng.integers(1, 4))).tolist():
            page[place] = f"own{int(rng.integers(1000))}"
        texts.append(" ".join(page))
    return written(tmp_path_factory.mktemp("templates") / "in", texts)


@pytest.fixture(scope="module")
def pool() -> Iterator[WorkerPool]:
    with WorkerPool(2) as started:
        yield started


def files_of(
    source: Path, place: Scratch, out: Path, options: dict[str, Any], engine: LocalEngine
) -> tuple[Files, int]:
    """Return the tables as they are written, and how many comparisons a cap left out."""
    result = find(discover([source]).files, Config(**options), engine, place, None)
    out.mkdir()
    result.write_into(out, evidence=False)
    found = {path.name: path.read_bytes() for path in out.glob("*.parquet")}
    assert set(found) == {"clusters.parquet", "pairs.parquet"}
    return found, int(result.search.clusters.skipped.num_comparisons)


def check_all_ways(
    source: Path,
    tmp_path: Path,
    options: dict[str, Any],
    pool: WorkerPool,
    monkeypatch: pytest.MonkeyPatch,
) -> int:
    """Compare a run in memory with runs on disk, in pieces, and in three processes."""
    expected, skipped = files_of(source, Scratch(), tmp_path / "whole", options, LocalEngine())
    assert pq.read_metadata(tmp_path / "whole" / "pairs.parquet").num_rows > 100
    for module, constant, value in PIECES:
        assert hasattr(module, constant)
        monkeypatch.setattr(module, constant, value)
    monkeypatch.setattr(scratch, "_SMALL_BYTES", 0)
    ways = [
        (None, None, LocalEngine(part_bytes=9_000)),
        ("disk", 0, LocalEngine(part_bytes=30_000, batch_documents=50)),
        ("both", 1 << 20, LocalEngine(part_bytes=1 << 25)),
        ("workers", 0, LocalEngine(pool, part_bytes=20_000)),
    ]
    for number, (folder, held, engine) in enumerate(ways):
        path = None if folder is None else tmp_path / folder
        if path is not None:
            path.mkdir()
        place = Scratch(None if path is None else os.fspath(path), held=held)
        found = files_of(source, place, tmp_path / f"out{number}", options, engine)
        assert found == (expected, skipped), f"{folder or 'memory'}, {held} bytes"
    return skipped


@pytest.mark.parametrize("options", OPTIONS, ids=name)
def test_files_are_the_same_byte_for_byte(
    corpus: Path,
    tmp_path: Path,
    options: dict[str, Any],
    pool: WorkerPool,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert check_all_ways(corpus, tmp_path, options, pool, monkeypatch) == 0


@pytest.mark.parametrize("chunk", [3_000, 1 << 21])
@pytest.mark.parametrize(
    "options", [{}, {"pairs": "all"}, {"linkage": "components"}, {"method": "both"}], ids=name
)
def test_what_a_cap_leaves_out_is_the_same(
    templates: Path,
    tmp_path: Path,
    options: dict[str, Any],
    chunk: int,
    pool: WorkerPool,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """It may depend on `CHUNK_ENTRIES`, a constant; the same in all of these runs."""
    monkeypatch.setattr(grouping, "CHUNK_ENTRIES", chunk)
    monkeypatch.setattr(candidates, "HOT_BUCKET", 4)
    monkeypatch.setattr(cluster, "POOR_ROUNDS", 1)
    capped = options | {"max_comparisons": 300}
    assert check_all_ways(templates, tmp_path, capped, pool, monkeypatch) > 0

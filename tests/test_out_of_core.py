"""The tables do not depend on what lies on disk, nor on how much is done at a time."""

from __future__ import annotations

from pathlib import Path
from typing import Any

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
from dedup.output import pairs
from dedup.pipeline import find
from dedup.spill import runs, scratch
from dedup.spill.scratch import Scratch
from tests.worlds import world

Tables = tuple[pa.Table, pa.Table, pa.Table]

OPTIONS: list[dict[str, Any]] = [
    {},
    {"pairs": "all"},
    {"linkage": "components"},
    {"linkage": "components", "pairs": "all"},
    {"measure": "containment", "pairs": "all"},
    {"method": "both", "pairs": "all"},
    {"method": "exact"},
    {"method": "exact", "linkage": "components", "pairs": "all"},
    {"method": "simhash"},
    {"ignore_common": 0.2},
    {"ignore_common": 0.2, "linkage": "components"},
]

# No cap is hit in this world, so that even the members of a chunk may be few.
SMALL = [
    (scratch, "_SMALL_BYTES", 0),
    (runs, "RUN_KEYS", 300),
    (ids, "_HASHED_TOGETHER", 50),
    (grouping, "CHUNK_ENTRIES", 40),
    (grouping, "_RANGE_ENTRIES", 90),
    (candidates, "_PAIRS_TOGETHER", 70),
    (cluster, "_PAIRS_TOGETHER", 60),
    (collapse, "_RANGE_DOCUMENTS", 80),
    (decisions, "_BLOCK", 33),
    (edges, "_VERIFIED_TOGETHER", 45),
    (pairs, "_BLOCK", 41),
    (pairs, "_PAIRS_TOGETHER", 9),
    (part_writer, "_RUN_BYTES", 5_000),
]


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("corpus")
    texts = world(500, seed=9, num_tokens=50)
    texts += [text[: len(text) * 3 // 4] for text in texts[::10]]
    for number in range(3):
        some = [f"read this first please dear reader {text}" for text in texts[number::3]]
        table = pa.table({"id": [f"{number}-{n}" for n in range(len(some))], "text": some})
        pq.write_table(table, folder / f"{number}.parquet", row_group_size=30)
    return folder


def tables(
    corpus: Path, place: Scratch, options: dict[str, Any], engine: LocalEngine | None = None
) -> Tables:
    files = discover([corpus]).files
    result = find(files, Config(**options), engine or LocalEngine(), place, None)
    assert result.search.clusters.skipped.num_comparisons == 0
    assert bool(result.summary["ignored_shingles"]) == ("ignore_common" in options)
    return result.clusters, result.pairs, result.decision_columns


def same(found: Tables, expected: Tables) -> None:
    for some, wanted in zip(found, expected, strict=True):
        assert some.equals(wanted)


@pytest.mark.parametrize(
    "options", OPTIONS, ids=lambda options: "-".join(map(str, options.values())) or "default"
)
def test_tables_are_the_same_out_of_core(
    corpus: Path, tmp_path: Path, options: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = tables(corpus, Scratch(), options)
    assert expected[0].num_rows > 100
    for module, name, value in SMALL:
        assert hasattr(module, name)
        monkeypatch.setattr(module, name, value)
    for memory, part_bytes in ((0, 3_000), (1 << 16, 20_000), (1 << 34, 1 << 25)):
        folder = tmp_path / str(memory)
        folder.mkdir()
        place = Scratch(str(folder), held=memory)
        same(
            tables(corpus, place, options, LocalEngine(part_bytes=part_bytes, batch_documents=20)),
            expected,
        )
    same(tables(corpus, Scratch(), options), expected)


def test_two_processes_give_the_same(corpus: Path, tmp_path: Path) -> None:
    options = {"pairs": "all"}
    with WorkerPool(1) as pool:
        engine = LocalEngine(pool, part_bytes=5_000)
        found = tables(corpus, Scratch(str(tmp_path), held=0), options, engine)
    same(found, tables(corpus, Scratch(), options))

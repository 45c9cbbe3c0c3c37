"""A document asked for alone gets the answer that it gets among others, by another search."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import dedup
from dedup.index.index import Index
from tests.worlds import world

TEXTS = world(120, seed=9)


@pytest.fixture(scope="module")
def index(tmp_path_factory: pytest.TempPathFactory) -> Index:
    """Make an index of several segments with equal keys in each."""
    made = dedup.Index.create(tmp_path_factory.mktemp("single") / "index", store="all")
    for first in (0, 40, 80):
        made.add(TEXTS[first : first + 40] * 2)
    return made


def test_answers_alone_are_those_together(index: Index) -> None:
    asked = [*TEXTS, "", "!!! ???", "never seen"]
    together = index.query(asked).to_pylist()
    assert len(together) > 3 * len(TEXTS)
    for size in (1, 7, 8):
        parts = []
        for first in range(0, len(asked), size):
            rows = index.query(asked[first : first + size]).to_pylist()
            parts += [row | {"query": row["query"] + first} for row in rows]
        assert parts == together


@pytest.mark.parametrize("lost_bits", [0, 3, 30])
def test_both_searches_find_the_same_ranges(index: Index, lost_bits: int) -> None:
    rng = np.random.default_rng(1)
    extremes = np.array([0, 1, 2**64 - 1, 2**63], np.uint64)
    found = 0
    for segment in index.segments:
        for row in range(len(segment.entries)):
            stored = segment.entries[row]
            near = rng.choice(stored, 20) + np.uint64(1 << 7)
            keys = np.concatenate([stored, near, extremes, rng.integers(0, 2**63, 20, np.uint64)])
            hits, first, last = segment.ranges(row, keys, lost_bits if row else 0)
            expected = dict(zip(hits.tolist(), zip(first, last, strict=True), strict=True))
            for place, key in enumerate(keys.tolist()):
                its = segment.ranges_of([key] * (row + 1), lost_bits)
                alone = [(first, last) for at, first, last in its if at == row]
                assert alone == ([expected[place]] if place in expected else [])
                found += len(alone)
    assert found > len(TEXTS)


def test_the_options_are_made_once(tmp_path: Path) -> None:
    manifest = dedup.Index.create(tmp_path / "index", threshold=0.7).manifest
    assert manifest.as_config() is manifest.as_config()
    assert manifest.next(config=manifest.config | {"threshold": "0.9"}).as_config() != (
        manifest.as_config()
    )

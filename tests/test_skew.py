"""Skewed corpora: the right clusters at the default caps; `benchmarks/skew.py` has the times."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

import dedup
from benchmarks.skew_worlds import WORLDS, World
from tests import reference


@pytest.mark.parametrize(
    "share", [0.02, pytest.param(1, marks=pytest.mark.slow)], ids=["small", "full"]
)
@pytest.mark.parametrize("name", WORLDS)
def test_skewed_world(name: str, share: float) -> None:
    make, size = WORLDS[name]
    world = make(int(size * share))
    result = dedup.find_duplicates(pa.table({"text": world.texts}))
    keeper = result.decisions.removed_by
    found = sum(int(keeper[removed]) == kept for kept, removed in world.pairs)
    assert found >= 0.99 * len(world.pairs)
    search = result.summary["search"]
    if world.exact:
        assert result.summary["result"]["removed"] <= len(world.pairs)
        assert search["skipped_comparisons"] == 0
        assert search["compared_pairs"] < 20 * len(world.texts)
    check_removals(world, result)


def check_removals(world: World, result: dedup.Result) -> None:
    """Check a sample of what was removed against its keeper, by the naive definition."""
    removed = np.flatnonzero(result.decisions.removed)
    for document in removed[:: max(1, len(removed) // 50)].tolist():
        keeper = int(result.decisions.removed_by[document])
        sets = [reference.shingles(world.texts[d], 5) for d in (document, keeper)]
        assert reference.jaccard(*sets) >= result.search.verifier.threshold


def test_what_a_cap_leaves_out_is_kept_and_reported() -> None:
    world = WORLDS["pages just under the threshold"][0](600)
    result = dedup.find_duplicates(pa.table({"text": world.texts}), max_comparisons=2_000)
    search = result.summary["search"]
    assert search["skipped_comparisons"] > 0
    assert search["compared_pairs"] < 600 * 599 / 2
    concerned = search["documents_with_skipped_comparisons"]
    assert 0 < concerned < 600
    assert result.summary["result"]["kept"] > 590
    assert any(f"the {concerned:,} documents" in w for w in result.summary["warnings"])

"""`--keep-best K`: a keeper, and the first K - 1 of those that it would remove, stay."""

from __future__ import annotations

from collections import Counter
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

import dedup
from dedup import decisions
from dedup.decisions import _spare
from dedup.spill.scratch import Scratch
from tests import reference
from tests.worlds import world

SURE = 0.999999
TEXTS = [*world(160, seed=4, num_tokens=40), *(["the same words, over and over again"] * 7)]
SCORE = np.random.default_rng(0).integers(0, 5, len(TEXTS)).tolist()
TABLE = pa.table({"text": TEXTS, "score": SCORE, "id": [f"d{i}" for i in range(len(TEXTS))]})
POLICIES: dict[str, Any] = {
    "first": range(len(TEXTS)),
    "last": range(len(TEXTS) - 1, -1, -1),
    "longest": sorted(range(len(TEXTS)), key=lambda at: -len(TEXTS[at])),
    "max:score": sorted(range(len(TEXTS)), key=lambda at: -SCORE[at]),
}


def naive(order: list[int], threshold: str) -> list[int]:
    """Return the keeper of each position, going through the documents in keeper order."""
    sets = []
    for at in order:
        canonical = reference.canonical_text(TEXTS[at])
        alone = {("no token", canonical)} if canonical.strip() else {("blank", str(at))}
        sets.append(reference.shingles(TEXTS[at], 5) or alone)
    keeper = [0] * len(order)
    for rank, other in enumerate(reference.greedy(sets, Fraction(threshold))):
        keeper[order[rank]] = order[other]
    return keeper


def naive_removed(order: list[int], keeper: list[int], keep_best: int) -> list[bool]:
    """Count what stays of each keeper's documents, one after the other."""
    stay: Counter[int] = Counter()
    removed = [False] * len(order)
    for at in order:
        stay[keeper[at]] += 1
        removed[at] = keeper[at] != at and stay[keeper[at]] > keep_best
    return removed


@pytest.mark.parametrize("keep", POLICIES)
@pytest.mark.parametrize("keep_best", [1, 2, 3, 100])
def test_the_first_of_each_keeper_stay(keep: str, keep_best: int) -> None:
    order = [*POLICIES[keep]]
    keeper = naive(order, "0.6")
    options: dict[str, Any] = {"threshold": "0.6", "recall": SURE, "keep": keep}
    found = dedup.find_duplicates(TABLE, keep_best=keep_best, **options)
    removed = naive_removed(order, keeper, keep_best)
    assert found.decisions.removed.tolist() == removed
    assert found.decisions.removed_by.tolist() == keeper
    plain = dedup.find_duplicates(TABLE, **options)
    assert found.pairs.equals(plain.pairs)
    assert found.clusters.drop(["is_removed"]).equals(plain.clusters.drop(["is_removed"]))
    rows = found.clusters.to_pylist()
    assert {row["position"] for row in rows if row["is_removed"]} == {
        at for at, gone in enumerate(removed) if gone
    }
    for row in rows:  # whatever goes has a keeper that stays
        assert not (row["is_keeper"] and row["is_removed"])
        assert not row["is_removed"] or (not removed[row["cluster_id"]] and row["jaccard"] >= 0.6)
    spared = sum(one != at for at, one in enumerate(keeper)) - sum(removed)
    assert found.summary["result"].get("spared", 0) == spared
    assert found.summary["result"]["removed"] == sum(removed)
    kept = dedup.drop_duplicates(TABLE, keep_best=keep_best, **options)
    assert kept["id"].to_pylist() == [f"d{at}" for at, gone in enumerate(removed) if not gone]


@given(st.data(), st.integers(1, 4))
def test_any_groups_in_any_order_and_any_blocks(data: st.DataObject, most: int) -> None:
    count = data.draw(st.integers(0, 40))
    order = data.draw(st.permutations(range(count)))
    keeper = [
        data.draw(st.sampled_from([at for at in order[: order.index(place) + 1] if at % 3 == 0]))
        if place % 3 and any(at % 3 == 0 for at in order[: order.index(place)])
        else place
        for place in range(count)
    ]
    removed = np.array([one != at for at, one in enumerate(keeper)], bool)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(decisions, "_BLOCK", data.draw(st.integers(1, 12)))
        _spare(removed, np.array(keeper, int), np.array(order, int), most, Scratch(None, 0))
    assert removed.tolist() == naive_removed(list(order), keeper, most + 1)


def test_copies_of_the_input_and_deciding_again(tmp_path: Path) -> None:
    path, out, again = tmp_path / "in.parquet", tmp_path / "out", tmp_path / "again"
    pq.write_table(TABLE, path)
    result = dedup.run(
        [path], out, dedup.Config(threshold="0.6", keep="min:score"), keep_evidence=True
    )
    dedup.recluster(out, again, keep_best=3, keep="max:score")
    config = dedup.Config(threshold="0.6", keep_best=3, keep="max:score")
    folders: dict[str, Any] = {kind: tmp_path / kind for kind in ("kept", "annotated")}
    fresh = dedup.run([path], tmp_path / "fresh", config, **folders)
    for name in ("clusters.parquet", "pairs.parquet", "removed.parquet"):
        assert pq.read_table(again / name).equals(pq.read_table(tmp_path / "fresh" / name))
    annotated = pq.read_table(tmp_path / "annotated" / "in.parquet")
    kept = pq.read_table(tmp_path / "kept" / "in.parquet")
    assert annotated.filter(pa.compute.invert(annotated["is_removed"]))["id"].equals(kept["id"])
    assert 0 < fresh.summary["result"]["removed"] < result.summary["result"]["removed"]
    assert dedup.filter_files(again, [path], kept=tmp_path / "later") == {"kept": len(kept)}


def test_what_is_spared_does_not_count_as_removed(tmp_path: Path) -> None:
    path = tmp_path / "in.parquet"
    pq.write_table(pa.table({"text": ["one two three four five six"] * 10}), path)
    for keep_best, is_refused in ((1, True), (5, True), (6, False)):
        config = dedup.Config(max_removal=0.4, keep_best=keep_best)
        folders: dict[str, Any] = {"kept": tmp_path / f"kept{keep_best}"}
        if is_refused:
            with pytest.raises(dedup.DedupError, match="--max-removal"):
                dedup.run([path], tmp_path / f"out{keep_best}", config, **folders)
        else:
            dedup.run([path], tmp_path / f"out{keep_best}", config, **folders)
    with pytest.raises(dedup.ConfigError, match="keep_best is 0"):
        dedup.Config(keep_best=0)

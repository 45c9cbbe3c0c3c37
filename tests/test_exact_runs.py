"""``--method exact`` from texts to tables: the definitions hold without any chance."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

import dedup
from tests import reference
from tests.test_pipeline import document_set
from tests.worlds import world

TEXTS = world(260, seed=17, num_tokens=60)
SETS = [document_set(text, place) for place, text in enumerate(TEXTS)]


def found(threshold: str, texts: list[str] = TEXTS, **options: Any) -> Any:
    table = pa.table({"text": texts})
    return dedup.find_duplicates(table, method="exact", threshold=threshold, **options)


@pytest.mark.parametrize("threshold", ["0.2", "0.5", "0.8", "0.95", "1"])
def test_clusters_and_pairs_are_those_of_the_definitions(threshold: str) -> None:
    expected = reference.similar_pairs(SETS, Fraction(threshold))
    keepers = reference.greedy(SETS, Fraction(threshold))
    for options in ({}, {"pairs": "all"}, {"pairs": "all", "linkage": "components"}):
        result = found(threshold, **options)
        assert result.decisions.removed_by.tolist() == keepers
        if options:
            rows = result.pairs.to_pydict()
            places = zip(rows["left_position"], rows["right_position"], strict=True)
            assert dict(zip(places, rows["jaccard"], strict=True)) == pytest.approx(
                {pair: float(value) for pair, value in expected.items()}
            )


def test_components_are_those_of_all_pairs() -> None:
    result = found("0.6", linkage="components")
    label = list(range(len(TEXTS)))
    for left, right in sorted(reference.similar_pairs(SETS, Fraction("0.6"))):
        old, new = label[right], label[left]
        label = [min(old, new) if one in (old, new) else one for one in label]
    assert result.decisions.keeper.tolist() == label


def test_what_decides_is_compared_and_no_more(monkeypatch: pytest.MonkeyPatch) -> None:
    """A hundred edits of one page: whoever it removes removes nobody."""
    rng = np.random.default_rng(3)
    words = [f"w{i}" for i in range(150)]
    texts = []
    for _ in range(100):
        page = list(words)
        page[int(rng.integers(150))] = f"x{rng.integers(10**9)}"
        texts.append(" ".join(page))
    monkeypatch.setattr("dedup.edges._VERIFIED_TOGETHER", 10)
    decided, everything = found("0.8", texts), found("0.8", texts, pairs="all")
    assert decided.summary["result"]["removed"] == 99
    assert everything.summary["search"]["compared_pairs"] == 100 * 99 // 2
    assert decided.summary["search"]["compared_pairs"] < 100 + 10
    assert decided.decisions.removed_by.tolist() == everything.decisions.removed_by.tolist()


def test_summary_has_no_bands_and_recall_1() -> None:
    summary = found("0.7").summary
    assert summary["banding"] is None
    assert summary["search"]["recall"] == 1
    assert dedup.find_duplicates(pa.table({"text": TEXTS})).summary["search"]["recall"] == 0.99


def test_a_reclustering_may_go_below_the_threshold(tmp_path: Any) -> None:
    found("0.9").write(tmp_path / "out", evidence=True)
    again = dedup.recluster(tmp_path / "out", threshold="0.5", pairs="all")
    expected = found("0.5", pairs="all")
    assert again.clusters.equals(expected.clusters)
    assert again.pairs.equals(expected.pairs)


def test_plan_tells_the_cost_of_the_join(tmp_path: Any) -> None:
    import pyarrow.parquet as pq
    from click.testing import CliRunner

    from dedup.cli import cli

    path = tmp_path / "all.parquet"
    pq.write_table(pa.table({"text": TEXTS}), path)
    plan = dedup.plan([path], dedup.Config(method="exact", threshold="0.7"))
    assert plan["banding"] is None
    assert plan["join"]["pairs"] == found("0.7").summary["search"]["candidate_pairs"]
    assert plan["seconds"]["value"] > plan["join"]["seconds"]["value"] > 0
    assert dedup.plan([path], dedup.Config())["join"] is None
    shown = CliRunner().invoke(cli, ["plan", str(path), "--method", "exact"]).output
    assert "exact join" in shown

"""Comparing inside equal values of a column, or inside files, only: against brute force."""

from __future__ import annotations

from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import dedup
from tests import reference
from tests.worlds import world

SURE = 0.999999
HOSTS = ("a.example", "b.example", "c.example", None)
TEXTS = world(260, seed=11, num_tokens=50)
HOST = [HOSTS[place] for place in np.random.default_rng(3).integers(0, 4, len(TEXTS))]
TABLE = pa.table({"text": TEXTS, "host": HOST})


def expected(threshold: str, hosts: list[str | None], measure: str = "jaccard") -> list[int]:
    """Return who removes whom, one document after the other."""
    sets = []
    for place, text in enumerate(TEXTS):
        canonical = reference.canonical_text(text)
        alone = {("no token", canonical)} if canonical.strip() else {("blank", str(place))}
        sets.append(reference.shingles(text, 5) or alone)

    def comparable(a: int, b: int) -> bool:
        return hosts[a] is not None and hosts[a] == hosts[b]

    if measure == "jaccard":
        return reference.greedy(sets, Fraction(threshold), comparable)
    keeper: list[int] = []
    for place, shingles in enumerate(sets):
        holders = (
            earlier
            for earlier in range(place)
            if keeper[earlier] == earlier
            and comparable(earlier, place)
            and len(shingles & sets[earlier]) >= Fraction(threshold) * len(shingles)
        )
        keeper.append(next(holders, place))
    return keeper


@pytest.mark.parametrize("threshold", ["0.5", "0.8", "1"])
@pytest.mark.parametrize(
    "options",
    [
        {},
        {"pairs": "all"},
        {"method": "both"},
        {"method": "exact"},
        {"method": "exact", "pairs": "all"},
        {"linkage": "components"},
    ],
    ids=str,
)
def test_keepers_are_greedy_inside_each_value(threshold: str, options: dict[str, Any]) -> None:
    found = dedup.find_duplicates(TABLE, threshold=threshold, recall=SURE, within="host", **options)
    keepers = expected(threshold, list(HOST))
    assert found.decisions.removed_by.tolist() == keepers
    assert sum(keeper != place for place, keeper in enumerate(keepers)) > 10
    across = dedup.find_duplicates(TABLE, threshold=threshold, recall=SURE)
    assert found.summary["result"]["removed"] < across.summary["result"]["removed"] - 20
    positions = found.pairs.select(["left_position", "right_position"]).to_pylist()
    for left, right in (row.values() for row in positions):
        assert HOST[left] == HOST[right] is not None


def test_containment_inside_each_value() -> None:
    found = dedup.find_duplicates(TABLE, threshold="0.7", measure="containment", within="host")
    assert found.decisions.removed_by.tolist() == expected("0.7", list(HOST), "containment")


def test_inside_files(tmp_path: Path) -> None:
    edges = [0, 90, 91, 260]
    for number, (first, last) in enumerate(pairwise(edges)):
        path = tmp_path / f"{number}.parquet"
        pq.write_table(TABLE.slice(first, last - first), path)
    found = dedup.find_duplicates(tmp_path, threshold="0.5", recall=SURE, within="file")
    files = np.repeat(["0", "1", "2"], np.diff(edges)).tolist()
    assert found.decisions.removed_by.tolist() == expected("0.5", files)


def test_a_column_that_is_not_there() -> None:
    with pytest.raises(dedup.InputError, match=r"no .*column 'site'; it has: text, host"):
        dedup.find_duplicates(TABLE, within="site")

"""A second check of verified pairs: it rejects what it rejects, and makes nothing."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

import dedup
from dedup import check as checks
from tests import reference
from tests.worlds import world

TEXTS = sorted(set(world(240, seed=9, num_tokens=60)))
NUMBERS = np.random.default_rng(9).permutation(len(TEXTS)).tolist()
TABLE = pa.table({"text": TEXTS, "id": NUMBERS, "day": [number % 7 for number in NUMBERS]})
SURE: dict[str, Any] = {"threshold": "0.5", "method": "exact"}


def within_a_day(pairs: pa.RecordBatch) -> pa.Array:
    return pc.less_equal(pc.abs(pc.subtract(pairs["left_day"], pairs["right_day"])), 1)


def naive_keepers(options: dict[str, Any]) -> list[int]:
    """Remove each document by the first keeper that it matches and the check accepts."""
    keep_last = options.get("keep") == "last"
    sets = [reference.shingles(text, 5) or {text} for text in TEXTS]
    keepers: list[int] = []
    found = list(range(len(TEXTS)))
    order = found[::-1] if keep_last else found[:]
    for place in order:
        for keeper in keepers:
            near = reference.jaccard(sets[keeper], sets[place]) >= Fraction(1, 2)
            days = TABLE["day"][keeper].as_py(), TABLE["day"][place].as_py()
            # Equal sets are one document to the search: they are never shown.
            if near and (sets[keeper] == sets[place] or abs(days[0] - days[1]) <= 1):
                found[place] = keeper
                break
        else:
            keepers.append(place)
    return found


@pytest.mark.parametrize("options", [{}, {"keep": "last"}], ids=str)
def test_keepers_are_the_greedy_ones_over_the_pairs_that_stand(
    options: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(checks, "_PAIRS_SHOWN", 5)
    check = dedup.Check(within_a_day, columns=("day",))
    result = dedup.find_duplicates(TABLE, check=check, **SURE, **options)
    expected = naive_keepers(options)
    assert result.decisions.removed_by.tolist() == expected
    without = dedup.find_duplicates(TABLE, **SURE, **options)
    assert 0 < result.summary["result"]["removed"] < without.summary["result"]["removed"]
    assert result.summary["search"]["refused_by_check"] > 0


@pytest.mark.parametrize(
    "options", [{"pairs": "all"}, {"linkage": "components", "method": "minhash"}], ids=str
)
def test_pairs_are_the_verified_ones_that_stand(options: dict[str, Any]) -> None:
    options = {"threshold": "0.6", "pairs": "all", **options}
    everything = dedup.find_duplicates(TABLE, **options).pairs
    days = dict(zip(NUMBERS, TABLE["day"].to_pylist(), strict=True))
    near = [abs(days[a] - days[b]) <= 1 for a, b in zip(*_sides(everything), strict=True)]
    stands = pc.or_(pa.array(near), pc.equal(everything["jaccard"], 1.0))
    check = dedup.Check(within_a_day, columns=("day",))
    found = dedup.find_duplicates(TABLE, check=check, **options).pairs
    assert found.equals(everything.filter(stands))
    assert 0 < found.num_rows < everything.num_rows


def _sides(pairs: pa.Table) -> tuple[list[int], list[int]]:
    return pairs["left_id"].to_pylist(), pairs["right_id"].to_pylist()


def test_what_the_function_sees() -> None:
    seen: list[dict[str, Any]] = []

    def look(pairs: pa.RecordBatch) -> list[bool]:
        seen.extend(pairs.to_pylist())
        return [True] * pairs.num_rows

    check = dedup.Check(look, columns=("text", "day"))
    checked = dedup.find_duplicates(TABLE, check=check, keep="max:day")
    assert checked.clusters.equals(dedup.find_duplicates(TABLE, keep="max:day").clusters)
    texts = dict(zip(NUMBERS, TEXTS, strict=True))
    assert len(seen) > 20
    for pair in seen:
        left, right = texts[pair["left_id"]], texts[pair["right_id"]]
        assert (pair["left_text"], pair["right_text"]) == (left, right)
        assert pair["left_day"] >= pair["right_day"]
        near = reference.jaccard(reference.shingles(left, 5), reference.shingles(right, 5))
        assert pair["jaccard"] == float(near) >= 0.8


@pytest.mark.parametrize("answer", [[1, 0], np.zeros(3), None, [[True]]], ids=str)
def test_an_answer_of_another_shape_is_an_error(answer: Any) -> None:
    with pytest.raises(dedup.InputError, match="return a boolean for each"):
        dedup.find_duplicates(TABLE, check=dedup.Check(lambda pairs: answer))


def test_runs_to_a_folder(tmp_path: Path) -> None:
    pq.write_table(TABLE, tmp_path / "in.parquet")
    check = dedup.Check(within_a_day, columns=("day",))
    config = dedup.Config(threshold=Fraction(3, 5))
    with pytest.raises(dedup.ConfigError, match="keep_evidence is given with check"):
        dedup.run(
            [tmp_path / "in.parquet"], tmp_path / "o", config, keep_evidence=True, check=check
        )
    dedup.run([tmp_path / "in.parquet"], tmp_path / "out", config, check=check)
    expected = dedup.find_duplicates(TABLE, threshold="0.6", check=check)
    found = pq.read_table(tmp_path / "out" / "clusters.parquet").drop("source")
    assert found.equals(expected.clusters.drop("source"))
    with pytest.raises(dedup.InputError, match="has no extra column 'none'"):
        dedup.find_duplicates(TABLE, check=dedup.Check(within_a_day, columns=("none",)))

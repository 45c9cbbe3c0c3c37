"""`--against`: what a reference has is removed first, and the rest is searched as ever."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner

import dedup
from dedup.cli import cli
from dedup.jobs import local
from tests.worlds import world

TEXTS = world(400, seed=31)
OLD = 150


@pytest.fixture(autouse=True)
def without_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.fsync", lambda _: None)


@pytest.fixture
def new(tmp_path: Path) -> Path:
    """Make the input: what is not in the reference, in three files."""
    (tmp_path / "new").mkdir()
    for number, first in enumerate(range(OLD, len(TEXTS), 100)):
        texts = TEXTS[first : first + 100]
        ids = [f"d{first + place}" for place in range(len(texts))]
        pq.write_table(pa.table({"id": ids, "text": texts}), tmp_path / "new" / f"{number}.parquet")
    return tmp_path / "new"


def reference(tmp_path: Path, kind: str, **options: Any) -> Path:
    table = pa.table({"id": [f"d{number}" for number in range(OLD)], "text": TEXTS[:OLD]})
    if kind == "corpus":
        pq.write_table(table, tmp_path / "old.parquet")
        return tmp_path / "old.parquet"
    index = dedup.Index.create(tmp_path / "old", store="all", **options)
    for first in range(0, OLD, 40):
        index.add(table.slice(first, 40))
    return tmp_path / "old"


def expected(threshold: str) -> tuple[dict[int, float], list[int]]:
    """Return the best Jaccard of what the reference has, and what is removed of the rest."""
    pairs = dedup.find_duplicates(pa.table({"text": TEXTS}), threshold=threshold, pairs="all").pairs
    best: dict[int, float] = {}
    for row in pairs.to_pylist():
        left, right = sorted((row["left_position"], row["right_position"]))
        if left < OLD <= right:
            best[right] = max(best.get(right, 0.0), row["jaccard"])
    rest = [number for number in range(OLD, len(TEXTS)) if number not in best]
    run = dedup.find_duplicates(pa.table({"text": [TEXTS[n] for n in rest]}), threshold=threshold)
    return best, [rest[place] for place in np.flatnonzero(run.decisions.removed)]


@pytest.mark.parametrize("kind", ["corpus", "index"])
@pytest.mark.parametrize("spilled", [False, True])
def test_what_is_there_goes_and_the_rest_is_a_run_of_its_own(
    tmp_path: Path, new: Path, kind: str, spilled: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    if spilled:
        monkeypatch.setattr(local, "SMALL_BYTES", 0)
        monkeypatch.setattr("dedup.index.against._SHINGLES_TOGETHER", 500)
    best, others = expected("0.6")
    assert len(best) > 10
    assert len(others) > 30
    path = reference(tmp_path, kind, threshold="0.6")
    config = dedup.Config(threshold="0.6", against=str(path), workers=1)
    dedup.run([new], tmp_path / "out", config, kept=tmp_path / "kept", annotated=tmp_path / "a")
    known = pq.read_table(tmp_path / "out" / "against.parquet").to_pylist()
    assert {int(row["doc_id"][1:]): row["jaccard"] for row in known} == best
    for row in known:
        assert row["position"] + OLD == int(row["doc_id"][1:])
        assert row["source"] == f"{row['position'] // 100}.parquet"
        same = TEXTS[int(row["reference_id"][1:])] == TEXTS[row["position"] + OLD]
        assert (row["match"] == "identical") == same
    kept = pq.read_table(tmp_path / "kept")["id"].to_pylist()
    gone = {*best, *others}
    assert kept == [f"d{n}" for n in range(OLD, len(TEXTS)) if n not in gone]
    # A document that the reference has is in no cluster, and no keeper.
    clusters = pq.read_table(tmp_path / "out" / "clusters.parquet")
    assert not {f"d{n}" for n in best} & set(clusters["doc_id"].to_pylist())
    rows = pq.read_table(tmp_path / "a")
    its = rows.filter(pc.is_in(rows["id"], pa.array([f"d{n}" for n in best])))
    assert its["is_removed"].to_pylist() == [True] * len(best)
    assert its["is_keeper"].to_pylist() == [False] * len(best)
    assert its["keeper_id"].null_count == len(best)


def test_small_segments_are_met_by_the_keys_of_a_long_run(tmp_path: Path) -> None:
    """A run's keys have lost more low bits to its many documents than a segment's have."""
    rng = np.random.default_rng(2)
    texts = [" ".join(f"w{word}" for word in rng.integers(0, 5000, 150)) for _ in range(600)]
    index = dedup.Index.create(tmp_path / "index")
    for text in texts[:5]:
        index.add([f"{text} and one more"])
    found = dedup.find_duplicates(pa.table({"text": texts}), against=index.path)
    assert np.flatnonzero(found.decisions.removed).tolist() == [0, 1, 2, 3, 4]


def test_filter_later_writes_the_same(tmp_path: Path, new: Path) -> None:
    config = dedup.Config(against=str(reference(tmp_path, "index")))
    run = dedup.run([new], tmp_path / "out", config, kept=tmp_path / "kept")
    dedup.filter_files(tmp_path / "out", [new], kept=tmp_path / "later")
    assert pq.read_table(tmp_path / "later").equals(pq.read_table(tmp_path / "kept"))
    assert run.summary["against"]["documents"] == OLD
    removed = {row["removed"] for row in run.summary["removal"]["keepers"]}
    assert sum(removed) <= run.summary["result"]["removed"] - run.summary["against"]["removed"]


def test_the_command_says_how_many(tmp_path: Path, new: Path) -> None:
    path = reference(tmp_path, "corpus")
    found = CliRunner().invoke(cli, ["run", str(new), "--dry-run", "--against", str(path)])
    count = dedup.find_duplicates(new, against=path).summary["against"]["removed"]
    line = f"  there already{count:>15,}  in the reference, of {OLD} documents\n"
    assert line in found.stdout
    assert count > 5


def test_what_a_reference_removes_is_nobodys_doing_here(tmp_path: Path) -> None:
    path = reference(tmp_path, "index")
    found = dedup.find_duplicates(
        pa.table({"text": [text for text in TEXTS[:5] if text.strip()]}), against=path
    )
    assert found.decisions.removed.all()
    assert found.summary["removal"]["keepers"] == []
    assert found.summary["result"]["clusters"] == 0
    assert len(found.clusters) == len(found.pairs) == 0


def test_short_documents_stay_as_without_a_reference(tmp_path: Path) -> None:
    path = tmp_path / "old.jsonl"
    path.write_text('{"text": "one two"}\n{"text": "one two three four"}\n{"text": ""}\n')
    table = pa.table({"text": ["one two", "one two three four", "", None]})
    found = dedup.find_duplicates(table, against=str(path), min_tokens=3)
    assert found.decisions.removed.tolist() == [False, True, False, False]


def test_nothing_to_remove(tmp_path: Path) -> None:
    (tmp_path / "old.jsonl").write_text('{"text": "one"}\n')
    for texts in ([], ["two"]):
        table = pa.table({"text": pa.array(texts, pa.string())})
        found = dedup.find_duplicates(table, against=str(tmp_path / "old.jsonl"))
        assert found.known is not None
        assert found.known.table.num_rows == 0
    assert dedup.find_duplicates(table).known is None


def test_what_does_not_go_together(tmp_path: Path, new: Path) -> None:
    path = str(reference(tmp_path, "index"))
    with pytest.raises(dedup.ConfigError, match=r"made with threshold 0\.8, not 0\.7"):
        dedup.find_duplicates(new, against=path, threshold=0.7)
    for options in (
        {"within": "id"},
        {"ignore_common": 0.5},
        {"method": "exact"},
        {"measure": "containment"},
    ):
        with pytest.raises(dedup.ConfigError, match=r"against is given with .*; leave one of them"):
            dedup.find_duplicates(new, against=path, **options)
    with pytest.raises(dedup.ConfigError, match="keep_evidence is given with against"):
        dedup.run([new], tmp_path / "out", dedup.Config(against=path), keep_evidence=True)
    with pytest.raises(dedup.ConfigError, match="evidence is wanted of a run with against"):
        dedup.find_duplicates(new, against=path).write(tmp_path / "out", evidence=True)
    with pytest.raises(dedup.InputError):
        dedup.find_duplicates(new, against=str(tmp_path / "not there"))

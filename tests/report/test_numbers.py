"""The numbers of a report are those that naive Python counts in the tables of the run."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import dedup
from dedup.errors import InputError
from dedup.report import census, explorer, similarities
from dedup.report.census import take_census
from dedup.report.explorer import chosen_clusters, read_clusters
from dedup.report.folder import RunFolder
from dedup.report.groups import Groups
from dedup.report.similarities import NEAREST, measure_pairs
from tests.worlds import world

SAMPLE = Path(__file__).parents[2] / "data/sample.warc.gz"
HOSTS = ["a.example", "B.example", "c.example:8080", "user:pw@d.example"]


def write_run(folder: Path, **options: object) -> Path:
    texts = world(600, seed=3)
    for number in range(2):
        half = texts[number::2]
        urls = [f"https://{HOSTS[i % 4]}/{number}/{i}" for i in range(len(half))]
        pq.write_table(pa.table({"id": urls, "text": half}), folder / f"{number}.parquet")
    files = [folder / "0.parquet", folder / "1.parquet"]
    evidence = bool(options.pop("keep_evidence", False))
    config = dedup.Config(workers=1, **options)  # type: ignore[arg-type]
    dedup.run(files, folder / "out", config, keep_evidence=evidence)
    return folder / "out"


@pytest.fixture(
    params=[
        {},
        {"keep_evidence": True, "pairs": "all"},
        {"linkage": "components", "threshold": "0.6"},
        {"measure": "containment", "keep": "largest"},
        {"threshold": "1"},
    ],
    ids=lambda options: " ".join(map(str, options.values())) or "defaults",
)
def run(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for module in (census, explorer, similarities):
        monkeypatch.setattr(module, "ROWS", 7)  # clusters lie across batches
    return write_run(tmp_path, **request.param)


def test_the_census_is_that_of_the_tables(run: Path) -> None:
    folder = RunFolder.open(run)
    rows = pq.read_table(run / "clusters.parquet").to_pylist()
    gone = set(pq.read_table(run / "removed.parquet")["position"].to_pylist())
    members: dict[int, list[dict[str, object]]] = {}
    for row in rows:
        members.setdefault(row["cluster_id"], []).append(row)
    found = take_census(folder)
    assert found.ids.tolist() == list(members)
    assert found.sizes.tolist() == [len(some) for some in members.values()]
    for place, some in enumerate(members.values()):
        measured = [row[folder.measure] for row in some if not row["is_keeper"]]
        least = min((value for value in measured if value is not None), default=np.nan)
        assert found.least[place] == pytest.approx(least, nan_ok=True)
        assert rows[found.starts[place]] == some[0]
    assert found.matches == Counter(row["match"] for row in rows if row["position"] in gone)
    assert sum(found.matches.values()) == folder.summary["result"]["removed"] == len(gone)
    sources = {
        name: (total, inside, lost) for name, total, inside, lost in found.sources.most_removed(10)
    }
    assert sources == {
        name: (
            300,
            sum(row["source"] == name for row in rows),
            sum(row["source"] == name and row["position"] in gone for row in rows),
        )
        for name in ("0.parquet", "1.parquet")
    }
    hosts = {name: lost for name, _, _, lost in found.hosts.most_removed(10)}
    known = {"a.example": 0, "b.example": 1, "c.example": 2, "d.example": 3}
    in_clusters = {HOSTS.index(row["doc_id"].split("/")[2]) for row in rows}
    assert hosts == {
        name: sum(row["position"] in gone and f"//{HOSTS[i]}/" in row["doc_id"] for row in rows)
        for name, i in known.items()
        if i in in_clusters
    }


def test_the_histogram_counts_every_pair_once_on_its_side(run: Path) -> None:
    folder = RunFolder.open(run)
    found = measure_pairs(folder)
    values = np.array(pq.read_table(run / "pairs.parquet")[folder.measure])
    assert found.verified.sum() + found.equal == len(values)
    assert found.equal == (values == 1).sum()
    threshold = found.threshold
    low = found.edges[:-1] + 1e-9 < threshold
    assert found.verified[low].sum() == 0
    below = values[values < 1]
    for count, low_edge, high in zip(found.verified, found.edges, found.edges[1:], strict=False):
        surely = ((below > low_edge + 1e-8) & (below < high - 1e-8)).sum()
        perhaps = ((below > low_edge - 1e-8) & (below < high + 1e-8)).sum()
        assert surely <= count <= perhaps
    above = sorted(values[values < 1].tolist())[:NEAREST]
    assert [pair[folder.measure] for pair in found.above] == above
    if folder.has_evidence:
        rejected = np.array(pq.read_table(run / "evidence/rejected.parquet")["jaccard"])
        assert found.rejected.sum() == len(rejected) > 0
        assert found.rejected[~low].sum() == 0
        assert [one["jaccard"] for one in found.below] == sorted(rejected.tolist())[::-1][:NEAREST]
    else:
        assert found.below == []


def test_a_bin_begins_with_its_least_value(tmp_path: Path) -> None:
    out = write_run(tmp_path)
    pairs = pq.read_table(out / "pairs.parquet")
    values = np.arange(80, 100) / 100
    chosen = pairs.slice(0, len(values)).set_column(2, "jaccard", pa.array(values))
    pq.write_table(chosen, out / "pairs.parquet")
    found = measure_pairs(RunFolder.open(out))
    assert found.verified[found.edges[:-1] > 0.799].tolist() == [1] * 20


def test_shown_clusters_have_their_first_members(run: Path) -> None:
    folder = RunFolder.open(run)
    counted = take_census(folder)
    places = chosen_clusters(counted, 5, 5, 20)
    assert len(set(places.tolist())) == len(places)
    assert set(counted.largest(5).tolist()) <= set(places.tolist())
    rows = pq.read_table(run / "clusters.parquet").to_pylist()
    gone = set(pq.read_table(run / "removed.parquet")["position"].to_pylist())
    for place, cluster in zip(
        places.tolist(), read_clusters(folder, counted, places, members=3), strict=True
    ):
        start, size = int(counted.starts[place]), int(counted.sizes[place])
        expected = rows[start : start + min(3, size)]
        assert [one.id for one in cluster.members] == [row["doc_id"] for row in expected]
        assert [one.position for one in cluster.members] == [row["position"] for row in expected]
        assert [one.is_removed for one in cluster.members] == [
            row["position"] in gone for row in expected
        ]
        assert (cluster.id, cluster.size) == (counted.ids[place], size)


@pytest.mark.parametrize("evidence", [False, True])
def test_evidence_tells_how_many_documents_a_host_has(tmp_path: Path, evidence: bool) -> None:
    dedup.run([SAMPLE], tmp_path / "out", dedup.Config(workers=1), keep_evidence=evidence)
    hosts = take_census(RunFolder.open(tmp_path / "out")).hosts
    assert hosts.knows_documents == evidence
    found = hosts.most_removed(100)
    assert sum(removed for *_, removed in found) == 144
    assert sum(total for _, total, _, _ in found) == (379 if evidence else 0)
    assert all(removed <= inside <= total or not evidence for _, total, inside, removed in found)


def test_a_budget_ends_the_clusters_and_the_best_come_first(tmp_path: Path) -> None:
    folder = RunFolder.open(write_run(tmp_path))
    counted = take_census(folder)
    places = chosen_clusters(counted, 50, 50, 50)
    whole = read_clusters(folder, counted, places)
    some = read_clusters(folder, counted, places, budget=1_000)
    assert 1 <= len(some) < len(whole)
    assert [one.id for one in some] == [one.id for one in whole[: len(some)]]
    least = np.nanmin(np.where(counted.least < 1, counted.least, np.nan))
    assert any(cluster.least == pytest.approx(least) for cluster in whole[:3])


def test_groups_sum_over_tables_and_sort_by_loss() -> None:
    groups = Groups()
    assert len(groups) == 0
    assert groups.most_removed(3) == []
    for start in range(0, 400_000, 50_000):  # more than are held apart
        names = pa.array([f"h{i % 100_000}" for i in range(start, start + 50_000)])
        groups.add_clustered(names, np.arange(start, start + 50_000) % 100_000 == 7)
    groups.add_clustered(pa.array([None, "h7"], pa.string()), np.array([True, True]))
    assert len(groups) == 100_001
    assert groups.most_removed(2) == [("h7", 0, 5, 5), ("(none)", 0, 1, 1)]
    assert not groups.knows_documents
    groups.add_documents(["h7", "z"], [9, 4])
    assert groups.knows_documents
    assert groups.most_removed(1) == [("h7", 9, 5, 5)]


def test_a_folder_without_a_run_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="holds no results; give the output of dedup run"):
        RunFolder.open(tmp_path)
    (tmp_path / "summary.json").write_text(json.dumps({"format": "other"}))
    with pytest.raises(InputError, match="holds no results; give the output of dedup run"):
        RunFolder.open(tmp_path)
    out = write_run(tmp_path)
    (out / "pairs.parquet").unlink()
    with pytest.raises(InputError, match=r"has lost its pairs\.parquet"):
        RunFolder.open(out)

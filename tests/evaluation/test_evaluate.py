"""A run against a truth gives what a look at every pair of documents gives."""

from __future__ import annotations

import gzip
import json
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner

import dedup
from dedup.cli import cli
from tests.worlds import world

TEXTS = world(300, seed=9)
THRESHOLD = 0.7


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Run once for each linkage and each kind of pairs."""
    folder = tmp_path_factory.mktemp("runs")
    table = pa.table({"id": np.arange(len(TEXTS)) * 3, "text": TEXTS})
    for linkage in ("keeper", "components"):
        for pairs in ("decided", "all"):
            result = dedup.find_duplicates(table, threshold=THRESHOLD, linkage=linkage, pairs=pairs)
            result.write(folder / f"{linkage}-{pairs}", evidence=pairs == "all")
    return {path.name: path for path in folder.iterdir()}


def true_pairs() -> set[tuple[int, int]]:
    """Return a truth that is neither all that a run finds nor only that, nor transitive."""
    rng = np.random.default_rng(4)
    everything = dedup.find_duplicates(pa.table({"text": TEXTS}), threshold=0.4, pairs="all").pairs
    rows = zip(
        everything["left_position"].to_pylist(),
        everything["right_position"].to_pylist(),
        strict=True,
    )
    chosen = {pair for pair in rows if rng.random() < 0.7}
    strangers = rng.integers(0, len(TEXTS), (20, 2)).tolist()
    return chosen | {(min(a, b), max(a, b)) for a, b in strangers if a != b}


TRUE = true_pairs()


def found_pairs(folder: Path) -> tuple[set[tuple[int, int]], set[tuple[int, int]]]:
    """Return all pairs inside clusters, and those of the pairs table, as positions."""
    clusters: dict[int, list[int]] = {}
    for row in pq.read_table(folder / "clusters.parquet").to_pylist():
        clusters.setdefault(row["cluster_id"], []).append(row["position"])
    inside = {pair for some in clusters.values() for pair in combinations(sorted(some), 2)}
    rows = pq.read_table(folder / "pairs.parquet").to_pylist()
    return inside, {(row["left_position"], row["right_position"]) for row in rows}


def truth_table(pairs: set[tuple[int, int]]) -> pa.Table:
    left, right = zip(*sorted(pairs), strict=True)
    return pa.table({"left": np.array(left) * 3, "right": np.array(right) * 3})


@pytest.mark.parametrize("name", ["keeper-decided", "keeper-all", "components-all"])
def test_pairs_of_the_truth(runs: dict[str, Path], name: str) -> None:
    inside, listed = found_pairs(runs[name])
    assert 50 < len(inside & TRUE) < len(TRUE)
    assert inside - TRUE
    found = dedup.evaluate(runs[name], truth_table(TRUE))
    assert found["documents"] == len(TEXTS)
    for key, pairs in (("clusters", inside), ("pairs", listed)):
        shown = found[key]
        assert (shown["found"], shown["right"]) == (len(pairs), len(pairs & TRUE))
        assert shown["precision"] == len(pairs & TRUE) / len(pairs)
        if key == "pairs" and name.endswith("decided"):
            assert shown["recall"] is None
        else:
            assert shown["recall"] == len(pairs & TRUE) / len(TRUE)
    basis = listed if name.endswith("all") else inside
    for kind, pairs in (
        ("right", basis & TRUE),
        ("wrong", basis - TRUE),
        ("missed", TRUE - basis),
    ):
        assert sum(band[kind] for band in found["by_similarity"]) == len(pairs)
    assert found["warnings"] == []


def labels_of(pairs: set[tuple[int, int]]) -> list[int]:
    """Return the connected component of each document."""
    label = list(range(len(TEXTS)))
    for left, right in sorted(pairs):
        old, new = label[right], label[left]
        label = [new if one == old else one for one in label]
    return label


@pytest.mark.parametrize("name", ["keeper-decided", "keeper-all", "components-decided"])
def test_labels_are_the_truth_of_their_pairs(runs: dict[str, Path], name: str) -> None:
    """Labels, and all pairs of equal labels, are the same truth."""
    label = labels_of(TRUE)
    pairs = {(a, b) for a, b in combinations(range(len(label)), 2) if label[a] == label[b]}
    by_label = dedup.evaluate(
        runs[name],
        pa.table({"id": np.arange(len(label)) * 3, "label": [f"c{one}" for one in label]}),
    )
    by_pairs = dedup.evaluate(runs[name], truth_table(pairs))
    for key in ("documents", "clusters", "pairs", "by_similarity", "text_dedup"):
        assert by_label[key] == by_pairs[key], key
    assert by_label["adjusted_rand_index"] == pytest.approx(by_pairs["adjusted_rand_index"])
    assert by_label["b_cubed"] == pytest.approx(by_pairs["b_cubed"])


def test_a_run_agrees_with_itself(runs: dict[str, Path]) -> None:
    folder = runs["keeper-all"]
    by_pairs = dedup.evaluate(folder, folder / "pairs.parquet")
    assert by_pairs["pairs"]["f1"] == 1
    assert all(band["missed"] == band["wrong"] == 0 for band in by_pairs["by_similarity"])
    by_clusters = dedup.evaluate(
        folder, folder / "clusters.parquet", labels=("doc_id", "cluster_id")
    )
    assert by_clusters["clusters"]["f1"] == by_clusters["adjusted_rand_index"] == 1
    assert by_clusters["text_dedup"]["exact_documents"] == 1
    assert "documents of the run have no label" in by_clusters["warnings"][0]


def test_bands_are_those_of_the_measured_similarity(runs: dict[str, Path]) -> None:
    rows = pq.read_table(runs["keeper-all"] / "pairs.parquet")
    some = rows.slice(0, 60)
    bands = dedup.evaluate(runs["keeper-all"], some)["by_similarity"]
    for band in bands:
        for kind, part in (("right", some), ("wrong", rows.slice(60))):
            values = part["jaccard"].to_numpy()
            inside = (values >= band["low"]) & ((values < band["high"]) | (band["low"] == 1))
            assert band[kind] == inside.sum()


def test_missed_pairs_stand_in_their_band_where_the_truth_has_it(
    runs: dict[str, Path], tmp_path: Path
) -> None:
    path = tmp_path / "truth.csv"
    path.write_text("left,right,jaccard\n0,30000,0.85\n3,30003,0.35\n6,30006,1\n")
    bands = dedup.evaluate(runs["keeper-decided"], path)["by_similarity"]
    missed = {band["low"]: band["missed"] for band in bands if band["missed"]}
    assert missed == {0.85: 1, 0.35: 1, 1.0: 1}


def write(table: pa.Table, path: Path) -> Path:
    rows = table.to_pylist()
    if path.suffix == ".parquet":
        pq.write_table(table, path)
    elif path.suffix == ".csv":
        lines = [",".join(table.column_names), *(",".join(map(str, r.values())) for r in rows)]
        path.write_text("\n".join(lines) + "\n")
    elif path.suffix == ".gz":
        path.write_bytes(gzip.compress("\n".join(map(json.dumps, rows)).encode()))
    return path


@pytest.mark.parametrize("name", ["truth.parquet", "truth.csv", "truth.jsonl.gz"])
def test_every_format_gives_the_same(runs: dict[str, Path], tmp_path: Path, name: str) -> None:
    table = truth_table(TRUE)
    found = dedup.evaluate(runs["keeper-all"], write(table, tmp_path / name))
    expected = dedup.evaluate(runs["keeper-all"], table)
    assert {**found, "truth": None} == {**expected, "truth": None}


def test_ids_of_mixed_type(runs: dict[str, Path], tmp_path: Path) -> None:
    path = tmp_path / "truth.jsonl"
    rows = [{"left": str(3 * a), "right": 3 * b} for a, b in sorted(TRUE)]
    path.write_text("\n".join(map(json.dumps, rows)))
    found = dedup.evaluate(runs["keeper-all"], path)
    assert found["pairs"] == dedup.evaluate(runs["keeper-all"], truth_table(TRUE))["pairs"]


def test_odd_rows_are_warned_of_and_change_nothing(runs: dict[str, Path], tmp_path: Path) -> None:
    table = truth_table(TRUE)
    turned = table.select(["right", "left"]).rename_columns(["left", "right"])
    odd = pa.table({"left": [None, 3, 9, 1], "right": [3, None, 9, 3]}, schema=table.schema)
    path = tmp_path / "truth.parquet"
    pq.write_table(pa.concat_tables([table, turned, odd]), path)
    expected = dedup.evaluate(runs["keeper-all"], table)
    found = dedup.evaluate(runs["keeper-all"], path)
    for key in ("documents", "clusters", "pairs", "b_cubed", "text_dedup", "by_similarity"):
        assert found[key] == expected[key]
    texts = " ".join(found["warnings"])
    assert "2 pairs of the truth have a null value" in texts
    assert "1 pairs of the truth have an id that the run has not" in texts  # evidence knows all ids
    assert "1 pairs of the truth are of a document with itself" in texts
    assert f"{len(TRUE)} pairs of the truth repeat another" in texts


def test_more_ids_than_documents_are_warned_of(runs: dict[str, Path]) -> None:
    foreign = pa.table({"id": np.arange(400) * 3 + 1, "label": np.zeros(400, np.int64)})
    warnings = dedup.evaluate(runs["keeper-decided"], foreign)["warnings"]
    assert any("some of the truth are not in the run" in text for text in warnings)


def test_documents_of_one_id_are_warned_of(tmp_path: Path) -> None:
    texts = ["one two three four five"] * 2 + ["six seven eight nine ten"] * 2
    dedup.find_duplicates(pa.table({"id": [1, 2, 1, 3], "text": texts})).write(tmp_path / "out")
    truth = pa.table({"left": [1], "right": [2]})
    found = dedup.evaluate(tmp_path / "out", truth)
    assert (found["clusters"]["right"], found["pairs"]["right"]) == (1, 1)
    assert "1 clustered documents have a null id or that of another" in found["warnings"][0]


ERRORS: list[tuple[str, dict[str, Any], str]] = [
    ("x,y\n1,2\n", {}, "none are known as pairs"),
    ("left,right,id,label\n1,2,3,4\n", {}, "they may be pairs (left, right) or labels (id, label)"),
    ("id,label\n1,a\n1,b\n", {}, "gives the id '1' two labels"),
    ("x,y\n1,2\n", {"pairs": ["x", "z"]}, "has no column 'z'; it has: x, y"),
    ("x,y\n1,2\n", {"pairs": ["x"]}, "give the names of two columns"),
    ("x,y\n1,2\n", {"pairs": ["x", "y"], "labels": ["x", "y"]}, "either pairs or labels"),
    ("id,label\n,a\n", {}, "labels no document"),
    ('a,b\n"1,2\n', {}, "cannot be read as csv"),
]


@pytest.mark.parametrize(("text", "options", "message"), ERRORS)
def test_one_sentence(
    runs: dict[str, Path], tmp_path: Path, text: str, options: dict[str, Any], message: str
) -> None:
    path = tmp_path / "truth.csv"
    path.write_text(text)
    with pytest.raises(dedup.DedupError) as caught:
        dedup.evaluate(runs["keeper-decided"], path, **options)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_no_run_and_no_truth(runs: dict[str, Path], tmp_path: Path) -> None:
    with pytest.raises(dedup.InputError, match="holds no results; give the output of dedup run"):
        dedup.evaluate(tmp_path, truth_table(TRUE))
    for name in ("nothing.csv", "truth.warc", "truth"):
        with pytest.raises(dedup.InputError, match="the truth"):
            dedup.evaluate(runs["keeper-decided"], tmp_path / name)


def test_the_command_prints_what_the_library_returns(runs: dict[str, Path], tmp_path: Path) -> None:
    path = write(truth_table(TRUE), tmp_path / "truth.csv")
    arguments = ["eval", str(runs["keeper-all"]), "--truth", str(path)]
    expected = dedup.evaluate(runs["keeper-all"], path)
    as_json = CliRunner().invoke(cli, [*arguments, "--json"], catch_exceptions=False)
    assert json.loads(as_json.output) == expected
    shown = CliRunner().invoke(cli, arguments, catch_exceptions=False).output
    assert f"{expected['clusters']['precision']:.4f}" in shown
    assert f"{expected['adjusted_rand_index']:.4f}" in shown
    named = CliRunner().invoke(cli, [*arguments, "--pairs", "left, right", "--json"])
    assert json.loads(named.output) == expected

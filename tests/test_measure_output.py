"""What a run by containment tells: both measures in every table, counts and warnings."""

from __future__ import annotations

import json
from fractions import Fraction
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner

import dedup
from dedup.cli import cli
from tests import reference
from tests.nested_pages import nested_texts, run, shingles_of
from tests.worlds import vocabulary

KEEPS = ("first", "largest", "longest", "last")


@pytest.mark.parametrize("keep", KEEPS)
def test_kept_documents_that_lie_in_others_are_counted(keep: str) -> None:
    sets = shingles_of(0)
    result = run(nested_texts(0), keep=keep)
    kept = [at for at in np.flatnonzero(~result.decisions.removed).tolist() if sets[at]]
    inside = {
        a
        for a in kept
        for b in kept
        if a != b and reference.containment(sets[b], sets[a]) >= Fraction("0.8")
    }
    assert result.summary["result"]["kept_but_contained"] == len(inside)
    assert (len(inside) > 10) == (keep in ("first", "last"))
    told = [w for w in result.summary["warnings"] if "--keep largest" in w]
    assert len(told) == bool(inside)
    assert all(w.startswith(f"{len(inside)} kept documents are contained") for w in told)


@pytest.mark.parametrize("keep", ["first", "largest"])
def test_the_tables_tell_both_measures_exactly(keep: str) -> None:
    sets, texts = shingles_of(1), nested_texts(1)
    result = run(texts, keep=keep)
    rows = result.clusters.to_pylist()
    assert {row["match"] for row in rows} >= {"identical", "near", "contained"}
    alone = 0
    for row in rows:
        at, keeper = row["position"], row["cluster_id"]
        jaccard = reference.jaccard(sets[keeper], sets[at]) if sets[at] else Fraction(1)
        contained = reference.containment(sets[keeper], sets[at]) if sets[at] else Fraction(1)
        assert (row["jaccard"], row["containment"]) == (float(jaccard), float(contained))
        assert contained >= Fraction("0.8")
        if sets[at] != sets[keeper]:
            assert row["match"] == ("near" if jaccard >= Fraction("0.8") else "contained")
        alone += row["match"] == "contained"
    assert result.summary["result"]["removed_by_containment_alone"] == alone > 10
    for row in result.pairs.to_pylist():
        left, right = row["left_position"], row["right_position"]
        assert result.decisions.keeper[right] == left
        assert row["containment"] == float(reference.containment(sets[left], sets[right]))
        assert row["jaccard"] == float(reference.jaccard(sets[left], sets[right]))
    assert result.pairs.num_rows == result.summary["result"]["removed"]
    assert not result.pairs.schema.field("containment").nullable


def test_a_run_by_jaccard_has_no_column_of_containment() -> None:
    result = dedup.find_duplicates(pa.table({"text": nested_texts(0)}))
    for table in (result.clusters, result.pairs, result.decision_columns):
        assert "containment" not in table.column_names
    assert "kept_but_contained" not in result.summary["result"]
    assert result.summary["search"]["measure"] == "jaccard"


def test_a_shorter_document_is_long_enough_for_containment() -> None:
    """One changed word costs 5 shingles of n by containment, and adds 5 to the union by Jaccard."""
    words = vocabulary(300, 4)
    for length, told in ((28, True), (29, False), (48, False)):
        warnings = run([" ".join(words[:length])]).summary["warnings"]
        assert any("below 29, one changed word" in warning for warning in warnings) == told
    by_jaccard = dedup.find_duplicates(pa.table({"text": [" ".join(words[:48])]}))
    assert "below 49, one changed word" in by_jaccard.summary["warnings"][0]


def write_rows(path: Path, table: pa.Table) -> None:
    if path.suffix == ".parquet":
        pq.write_table(table, path)
    elif path.suffix == ".csv":
        pa.csv.write_csv(table, path)
    else:
        path.write_text("".join(json.dumps(row) + "\n" for row in table.to_pylist()))


def read_rows(path: Path) -> list[dict[str, object]]:
    """Return the rows, and see that no name stands there twice."""
    if path.suffix == ".jsonl":
        lines = path.read_text().splitlines()
        assert {line.count('"containment"') for line in lines} == {1}
        return [json.loads(line) for line in lines]
    table = pq.read_table(path) if path.suffix == ".parquet" else pa.csv.read_csv(path)
    assert len(set(table.column_names)) == len(table.column_names)
    return table.to_pylist()


@pytest.mark.parametrize("suffix", ["parquet", "jsonl", "csv"])
def test_the_command_writes_the_measure_everywhere(tmp_path: Path, suffix: str) -> None:
    texts = [text for text in nested_texts(0) if text]
    table = pa.table({"text": texts, "containment": ["of the user"] * len(texts)})
    source = tmp_path / f"pages.{suffix}"
    write_rows(source, table)
    options = ["--measure", "containment", "--keep", "largest", "--keep-evidence"]
    folders = ["-o", str(tmp_path / "out"), "--annotated", str(tmp_path / "annotated")]
    done = CliRunner().invoke(cli, ["run", str(source), *folders, *options])
    assert done.exit_code == 0, done.output
    assert "pairs by exact containment" in done.output
    clusters = pq.read_table(tmp_path / "out" / "clusters.parquet")
    rows = read_rows(tmp_path / "annotated" / f"pages.{suffix}")
    assert [row["text"] for row in rows] == texts
    for row in clusters.to_pylist():
        assert rows[row["position"]]["containment"] == row["containment"]
    assert {row["containment"] for row in rows if row["cluster_id"] is None} == {None}
    summary = json.loads((tmp_path / "out" / "summary.json").read_text())
    assert (summary["config"]["measure"], summary["banding"]) == ("containment", None)
    rejected = pq.read_table(tmp_path / "out" / "evidence" / "rejected.parquet")
    assert rejected.num_rows > 2
    assert 0 < max(rejected["containment"].to_pylist()) < 0.8
    assert rejected["containment"].to_pylist() == sorted(rejected["containment"].to_pylist())[::-1]

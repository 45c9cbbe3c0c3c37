"""The report of a run on vectors: its figures are those of the run."""

from __future__ import annotations

import html
import json
import re
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner

import dedup
from dedup.cli import cli
from dedup.report.folder import RunFolder
from dedup.report.funnel import DOCUMENTS
from dedup.report.similarities import measure_pairs
from dedup.report.vector_run import chance_of, omissions_of_vectors, stages_of_vectors
from dedup.vectors import find_duplicates
from tests.vectors.vector_worlds import at_cosine, background


def _vectors() -> np.ndarray:
    vectors = background("random", 500, 16)
    mates = [at_cosine(vectors[:60], cosine) for cosine in (0.913, 0.957, 0.9991)]
    return np.concatenate([vectors, *mates, vectors[:30], np.zeros((4, 16))])


@pytest.fixture(scope="module")
def out(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("vectors")
    vectors = _vectors()
    lists = pa.FixedSizeListArray.from_arrays(pa.array(vectors.ravel()), 16)
    ids = [f"<i>{i}</i>.png" for i in range(len(vectors))]
    pq.write_table(pa.table({"id": ids, "embedding": lists}), folder / "e.parquet")
    options = ["--threshold", "0.9", "--pairs", "all", "--skip-bad", "--min-tables", "2"]
    command = ["vectors", "run", str(folder / "e.parquet"), "-o", str(folder / "out"), *options]
    done = CliRunner().invoke(cli, [*command, "--report"], catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return folder / "out"


def test_the_page_says_what_the_run_found(out: Path) -> None:
    text = (out / "report.html").read_text(encoding="utf-8")
    summary = json.loads((out / "summary.json").read_text())
    found = re.search(r'<script type="application/json" id="data">(.*?)</script>', text, re.DOTALL)
    assert found is not None
    data: dict[str, Any] = json.loads(found[1])
    assert len(data["clusters"]) == summary["result"]["clusters"]
    assert data["measure"] == "cosine"
    assert "Vectors have no words to show." in text
    assert "left out (--skip-bad): kept" in text
    assert "<i>" not in re.sub(r"<i class=[^>]*>", "", text.partition("<script")[0])
    command = re.search(r'<pre id="command"[^>]*>(.*?)</pre>', text, re.DOTALL)
    assert command is not None
    expected = (
        f"dedup vectors run {out.parent}/e.parquet -o OUT --threshold 0.9 --min-tables 2 "
        "--pairs all --skip-bad"
    )
    assert html.unescape(command[1]).strip() == expected
    made = (out / "report.html").read_bytes()
    dedup.write_report(out)
    assert (out / "report.html").read_bytes() == made


def test_every_pair_is_in_the_histogram(out: Path) -> None:
    run = RunFolder.open(out)
    values = pq.read_table(out / "pairs.parquet")["similarity"].to_numpy()
    found = measure_pairs(run)
    assert found.equal == (values == 1).sum() > 0
    assert found.verified.sum() == (values < 1).sum() > 150
    low = found.edges[:-1][found.verified > 0].min()
    assert 0.9 <= low <= values.min() < low + found.width
    assert found.above[0]["similarity"] == values.min()


def test_the_curve_is_that_of_the_tables(out: Path) -> None:
    summary = RunFolder.open(out).summary
    chance = chance_of(summary)
    at_threshold = summary["tables"]["probability_at_threshold"]
    assert chance(0.9) == pytest.approx(at_threshold, abs=1e-3)
    values = [chance(value) for value in np.linspace(0.65, 1, 36)]
    assert values == sorted(values)
    assert values[0] < 0.7 * at_threshold
    assert values[-1] == pytest.approx(1)


def test_the_steps_only_shrink(out: Path) -> None:
    summary = RunFolder.open(out).summary
    stages = {stage.name: stage.count for stage in stages_of_vectors(summary)}
    assert stages["Documents"] - stages["Searched"] == 4
    assert stages["Searched"] - stages["Distinct vectors"] == 30
    assert stages["Possible pairs"] == 680 * 679 // 2
    assert stages["Compared pairs"] >= stages["Verified pairs"]
    assert stages["Removed"] == summary["result"]["removed"]
    (left,) = omissions_of_vectors(summary)
    assert (left.what, left.count, left.unit) == ("vectors that are zero", 4, DOCUMENTS)


def test_a_run_that_counted_less_has_a_report_too(out: Path, tmp_path: Path) -> None:
    """As Spark's."""
    run = tmp_path / "out"
    shutil.copytree(out, run)
    summary = json.loads((run / "summary.json").read_text())
    for section, name in (
        ("search", "bucket_pairs"),
        ("search", "compared_in_products"),
        ("result", "omitted_pairs"),
        ("input", "sources"),
        ("input", "arguments"),
    ):
        del summary[section][name]
    (run / "summary.json").write_text(json.dumps(summary))
    page = dedup.write_report(run).read_text(encoding="utf-8")
    assert "Compared pairs" in page
    assert "Bucket pairs" not in page
    assert dedup.audit(run, [out.parent / "e.parquet"])["recall"]["value"] == 1


def test_distances_make_no_report(tmp_path: Path) -> None:
    np.save(tmp_path / "v.npy", _vectors())
    find_duplicates(tmp_path / "v.npy", measure="euclidean", threshold=0.5).write(tmp_path / "out")
    with pytest.raises(dedup.InputError, match=r"measured distances, and a report shows simil"):
        dedup.write_report(tmp_path / "out")
    command = ["vectors", "run", str(tmp_path / "v.npy"), "-o", str(tmp_path / "other")]
    more = ["--measure", "euclidean", "--threshold", "0.5", "--report"]
    done = CliRunner().invoke(cli, [*command, *more])
    assert done.exit_code == 2
    assert "leave out --report" in done.output
    assert not (tmp_path / "other").exists()

"""Deciding again from evidence: the tables of a fresh run on the same bands, without the input."""

from __future__ import annotations

import json
from fractions import Fraction
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner

import dedup
from dedup import search
from dedup.cli import cli
from dedup.config import Config
from dedup.lsh.parameters import choose_banding
from tests.worlds import world

BEFORE: dict[str, Any] = {"threshold": "0.6"}
TABLES = ("clusters.parquet", "pairs.parquet")


@pytest.fixture
def corpus(tmp_path: Path) -> Path:
    folder = tmp_path / "docs"
    folder.mkdir()
    texts = world(400, seed=5)
    for number in range(3):
        some = texts[number::3]
        ids = [f"{number}-{place}" for place in range(len(some))]
        score = [len(text) % 7 for text in some]
        hosts = [f"host{place % 5}" for place in range(len(some))]
        table = pa.table({"id": ids, "text": some, "score": score, "host": hosts})
        pq.write_table(table, folder / f"{number}.parquet", row_group_size=40)
    return folder


def evidence_of(corpus: Path, tmp_path: Path, **options: Any) -> Path:
    """Run with evidence, and take the input away."""
    out = tmp_path / "out"
    dedup.run([corpus], out, Config(**BEFORE | options), keep_evidence=True)
    for path in corpus.iterdir():
        path.rename(tmp_path / path.name)
    return out


def fresh(
    corpus: Path, tmp_path: Path, options: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> Path:
    """Run anew, with the bands of the former threshold."""
    monkeypatch.setattr(
        search, "choose_banding", lambda _, recall: choose_banding(Fraction("0.6"), recall)
    )
    for path in tmp_path.glob("*.parquet"):
        path.rename(corpus / path.name)
    dedup.run([corpus], tmp_path / "fresh", Config(**BEFORE | options))
    return tmp_path / "fresh"


@pytest.mark.parametrize(
    ("first", "then"),
    [
        ({}, {"threshold": "0.9"}),
        ({}, {"threshold": "0.75", "keep": "longest", "pairs": "all"}),
        ({"pairs": "all"}, {"threshold": "0.8", "linkage": "components", "keep": "last"}),
        ({"keep": "max:score"}, {"keep": "min:score", "min_tokens": 30}),
        ({"method": "both"}, {"threshold": "0.8"}),
        ({"method": "simhash"}, {"threshold": "0.7"}),
        ({"measure": "containment"}, {"threshold": "0.9", "keep": "largest"}),
        ({"measure": "containment"}, {"threshold": "0.5"}),
        ({"ignore_common": 0.2, "common_within": "host"}, {"threshold": "0.8", "pairs": "all"}),
        ({"linkage": "components"}, {"linkage": "keeper"}),
    ],
)
def test_tables_are_those_of_a_fresh_run_with_the_same_bands(
    corpus: Path,
    tmp_path: Path,
    first: dict[str, Any],
    then: dict[str, Any],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    out = evidence_of(corpus, tmp_path, **first)
    found = dedup.recluster(out, tmp_path / "again", **then)
    expected = fresh(corpus, tmp_path, first | then, monkeypatch)
    for name in TABLES:
        assert (tmp_path / "again" / name).read_bytes() == (expected / name).read_bytes()
    ours, theirs = (
        json.loads((folder / "summary.json").read_text())
        for folder in (tmp_path / "again", expected)
    )
    assert found.summary["result"]["removed"] > 0
    for section in ("config", "banding", "input", "search", "result", "warnings"):
        assert ours[section] == theirs[section]


def test_it_replaces_the_results_and_can_go_back(corpus: Path, tmp_path: Path) -> None:
    out = evidence_of(corpus, tmp_path)
    before = {name: (out / name).read_bytes() for name in TABLES}
    dedup.recluster(out, threshold="0.95")
    assert all((out / name).read_bytes() != before[name] for name in TABLES)
    dedup.recluster(out, threshold="0.7")  # above the bands' threshold, below the last one
    dedup.recluster(out)
    assert {name: (out / name).read_bytes() for name in TABLES} == before
    assert sorted(path.name for path in tmp_path.iterdir() if path.is_dir()) == ["docs", "out"]


def test_the_command(corpus: Path, tmp_path: Path) -> None:
    out = evidence_of(corpus, tmp_path)
    result = CliRunner().invoke(
        cli, ["recluster", str(out), "--threshold", ".9", "--linkage", "components"]
    )
    assert result.exit_code == 0, result.output
    assert f"results in {out}" in result.output
    config = json.loads((out / "summary.json").read_text())["config"]
    assert (config["threshold"], config["linkage"], config["keep"]) == (
        "0.9",
        "components",
        "first",
    )


def test_what_evidence_cannot_tell_is_refused(corpus: Path, tmp_path: Path) -> None:
    out = evidence_of(corpus, tmp_path)
    with pytest.raises(dedup.ConfigError, match=r"threshold is 0\.5.*chosen for 0\.6"):
        dedup.recluster(out, threshold=0.5)
    with pytest.raises(dedup.ConfigError, match="cannot change 'ngram'"):
        dedup.recluster(out, ngram=3)
    with pytest.raises(dedup.InputError, match=r"no column 'score'.*doc_id"):
        dedup.recluster(out, keep="max:score")
    with pytest.raises(dedup.OutputExistsError, match="already there"):
        dedup.recluster(out, tmp_path)
    with pytest.raises(dedup.OutputExistsError, match="not written by dedup"):
        dedup.recluster(out, tmp_path, overwrite=True)
    with pytest.raises(dedup.InputError, match="holds no evidence"):
        dedup.recluster(tmp_path)
    manifest = out / "evidence" / "manifest.json"
    facts = json.loads(manifest.read_text())
    manifest.write_text(json.dumps(facts | {"hash_version": 0}))
    with pytest.raises(dedup.FormatVersionError, match="hash_version 0"):
        dedup.recluster(out)
    manifest.write_text(json.dumps(facts))
    (out / "evidence" / "parts" / "000000.sets").unlink()
    with pytest.raises(dedup.InputError, match="is not whole"):
        dedup.recluster(out)
    manifest.unlink()
    with pytest.raises(dedup.InputError, match="--keep-evidence"):
        dedup.recluster(out)

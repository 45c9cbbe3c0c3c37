"""An audit says of a run what an exact run, held against it, says."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner

import dedup
from dedup.cli import cli
from dedup.config import Config
from dedup.evaluation.audit import Audit, SetAudit
from dedup.lsh.parameters import Banding
from dedup.output.result import Result
from dedup.spill.scratch import Scratch
from tests.worlds import vocabulary

THRESHOLD = "0.7"
WEAK = Banding(bands=4, rows=8)


def families(num_documents: int, seed: int) -> list[str]:
    """Return documents, one in ten of them the first of a family of edits and copies."""
    rng = np.random.default_rng(seed)
    words = np.array(vocabulary(3000, seed))
    texts: list[str] = []
    while len(texts) < num_documents:
        source = rng.choice(words, int(rng.integers(60, 140)))
        for _ in range(1 if rng.random() < 0.9 else int(rng.integers(2, 8))):
            text = source.copy()
            text[rng.integers(0, len(text), int(rng.integers(0, 4)))] = rng.choice(words)
            texts += [" ".join(text)] * (1 if rng.random() < 0.9 else 2)
    return [texts[place] for place in rng.permutation(len(texts)).tolist()][:num_documents]


def run(texts: list[str], banding: Banding | None = None, **options: Any) -> Result:
    """Run, by bands of one's own where they are given: a run that misses more than it should."""
    table = pa.table({"id": [f"d{i}" for i in range(len(texts))], "text": texts})
    with pytest.MonkeyPatch.context() as patch:
        if banding is not None:
            patch.setattr("dedup.search.choose_banding", lambda *_: banding)
        return dedup.find_duplicates(table, threshold=THRESHOLD, **options)


class Truth:
    """The true recalls of a run, by an exact join: of all pairs, of unlike ones, and what is left.

    A pair is found in one cluster, or in the pairs table.
    """

    def __init__(self, texts: list[str], result: Result) -> None:
        rows = run(texts, method="exact", pairs="all").pairs.to_pydict()
        pairs = list(zip(rows["left_position"], rows["right_position"], strict=True))
        listed = result.pairs.to_pydict()
        table = set(zip(listed["left_position"], listed["right_position"], strict=True))
        cluster, removed = result.decisions.keeper, result.decisions.removed
        self.found = [pair in table or cluster[pair[0]] == cluster[pair[1]] for pair in pairs]
        unlike = [found for found, j in zip(self.found, rows["jaccard"], strict=True) if j < 1]
        left = [
            not found and not removed[a] and not removed[b]
            for (a, b), found in zip(pairs, self.found, strict=True)
        ]
        self.missed = {pair for pair, ok in zip(pairs, self.found, strict=True) if not ok}
        self.values = {
            "recall": float(np.mean(self.found)),
            "recall_of_unlike": float(np.mean(unlike)),
            "left": float(np.mean(left)),
        }


RUNS: list[tuple[Banding | None, dict[str, Any]]] = [
    (None, {"pairs": "all"}),
    (None, {}),
    (WEAK, {"pairs": "all"}),
    (WEAK, {}),
    (WEAK, {"linkage": "components"}),
    (Banding(1, 8), {}),
]


@pytest.mark.parametrize(("banding", "options"), RUNS, ids=str)
def test_a_census_gives_the_truth(
    banding: Banding | None,
    options: dict[str, Any],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(Audit, "census_share", 10**9)
    texts = families(1_500, seed=2)
    result = run(texts, banding, **options)
    result.write(tmp_path / "out", evidence=True)
    truth = Truth(texts, result)
    found = dedup.audit(tmp_path / "out")
    assert found["compared"] == found["distinct_sets"]
    for name, value in truth.values.items():
        share = found[name]
        assert share["value"] == share["low"] == share["high"] == pytest.approx(value), name
    assert found["pairs"]["missed"] == len(truth.missed)
    assert found["pairs"]["found"] == sum(truth.found)
    seen = {(row["left_position"], row["right_position"]) for row in found["missed_pairs"]}
    assert seen <= truth.missed
    assert bool(seen) == bool(truth.missed)
    for row in found["missed_pairs"]:
        assert row["left_id"] == f"d{row['left_position']}"
        assert row["jaccard"] >= 0.7


def calibration(
    num_documents: int, seeds: int, banding: Banding | None, options: dict[str, Any], folder: Path
) -> tuple[dict[str, int], float]:
    """Return how often the limits hold the truth, without any census, and the widest half-width."""
    texts = families(num_documents, seed=3)
    result = run(texts, banding, **options)
    result.write(folder)
    truth = Truth(texts, result)
    config = replace(Config(threshold=THRESHOLD), keep="first")
    audit = SetAudit(result.corpus, config, folder, Scratch())
    held, widest = dict.fromkeys(truth.values, 0), 0.0
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Audit, "census_share", 1)
        patch.setattr(Audit, "census_most", 0)
        for seed in range(seeds):
            found = audit.estimate(seed, 10**9)
            widest = max(widest, found["half_width"])
            assert found["compared"] < found["distinct_sets"]
            for name, value in truth.values.items():
                share = found[name]
                assert share["low"] <= share["value"] <= share["high"]
                held[name] += share["low"] <= value <= share["high"]
    return held, widest


@pytest.mark.slow
@pytest.mark.parametrize(("banding", "options"), RUNS, ids=str)
def test_the_limits_hold_the_truth(
    banding: Banding | None, options: dict[str, Any], tmp_path: Path
) -> None:
    """Of 100 samples, 95 % limits at most 0.02 to each side hold the true recall 90 times."""
    held, widest = calibration(20_000, 100, banding, options, tmp_path / "out")
    print(f"{banding} {options}: {held} of 100, widest half-width {widest:.4f}")  # noqa: T201
    assert min(held.values()) >= 90
    assert widest <= 0.02


def test_the_limits_of_a_small_corpus_hold_the_truth(tmp_path: Path) -> None:
    held, widest = calibration(6_000, 20, WEAK, {}, tmp_path / "out")
    assert min(held.values()) >= 16
    assert widest <= 0.02


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Write a corpus as two files, with hosts, and a run of them with and without evidence."""
    folder = tmp_path_factory.mktemp("audited")
    texts = [*families(1_200, seed=5), "", "short", "!!!", "!!!", "one two", "one two"]
    hosts = np.random.default_rng(1).choice(["a", "b", "c"], len(texts))
    table = pa.table({"id": np.arange(len(texts)), "text": texts, "host": hosts})
    pq.write_table(table.slice(0, 500), folder / "1.parquet")
    pq.write_table(table.slice(500), folder / "2.parquet")
    return folder


OPTIONS: list[dict[str, Any]] = [
    {},
    {"within": "host"},
    {"min_tokens": 70},
    {"ignore_common": 0.01},
    {"keep": "longest", "pairs": "all"},
    {"method": "simhash"},
    {"method": "exact"},
]


@pytest.mark.parametrize("options", OPTIONS, ids=str)
def test_input_and_evidence_give_the_same(
    world: Path, tmp_path: Path, options: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    inputs = [world / "1.parquet", world / "2.parquet"]
    monkeypatch.setattr(Audit, "census_share", 10**9)
    config = Config(threshold=THRESHOLD, recall=0.5, **options)
    dedup.run(inputs, tmp_path / "out", config, keep_evidence=True)
    by_evidence = dedup.audit(tmp_path / "out", seed=4)
    by_input = dedup.audit(tmp_path / "out", inputs, seed=4)
    assert by_evidence == by_input
    assert by_evidence["documents"] == 1_206
    if options == {"method": "exact"}:
        assert by_evidence["left"]["value"] == 0
    exact = replace(config, method="exact", pairs="all")
    total = by_evidence["pairs"]["found"] + by_evidence["pairs"]["missed"]
    assert total == dedup.run(inputs, None, exact).pairs.num_rows


def test_one_sentence(world: Path, tmp_path: Path) -> None:
    inputs = [world / "1.parquet", world / "2.parquet"]
    dedup.run(inputs, tmp_path / "out", Config())
    cases: list[tuple[dict[str, Any], str]] = [
        ({}, "holds no evidence; give the run's input"),
        ({"inputs": inputs[:1]}, r"2\.parquet is missing"),
        ({"inputs": inputs[::-1]}, "another order"),
        ({"inputs": inputs, "most": 0}, "most is 0"),
    ]
    for options, message in cases:
        with pytest.raises(dedup.DedupError, match=message):
            dedup.audit(tmp_path / "out", **options)
    with pytest.raises(dedup.InputError, match="holds no results"):
        dedup.audit(tmp_path)
    (tmp_path / "2.parquet").write_bytes(inputs[0].read_bytes())
    with pytest.raises(dedup.InputError, match=r"2\.parquet changed since the run; give the input"):
        dedup.audit(tmp_path / "out", [inputs[0], tmp_path / "2.parquet"])
    dedup.run(inputs, tmp_path / "inside", Config(measure="containment"), keep_evidence=True)
    with pytest.raises(dedup.InputError, match="measured containment"):
        dedup.audit(tmp_path / "inside")


def test_a_file_that_the_run_left_out_is_left_out_again(world: Path, tmp_path: Path) -> None:
    bad = tmp_path / "bad.parquet"
    bad.write_bytes(b"PAR1 and no more")
    inputs = [bad, world / "1.parquet"]
    config = Config(threshold=THRESHOLD, recall=0.5, skip_bad_files=True)
    dedup.run(inputs, tmp_path / "out", config, keep_evidence=True)
    found = dedup.audit(tmp_path / "out", inputs)
    assert found["documents"] == 500
    assert found == dedup.audit(tmp_path / "out")
    bad.write_bytes(inputs[1].read_bytes())
    with pytest.raises(dedup.InputError, match="is of 500 documents, and the input has 1,000"):
        dedup.audit(tmp_path / "out", inputs)


def test_what_a_check_refused_counts_as_missed(world: Path, tmp_path: Path) -> None:
    inputs = [world / "1.parquet", world / "2.parquet"]
    check = dedup.Check(lambda pairs: pairs["left_id"].to_numpy() % 2 == 0)
    dedup.run(inputs, tmp_path / "out", Config(threshold=THRESHOLD), check=check)
    found = dedup.audit(tmp_path / "out", inputs)
    summary = json.loads((tmp_path / "out/summary.json").read_text(encoding="utf-8"))
    assert found["refused_by_check"] == summary["search"]["refused_by_check"] > 0
    assert found["left"]["value"] > 0.1
    arguments = ["audit", str(tmp_path / "out"), *map(str, inputs)]
    shown = CliRunner().invoke(cli, arguments, catch_exceptions=False)
    assert "were refused by the run's own check, and count as missed." in shown.stderr


def test_the_command_prints_what_the_library_returns(world: Path, tmp_path: Path) -> None:
    inputs = [world / "1.parquet", world / "2.parquet"]
    dedup.run(inputs, tmp_path / "out", Config(threshold=THRESHOLD, recall=0.5), keep_evidence=True)
    expected = dedup.audit(tmp_path / "out", seed=9, most=100)
    arguments = ["audit", str(tmp_path / "out"), "--seed", "9", "--most", "100"]
    as_json = CliRunner().invoke(cli, [*arguments, "--json"], catch_exceptions=False)
    assert json.loads(as_json.stdout) == expected
    assert expected["half_width"] > expected["target"]
    shown = CliRunner().invoke(cli, arguments, catch_exceptions=False)
    assert f"{expected['recall']['value']:.4f}" in shown.stdout
    assert "raise --most" in shown.stderr
    whole = CliRunner().invoke(cli, arguments[:2], catch_exceptions=False)
    missed = dedup.audit(tmp_path / "out")["missed_pairs"]
    assert missed
    assert f"  {missed[0]['jaccard']:.4f}  {missed[0]['left_id']}  " in whole.stdout


@pytest.mark.parametrize(
    "texts", [[], ["a b c"], ["", None], ["x y z"] * 5, ["!", "!", "?"]], ids=str
)
def test_where_there_is_no_pair_there_is_nothing_to_warn_of(
    texts: list[str | None], tmp_path: Path
) -> None:
    table = pa.table({"text": pa.array(texts, pa.string())})
    dedup.find_duplicates(table).write(tmp_path / "out", evidence=True)
    found = dedup.audit(tmp_path / "out")
    assert found["recall_of_unlike"] is None
    assert found["half_width"] == 0
    shown = CliRunner().invoke(cli, ["audit", str(tmp_path / "out")], catch_exceptions=False)
    assert shown.stderr == ""
    assert "no pair" in shown.stdout


def test_ids_cannot_steer_the_terminal(tmp_path: Path) -> None:
    words = [f"w{i}" for i in range(80)]
    near = " ".join([*words[:40], "other", *words[41:]])
    ids = ["a\x1b]0;owned\x07", "b\u202egpj"]
    table = pa.table({"id": ids, "text": [" ".join(words), near]})
    result = dedup.find_duplicates(table, threshold="0.6", method="simhash", max_hamming=0)
    assert result.pairs.num_rows == 0
    result.write(tmp_path / "out", evidence=True)
    shown = CliRunner().invoke(cli, ["audit", str(tmp_path / "out")], catch_exceptions=False)
    assert "a\\x1b]0;owned\\x07  b\\u202egpj  both kept" in shown.stdout

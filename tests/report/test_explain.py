"""Every figure against naive Python, and every reason reached by a run made for it."""

from __future__ import annotations

import json
from fractions import Fraction
from itertools import combinations
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

import dedup
from dedup import cluster
from dedup.config import Config
from dedup.lsh import candidates
from tests import reference
from tests.story_runs import STORY, WORDS, edited, reason, run, text
from tests.worlds import world


@pytest.fixture(params=[True, False], ids=["evidence", "none"])
def evidence(request: pytest.FixtureRequest) -> bool:
    return bool(request.param)


def test_figures_and_verdicts_of_a_world(tmp_path: Path, evidence: bool) -> None:
    """All pairs of some families: the clusters are those of the tables, the figures naive ones."""
    texts = world(60, seed=4)
    out = run(tmp_path, {"text": texts}, evidence=evidence)
    cluster = {
        row["position"]: row["cluster_id"]
        for row in pq.read_table(out / "clusters.parquet").to_pylist()
    }
    pairs = list(combinations(range(60), 2))
    chosen = np.random.default_rng(1).choice(len(pairs), 60, replace=False)
    same = [pair for pair in pairs if cluster.get(pair[0], -1) == cluster.get(pair[1], -2)]
    assert len(same) > 10
    for left, right in [*same[:20], *(pairs[place] for place in chosen)]:
        found = dedup.explain(f"@{left}", right, run=out)
        sets = [reference.shingles(texts[place], 5) for place in (left, right)]
        comparison = found.comparison
        assert comparison.jaccard == reference.jaccard(*sets)
        assert comparison.left_containment == reference.containment(sets[1], sets[0])
        assert comparison.right_containment == reference.containment(*sets)
        assert found.verdict is not None
        assert found.verdict.together == ((left, right) in same)
        assert (found.left.shingles, found.right.shingles) == tuple(map(len, sets))
        assert found.verdict.reason != "unknown"
        assert found.difference is not None


def test_reasons_of_what_is_together(tmp_path: Path, evidence: bool) -> None:
    rows = {
        "id": ["a", "b", "c", "x", "!", "!!"],
        "text": [*(text(edited(number)) for number in (0, 1, 2)), text(STORY), "!?", "!?"],
    }
    out = run(tmp_path, rows, evidence=evidence)
    found = dedup.explain("b", "a", run=out)
    assert reason(found) == (True, "removed")
    assert found.verdict is not None
    assert found.verdict.text == "b is removed, and a is its keeper: jaccard 0.9502."
    assert (found.left.keeper, found.left.is_removed) == (0, True)
    assert (found.right.keeper, found.right.is_removed) == (None, False)
    assert reason(dedup.explain("b", "c", run=out)) == (True, "same keeper")
    found = dedup.explain("!", "!!", run=out)
    assert reason(found) == (True, "removed")
    assert found.verdict is not None
    assert "equal texts without any token" in found.verdict.text


def test_what_keep_best_spares(tmp_path: Path, evidence: bool) -> None:
    rows = {"id": list("abc"), "text": [text(edited(number)) for number in (0, 1, 2)]}
    out = run(tmp_path, rows, evidence=evidence, keep_best=2)
    found = dedup.explain("a", "b", run=out)
    assert reason(found) == (True, "spared")
    assert found.verdict is not None
    assert found.verdict.text.endswith("b stays, by --keep-best 2.")
    assert reason(dedup.explain("a", "c", run=out)) == (True, "removed")
    found = dedup.explain("c", "b", run=out)
    assert reason(found) == (True, "same keeper")
    assert found.verdict is not None
    assert found.verdict.text.endswith("b stays, by --keep-best 2.")


def test_the_exact_method_misses_nothing(tmp_path: Path, evidence: bool) -> None:
    rows = {"id": list("abc"), "text": [text(edited(0)), text(edited(4)), "other words"]}
    out = run(tmp_path, rows, evidence=evidence, method="exact")
    assert reason(dedup.explain("a", "b", run=out)) == (True, "removed")
    assert reason(dedup.explain("a", "c", run=out)) == (False, "below threshold")


def test_a_chain_of_a_component(tmp_path: Path, evidence: bool) -> None:
    chain = [STORY[start : start + 120] for start in (0, 12, 24, 36)]
    rows = {"id": list("abcd"), "text": [text(tokens) for tokens in chain]}
    out = run(tmp_path, rows, evidence=evidence, linkage="components")
    found = dedup.explain("a", "d", run=out)
    assert reason(found) == (True, "chain")
    assert not found.reaches
    assert found.verdict is not None
    assert "neither removes the other" in found.verdict.text
    assert reason(dedup.explain("a", "b", run=out)) == (True, "removed")


def test_reasons_of_what_is_not_compared(tmp_path: Path, evidence: bool) -> None:
    rows = {
        "id": ["a", "b", "c", "blank", "null", "short", "short2", "mark", "mark2"],
        "text": [text(STORY)] * 3 + ["  ", None, "one two", "one two", "!?", "?!"],
        "host": ["h1", "h2", None, *["h1"] * 6],
    }
    out = run(tmp_path / "1", rows, evidence=evidence, within="host", min_tokens=3)
    assert reason(dedup.explain("a", "b", run=out)) == (False, "other group")
    assert reason(dedup.explain("a", "c", run=out)) == (False, "no group")
    assert reason(dedup.explain("a", "blank", run=out)) == (False, "no text")
    assert reason(dedup.explain("null", "a", run=out)) == (False, "no text")
    assert reason(dedup.explain("short", "short2", run=out)) == (False, "too short")
    out = run(tmp_path / "2", rows, evidence=evidence)
    assert reason(dedup.explain("mark", "mark2", run=out)) == (False, "no tokens")


def test_files_are_groups(tmp_path: Path, evidence: bool) -> None:
    for name in ("a", "b"):
        line = json.dumps({"id": name, "text": text(STORY)}) + "\n"
        (tmp_path / f"{name}.jsonl").write_text(line, encoding="utf-8")
    files = [tmp_path / "a.jsonl", tmp_path / "b.jsonl"]
    dedup.run(files, tmp_path / "out", Config(within="file"), keep_evidence=evidence)
    found = dedup.explain("a", "b", run=tmp_path / "out")
    assert reason(found) == (False, "other group")
    assert found.verdict is not None
    assert "a.jsonl and b.jsonl" in found.verdict.text


def test_just_below_the_threshold(tmp_path: Path, evidence: bool) -> None:
    rows = {"id": ["a", "b", "c"], "text": [text(edited(n)) for n in (0, 5)] + ["no such words"]}
    out = run(tmp_path, rows, evidence=evidence)
    found = dedup.explain("a", "b", run=out)
    assert reason(found) == (False, "below threshold")
    assert found.verdict is not None
    # Of 196 shingles each, 171 are in both: s / (392 - s) >= 4/5 from 175 on.
    assert found.verdict.text == (
        "jaccard 0.7737, below the threshold 0.8: they share 171 shingles, and 175 would do."
    )
    assert "lengths alone" in dedup.explain("a", "c", run=out).verdict.text  # type: ignore[union-attr]


def test_another_keeper_came_first(tmp_path: Path, evidence: bool) -> None:
    """A takes b; b would have c, but is no keeper, and a is too far from c."""
    rows = {
        "id": ["a", "b", "c"],
        "text": [text(edited(0)), text(edited(4)), text(edited(4, edited(4), 100))],
    }
    out = run(tmp_path, rows, evidence=evidence)
    found = dedup.explain("b", "c", run=out)
    assert found.reaches
    assert reason(found) == (False, "other keeper")
    assert found.verdict is not None
    assert "b has the keeper a, with which c has jaccard 0.66" in found.verdict.text
    assert reason(dedup.explain("a", "c", run=out)) == (False, "below threshold")


def test_a_pair_that_shares_no_band(tmp_path: Path, evidence: bool) -> None:
    """Of many pairs just above the threshold, a few are missed at a recall of a half."""
    rng = np.random.default_rng(3)
    texts = []
    for _ in range(120):
        tokens = rng.choice(WORDS, 200).tolist()
        texts += [text(tokens), text(edited(4, tokens))]
    out = run(tmp_path, {"text": texts}, evidence=evidence, recall=0.5)
    clusters = set(pq.read_table(out / "clusters.parquet")["position"].to_pylist())
    missed = [place for place in range(0, 240, 2) if place not in clusters]
    assert missed
    found = dedup.explain(missed[0], missed[0] + 1, run=out)
    assert found.reaches
    assert reason(found) == (False, "never compared")
    assert found.comparison.collisions == ()
    assert found.verdict is not None
    share = 1 - found.comparison.candidate_probability
    assert f"which happens to {share:.2%} of such pairs" in found.verdict.text


def test_an_exact_join_needs_no_band(tmp_path: Path, evidence: bool) -> None:
    """Of many triples in which a has b, some share no band between b and c."""
    rng = np.random.default_rng(4)
    texts = []
    for _ in range(40):
        tokens = rng.choice(WORDS, 200).tolist()
        second = edited(4, tokens)
        texts += [text(tokens), text(second), text(edited(4, second, 100))]
    out = run(tmp_path, {"text": texts}, evidence=evidence, method="exact", recall=0.5)
    found = [dedup.explain(place + 1, place + 2, run=out) for place in range(0, 120, 3)]
    assert {reason(one) for one in found} == {(False, "other keeper")}
    assert any(not one.comparison.collisions for one in found)


def test_fingerprints_that_are_too_far(tmp_path: Path, evidence: bool) -> None:
    rows = {"id": ["a", "b"], "text": [text(edited(0)), text(edited(3))]}
    out = run(tmp_path, rows, evidence=evidence, method="simhash", max_hamming=0)
    found = dedup.explain("a", "b", run=out)
    assert reason(found) == (False, "never compared")
    assert found.verdict is not None
    assert f"differ in {found.comparison.hamming} bits" in found.verdict.text
    assert "bands" not in found.verdict.text


def test_a_pair_exactly_at_the_threshold_is_not_below(tmp_path: Path, evidence: bool) -> None:
    """40 shingles, all of them among 50."""
    rows = {"id": ["a", "b"], "text": [text(STORY[:44]), text(STORY[:54])]}
    out = run(tmp_path, rows, evidence=evidence, method="simhash", max_hamming=0)
    found = dedup.explain("a", "b", run=out)
    assert (found.comparison.jaccard, found.reaches) == (Fraction(4, 5), True)
    assert reason(found) == (False, "never compared")


def test_a_cap_that_skipped_the_pair(
    tmp_path: Path, evidence: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Many pages near the threshold to each other, of which few may be compared."""
    monkeypatch.setattr(candidates, "HOT_BUCKET", 2)
    monkeypatch.setattr(cluster, "POOR_ROUNDS", 1)
    rng = np.random.default_rng(3)
    texts = []
    for _ in range(80):
        page = list(WORDS[:100])
        for place in rng.integers(0, 100, int(rng.integers(1, 4))).tolist():
            page[place] = WORDS[int(rng.integers(100, 200))]
        texts.append(text(page))
    out = run(tmp_path, {"text": texts}, evidence=evidence, max_comparisons=1)
    gone = set(pq.read_table(out / "removed.parquet")["position"].to_pylist())
    kept = [place for place in range(80) if place not in gone]
    sets = [reference.shingles(one, 5) for one in texts]
    left, right = next(
        pair for pair in combinations(kept, 2) if reference.jaccard(*(sets[n] for n in pair)) >= 0.8
    )
    found = dedup.explain(left, right, run=out)
    assert found.reaches
    assert reason(found) == (False, "cap")


def test_a_pair_that_a_check_refused(tmp_path: Path) -> None:
    """The page `c` is near to both, and its keeper is none of them: the check keeps it apart."""
    texts = [text(STORY), text(edited(1)), text(edited(1, first=7)), "something else"]
    pq.write_table(pa.table({"id": list("abcd"), "text": texts}), tmp_path / "in.parquet")
    check = dedup.Check(lambda pairs: pc.not_equal(pairs["right_id"], "c"))
    dedup.run([tmp_path / "in.parquet"], tmp_path / "out", Config(workers=1), check=check)
    for left in "ab":
        found = dedup.explain(left, "c", run=tmp_path / "out")
        assert found.reaches
        assert reason(found) == (False, "check")
        assert found.verdict is not None
        assert "own check refused pairs (1 in all)." in found.verdict.text
        assert ("b has the keeper a, with which c has" in found.verdict.text) == (left == "b")
    assert reason(dedup.explain("a", "b", run=tmp_path / "out")) == (True, "removed")
    assert reason(dedup.explain("a", "d", run=tmp_path / "out")) == (False, "below threshold")


def test_containment_has_a_direction(tmp_path: Path, evidence: bool) -> None:
    rows = {"id": ["part", "whole"], "text": [text(STORY[:100]), text(STORY)]}
    out = run(tmp_path / "1", rows, evidence=evidence, measure="containment")
    found = dedup.explain("whole", "part", run=out)
    assert reason(found) == (False, "order")
    assert found.verdict is not None
    assert found.verdict.text.startswith("part lies in whole, which comes after it")
    out = run(tmp_path / "2", rows, evidence=evidence, measure="containment", keep="largest")
    assert reason(dedup.explain("whole", "part", run=out)) == (True, "removed")


def test_sets_without_common_shingles_come_from_evidence(tmp_path: Path, evidence: bool) -> None:
    rng = np.random.default_rng(2)
    texts = [text(STORY + rng.choice(WORDS, 20).tolist()) for _ in range(30)]
    out = run(tmp_path, {"text": texts}, evidence=evidence, ignore_common=0.5)
    found = dedup.explain(3, 4, run=out)
    sets = [reference.shingles(one, 5) for one in texts]
    if evidence:
        assert reason(found) == (False, "below threshold")
        kept = reference.without_common(sets, ["f"] * 30, Fraction("0.5"))
        assert found.comparison.jaccard == reference.jaccard(kept[3], kept[4])
        assert found.left.shingles == len(kept[3]) < len(sets[3])
        assert found.notes == ()
    else:
        assert found.comparison.jaccard == reference.jaccard(sets[3], sets[4])
        assert "only evidence tells" in found.notes[0]


def test_weighted_fingerprints_are_those_of_the_run(tmp_path: Path) -> None:
    repeats = text([*["again"] * 60, *STORY])
    rows = {"text": [repeats, text(STORY)]}
    options = {"method": "both", "simhash_weights": "tf"}
    found = [
        dedup.explain(0, 1, run=run(tmp_path / name, rows, evidence=bool(name), **options))
        for name in ("1", "2")
    ]
    without = run(tmp_path / "3", rows, **options)
    assert {one.comparison.hamming for one in found} == {
        dedup.explain(0, 1, run=without).comparison.hamming
    }
    plain = dedup.explain(repeats, text(STORY)).comparison.hamming
    assert found[0].comparison.hamming != plain

"""The funnel tells every document and pair, and what was left out, from a run's summary alone."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

import dedup
from dedup.report.funnel import DOCUMENTS, PAIRS, omissions_of, stages_of
from tests.worlds import world

SAMPLE = Path(__file__).parents[2] / "data/sample.warc.gz"


def summary_of(texts: list[str | None], **options: Any) -> dict[str, Any]:
    return dedup.find_duplicates(pa.table({"text": texts}), workers=1, **options).summary


def test_the_stages_of_a_known_corpus() -> None:
    story = " ".join(f"w{i}" for i in range(100))
    far = " ".join(f"v{i}" for i in range(100))
    texts = [story, story, story + " end", far, None, " ", "a b", "...!"]
    summary = summary_of(texts, min_tokens=3, pairs="all")
    stages = {stage.name: (stage.count, stage.unit) for stage in stages_of(summary)}
    assert stages == {
        "Documents": (8, DOCUMENTS),
        "Searched": (5 - 1, DOCUMENTS),  # no null, blank or short one
        "Distinct sets": (3, DOCUMENTS),
        "Possible pairs": (3, PAIRS),
        "Candidate pairs": (1, PAIRS),
        "Compared pairs": (1, PAIRS),
        "Verified pairs": (1, PAIRS),
        "Removed": (2, DOCUMENTS),
    }
    left = {(one.what, one.count) for one in omissions_of(summary)}
    assert left >= {("documents", 1), ("documents", 2)}
    assert sum(one.count for one in omissions_of(summary) if one.unit == DOCUMENTS) >= 4


def test_nothing_left_out_is_no_omission() -> None:
    story = " ".join(f"w{i}" for i in range(100))
    assert omissions_of(summary_of([story, story, "something else"])) == []


def test_every_cap_and_filter_has_its_line(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    lines = [json.dumps({"text": text}) for text in world(50, seed=4)]
    (tmp_path / "in/a.jsonl").write_text("\n".join([*lines, "{broken"]) + "\n")
    (tmp_path / "in/picture.png").write_bytes(b"")
    config = dedup.Config(workers=1)
    summary = dedup.run([tmp_path / "in", SAMPLE], None, config).summary
    found = omissions_of(summary)
    assert {"records", "files"} <= {one.unit for one in found}
    assert any(one.what == ".png" and one.count == 1 for one in found)
    assert any("bad records" in one.consequence and one.count == 1 for one in found)
    excluded = [one for one in found if "no documents" in one.consequence]
    assert sum(one.count for one in excluded) == 22
    first = stages_of(summary)[0]
    assert (first.name, first.count) == ("Records", summary["input"]["documents"] + 22)


def test_caps_are_named() -> None:
    rng = np.random.default_rng(2)
    blocks = [" ".join(f"b{i}x{j}" for j in range(20)) for i in range(30)]
    texts = [
        " ".join(block for block, chosen in zip(blocks, some, strict=True) if chosen)
        for some in rng.random((400, 30)) < 0.84
    ]
    texts += [texts[0]] * 40
    summary = summary_of(texts, max_comparisons=200, threshold=0.9, pairs="all")
    lines = {one.what: one.count for one in omissions_of(summary)}
    search, result = summary["search"], summary["result"]
    assert search["skipped_comparisons"] > 0
    assert lines["comparisons beyond --max-comparisons"] == search["skipped_comparisons"]
    assert result["omitted_pairs"] > 0
    assert lines["pairs inside large groups of copies"] == result["omitted_pairs"]
    ignoring = summary_of(texts, ignore_common=0.5)
    assert any("common shingles" in one.what for one in omissions_of(ignoring))


def test_each_way_to_candidates_is_named() -> None:
    texts = world(100, seed=4)
    for options, origin in (
        ({}, "share a bucket; with keepers"),
        ({"pairs": "all"}, "share a bucket; each with each"),
        ({"method": "both"}, "share a bucket, or lie within 3 bits; with keepers"),
        ({"method": "simhash", "max_hamming": 5}, "fingerprints within 5 bits"),
        ({"method": "exact"}, "have shingles in common, by an exact join"),
        ({"measure": "containment"}, "have shingles in common, by an exact join"),
    ):
        stages = {stage.name: stage for stage in stages_of(summary_of(texts, **options))}
        assert stages["Candidate pairs"].note == origin
        counts = [stages[f"{name} pairs"].count for name in ("Candidate", "Compared", "Verified")]
        assert counts == sorted(counts, reverse=True)


def test_what_keep_best_spares_is_told() -> None:
    story = " ".join(f"w{i}" for i in range(100))
    left = omissions_of(summary_of([story] * 5, keep_best=3))
    assert [(one.count, one.unit) for one in left] == [(2, DOCUMENTS)]


def test_what_a_check_refuses_is_told() -> None:
    story = [f"w{i}" for i in range(100)]
    texts = [" ".join([*story, *["end"] * copy]) for copy in range(3)]
    check = dedup.Check(lambda pairs: np.zeros(len(pairs), np.bool_))
    result = dedup.find_duplicates(pa.table({"text": texts}), check=check, pairs="all")
    (left,) = omissions_of(result.summary)
    assert (left.count, left.unit) == (3, PAIRS)

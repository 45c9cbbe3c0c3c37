"""The limits of an audit against corpora whose pairs are known from how they were made."""

from __future__ import annotations

from pathlib import Path

import pytest

import dedup
from benchmarks import calibration
from benchmarks.web_documents import WebDocuments, write_documents
from benchmarks.web_pairs import write_pairs


@pytest.mark.parametrize("name", calibration.BANDINGS)
def test_the_truth_of_an_audit_is_that_of_all_documents(name: str, tmp_path: Path) -> None:
    """So few documents are all compared, which leaves nothing to estimate."""
    web, documents = WebDocuments(5), 3_000
    write_documents(web, tmp_path / "web.parquet", 0, documents, documents)
    write_pairs(web, documents, tmp_path / "pairs.parquet")
    with calibration.by_bands(calibration.BANDINGS[name]):
        config = dedup.Config(threshold="0.7")
        dedup.run([tmp_path / "web.parquet"], tmp_path / "run", config, keep_evidence=True)
    found = dedup.audit(tmp_path / "run")
    true = calibration.true_shares(tmp_path / "run", tmp_path / "pairs.parquet", documents)
    assert found["pairs"]["are_counted"]
    assert {share: found[share]["value"] for share in calibration.SHARES} == pytest.approx(true)
    assert (true["recall"] < 0.9) == (calibration.BANDINGS[name] is not None)


def test_samples_are_counted_that_hold_the_truth() -> None:
    true = dict.fromkeys(calibration.SHARES, 0.5)
    limits = {"recall": (0.49, 0.51), "recall_of_unlike": (0.52, 0.55), "left": (0.5, 0.5)}
    some = [calibration.Sample(seed, true, limits, compared=100 + seed) for seed in range(3)]
    lines = calibration.page(1_000, {"bands": some}).splitlines()
    held = "3 of 3 | 0 of 3 | 3 of 3"
    assert f"| bands | 0.5000 | 0.5000 | {held} | 0.0150 | 101 |" in lines


@pytest.mark.slow
def test_limits_of_an_audit_hold_the_truth_of_a_hundred_corpora(tmp_path: Path) -> None:
    """95 % limits, at most 0.02 to each side, hold the truth 90 times, by good bands and weak.

    These are the figures of `benchmarks/results/calibration.md`.
    """
    for name, some in calibration.measure(100_000, 100, tmp_path).items():
        held = {share: sum(one.holds(share) for one in some) for share in calibration.SHARES}
        widest = max(one.half_width for one in some)
        print(f"{name}: {held} of 100, widest half-width {widest:.4f}")  # noqa: T201
        assert min(held.values()) >= 90
        assert widest <= 0.02

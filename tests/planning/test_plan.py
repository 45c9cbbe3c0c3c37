"""The plan: exact where all is read, near the truth where not, and what a run does otherwise."""

from __future__ import annotations

import gzip
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner

import dedup
from dedup.cli import cli
from dedup.lsh.parameters import s_curve
from dedup.resources.costs import (
    check_memory,
    memory_bytes,
    run_seconds,
    scratch_bytes,
    search_bytes,
)
from tests.worlds import vocabulary, world

ROOT = Path(__file__).parents[2]
SHARE = 0.2
"""Of the texts below, the share that is a copy of another with one word changed."""


def texts(number: int, seed: int) -> list[str]:
    """Return documents in any order, `SHARE` of them near-duplicates of one other each."""
    rng = np.random.default_rng(seed)
    words = np.array(vocabulary(2000, seed))
    originals = [list(rng.choice(words, int(n))) for n in rng.integers(60, 140, number)]
    copies = [list(one) for one in originals[: int(number * SHARE)]]
    for copy in copies:
        copy[0] = str(rng.choice(words))
    all_ = [" ".join(one) for one in originals[len(copies) :] + originals[: len(copies)] + copies]
    chosen = all_[len(copies) :] if len(all_) > number else all_
    return [chosen[i] for i in rng.permutation(len(chosen))]


def write_jsonl(path: Path, texts: list[str]) -> None:
    path.write_text("".join(json.dumps({"text": text}) + "\n" for text in texts))


def write_gz(path: Path, texts: list[str]) -> None:
    lines = "".join(json.dumps({"text": text}) + "\n" for text in texts)
    path.write_bytes(gzip.compress(lines.encode(), mtime=0))


def write_parquet(path: Path, texts: list[str]) -> None:
    pq.write_table(pa.table({"text": texts}), path, row_group_size=20)


WRITERS: dict[str, Callable[[Path, list[str]], None]] = {
    "jsonl": write_jsonl,
    "jsonl.gz": write_gz,
    "parquet": write_parquet,
}


@pytest.mark.parametrize("suffix", WRITERS)
def test_small_input_is_counted(suffix: str, tmp_path: Path) -> None:
    path = tmp_path / f"all.{suffix}"
    WRITERS[suffix](path, world(300, seed=2))
    plan = dedup.plan([path], dedup.Config())
    summary = dedup.find_duplicates(path).summary
    for name in ("documents", "tokens", "text_bytes", "shingles"):
        figure = plan[name]
        assert figure["value"] == figure["low"] == figure["high"] == summary["input"][name], name
    assert plan["duplicate_share"]["value"] == pytest.approx(summary["result"]["removed_share"])
    assert "counted" in plan["tokens"]["basis"]


@pytest.fixture
def sampling(monkeypatch: pytest.MonkeyPatch) -> None:
    """Sample small files as if they were large: about a third of what is written below."""
    monkeypatch.setattr("dedup.planning.plan.WHOLE_BYTES", 0)
    monkeypatch.setattr("dedup.planning.sampling.SLICE_BYTES", 1 << 13)
    monkeypatch.setattr("dedup.planning.sampling._HEAD_BYTES", 1 << 16)


@pytest.mark.usefixtures("sampling")
@pytest.mark.parametrize("suffix", WRITERS)
def test_samples_are_near_the_truth(suffix: str, tmp_path: Path) -> None:
    corpus = texts(4_000, seed=1)
    for number in range(4):
        WRITERS[suffix](tmp_path / f"{number}.{suffix}", corpus[number::4])
    plan = dedup.plan([tmp_path], dedup.Config())
    truth = dedup.find_duplicates(tmp_path).summary
    assert 0.05 < plan["sample"]["share"] < 0.7
    for name in ("documents", "tokens", "shingles", "text_bytes"):
        figure, true = plan[name], truth["input"][name]
        assert figure["low"] <= true <= figure["high"], (name, figure, true)
        assert figure["value"] == pytest.approx(true, rel=0.05), name
    if suffix == "parquet":
        assert plan["documents"]["value"] == truth["input"]["documents"]
    assert ("beginnings" in plan["tokens"]["basis"]) == (suffix == "jsonl.gz")


@pytest.mark.usefixtures("sampling")
@pytest.mark.parametrize("suffix", WRITERS)
def test_the_share_of_duplicates(
    suffix: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of ten samples the mean is near the truth, and the limits hold it nine times or more."""
    corpus = texts(4_000, seed=1)
    for number in range(4):
        WRITERS[suffix](tmp_path / f"{number}.{suffix}", corpus[number::4])
    truth = dedup.find_duplicates(tmp_path).summary["result"]["removed_share"]
    assert truth == pytest.approx(SHARE)
    shares = []
    for seed in range(10):
        monkeypatch.setattr("dedup.planning.sampling._SEED", seed)
        shares.append(dedup.plan([tmp_path], dedup.Config())["duplicate_share"])
    assert sum(share["low"] <= truth <= share["high"] for share in shares) >= 9
    assert np.mean([share["value"] for share in shares]) == pytest.approx(truth, rel=0.25)


@pytest.mark.usefixtures("sampling")
def test_too_few_slices_tell_no_share(tmp_path: Path) -> None:
    for number in range(3):
        WRITERS["jsonl.gz"](tmp_path / f"{number}.jsonl.gz", texts(1_000, seed=number))
    share = dedup.plan([tmp_path], dedup.Config())["duplicate_share"]
    assert share["value"] is None
    shown = CliRunner().invoke(cli, ["plan", str(tmp_path)]).output
    assert "duplicates            not told  " in shown


@pytest.mark.usefixtures("sampling")
def test_the_same_sample_at_every_call(tmp_path: Path) -> None:
    write_jsonl(tmp_path / "a.jsonl", texts(2_000, seed=4))
    plans = [dedup.plan([tmp_path], dedup.Config()) for _ in range(2)]
    for plan in plans:
        del plan["seconds"]
    assert plans[0] == plans[1]


def test_the_curve_is_that_of_the_bands(tmp_path: Path) -> None:
    write_jsonl(tmp_path / "a.jsonl", world(20))
    banding = dedup.plan([tmp_path], dedup.Config(threshold=0.75))["banding"]
    curve: list[Any] = banding["curve"]
    assert dict(map(tuple, curve))[0.75] >= 0.99
    for jaccard, probability in curve:
        assert probability == s_curve(jaccard, banding["bands"], banding["rows"])
    contained = dedup.plan([tmp_path], dedup.Config(measure="containment"))
    assert contained["banding"] is None


def test_costs_add_up() -> None:
    assert scratch_bytes(10, 1000, 17, 60) == 8 * 1000 + 8 * 17 * 10 + 238 * 10 + 60
    assert memory_bytes(1000, 3) - memory_bytes(1000, 2) == 224 << 20  # while they sketch
    assert memory_bytes(10**8, 3) == memory_bytes(10**8, 2) == search_bytes(10**8)
    assert search_bytes(10**8) - search_bytes(10**7) == 32 * 9 * 10**7
    check_memory(10**7, 720 << 20)
    with pytest.raises(dedup.DedupError, match=r"100,000,000 documents needs about 3\.6 GB"):
        check_memory(10**8, 2 << 30)
    assert run_seconds(8.0, 1.0, 4) - run_seconds(0.0, 0.0, 4) == 3.0


def test_command(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    write_jsonl(path, world(100))

    def command(*arguments: str) -> subprocess.CompletedProcess[str]:
        call = [sys.executable, str(ROOT / "cli.py"), "plan", *arguments]
        return subprocess.run(call, capture_output=True, text=True, timeout=60)

    plan = dedup.plan([path], dedup.Config(threshold=0.7))
    printed = json.loads(command(str(path), "--threshold", "0.7", "--json").stdout)
    for name in ("documents", "tokens", "duplicate_share", "banding", "disk_bytes", "sample"):
        assert printed[name] == plan[name]
    shown = command(str(path)).stdout
    for name in ("documents", "tokens", "duplicates", "bands", "time", "memory", "disk"):
        assert f"\n{name} " in "\n" + shown
    refused = command("-")
    assert refused.returncode == 1
    assert refused.stderr.startswith("Error: standard input can be read only once")


def test_empty_input_is_planned(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").touch()
    plan = dedup.plan([tmp_path], dedup.Config())
    assert plan["documents"]["value"] == 0
    assert plan["duplicate_share"]["value"] == 0

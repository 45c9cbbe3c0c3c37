"""The benchmark's truth, scores and measurements, which every published figure rests on."""

import os
import sys
from fractions import Fraction
from itertools import combinations
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from benchmarks import table
from benchmarks.corpus import texts
from benchmarks.measure import run
from benchmarks.peers.process import bands_for_recall, bands_of_128, pairs_of_groups
from benchmarks.score import Truth
from benchmarks.shingles import shingles
from benchmarks.truth import shingle_sets, similar_pairs, write_truth

ODD_TEXTS = ["", "one", "ONE!", "one two three four", "one two three four five", "...", "one two"]


@pytest.fixture(scope="module")
def documents() -> list[str]:
    return texts(seed=7, size_bytes=700_000) + ODD_TEXTS


def brute_force(documents: list[str], threshold: Fraction) -> list[tuple[int, int, float]]:
    sets = [set(shingles(text)) for text in documents]
    pairs = []
    for left, right in combinations(range(len(sets)), 2):
        common, union = len(sets[left] & sets[right]), len(sets[left] | sets[right])
        if union and threshold.denominator * common >= threshold.numerator * union:
            pairs.append((left, right, common / union))
    return pairs


@pytest.mark.parametrize("threshold", ["0.3", "0.8", "1"])
def test_the_exact_join_finds_what_brute_force_finds(documents: list[str], threshold: str) -> None:
    expected = brute_force(documents, Fraction(threshold))
    assert len(expected) >= 4
    assert similar_pairs(shingle_sets(documents), Fraction(threshold)) == expected


def test_numbers_stand_for_the_same_shingles_as_strings(documents: list[str]) -> None:
    numbers = shingle_sets(documents)
    assert [len(n) for n in numbers] == [len(set(shingles(text))) for text in documents]


def test_generated_pairs_lie_at_every_jaccard(documents: list[str]) -> None:
    jaccard = np.array(
        [pair[2] for pair in similar_pairs(shingle_sets(documents), Fraction("0.6"))]
    )
    assert (np.histogram(jaccard, bins=[0.6, 0.8, 0.9, 0.95, 0.999, 1.0])[0] > 0).all()


def test_a_corpus_is_a_function_of_its_seed() -> None:
    assert texts(seed=3, size_bytes=20_000) == texts(seed=3, size_bytes=20_000)
    assert texts(seed=3, size_bytes=20_000) != texts(seed=4, size_bytes=20_000)


def test_scores_count_each_pair_once_whichever_way_round(tmp_path: Path) -> None:
    ids = pa.chunked_array([["a", "b", "c", "d"]])
    truth = {"left": ["a", "a", "b", "c"], "right": ["b", "c", "c", "d"]}
    pq.write_table(pa.table(truth | {"jaccard": [1.0, 0.8, 0.93, 0.79]}), tmp_path / "truth")
    found = {"left_id": ["b", "a", "c", "d"], "right_id": ["a", "b", "a", "c"]}
    pq.write_table(pa.table(found), tmp_path / "found")
    score = Truth(tmp_path / "truth", ids, 0.8).score(tmp_path / "found")
    assert score.pairs == 3  # b-a twice is one
    assert score.recall == pytest.approx(2 / 3)  # b-c is missed, c-d is below the threshold
    assert score.precision == pytest.approx(2 / 3)
    assert [(b.low, b.true, b.found) for b in score.bins] == [
        (0.8, 1, 1),
        (0.85, 0, 0),
        (0.9, 1, 0),
        (0.95, 0, 0),
        (1.0, 1, 1),
    ]


def test_truth_is_written_with_the_ids_of_the_corpus(tmp_path: Path) -> None:
    story = " ".join(f"w{i}" for i in range(50))
    columns = {"key": [30, 10, 20], "body": [story, "nothing like it", story + " more"]}
    pq.write_table(pa.table(columns), tmp_path / "corpus")
    write_truth(tmp_path / "corpus", tmp_path / "truth", "0.8", "body", "key")
    assert pq.read_table(tmp_path / "truth").to_pylist() == [
        {"left": 30, "right": 20, "jaccard": pytest.approx(46 / 47)}
    ]


def test_bands_are_those_the_documentation_names() -> None:
    assert bands_of_128(0.8) == (16, 8)
    assert bands_for_recall(0.8) == (26, 8)
    for threshold in (0.3, 0.5, 0.7, 0.9, 0.95):
        bands, rows = bands_for_recall(threshold)
        assert 1 - (1 - threshold**rows) ** bands >= 0.99


def test_groups_become_all_their_pairs() -> None:
    assert list(pairs_of_groups([[1], [4, 2, 3]])) == [(4, 2), (4, 3), (2, 3)]


@pytest.mark.skipif(not Path("/proc/self/smaps_rollup").exists(), reason="reads Linux's /proc")
def test_memory_is_that_of_children_too(tmp_path: Path) -> None:
    child = (
        "import time; block = bytearray(60_000_000); block[:] = b'x' * len(block); time.sleep(1)"
    )
    parent = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {child!r}])"
    took = run([sys.executable, "-c", parent], os.environ, tmp_path / "log", sample=True, limit=30)
    assert took.exit_code == 0
    assert took.peak_bytes is not None
    assert 60_000_000 < took.peak_bytes < 250_000_000


def test_time_is_that_of_children_that_nobody_waits_for_too(tmp_path: Path) -> None:
    burn = "import time\nwhile time.process_time() < 1: pass"
    child = f"subprocess.Popen([sys.executable, '-c', {burn!r}], stdout=subprocess.PIPE)"
    parent = "import signal, subprocess, sys; signal.signal(signal.SIGCHLD, signal.SIG_IGN)"
    code = f"{parent}; {child}.stdout.read()"
    took = run([sys.executable, "-c", code], os.environ, tmp_path / "log", False, 60)
    assert took.exit_code == 0
    assert took.cpu_seconds > 0.5


def test_a_command_over_its_limit_is_ended(tmp_path: Path) -> None:
    took = run(["sleep", "30"], os.environ, tmp_path / "log", sample=False, limit=0.2)
    assert took.exit_code == -9
    assert took.wall_seconds < 5
    assert took.peak_bytes is None


def test_a_page_shows_figures_and_failures() -> None:
    span = {"low": 0.8, "high": 0.85, "true": 4, "found": 3}
    measured = {"once": True, "seconds": 2.0, "peak_bytes": 2**30, "tokens": "ours"}
    report = {
        "corpus": {"name": "x", "documents": 1000, "text_bytes": 4_000_000, "true_pairs": 4},
        "threshold": 0.8,
        "runs": 3,
        "machine": {"cpu": "a processor", "cores": 2, "python": "3.11"},
        "results": [
            {"name": "wc", "title": "wc", "version": "", **measured, "once": False, "tokens": ""},
            {
                **{"name": "dedup", "title": "dedup", "version": "1", **measured},
                "score": {"recall": 0.75, "precision": 1.0, "bins": [span]},
            },
            {"name": "x", "title": "x", "version": "", "error": "not installed"},
        ],
    }
    lines = table.page(report).splitlines()
    assert "| wc | 2.00 | 1.0 | 1.0 | 2 | 500 | 1.00 | – | – | – |" in lines
    assert "| dedup 1 | 2.00¹ | 1.0 | 1.0 | 2 | 500 | 1.00 | 0.7500 | 1.0000 | ours |" in lines
    assert "| x | not installed | – | – | – | – | – | – | – | – |" in lines
    assert "| dedup | 0.7500 |" in lines

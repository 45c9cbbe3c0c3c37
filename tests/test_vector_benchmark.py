"""The benchmark of vectors: its truth, its samples, and its time limits."""

import time
from typing import Any

import numpy as np
import pytest

from benchmarks import vector_peers
from benchmarks.vector_results import page
from benchmarks.vector_worlds import World, make_world

GIVEN: dict[str, Any] = {
    "count": 3_000,
    "dim": 128,
    "threshold": 0.95,
    "families": 40_000,
    "target_recall": 0.99,
    "sampled_queries": 1_000,
    "neighbours": 8,
}
BRUTE = {"tool": "brute", "title": "products", "limit_seconds": 60}


@pytest.fixture(scope="module", params=["topics", "uniform"])
def world(request: pytest.FixtureRequest) -> World:
    return make_world(request.param, GIVEN)


def test_the_truth_is_that_of_all_with_all(world: World) -> None:
    vectors = world.vectors.astype(np.float64)
    vectors /= np.linalg.norm(vectors, axis=1)[:, None]
    near = np.argwhere(np.triu(vectors @ vectors.T >= 0.95, 1))
    assert len(near) > 200
    assert np.array_equal(world.pairs, near)


def test_brute_force_and_dedup_find_the_truth(world: World) -> None:
    (brute,) = vector_peers.measured(BRUTE, GIVEN, world)
    assert (brute["recall"], brute["precision"]) == (1, 1)
    assert "sampled_queries" not in brute
    run = {"tool": "dedup", "settings": [0.99], "limit_seconds": 60}
    (ours,) = vector_peers.measured(run, GIVEN, world)
    assert ours["recall"] >= 0.99
    assert ours["precision"] == 1


class Half(vector_peers.Brute):
    """Finds a pair from its larger end alone, and takes its time."""

    seconds_a_query = 0.0

    def set(self, setting: float) -> None:
        self.seconds_a_query = setting

    def near(self, queries: np.ndarray) -> np.ndarray:
        time.sleep(self.seconds_a_query * len(queries))
        pairs = super().near(queries)
        place = {row.tobytes(): at for at, row in enumerate(self.vectors)}
        numbers = np.array([place[query.tobytes()] for query in queries])
        return pairs[numbers[pairs[:, 0]] >= pairs[:, 1]]


def test_a_sample_tells_the_time_and_the_recall_of_all(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(vector_peers.PEERS, "brute", Half)
    run = BRUTE | {"settings": [0.0004, 0.0008], "limit_seconds": 1.2}
    rows = list(vector_peers.measured(run, GIVEN, world))
    assert [row["setting"] for row in rows] == [0.0004]
    assert rows[0]["recall"] == 1
    assert rows[0]["seconds"] >= 1.2
    assert rows[0]["sampled_queries"] >= 500


def test_what_is_not_done_in_its_time_says_so(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(vector_peers, "_ADDED", 100)
    monkeypatch.setitem(vector_peers.PEERS, "hnsw", Half)
    run = BRUTE | {"tool": "hnsw", "limit_seconds": 0}
    (row,) = vector_peers.measured(run, GIVEN, world)
    assert row == {"unfinished": "0 of 3,000 vectors were in the index"}


def test_the_page_marks_samples_and_names_what_fell_short() -> None:
    def row(title: str, **more: Any) -> dict[str, Any]:
        about = {"title": title, "knob": None, "limit_seconds": 9, "others_share": 0.0}
        return about | {"peak_bytes": 2**30} | more

    good = {"recall": 0.995, "precision": 1.0}
    report = {
        "given": GIVEN,
        "machine": {"cpu": "x", "cores": 2},
        "versions": {"faiss-cpu": "1", "numpy": "2"},
        "worlds": {
            "uniform": [
                row("dedup", seconds=4.0, knob="recall", setting=0.5, recall=0.5, precision=1.0),
                row("dedup", seconds=10.0, knob="recall", setting=0.9, **good),
                row("slow", seconds=25.0, sampled_queries=500, **good),
                row("dull", seconds=5.0, recall=0.9, precision=1.0),
                row("late", unfinished="half was in the index"),
            ]
        },
    }
    text = page(report)
    assert "| slow | 25.0 ¹ | 0.9950 | 1.0000 | 1.00 |" in text
    assert "| late | not in 9 s: half was in the index |" in text
    assert "in times of dedup's 10.0 s: 2.5 for slow." in text
    assert "Not reached by dull (0.9000 at most), late (not built in its time)." in text

"""An audit of a run on vectors says what all pairs say; what needs texts is refused."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner

import dedup
from dedup.cli import cli
from dedup.errors import InputError
from dedup.vectors import find_duplicates
from dedup.vectors.audit import VectorAudit
from tests.vectors.vector_worlds import at_cosine, at_distance, background, naive_values

WEAK: dict[str, Any] = {"functions": 6, "tables": 3}
"""Tables that miss many pairs."""


def _run(folder: Path, measure: str, count: int = 600, **options: Any) -> dict[str, set]:
    """Run a weak search; return its pairs of unlike vectors, by what became of them."""
    vectors = background("random", count, 16)
    threshold = 0.9 if measure == "cosine" else 1.0
    place = at_cosine if measure == "cosine" else at_distance
    mates = [place(vectors[: count // 4], value) for value in (0.91, 0.97)]
    vectors = np.concatenate([vectors, *mates, vectors[:20]])
    path = folder / "v.npy"
    np.save(path, vectors)
    result = find_duplicates(path, measure=measure, threshold=threshold, **options)
    result.write(folder / "out")
    values = naive_values(vectors, measure)
    near = values >= threshold if measure == "cosine" else values <= threshold
    rows = result.pairs.to_pydict()
    listed = set(zip(rows["left_position"], rows["right_position"], strict=True))
    cluster, removed = result.decisions.keeper, result.decisions.removed
    kinds: dict[str, set] = {"found": set(), "apart": set(), "left": set()}
    for a, b in np.argwhere(np.triu(near, 1)).tolist():
        if (a, b) in listed or cluster[a] == cluster[b]:
            kinds["found"].add((a, b))
        else:
            kinds["apart" if removed[a] or removed[b] else "left"].add((a, b))
    return kinds


@pytest.mark.parametrize("measure", ["cosine", "euclidean"])
@pytest.mark.parametrize("options", [WEAK, WEAK | {"pairs": "all"}], ids=["decided", "all"])
def test_all_pairs_are_counted_where_they_are_few(
    measure: str, options: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("dedup.vectors.audit._SOME", 100)
    monkeypatch.setattr("dedup.vectors.audit._OTHERS", 70)
    kinds = _run(tmp_path, measure, **options)
    found = dedup.audit(tmp_path / "out", [tmp_path / "v.npy"])
    missed = kinds["apart"] | kinds["left"]
    total = len(kinds["found"]) + len(missed)
    assert len(missed) > 20
    assert found["pairs"]["found"] == len(kinds["found"])
    assert found["pairs"]["missed"] == len(missed)
    assert found["pairs"]["copies"] >= 20
    assert found["recall"]["value"] == pytest.approx(1 - len(missed) / total)
    assert found["left"]["value"] == pytest.approx(len(kinds["left"]) / total)
    values = [row[found["measured"]] for row in found["missed_pairs"]]
    assert values == sorted(values, reverse=measure == "cosine")
    seen = {(row["left_position"], row["right_position"]) for row in found["missed_pairs"]}
    assert seen <= missed


def test_limits_of_a_sample_hold_the_truth(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(VectorAudit, "census_most", 0)
    kinds = _run(tmp_path, "cosine", 3000, **WEAK)
    missed = len(kinds["apart"] | kinds["left"])
    recall = len(kinds["found"]) / (len(kinds["found"]) + missed)
    held = 0
    for seed in range(20):
        found = dedup.audit(tmp_path / "out", [tmp_path / "v.npy"], seed=seed, most=1500)
        assert found["compared"] <= 1500
        held += found["recall"]["low"] <= recall <= found["recall"]["high"]
    assert held >= 17


def test_left_out_vectors_are_no_misses(tmp_path: Path) -> None:
    vectors = np.zeros((50, 8))
    vectors[10:] = background("random", 40, 8)
    vectors[20:30] = vectors[10:20]
    np.save(tmp_path / "v.npy", vectors)
    find_duplicates(tmp_path / "v.npy", skip_bad=True).write(tmp_path / "out")
    found = dedup.audit(tmp_path / "out", [tmp_path / "v.npy"])
    assert found["pairs"] == {"found": 10, "missed": 0, "copies": 10, "are_counted": True}


def test_the_command_prints_what_was_measured(tmp_path: Path) -> None:
    _run(tmp_path, "euclidean", **WEAK)
    command = ["audit", str(tmp_path / "out"), str(tmp_path / "v.npy")]
    said = CliRunner().invoke(cli, command)
    assert said.exit_code == 0, said.output
    assert "different vectors" in said.output
    row = json.loads(CliRunner().invoke(cli, [*command, "--json"]).stdout)["missed_pairs"][0]
    assert f"  {row['distance']:.4f}  {row['left_id']}  {row['right_id']}" in said.output


def test_another_input_is_refused(tmp_path: Path) -> None:
    _run(tmp_path, "cosine", **WEAK)
    with pytest.raises(InputError, match=r"keeps no vectors; give the run's input after it\."):
        dedup.audit(tmp_path / "out")
    np.save(tmp_path / "v.npy", background("random", 600, 16, seed=5))
    with pytest.raises(InputError, match=r"v\.npy changed since the run"):
        dedup.audit(tmp_path / "out", [tmp_path / "v.npy"])


@pytest.mark.parametrize(
    ("command", "sentence"),
    [
        (["filter", "OUT", "v.npy", "--kept", "kept"], "run it again with --kept, --removed"),
        (["recluster", "OUT"], "whose runs keep no evidence; run anew with other options."),
        (["explain", "@1", "@2", "--run", "OUT"], "look at it with dedup show"),
    ],
    ids=lambda value: value[0] if isinstance(value, list) else "",
)
def test_what_needs_texts_names_what_does_not(
    command: list[str], sentence: str, tmp_path: Path
) -> None:
    np.save(tmp_path / "v.npy", background("random", 20, 8))
    find_duplicates(tmp_path / "v.npy").write(tmp_path / "out")
    place = str(tmp_path / "out")
    said = CliRunner().invoke(cli, [place if word == "OUT" else word for word in command])
    assert isinstance(said.exception, InputError)
    assert sentence in str(said.exception)

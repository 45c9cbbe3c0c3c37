"""Keepers and components of edges on DataFrames, in rounds, are those that numpy finds."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from dedup.cluster import Keepers, components
from dedup.edges import Edges
from dedup.engines.spark import components as spark_components
from dedup.engines.spark import keepers as spark_keepers
from dedup.engines.spark.stages import Stages
from dedup.engines.spark.verification import Verified
from dedup.output.measures import UNKNOWN
from dedup.spill.scratch import Scratch


def edges_of(seed: int, num_documents: int) -> Edges:
    """Return random edges, a long chain and a star, ascending by (right, left)."""
    rng = np.random.default_rng(seed)
    pairs = {tuple(sorted(pair)) for pair in rng.integers(0, num_documents, (90, 2)).tolist()}
    pairs |= {(place, place + 1) for place in range(num_documents, num_documents + 6)}
    pairs |= {(3, place) for place in range(num_documents + 20, num_documents + 30)}
    found = sorted((right, left) for left, right in pairs if left != right)
    right, left = np.array(found, np.int64).T.copy()
    return Edges(left, right, rng.integers(1, 99, len(left)))


def test_keepers_and_components_are_those_of_numpy(
    spark: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(spark_keepers, "DRIVER_EDGES", 3)
    monkeypatch.setattr(spark_components, "DRIVER_EDGES", 3)
    num_documents = 100
    edges = edges_of(1, num_documents)
    total = num_documents + 30
    keepers = Keepers(total, Scratch())
    keepers.settle(edges)
    label = components(total, [edges], Scratch())
    pairs = zip(edges.left.tolist(), edges.right.tolist(), strict=True)
    common = dict(zip(pairs, edges.common.tolist(), strict=True))

    # Ranks are not dense: a factor tells them from the numbers that arrays have.
    table = pa.table({"left": edges.left * 7, "right": edges.right * 7, "common": edges.common})
    data = spark.createDataFrame(table).repartition(3)
    stages = Stages(spark, str(tmp_path), 2)
    verified = Verified(data, len(edges))
    removed = spark_keepers.greedy_removals(stages, "r", verified).toArrow().to_pylist()
    expected = [
        {"rank": place * 7, "keeper": keeper * 7, "common": number}
        for place, (keeper, number) in enumerate(
            zip(keepers.keeper.tolist(), keepers.common.tolist(), strict=True)
        )
        if keeper != place
    ]
    assert sorted(removed, key=lambda row: row["rank"]) == expected

    labels = spark_components.component_labels(stages, verified).toArrow().to_pylist()
    expected = [
        {"rank": place * 7, "keeper": first * 7, "common": common.get((first, place), UNKNOWN)}
        for place, first in enumerate(label.tolist())
        if first != place
    ]
    assert sorted(labels, key=lambda row: row["rank"]) == expected
    assert any(row["common"] == UNKNOWN for row in expected)

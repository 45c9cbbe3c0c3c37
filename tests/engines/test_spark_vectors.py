"""Vectors in the Spark engine's plan: its tables are those of the local engine."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest

import dedup
import dedup.spark
from dedup.vectors import find_duplicates
from tests.engines.test_spark_conformance import in_order
from tests.vectors.vector_worlds import at_cosine, at_distance, background


def planted(measure: str, seed: int = 0, kind: type = np.float32) -> pa.Table:
    """Return vectors with near-copies of a few, equal ones among these, and chains."""
    rng = np.random.default_rng(seed)
    vectors = background("clustered", 150, 12, seed)
    near = at_cosine if measure == "cosine" else at_distance
    edges = (0.98, 0.96, 0.97) if measure == "cosine" else (0.2, 0.3, 0.35)
    pieces = [vectors, *(near(vectors[:40], edge, seed) for edge in edges)]
    family = np.repeat(vectors[:1], 160, axis=0)  # a hot bucket
    pieces += [near(family, edges[0], seed + 1), vectors[20:35], vectors[20:35]]
    chain = pieces[1][:20]
    for step in range(3):
        chain = near(chain, edges[0], seed + step)
        pieces.append(chain)
    world = rng.permutation(np.concatenate(pieces)).astype(kind)
    ids = [f"{number:04d}" for number in range(len(world))]
    embedding = pa.FixedSizeListArray.from_arrays(pa.array(world.ravel()), world.shape[1])
    score = pa.array(rng.integers(0, 5, len(world)), mask=rng.random(len(world)) < 0.1)
    return pa.table({"name": ids, "embedding": embedding, "score": score})


def frame(spark: Any, table: pa.Table, seed: int = 0) -> Any:
    """Return the rows as a DataFrame, in another order."""
    table = table.take(np.random.default_rng(seed).permutation(len(table)))
    place = table.schema.get_field_index("embedding")
    kind = table.schema.field("embedding").type.value_type
    listed = table.set_column(place, "embedding", table["embedding"].cast(pa.list_(kind)))
    return spark.createDataFrame(listed)


def of_like_scores() -> dedup.Check:
    """Return a check that looks at all it gets; workers need no test module for it."""

    def agree(pairs: pa.RecordBatch) -> pa.Array:
        apart = pc.abs(pc.subtract(pairs["left_score"], pairs["right_score"]))
        near = pc.fill_null(pc.less_equal(apart, 2), False)
        sure = pairs[2]
        assert pairs.schema.names[2] in ("similarity", "distance")
        return pc.or_(near, pc.equal(sure, pc.round(sure, 4)))

    return dedup.Check(agree, columns=("score",))


WAYS: dict[str, tuple[type, dict[str, Any]]] = {
    "euclidean, a check, the last": (
        np.float64,
        {"measure": "euclidean", "threshold": 0.4, "keep": "last", "check": of_like_scores()},
    ),
    "cosine": (np.float32, {"threshold": 0.95}),
    "votes, by score": (
        np.float32,
        {"threshold": 0.95, "tables": 24, "functions": 5, "min_tables": 3, "keep": "max:score"},
    ),
    "probes, components and all pairs": (
        np.float32,
        {"threshold": 0.95, "probes": 2, "linkage": "components", "pairs": "all"},
    ),
}


@pytest.mark.parametrize(
    "way",
    [way if not n else pytest.param(way, marks=pytest.mark.slow) for n, way in enumerate(WAYS)],
)
def test_tables_of_vectors_are_equal(spark: Any, way: str) -> None:
    kind, options = WAYS[way]
    table = planted(options.get("measure", "cosine"), kind=kind)
    expected = find_duplicates(table, id="name", **options)
    assert expected.summary["search"]["largest_bucket"] > 128
    assert expected.summary["result"]["removed"] > 100
    with dedup.spark.find_vectors(frame(spark, table), id="name", **options) as found:
        for name in ("clusters", "pairs"):
            got, wanted = getattr(found, name).toArrow(), getattr(expected, name)
            assert got.column_names == wanted.column_names
            assert in_order(got) == in_order(wanted), name
        assert found.summary["tables"] == expected.summary["tables"]
        for part in ("documents", "excluded", "dimensions", "vector_bytes"):
            assert found.summary["input"][part] == expected.summary["input"][part]
        for part in ("distinct_vectors", "buckets", "largest_bucket", "skipped_comparisons"):
            assert found.summary["search"][part] == expected.summary["search"][part]
        assert found.kept().count() == expected.summary["result"]["kept"]
        added = expected.decision_columns
        rows = found.annotated().select("name", *added.column_names).toArrow().sort_by("name")
        assert rows.select(added.column_names).to_pylist() == added.to_pylist()

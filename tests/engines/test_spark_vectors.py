"""Vectors in the Spark engine's plan: its tables are those of the local engine."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

import dedup
import dedup.spark
from dedup.errors import InputError
from dedup.vectors import find_duplicates
from tests.engines.test_spark_cluster import finished, submitted
from tests.engines.test_spark_conformance import in_order
from tests.vectors.vector_worlds import at_cosine, at_distance, background


def planted(measure: str, seed: int = 0, kind: type = np.float32) -> pa.Table:
    """Return vectors with near-copies of a few, equal ones among these, and a dense chain.

    The chain fills hot buckets with leaders that fall to others, and so with late keepers.
    """
    rng = np.random.default_rng(seed)
    vectors = background("clustered", 120, 12, seed)
    near, edge = (at_cosine, 0.97) if measure == "cosine" else (at_distance, 0.3)
    steps = rng.uniform(0, 1.5, (300, 1))
    if measure == "cosine":
        chain = np.cos(steps) * np.eye(12)[:1] + np.sin(steps) * np.eye(12)[1:2]
    else:
        chain = vectors[0] + 2 * steps * np.eye(12)[:1]
    chain += rng.normal(0, 0.01, chain.shape)
    pieces = [vectors, near(vectors[:40], edge, seed), vectors[20:35], vectors[20:35], chain]
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
        {"threshold": 0.95, "tables": 8, "functions": 10, "min_tables": 4, "keep": "max:score"},
    ),
    "probes, components and all pairs": (
        np.float32,
        {
            "threshold": 0.95,
            "tables": 2,
            "functions": 9,
            "probes": 2,
            "linkage": "components",
            "pairs": "all",
        },
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


@pytest.mark.slow
def test_bad_vectors_are_named_by_their_ids(spark: Any) -> None:
    rows = [("c", None), ("a", [1.0, None]), ("b", [1.0, 2.0]), ("d", [1.0]), ("e", [2.0, 4.0])]
    df = spark.createDataFrame(rows, "name string, embedding array<float>")
    said = "the vectors of ids a, c are null; 1 are of another dimension"
    with pytest.raises(InputError, match=said):
        dedup.spark.find_vectors(df, id="name")
    with dedup.spark.find_vectors(df, id="name", skip_bad=True) as found:
        assert [row.name for row in found.removed().collect()] == ["e"]
        assert found.summary["input"]["excluded"] == {"null": 2, "of another dimension": 1}
    with pytest.raises(InputError, match="no column 'vector', but name, embedding"):
        dedup.spark.find_vectors(df, vector="vector", id="name")


@pytest.mark.slow
@pytest.mark.parametrize("partitions", [1, 7])
def test_tables_from_a_cluster(partitions: int, tmp_path: Path) -> None:
    """Separate JVMs; 1,000 near-copies of one vector, and pairs planted among 4,000 others."""
    vectors = background("clustered", 4_000, 32)
    copies = at_cosine(np.repeat(vectors[:1], 1_000, axis=0), 0.99)
    world = np.concatenate([vectors, at_cosine(vectors[:1_000], 0.95), copies])
    order = np.random.default_rng(0).permutation(len(world))
    embedding = pa.array(list(world[order].astype(np.float32)), pa.list_(pa.float32(), 32))
    path = tmp_path / "vectors.parquet"
    pq.write_table(pa.table({"embedding": embedding}), path, row_group_size=4_000)
    expected = find_duplicates([path], threshold=0.93)
    assert expected.summary["search"]["largest_bucket"] > 900
    options = ("--threshold", "0.93")
    words = ("vectors", "run")
    finished(submitted(path, tmp_path / "out", tmp_path, partitions, *options, words=words))
    for name in ("clusters", "pairs"):
        found = pq.read_table(tmp_path / "out" / f"{name}.parquet")
        assert found.to_pylist() == getattr(expected, name).to_pylist(), name

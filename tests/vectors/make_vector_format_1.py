"""Made the files of `vector-format-1`, once: ``python -m tests.vectors.make_vector_format_1``."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from dedup.vectors import VectorIndex

FOLDER = Path(__file__).parent / "vector-format-1"


def table_of(vectors: np.ndarray, ids: list[str]) -> pa.Table:
    """Return vectors with ids."""
    flat = pa.array(vectors.astype(np.float32).ravel())
    lists = pa.FixedSizeListArray.from_arrays(flat, vectors.shape[1])
    return pa.table({"id": ids, "embedding": lists})


def main() -> None:
    """Make an index of each measure, of three segments, with removed vectors, and its answers."""
    random = np.random.default_rng(1)
    vectors = random.integers(-8, 9, (24, 4)) / 4  # exact in decimal text
    vectors[18:] = vectors[:6] + 0.125
    expected: dict[str, Any] = {"vectors": vectors.tolist(), "measures": {}}
    table = table_of(vectors, [f"v{number}" for number in range(len(vectors))])
    for measure, threshold, store in (("cosine", 0.95, "new"), ("euclidean", 0.5, "all")):
        index = VectorIndex.create(
            FOLDER / measure,
            table,
            measure=measure,
            threshold=threshold,
            store=store,
            tables=6,
            functions=3,
            seed=7,
        )
        for first, last in ((0, 10), (10, 11), (11, len(vectors))):
            index.add(table.slice(first, last - first))
        index.remove(["v3", "v23"])
        stats = {name: index.stats()[name] for name in ("vectors", "added", "dimensions")}
        nearest = index.query(table, top=2).drop_columns(["added"]).to_pylist()
        expected["measures"][measure] = {"stats": stats, "nearest": nearest}
    (FOLDER / "expected.json").write_text(json.dumps(expected, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()

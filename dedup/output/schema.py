"""The tables of a result."""

from __future__ import annotations

from collections.abc import Iterable

import pyarrow as pa

IDENTICAL, EQUAL, NEAR, CONTAINED = "identical", "equal", "near", "contained"
"""How a document matches its keeper. Equal: in the sets that are compared. Contained: below the
threshold by Jaccard, but linked by containment."""


MEASURE_COLUMNS = {
    "jaccard": ("jaccard",),
    "containment": ("jaccard", "containment"),
    "cosine": ("similarity",),
    "euclidean": ("distance",),
}
"""The columns that tell how alike two documents are, for each measure of a run."""


def measure_column(measure: str) -> str:
    """Return the column that the threshold is of."""
    return MEASURE_COLUMNS[measure][-1]


def _measures(measure: str, *, nullable: bool) -> list[pa.Field]:
    return [pa.field(name, pa.float64(), nullable=nullable) for name in MEASURE_COLUMNS[measure]]


def clusters_schema(
    id_type: pa.DataType, measure: str = "jaccard", extra: Iterable[pa.Field] = ()
) -> pa.Schema:
    """Return the schema of `clusters.parquet`: a row for each document of a cluster.

    ``containment`` is the share of the document's set that its keeper has. `extra` are the columns
    that a format offers by itself.
    """
    return pa.schema(
        [
            pa.field("doc_id", id_type),
            pa.field("source", pa.dictionary(pa.int32(), pa.string())),
            pa.field("position", pa.int64(), nullable=False),
            pa.field("cluster_id", pa.int64(), nullable=False),
            pa.field("cluster_size", pa.int64(), nullable=False),
            pa.field("is_keeper", pa.bool_(), nullable=False),
            pa.field("is_removed", pa.bool_(), nullable=False),
            pa.field("keeper_id", id_type),
            *_measures(measure, nullable=True),
            pa.field("match", pa.dictionary(pa.int32(), pa.string())),
            *extra,
        ]
    )


def pairs_schema(id_type: pa.DataType, measure: str = "jaccard") -> pa.Schema:
    """Return the schema of `pairs.parquet`: a row for each verified pair.

    Left stands before right in the input; by containment, right lies in left, and ``containment``
    is the share of the right set that the left one has.
    """
    return pa.schema(
        [
            pa.field("left_id", id_type),
            pa.field("right_id", id_type),
            *_measures(measure, nullable=False),
            pa.field("left_position", pa.int64(), nullable=False),
            pa.field("right_position", pa.int64(), nullable=False),
        ]
    )


def decisions_schema(id_type: pa.DataType, measure: str = "jaccard") -> pa.Schema:
    """Return the schema of the columns that an annotated copy of the input gains."""
    return pa.schema(
        [
            pa.field("cluster_id", pa.int64()),
            pa.field("is_keeper", pa.bool_(), nullable=False),
            pa.field("is_removed", pa.bool_(), nullable=False),
            pa.field("keeper_id", id_type),
            *_measures(measure, nullable=True),
        ]
    )

"""The tables of a result."""

from __future__ import annotations

import pyarrow as pa

IDENTICAL, EQUAL, NEAR = "identical", "equal", "near"


def clusters_schema(id_type: pa.DataType) -> pa.Schema:
    """Return the schema of `clusters.parquet`: a row for each document of a cluster."""
    return pa.schema(
        [
            pa.field("doc_id", id_type),
            pa.field("source", pa.dictionary(pa.int32(), pa.string())),
            pa.field("position", pa.int64(), nullable=False),
            pa.field("cluster_id", pa.int64(), nullable=False),
            pa.field("cluster_size", pa.int64(), nullable=False),
            pa.field("is_keeper", pa.bool_(), nullable=False),
            pa.field("keeper_id", id_type),
            pa.field("jaccard", pa.float64()),
            pa.field("match", pa.dictionary(pa.int32(), pa.string())),
        ]
    )


def pairs_schema(id_type: pa.DataType) -> pa.Schema:
    """Return the schema of `pairs.parquet`: a row for each verified pair, left before right."""
    return pa.schema(
        [
            pa.field("left_id", id_type),
            pa.field("right_id", id_type),
            pa.field("jaccard", pa.float64(), nullable=False),
            pa.field("left_position", pa.int64(), nullable=False),
            pa.field("right_position", pa.int64(), nullable=False),
        ]
    )


def decisions_schema(id_type: pa.DataType) -> pa.Schema:
    """Return the schema of the columns that an annotated copy of the input gains."""
    return pa.schema(
        [
            pa.field("cluster_id", pa.int64()),
            pa.field("is_keeper", pa.bool_(), nullable=False),
            pa.field("keeper_id", id_type),
            pa.field("jaccard", pa.float64()),
        ]
    )

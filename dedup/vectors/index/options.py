"""The options of an index of vectors: those of `VectorConfig` that its answers depend on."""

SEARCH_OPTIONS = (
    "threshold",
    "measure",
    "recall",
    "family",
    "tables",
    "functions",
    "min_tables",
    "width",
    "rotation_buckets",
    "seed",
)
"""Fixed when the index is made; `tables` and `functions` as chosen then."""
READING_OPTIONS = ("vector", "id_column")
"""How its vectors are read, where a call does not say otherwise."""
OPTIONS = (*SEARCH_OPTIONS, *READING_OPTIONS)

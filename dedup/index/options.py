"""The options of an index: those of `Config` that its answers depend on. Light at import."""

SKETCH_OPTIONS = (
    "threshold",
    "recall",
    "ngram",
    "unit",
    "strip_accents",
    "join_words",
    "fold_digits",
    "seed",
)
"""What the sketches and answers of an index depend on: fixed when it is made."""
READING_OPTIONS = ("text_column", "id_column", "extract")
"""How its documents are read, where a call does not say otherwise."""
OPTIONS = (*SKETCH_OPTIONS, *READING_OPTIONS)
STORES = ("new", "all")
"""Which documents are stored: those that match nothing before them, or all."""

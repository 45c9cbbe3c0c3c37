"""Evidence of a run, for re-thresholding, audit and explanation.

`parts/` holds what was sketched, as `dedup.engines.parts` writes it: sets, sorted band keys,
counts, digests and the user's columns. `rejected.parquet` has the rejected pairs nearest to the
threshold, `manifest.json` the input and what the sketches depend on.
"""

from __future__ import annotations

import json
import os
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from dedup.corpus import Corpus
from dedup.edges import Edges
from dedup.engines.parts import save_part
from dedup.measures import pairs_table
from dedup.search import Search
from dedup.text.hashing import HASH_VERSION

PARTS_DIR = "parts"
MANIFEST_FILE = "manifest.json"


def write_evidence(corpus: Corpus, search: Search, summary: dict[str, Any], folder: Path) -> None:
    """Write the evidence of a run to a new folder."""
    parts = folder / PARTS_DIR
    parts.mkdir(parents=True)
    for number, sketches in enumerate(corpus.sketched):
        save_part(os.fspath(parts / f"{number:06d}"), sketches)
    pq.write_table(_rejected(corpus, search), folder / "rejected.parquet", compression="zstd")
    manifest = {
        "hash_version": HASH_VERSION,
        "unicode_version": summary["versions"]["unicode"],
        "config": summary["config"],
        "banding": summary["banding"],
        "documents": len(corpus),
        "parts": len(corpus.sketched),
        "files": [asdict(file) for file in corpus.files],
    }
    (folder / MANIFEST_FILE).write_text(json.dumps(manifest, indent=2) + "\n", encoding="utf-8")


def _rejected(corpus: Corpus, search: Search) -> pa.Table:
    edges = Edges(*search.verifier.best_rejected()).larger_first(search.verifier.sets.sizes)
    positions = search.order[search.units]
    left, right = positions[edges.left], positions[edges.right]
    if search.verifier.measure == "jaccard":
        left, right = np.minimum(left, right), np.maximum(left, right)
    return pairs_table(corpus, search.verifier.measure, left, right, edges.common)

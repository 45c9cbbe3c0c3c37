"""Evidence of a run, for re-thresholding, audit and explanation.

`parts/` holds what was sketched, as `dedup.engines.part_files` writes it: sets, sorted band keys,
counts, digests and the user's columns. `rejected.parquet` has the rejected pairs nearest to the
threshold, `manifest.json` the input and what the sketches depend on.
"""

from __future__ import annotations

import json
import os
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from dedup.config import Config
from dedup.corpus import Corpus, Sketched
from dedup.edges import Edges
from dedup.engines.part_files import open_part, save_part
from dedup.errors import FormatVersionError, InputError
from dedup.io.inputs import InputFile
from dedup.output.measures import pairs_table
from dedup.search import Search
from dedup.text.hashing import HASH_VERSION
from dedup.text.unicode import VERSION as UNICODE_VERSION

PARTS_DIR = "parts"
MANIFEST_FILE = "manifest.json"
REJECTED_FILE = "rejected.parquet"


def write_evidence(sketched: Sketched, corpus: Corpus, search: Search, folder: Path) -> None:
    """Write the evidence of a run to a new folder."""
    (folder / PARTS_DIR).mkdir(parents=True)
    for number, part in enumerate(sketched.parts):
        save_part(_stem(folder, number), part)
    pq.write_table(_rejected(corpus, search), folder / REJECTED_FILE, compression="zstd")
    manifest = {
        "hash_version": HASH_VERSION,
        "unicode_version": UNICODE_VERSION,
        "config": sketched.config.to_dict(),
        "documents": len(corpus),
        "parts": len(sketched.parts),
        "files": [asdict(file) for file in sketched.files],
    }
    (folder / MANIFEST_FILE).write_text(json.dumps(manifest, indent=2) + "\n", encoding="utf-8")


def open_evidence(folder: Path) -> Sketched:
    """Open what `write_evidence` has written; its arrays are mapped files.

    Raises
    ------
    InputError : there is no evidence, or not all of it.
    FormatVersionError : it was made by other hashes, or another version of Unicode.
    """
    try:
        manifest = json.loads((folder / MANIFEST_FILE).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        raise InputError(
            f"{folder.parent} holds no evidence; run again with --keep-evidence."
        ) from None
    for name, ours in (("hash_version", HASH_VERSION), ("unicode_version", UNICODE_VERSION)):
        if manifest[name] != ours:
            raise FormatVersionError(
                f"{folder} has {name} {manifest[name]}, this version of dedup {ours}; "
                "run again with --keep-evidence."
            )
    try:
        parts = [open_part(_stem(folder, number), None) for number in range(manifest["parts"])]
    except (OSError, ValueError) as error:
        raise InputError(
            f"{folder} is not whole ({error}); run again with --keep-evidence."
        ) from error
    known = {name: value for name, value in manifest["config"].items() if name in Config.names()}
    return Sketched([InputFile(**file) for file in manifest["files"]], parts, Config(**known))


def _stem(folder: Path, number: int) -> str:
    return os.fspath(folder / PARTS_DIR / f"{number:06d}")


def _rejected(corpus: Corpus, search: Search) -> pa.Table:
    edges = Edges(*search.verifier.best_rejected()).larger_first(search.verifier.sets.sizes)
    positions = search.order[search.units]
    left, right = positions[edges.left], positions[edges.right]
    if search.verifier.measure == "jaccard":
        left, right = np.minimum(left, right), np.maximum(left, right)
    return pairs_table(corpus, search.verifier.measure, left, right, edges.common)

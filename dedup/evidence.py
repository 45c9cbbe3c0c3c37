"""Evidence of a run, for re-thresholding, audit and explanation.

`sets.arrow` (position, set), `band_keys.arrow` (position, keys), `rejected.parquet` (the rejected
pairs nearest to the threshold) and `manifest.json` (what the hashes depend on).
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from dedup.cluster import Edges
from dedup.corpus import Corpus
from dedup.measures import larger_first, measured, pairs_table
from dedup.search import Search
from dedup.text.hashing import HASH_VERSION

_CHUNK_DOCUMENTS = 1 << 16


def write_evidence(corpus: Corpus, search: Search, summary: dict[str, Any], folder: Path) -> None:
    """Write the evidence of a run to a new folder."""
    folder.mkdir()
    keys = corpus.keys[0].shape[1] if corpus.keys else 0
    set_schema = pa.schema([("position", pa.int64()), ("set", pa.large_list(pa.uint64()))])
    key_schema = pa.schema([("position", pa.int64()), ("keys", pa.list_(pa.uint64(), keys))])
    with (
        pa.OSFile(str(folder / "sets.arrow"), "wb") as set_file,
        pa.ipc.new_file(set_file, set_schema) as sets,
        pa.OSFile(str(folder / "band_keys.arrow"), "wb") as key_file,
        pa.ipc.new_file(key_file, key_schema) as band_keys,
    ):
        first = 0
        for part in corpus.keys:
            for start in range(0, len(part), _CHUNK_DOCUMENTS):
                block = part[start : start + _CHUNK_DOCUMENTS]
                positions = np.arange(first, first + len(block))
                bounds = np.concatenate([[0], np.cumsum(corpus.sets.sizes[positions])])
                values = corpus.sets.gather(positions)
                lists = pa.LargeListArray.from_arrays(bounds, pa.array(values))
                sets.write_batch(pa.record_batch([positions, lists], schema=set_schema))
                if keys:
                    fixed = pa.FixedSizeListArray.from_arrays(pa.array(block.ravel()), keys)
                    band_keys.write_batch(pa.record_batch([positions, fixed], schema=key_schema))
                first += len(block)
    pq.write_table(_rejected(corpus, search), folder / "rejected.parquet", compression="zstd")
    manifest = {
        "hash_version": HASH_VERSION,
        "unicode_version": summary["versions"]["unicode"],
        "config": summary["config"],
        "banding": summary["banding"],
        "documents": len(corpus),
    }
    (folder / "manifest.json").write_text(json.dumps(manifest, indent=2) + "\n", encoding="utf-8")


def _rejected(corpus: Corpus, search: Search) -> pa.Table:
    left, right, common = search.verifier.best_rejected()
    pairs = larger_first(search, Edges(left, right, common))
    values = measured(search, pairs.left, pairs.right, pairs.common)
    positions = search.order[search.units]
    left, right = positions[pairs.left], positions[pairs.right]
    return pairs_table(corpus, search.verifier.measure, left, right, values)

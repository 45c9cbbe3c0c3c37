"""Made the files of `format-1`, once: ``python -m tests.index.make_format_1``."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pyarrow as pa

import dedup
from tests.worlds import world

FOLDER = Path(__file__).parent / "format-1"


def main() -> None:
    """Make an index of each kind, of three segments, with removed documents, and its answers."""
    texts = [
        *world(24, seed=1, num_tokens=12),
        "Größe Ünïcode ﬁne 東京タワー สวัสดี",
        "great unicode",
    ]
    ids = [f"doc-{number}" for number in range(len(texts))]
    expected: dict[str, Any] = {"texts": texts, "stores": {}}
    for store in ("new", "all"):
        index = dedup.Index.create(FOLDER / store, store=store, threshold=0.5, ngram=2, seed=7)
        for first, last in ((0, 10), (10, 11), (11, len(texts))):
            index.add(pa.table({"id": ids[first:last], "text": texts[first:last]}))
        index.remove(["doc-3", "doc-24"])
        stats = {name: index.stats()[name] for name in ("documents", "added", "shingles", "bands")}
        its: dict[str, Any] = {
            "stats": stats,
            "matches": index.query(texts).drop_columns(["added"]).to_pylist(),
        }
        if store == "all":
            its["clusters"] = index.clusters().to_pylist()
        expected["stores"][store] = its
    text = json.dumps(expected, indent=1, ensure_ascii=False)
    (FOLDER / "expected.json").write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()

"""Runs over a few edited copies of one story, to be explained."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

import dedup
from dedup.config import Config
from dedup.report.explanation import Explanation
from tests.worlds import vocabulary

WORDS = vocabulary(2000, seed=11)
STORY = WORDS[:200]


def text(tokens: list[str]) -> str:
    return " ".join(tokens)


def edited(number: int, tokens: list[str] = STORY, first: int = 6) -> list[str]:
    """Change so many words, far from each other."""
    changed = list(tokens)
    for place in range(number):
        changed[first + 12 * place] = f"edit{first}x{place}"
    return changed


def run(folder: Path, rows: dict[str, Any], *, evidence: bool = False, **options: Any) -> Path:
    """Run over a table in a file; return the output."""
    folder.mkdir(exist_ok=True)
    pq.write_table(pa.table(rows), folder / "in.parquet")
    config = Config(workers=1, **options)
    dedup.run([folder / "in.parquet"], folder / "out", config, keep_evidence=evidence)
    return folder / "out"


def reason(found: Explanation) -> tuple[bool, str]:
    assert found.verdict is not None
    return found.verdict.together, found.verdict.reason

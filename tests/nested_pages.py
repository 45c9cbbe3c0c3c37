"""Pages inside pages, for runs by containment."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Any

import numpy as np
import pyarrow as pa

import dedup
from tests import reference
from tests.worlds import vocabulary

NO_CAP = 10**9


@cache
def nested_texts(seed: int, num_documents: int = 240) -> tuple[str, ...]:
    """Return pages inside pages, quotations from all to a twentieth, copies and others."""
    rng = np.random.default_rng(seed)
    words = np.array(vocabulary(2000, seed))
    texts: list[list[str]] = []
    while len(texts) < num_documents:
        kind = rng.random()
        if not texts or kind < 0.15:
            texts.append(rng.choice(words, int(rng.integers(1, 300))).tolist())
            continue
        source = texts[int(rng.integers(len(texts)))]
        size = max(1, round(len(source) / float(rng.choice([1, 1.1, 2, 5, 20]))))
        start = int(rng.integers(len(source) - size + 1))
        own = rng.choice(words, int(rng.integers(0, 2 + int(size * rng.choice([0, 0.1, 0.2, 1])))))
        cut = int(rng.integers(len(own) + 1))
        texts.append([*own[:cut].tolist(), *source[start : start + size], *own[cut:].tolist()])
    shuffled = [" ".join(texts[place]) for place in rng.permutation(num_documents).tolist()]
    return (*shuffled, shuffled[3].upper(), shuffled[5], "", "...")


@cache
def shingles_of(seed: int) -> list[set[reference.Shingle]]:
    return [reference.shingles(text, 5) for text in nested_texts(seed)]


def run(pages: pa.Table | Sequence[str], **options: Any) -> dedup.Result:
    """Find what lies in what; no cap skips anything."""
    table = pages if isinstance(pages, pa.Table) else pa.table({"text": pages})
    return dedup.find_duplicates(table, measure="containment", max_comparisons=NO_CAP, **options)

"""Pages of sites with templates, for runs that ignore what is common."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from dedup.output.result import Result
from tests.worlds import vocabulary

WORDS = np.array(vocabulary(4000, seed=8))
NEVER_EQUAL = ("", " ", None)


def edited(words: list[str], rng: np.random.Generator, changes: int) -> list[str]:
    found = list(words)
    for place in rng.choice(len(found), changes, replace=False).tolist():
        found[place] = str(rng.choice(WORDS))
    return found


def templated_world(seed: int) -> pa.Table:
    """Return pages of sites large and small, each on a template of its own, with near-duplicates.

    Some pages are copies from another site, some nothing but template, some without text or site.
    """
    rng = np.random.default_rng(seed)
    texts: list[str | None] = []
    hosts: list[str | None] = []
    stories = [list(rng.choice(WORDS, int(rng.integers(1, 60)))) for _ in range(40)]
    for site, size in enumerate((4, 9, 12, 25, 60)):
        template = [list(rng.choice(WORDS, int(rng.integers(4, 30)))) for _ in range(2)]
        for _ in range(size):
            story = stories[int(rng.integers(len(stories)))]
            if rng.random() < 0.5 and len(story) > 2:
                story = edited(story, rng, int(rng.integers(1, 3)))
            head, foot = template if rng.random() < 0.9 else (template[0], [])
            page = [*head, *(story if rng.random() < 0.9 else []), *foot]
            texts.append(" ".join(page))
            hosts.append(f"site{site}" if rng.random() < 0.95 else None)
    for place in rng.choice(len(texts), 15, replace=False).tolist():
        texts.append(texts[place])
        hosts.append(hosts[int(rng.integers(len(hosts)))])
    for odd in (*NEVER_EQUAL, "!!!", "!!!"):
        texts.append(odd)
        hosts.append("site3")
    order = rng.permutation(len(texts)).tolist()
    return pa.table({"text": [texts[i] for i in order], "host": [hosts[i] for i in order]})


def pairs_of(result: Result) -> dict[tuple[int, int], float]:
    pairs = result.pairs
    left, right = pairs["left_position"].to_pylist(), pairs["right_position"].to_pylist()
    return dict(zip(zip(left, right, strict=True), pairs["jaccard"].to_pylist(), strict=True))

"""Removed documents whose URL is another spelling of their keeper's: the same page, met twice."""

from __future__ import annotations

from typing import Any

import numpy as np

from dedup.corpus import Corpus
from dedup.decisions import Decisions
from dedup.ids import Ids
from dedup.output.removal import largest
from dedup.text.hashing import Int64Array
from dedup.urls import VARIANTS, variant_kinds

_TOGETHER = 1 << 16
_SHOWN_VARIANTS = 3
_SHOWN_CHARS = 500


def url_variants(corpus: Corpus, decisions: Decisions) -> dict[str, Any]:
    """Count the removed variants of their keepers' URLs, and name the keepers that have most.

    Returns
    -------
    ``removed_url_variants`` : how many there are.
    ``url_variant_kinds`` : how many differ in what, by `urls.VARIANTS`; some in several.
    ``url_variant_examples`` : for at most ten keepers its ``url``, the number of its removed
        ``variants``, and the ``removed`` URLs of the first three of them.

    Nothing at all where there is no column ``url``.
    """
    if "url" not in corpus.columns.column_names:
        return {}
    urls = Ids(corpus.columns["url"])
    counts = dict.fromkeys(VARIANTS, 0)
    found: list[Int64Array] = [np.zeros(0, np.int64)]
    for start in range(0, len(corpus), _TOGETHER):
        removed = np.flatnonzero(decisions.removed[start : start + _TOGETHER]) + start
        is_variant = np.zeros(len(removed), np.bool_)
        pairs = zip(
            urls.take(removed).to_pylist(),
            urls.take(decisions.removed_by[removed]).to_pylist(),
            strict=True,
        )
        for place, (url, other) in enumerate(pairs):
            if isinstance(url, str) and isinstance(other, str):
                for kind in variant_kinds(url, other):
                    is_variant[place] = True
                    counts[kind] += 1
        found.append(removed[is_variant])
    variants = np.concatenate(found)
    keepers = decisions.removed_by[variants]
    names, number = np.unique(keepers, return_counts=True)
    top = largest(number)

    def shown(positions: Int64Array) -> list[str]:
        return [str(url)[:_SHOWN_CHARS] for url in urls.take(positions).to_pylist()]

    return {
        "removed_url_variants": len(variants),
        "url_variant_kinds": counts,
        "url_variant_examples": [
            {
                "url": url,
                "variants": count,
                "removed": shown(variants[keepers == keeper][:_SHOWN_VARIANTS]),
            }
            for url, keeper, count in zip(
                shown(names[top]), names[top].tolist(), number[top].tolist(), strict=True
            )
        ],
    }

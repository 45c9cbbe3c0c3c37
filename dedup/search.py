"""From sketched documents to keepers and verified pairs.

Documents are renumbered twice on the way: by keeper order ("rank"), so that a smaller number is
always the better keeper, and then to "units": one for each distinct shingle set, in keeper order.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from dedup.cluster import (
    Clusters,
    Edges,
    components,
    greedy_keepers,
    keepers_by_containment,
    keepers_of_edges,
    verified_edges,
)
from dedup.collapse import representatives
from dedup.config import Config
from dedup.corpus import Corpus
from dedup.documents import SketchParameters
from dedup.keeper import keeper_order
from dedup.lsh.buckets import Buckets, group_by_key, unpack_pairs
from dedup.lsh.candidates import candidate_pairs
from dedup.lsh.containment import containment_pairs
from dedup.lsh.hamming import hamming_pairs
from dedup.lsh.parameters import Banding, choose_banding
from dedup.text.hashing import Int64Array, UInt64Array
from dedup.text.options import TextOptions
from dedup.timing import Stages
from dedup.verify import Verifier


def banding_of(config: Config) -> Banding | None:
    """Return bands and rows of a run; None where candidates come from elsewhere."""
    if config.measure == "containment" or config.method == "simhash":
        return None
    return choose_banding(config.threshold, config.recall)


def sketch_parameters(config: Config) -> SketchParameters:
    """Return what the sketches of a run depend on."""
    return SketchParameters(
        ngram=config.ngram,
        seed=int(config.seed),
        banding=banding_of(config),
        fingerprints=config.method != "minhash",
        weighted=config.simhash_weights == "tf" and config.method != "minhash",
        text=TextOptions(
            strip_accents=config.strip_accents,
            join_words=config.join_words,
            fold_digits=config.fold_digits,
            unit=config.unit,
        ),
    )


@dataclass
class Search:
    """What the search found. Ranks number documents, units number distinct sets, in keeper order.

    Attributes
    ----------
    order : int64; the position of each rank.
    lead : int64; for each rank the first rank with an equal digest.
    units : int64; the rank of each unit.
    clusters : keepers and verified pairs, in units.
    label : int64, shape (units,); the first unit of each unit's connected component, or None where
        clusters are keepers with what they remove.
    """

    order: Int64Array
    lead: Int64Array
    units: Int64Array
    clusters: Clusters
    label: Int64Array | None
    verifier: Verifier
    num_candidates: int | None
    num_buckets: int
    largest_bucket: int


def search(corpus: Corpus, config: Config, stages: Stages) -> Search:
    """Find the near-duplicates among sketched documents."""
    with stages("order"):
        order = keeper_order(config.keep, corpus.num_chars, corpus.num_shingles, corpus.columns)
        digests = corpus.digests[order]
        compared = corpus.num_shingles[order] > 0
        if config.min_tokens:
            too_short = corpus.num_tokens[order] < config.min_tokens
            digests[too_short] = 0  # a duplicate of nothing
            compared &= ~too_short
        lead = representatives(digests)
        distinct = (lead == np.arange(len(order))) & compared
        units = np.flatnonzero(distinct)
        documents = order[units]
    verifier = Verifier(corpus.sets.select(documents), config.threshold, config.measure)
    by_measure = _by_containment if config.measure == "containment" else _by_jaccard
    clusters, num_candidates, bucket_sizes = by_measure(corpus, documents, verifier, config, stages)
    label = None
    if config.linkage == "components":
        with stages("components"):
            label = components(len(units), clusters.edges)
    return Search(
        order=order,
        lead=lead,
        units=units,
        clusters=clusters,
        label=label,
        verifier=verifier,
        num_candidates=num_candidates,
        num_buckets=len(bucket_sizes),
        largest_bucket=int(bucket_sizes.max(initial=0)),
    )


_Found = tuple[Clusters, int | None, Int64Array]
"""The clusters of the units, how many candidates there were, and the sizes of the buckets."""


def _by_jaccard(
    corpus: Corpus, documents: Int64Array, verifier: Verifier, config: Config, stages: Stages
) -> _Found:
    """Compare what shares a bucket: keepers with the rest, or all with all."""
    with stages("buckets"):
        buckets, num_uncompared = _buckets(corpus, documents, config)
    num_units, num_candidates = len(documents), None
    with stages("verify"):
        if config.pairs == "all" or config.linkage == "components":
            clusters, num_candidates = _all_pairs(num_units, buckets, verifier, config)
        else:
            clusters = greedy_keepers(
                num_units, buckets, verifier, config.threshold, config.max_comparisons
            )
    clusters.num_skipped += num_uncompared
    return clusters, num_candidates, buckets.sizes


def _by_containment(
    _: Corpus, documents: Int64Array, verifier: Verifier, config: Config, stages: Stages
) -> _Found:
    """Compare each document with the larger ones that may hold it, whatever the keeper order.

    So the pairs do not depend on the keeper policy; only who is removed does.
    """
    with stages("containment"):
        found = containment_pairs(verifier.sets, config.threshold, config.max_comparisons)
    with stages("verify"):
        later, earlier = unpack_pairs(found.pairs)
        edges = Edges.join([verified_edges(verifier, earlier, later)])
        keeper = keepers_by_containment(len(documents), edges, verifier)
    clusters = Clusters(keeper, edges, found.num_skipped, found.skipped_documents)
    return clusters, len(later), np.zeros(0, np.int64)


def _buckets(corpus: Corpus, documents: Int64Array, config: Config) -> tuple[Buckets, int]:
    """Return the buckets of the units, and the fingerprint comparisons that a cap left out."""
    groups: list[tuple[Int64Array, Int64Array]] = []
    banding = banding_of(config)
    if banding is not None:
        groups += [group_by_key(corpus.band(band)[documents]) for band in range(banding.bands)]
    skipped = 0
    if config.method != "minhash":
        prints = corpus.fingerprints[documents]
        near, skipped = _fingerprint_groups(prints, config)
        groups += near
    return Buckets.of(groups), skipped


def _fingerprint_groups(
    prints: UInt64Array, config: Config
) -> tuple[list[tuple[Int64Array, Int64Array]], int]:
    """Return groups whose members are all within `max_hamming` of each other, for all such pairs.

    Equal fingerprints make one group; each two fingerprints that are near make another.
    """
    by_print = np.argsort(prints, kind="stable")
    values, starts, sizes = np.unique(prints[by_print], return_index=True, return_counts=True)
    shared = np.repeat(sizes >= 2, sizes)
    groups = [(by_print[shared], sizes[sizes >= 2])]
    found = hamming_pairs(values, config.max_hamming, config.max_comparisons)
    left, right = found.left, found.right
    both = np.stack([left, right], axis=1).ravel()
    counts = sizes[both]
    inside = np.arange(int(counts.sum())) - np.repeat(np.cumsum(counts) - counts, counts)
    members = by_print[np.repeat(starts[both], counts) + inside]
    totals = sizes[left] + sizes[right]
    owner = np.repeat(np.arange(len(totals)), totals)
    members = members[np.lexsort((members, owner))]
    groups.append((members, totals))
    return groups, found.num_skipped


def _all_pairs(
    num_units: int, buckets: Buckets, verifier: Verifier, config: Config
) -> tuple[Clusters, int]:
    """Verify every candidate pair; return the keepers, and how many candidates there were.

    Where a cap cut the pairs short, the keepers come from the rounds that need no cap as well, so
    that a removal never depends on whether all pairs were asked for.
    """
    found = candidate_pairs(buckets, verifier.sets, config.threshold, config.max_comparisons)
    later, earlier = unpack_pairs(found.pairs)
    edges = Edges.join([verified_edges(verifier, earlier, later)])
    if not found.num_skipped:
        return Clusters(keepers_of_edges(num_units, edges), edges), len(later)
    greedy = greedy_keepers(num_units, buckets, verifier, config.threshold, config.max_comparisons)
    greedy.edges = Edges.join([edges, greedy.edges])
    greedy.num_skipped = found.num_skipped
    greedy.skipped_documents = found.skipped_documents
    return greedy, len(later)

"""From sketched documents to keepers and verified pairs.

Documents are renumbered twice on the way: by keeper order ("rank"), so that a smaller number is
always the better keeper, and then to "units": one for each distinct shingle set, in keeper order.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from dedup.check import Check, CorpusCheck
from dedup.cluster import (
    Clusters,
    Keepers,
    components,
    greedy_keepers,
)
from dedup.config import Config
from dedup.corpus import Corpus
from dedup.documents import SketchParameters
from dedup.edges import Edges, EdgeStore, verified_edges
from dedup.keeper import keeper_order
from dedup.lsh.buckets import unpack_pairs
from dedup.lsh.candidates import PairRuns, Skipped, candidate_runs
from dedup.lsh.containment import containment_pairs
from dedup.lsh.exact import exact_pairs
from dedup.lsh.fingerprints import fingerprint_groups
from dedup.lsh.grouping import BucketChunks, band_groups
from dedup.lsh.parameters import Banding, choose_banding
from dedup.outcome import Outcome, common_with
from dedup.resources.timing import Stages
from dedup.spill.runs import SortedRuns
from dedup.spill.scratch import Scratch
from dedup.text.options import TextOptions
from dedup.units import Units, units_of
from dedup.verify import Verifier


def banding_of(config: Config) -> Banding | None:
    """Return bands and rows of a run; None where candidates come from elsewhere."""
    if config.measure == "containment" or config.method in ("simhash", "exact"):
        return None
    return choose_banding(config.threshold, config.recall)


def sketch_parameters(config: Config) -> SketchParameters:
    """Return what the sketches of a run depend on."""
    fingerprints = config.method in ("simhash", "both")
    return SketchParameters(
        ngram=config.ngram,
        seed=int(config.seed),
        banding=banding_of(config),
        fingerprints=fingerprints,
        weighted=config.simhash_weights == "tf" and fingerprints,
        text=TextOptions(
            strip_accents=config.strip_accents,
            join_words=config.join_words,
            fold_digits=config.fold_digits,
            unit=config.unit,
        ),
    )


@dataclass(kw_only=True)
class Search(Outcome):
    """What the search among shingle sets found; units are distinct sets.

    Attributes
    ----------
    verifier : holds the sets of the units.
    """

    verifier: Verifier

    def directed(self, edges: Edges) -> Edges:
        """Return edges with, by containment, the larger set on the left."""
        if self.measure != "containment":
            return edges
        return edges.larger_first(self.verifier.sets.sizes)


def search(
    corpus: Corpus,
    config: Config,
    scratch: Scratch,
    stages: Stages,
    *,
    keeps_rejected: bool = True,
    check: Check | None = None,
) -> Search:
    """Find the near-duplicates among sketched documents; see `Verifier` for `keeps_rejected`.

    Parameters
    ----------
    check : its columns are in the corpus.
    """
    with stages("order"):
        order = scratch.held(
            keeper_order(config.keep, corpus.num_chars, corpus.num_shingles, corpus.columns)
        )
        units = units_of(corpus, config, order, scratch)
    sets = corpus.sets.select(units.documents)
    verifier = Verifier(sets, config.threshold, config.measure, keeps_rejected)
    if check is not None:
        verifier.accepts = CorpusCheck(check, corpus, units.documents, "jaccard", verifier.jaccard)
    if config.measure == "containment":
        found = _by_containment(units, verifier, config, scratch, stages)
    elif config.method == "exact":
        found = _by_join(units, verifier, config, scratch, stages)
    else:
        found = _by_bucket(corpus, units, verifier, config, scratch, stages)
    label = label_common = None
    if config.linkage == "components" and found.edges is not None:
        with stages("components"):
            label = components(len(units), found.edges, scratch)
            label_common = common_with(label, found.edges, scratch)
    return Search(
        measure=verifier.measure,
        threshold=verifier.threshold,
        order=order,
        lead=units.lead,
        units=units.ranks,
        clusters=found.clusters,
        edges=found.edges,
        label=label,
        label_common=label_common,
        verifier=verifier,
        num_candidates=found.num_candidates,
        num_buckets=found.num_buckets,
        largest_bucket=found.largest_bucket,
    )


@dataclass
class _Found:
    """The clusters of the units, all their edges where wanted, and what was looked at."""

    clusters: Clusters
    edges: EdgeStore | None = None
    num_candidates: int | None = None
    num_buckets: int = 0
    largest_bucket: int = 0


def _by_bucket(
    corpus: Corpus,
    units: Units,
    verifier: Verifier,
    config: Config,
    scratch: Scratch,
    stages: Stages,
) -> _Found:
    """Compare what shares a bucket: keepers with the rest, or all with all."""
    with stages("buckets"):
        buckets, num_uncompared = _buckets(corpus, units, config, scratch)
    with stages("verify"):
        if _wants_all(config):
            found = _all_pairs(len(units), buckets, verifier, config, scratch)
        else:
            clusters = greedy_keepers(
                len(units), buckets, verifier, config.max_comparisons, scratch
            )
            found = _Found(clusters)
    found.clusters.skipped.num_comparisons += num_uncompared
    found.num_buckets, found.largest_bucket = buckets.num_buckets, buckets.largest
    return found


def _by_join(
    units: Units, verifier: Verifier, config: Config, scratch: Scratch, stages: Stages
) -> _Found:
    """Compare all pairs that an exact join lists."""
    with stages("join"):
        pairs = exact_pairs(verifier.sets, config.threshold, scratch, units.group)
    with stages("verify"):
        return _settled(len(units), pairs, verifier, scratch, keeps_all=_wants_all(config))


def _by_containment(
    units: Units, verifier: Verifier, config: Config, scratch: Scratch, stages: Stages
) -> _Found:
    """Compare each document with the larger ones that may hold it, whatever the keeper order.

    So the pairs do not depend on the keeper policy; only who is removed does.
    """
    with stages("containment"):
        listed = containment_pairs(verifier.sets, config.threshold, config.max_comparisons)
        if units.group is not None:
            later, earlier = unpack_pairs(listed.pairs)
            same = units.group[later] == units.group[earlier]
            listed = replace(listed, pairs=listed.pairs[same])
        pairs = PairRuns(scratch)
        pairs.add(listed)
    with stages("verify"):
        found = _settled(len(units), pairs.runs, verifier, scratch, keeps_all=True)
    found.clusters.skipped = pairs.skipped
    return found


def _settled(
    num_units: int, pairs: SortedRuns, verifier: Verifier, scratch: Scratch, *, keeps_all: bool
) -> _Found:
    """Verify pairs of all documents, and let the earlier of each remove the later.

    Parameters
    ----------
    keeps_all : else only what decides is compared, and no edges are kept.
    """
    edges, keepers = EdgeStore(scratch) if keeps_all else None, Keepers(num_units, scratch)
    num_verified = 0
    for some in verified_edges(verifier, pairs, None if keeps_all else keepers.removed):
        num_verified += len(some)
        if edges is not None:
            edges.append(some)
        # By containment, only a document that lies in an earlier one is removed.
        keepers.settle(some.choose(verifier.contained(some.right, some.common)))
    clusters = Clusters(keepers.keeper, keepers.common, num_verified, Skipped())
    return _Found(clusters, edges, pairs.num_read)


def _wants_all(config: Config) -> bool:
    """Tell whether every verified pair is wanted, beside those that decide."""
    return config.pairs == "all" or config.linkage == "components"


def _buckets(
    corpus: Corpus, units: Units, config: Config, scratch: Scratch
) -> tuple[BucketChunks, int]:
    """Return the buckets of the units, and the fingerprint comparisons that a cap left out."""
    buckets = BucketChunks(scratch)
    if config.method != "simhash":
        unit = scratch.empty(len(corpus), np.int64)
        unit[:] = -1
        unit[units.documents] = np.arange(len(units))
        for band in range(corpus.num_bands):
            for members, sizes in band_groups(corpus.key_runs, band, unit):
                buckets.add(*units.inside(members, sizes))
    skipped = 0
    if config.method in ("simhash", "both"):
        near, skipped = fingerprint_groups(
            corpus.fingerprints[units.documents], config.max_hamming, config.max_comparisons
        )
        for members, sizes in near:
            buckets.add(*units.inside(members, sizes))
    return buckets, skipped


def _all_pairs(
    num_units: int, buckets: BucketChunks, verifier: Verifier, config: Config, scratch: Scratch
) -> _Found:
    """Verify every candidate pair.

    Where a cap cut the pairs short, the keepers come from the rounds that need no cap as well, so
    that a removal never depends on whether all pairs were asked for.
    """
    pairs = candidate_runs(
        buckets, verifier.sets, verifier.threshold, config.max_comparisons, scratch
    )
    clusters = None
    if pairs.skipped.num_comparisons:
        clusters = greedy_keepers(
            num_units, buckets, verifier, config.max_comparisons, scratch, pairs.runs
        )
    edges, keepers = EdgeStore(scratch), Keepers(num_units, scratch)
    for some in verified_edges(verifier, pairs.runs):
        edges.append(some)
        if clusters is None:
            keepers.settle(some)
    if clusters is None:
        clusters = Clusters(keepers.keeper, keepers.common, len(edges), pairs.skipped)
    clusters.num_verified = len(edges)
    clusters.skipped = pairs.skipped
    return _Found(clusters, edges, pairs.runs.num_read)

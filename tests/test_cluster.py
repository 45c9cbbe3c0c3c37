"""Clusters: the greedy answer, whatever the shortcuts."""

from __future__ import annotations

from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from dedup import cluster as module
from dedup import edges as edges_module
from dedup.cluster import Clusters, Keepers, greedy_keepers
from dedup.config import Config
from dedup.edges import Edges
from dedup.lsh import candidates, grouping
from dedup.lsh.buckets import Buckets, unpack_pairs
from dedup.lsh.grouping import BucketChunks
from dedup.spill import runs
from dedup.spill import scratch as scratch_module
from dedup.spill.runs import SortedRuns
from dedup.spill.scratch import Scratch
from dedup.verify import Verifier
from tests import reference
from tests.graphs import edges_of, graphs
from tests.random_sets import store_of
from tests.set_worlds import (
    ShingleSet,
    bucket_pairs,
    buckets_by_key,
    buckets_of,
    drifting_family,
    jaccard,
    keys_of,
    pairs_by_key,
    set_world,
    similar_pairs,
    template_pages,
)

THRESHOLD = Fraction(4, 5)
DEFAULT_CAP = Config().max_comparisons


def greedy(
    sets: list[ShingleSet],
    buckets: Buckets,
    max_comparisons: int = DEFAULT_CAP,
    scratch: Scratch | None = None,
) -> tuple[Clusters, Verifier]:
    scratch = scratch or Scratch()
    verifier = Verifier(store_of(sets), THRESHOLD)
    chunks = BucketChunks(scratch)
    chunks.add(buckets.members, buckets.sizes)
    verified = SortedRuns(scratch)
    found = greedy_keepers(len(sets), chunks, verifier, max_comparisons, scratch, verified)
    check_edges(sets, found, verified)
    return found, verifier


def check_edges(sets: list[ShingleSet], found: Clusters, verified: SortedRuns) -> None:
    """Check that what was found are verified pairs, and every removal's reason among them."""
    packed = np.concatenate([np.zeros(0, np.uint64), *verified.ascending()])
    rights, lefts = (side.tolist() for side in unpack_pairs(packed))
    edges = list(zip(rights, lefts, strict=True))
    assert edges == sorted(set(edges))
    assert found.num_verified == len(edges)
    for right, left in edges:
        assert left < right
        assert jaccard(sets[left], sets[right]) >= THRESHOLD
    reasons = {(right, left) for right, left in enumerate(found.keeper.tolist()) if left != right}
    assert reasons <= set(edges)
    for right, left in reasons:
        assert found.common[right] == len(sets[left] & sets[right])


def keepers_of(num_documents: int, edges: Edges, cuts: list[int] | None = None) -> list[int]:
    """Settle edges in one go, or piece by piece."""
    keepers = Keepers(num_documents, Scratch())
    bounds = [0, *sorted(cuts or []), len(edges)]
    for first, last in pairwise(bounds):
        keepers.settle(edges.choose(slice(first, last)))
    return keepers.keeper.tolist()


def sequential(num_documents: int, pairs: set[tuple[int, int]]) -> list[int]:
    """Return the greedy keepers of a graph by the reference, with sets as good as equal."""
    both = pairs | {(right, left) for left, right in pairs}
    return reference.greedy([{("same",)}] * num_documents, Fraction(1), lambda a, b: (a, b) in both)


@pytest.mark.parametrize("seed", range(50))
def test_worlds_are_clustered_as_one_document_after_another(
    seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Drifting families and shared templates; the shortcuts' bounds vary from world to world."""
    monkeypatch.setattr(candidates, "HOT_BUCKET", (64, 8, 2)[seed % 3])
    monkeypatch.setattr(module, "MAX_ROUNDS", (64, 3, 1, 0)[seed % 4])
    monkeypatch.setattr(module, "POOR_ROUNDS", (3, 1, 64)[seed // 2 % 3])
    sets = set_world(seed, 240)
    keys = keys_of(sets, *((17, 6), (9, 8), (20, 4))[seed // 3 % 3])
    pairs = pairs_by_key(keys)
    expected = reference.greedy(sets, THRESHOLD, lambda a, b: (a, b) in pairs)
    buckets = buckets_by_key(keys)
    most = int((buckets.sizes * (buckets.sizes - 1) // 2).max())
    for max_comparisons in (DEFAULT_CAP, 10**9, most):
        found, _ = greedy(sets, buckets, max_comparisons)
        assert found.keeper.tolist() == expected
        assert (found.skipped.num_comparisons, len(found.skipped.documents)) == (0, 0)
    assert len(set(expected)) < 220
    # All verified pairs at once give the same.
    known = edges_of(similar_pairs(sets, pairs, THRESHOLD))
    assert keepers_of(len(sets), known) == expected


@pytest.mark.parametrize("seed", range(12))
def test_worlds_in_tiny_pieces_on_disk(
    seed: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Chunks of a few members, runs of a few pairs, all in files: the same keepers."""
    monkeypatch.setattr(grouping, "CHUNK_ENTRIES", (1, 20, 100)[seed % 3])
    monkeypatch.setattr(runs, "RUN_KEYS", (3, 64)[seed % 2])
    monkeypatch.setattr(module, "_PAIRS_TOGETHER", (1, 50)[seed % 2])
    monkeypatch.setattr(edges_module, "_VERIFIED_TOGETHER", (7, 40)[seed % 2])
    monkeypatch.setattr(scratch_module, "_SMALL_BYTES", 0)
    sets = set_world(seed, 240)
    keys = keys_of(sets)
    pairs = pairs_by_key(keys)
    found, _ = greedy(sets, buckets_by_key(keys), scratch=Scratch(str(tmp_path), held=0))
    assert found.keeper.tolist() == reference.greedy(sets, THRESHOLD, lambda a, b: (a, b) in pairs)
    assert list(tmp_path.iterdir()) == []  # its files have no name


def test_worlds_hold_what_makes_greedy_hard() -> None:
    """Chains whose ends are unlike, and documents with several keepers to choose from."""
    chained = choices = 0
    for seed in range(50):
        sets = set_world(seed, 240)
        pairs = pairs_by_key(keys_of(sets))
        similar = similar_pairs(sets, pairs, THRESHOLD)
        keeper = reference.greedy(sets, THRESHOLD, lambda a, b, p=pairs: (a, b) in p)
        label = reference.components(len(sets), similar)
        chained += sum(label[keeper[d]] == label[d] != keeper[d] for d in range(len(sets)))
        choices += sum(keeper[a] == a and keeper[b] not in (a, b) for a, b in similar)
    assert chained > 500
    assert choices > 200


def path_sets(num_documents: int) -> list[ShingleSet]:
    """Return windows that slide by 5 of 95: neighbours are at 0.9, the next ones at 0.81."""
    return [set(range(5 * place, 5 * place + 95)) for place in range(num_documents)]


@pytest.mark.parametrize("num_documents", [2, 3, 127, 128, 129, 130, 131, 400])
def test_a_path_in_keeper_order_needs_more_rounds_than_there_are(num_documents: int) -> None:
    """Each document is like the next alone: every round settles two more, 64 rounds 128."""
    sets = path_sets(num_documents)
    buckets = buckets_of([(place, place + 1) for place in range(num_documents - 1)])
    found, _ = greedy(sets, buckets)
    assert found.keeper.tolist() == [place - place % 2 for place in range(num_documents)]
    path = {(place, place + 1) for place in range(num_documents - 1)}
    assert keepers_of(num_documents, edges_of(path)) == found.keeper.tolist()


@pytest.mark.parametrize("seed", range(6))
def test_long_chains_in_any_order(seed: int) -> None:
    """Windows like their four neighbours, in path order, reversed, or in runs that are shuffled."""
    sets = path_sets(300)
    order = np.arange(300)
    rng = np.random.default_rng(seed)
    if seed % 3 == 1:
        order = order[::-1]
    elif seed % 3 == 2:
        order = np.concatenate(rng.permutation(np.split(order, 10)))
    sets = [sets[place] for place in order.tolist()]
    where = np.argsort(order).tolist()
    groups = [{where[place], where[place + step]} for step in (1, 2) for place in range(300 - step)]
    if seed >= 3:  # some wider buckets across the chains, and fewer narrow ones
        groups = [group for group in groups if rng.random() < 0.8]
        groups += [set(rng.permutation(300)[:20].tolist()) for _ in range(30)]
    buckets = buckets_of(groups)
    pairs = bucket_pairs(buckets)
    found, _ = greedy(sets, buckets)
    assert found.keeper.tolist() == reference.greedy(sets, THRESHOLD, lambda a, b: (a, b) in pairs)


def test_a_document_goes_to_an_earlier_keeper_that_is_known_late() -> None:
    """3 is removed by 2 in the first round, where 1 still waits for 0, in the same bucket.

    Then 1 turns out to be a keeper, and 3 is its own: 1 comes first.
    """
    base = set(range(100))
    loner = set(range(1000, 1100))
    sets = [loner, base | {200}, base | {300}, base | {400}]
    buckets = buckets_of([(0, 1, 3), (2, 3)])
    found, _ = greedy(sets, buckets)
    pairs = bucket_pairs(buckets)
    assert found.keeper.tolist() == [0, 1, 2, 1]
    assert found.keeper.tolist() == reference.greedy(sets, THRESHOLD, lambda a, b: (a, b) in pairs)


def test_a_bucket_of_near_copies_costs_one_comparison_each() -> None:
    rng = np.random.default_rng(2)
    sets = [template_pages(rng, 1, 100, 0)[0]]
    sets += [drifting_family(rng, sets[0], 2, 1)[1] for _ in range(999)]
    found, verifier = greedy(sets, buckets_by_key(keys_of(sets)), max_comparisons=10)
    assert found.keeper.tolist() == [0] * 1000
    assert verifier.num_compared <= 1100
    assert found.skipped.num_comparisons == 0


def test_unlike_pages_of_a_template_are_compared_little() -> None:
    rng = np.random.default_rng(3)
    sets = template_pages(rng, 600, 60, 30)
    buckets = buckets_by_key(keys_of(sets))
    assert buckets.sizes.max() > 100
    found, verifier = greedy(sets, buckets)
    assert found.keeper.tolist() == list(range(600))
    assert verifier.num_compared < 20 * 600 < 600 * 599 // 2


@pytest.mark.parametrize("max_comparisons", [1, 50, 200])
@pytest.mark.parametrize("seed", range(5))
def test_what_a_cap_skips_is_kept_and_named(
    seed: int, max_comparisons: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(candidates, "HOT_BUCKET", 4)
    monkeypatch.setattr(module, "POOR_ROUNDS", 1)
    rng = np.random.default_rng(seed)
    sets = template_pages(rng, 150, 44, (3, 12))
    for place in rng.integers(0, 150, 60).tolist():
        sets.append(drifting_family(rng, sets[place], 2, 1)[1])
    sets = [sets[place] for place in rng.permutation(len(sets)).tolist()]
    keys = keys_of(sets)
    pairs = pairs_by_key(keys)
    found, _ = greedy(sets, buckets_by_key(keys), max_comparisons)
    assert found.skipped.num_comparisons > 0
    keeper = found.keeper.tolist()
    # A keeper is kept, and the first among those that were compared: no chain, no estimate.
    assert all(keeper[other] == other for other in keeper)
    skipped = set(found.skipped.documents.tolist())
    for left, right in similar_pairs(sets, pairs, THRESHOLD):
        if keeper[left] == left and (keeper[right] == right or keeper[right] > left):
            assert right in skipped
    if not skipped.issuperset(range(len(sets))):
        kept_first = min(set(range(len(sets))) - skipped)
        assert keeper[kept_first] <= kept_first


def crowd_of_late_keepers(num_late: int) -> tuple[list[ShingleSet], Buckets]:
    """Return a bucket of unlike documents that are known as keepers only after the first round.

    Behind them stand as many documents that the first round removes, each by a keeper of its own
    that stands between the two. So the late keepers have to be looked at for each.
    """
    rng = np.random.default_rng(5)
    sets = [template_pages(rng, 1, 0, 30)[0] for _ in range(2 * num_late + 1)]
    removers = range(num_late + 1, 2 * num_late + 1)
    sets += [drifting_family(rng, sets[remover], 2, 1)[1] for remover in removers]
    removed = range(2 * num_late + 1, 3 * num_late + 1)
    crowd = [*range(num_late + 1), *removed]
    return sets, buckets_of([crowd, *zip(removers, removed, strict=True)])


@pytest.mark.parametrize(("max_comparisons", "num_compared"), [(10**6, 70), (500, 7), (69, 0)])
def test_the_search_for_late_keepers_is_capped_too(max_comparisons: int, num_compared: int) -> None:
    """It decides who removes a document, never whether: all are removed, and it is counted."""
    sets, buckets = crowd_of_late_keepers(70)
    found, verifier = greedy(sets, buckets, max_comparisons)
    assert found.keeper.tolist() == [*range(141), *range(71, 141)]
    assert found.skipped.num_comparisons == (70 - num_compared) * 70
    assert found.skipped.documents.tolist() == list(range(141 + num_compared, 211))
    in_rounds = verifier.num_compared + verifier.num_filtered - num_compared * 70
    assert in_rounds < 70 * 10


def test_no_documents_and_no_buckets() -> None:
    found, _ = greedy([], Buckets.of([]))
    assert found.keeper.tolist() == []
    found, _ = greedy([{1}, {1}], Buckets.of([]))
    assert found.keeper.tolist() == [0, 1]


@given(graphs, st.lists(st.integers(0, 1000), max_size=6))
@example((4, {(0, 1), (1, 2), (2, 3)}), [])
@example((4, {(0, 1), (1, 2), (2, 3), (0, 3)}), [3])
@example((3, {(0, 2), (1, 2)}), [1])
def test_keepers_of_any_graph_whose_edges_come_in_any_pieces(
    graph: tuple[int, set[tuple[int, int]]], cuts: list[int]
) -> None:
    size, pairs = graph
    edges = edges_of(pairs)
    found = keepers_of(size, edges, [cut % (len(edges) + 1) for cut in cuts])
    assert found == sequential(size, pairs)

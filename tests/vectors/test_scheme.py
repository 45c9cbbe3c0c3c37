"""Tables, votes, probes and the gate: their probabilities, against exact ones and simulation."""

import math

import numpy as np
import pytest
from scipy import stats

from dedup.vectors import VectorConfig
from dedup.vectors.families.cross_polytope import CrossPolytope
from dedup.vectors.families.hyperplanes import Hyperplanes
from dedup.vectors.families.rotation import Rotation
from dedup.vectors.families.stable import StableProjections
from dedup.vectors.gate import choose_gate, most_differing, parity_agreement
from dedup.vectors.parameters import (
    choose_scheme,
    found_probability,
    least_tables,
    probed_keys,
    table_probability,
)

_FAMILIES = [Hyperplanes(), CrossPolytope(6), Rotation(8), StableProjections(2.0)]


@pytest.mark.parametrize("by_one", [0.01, 0.2, 0.7, 0.99])
@pytest.mark.parametrize(("tables", "votes"), [(1, 1), (5, 3), (40, 2), (300, 7)])
def test_votes_are_a_binomial_tail(by_one, tables, votes):
    expected = stats.binom.sf(votes - 1, tables, by_one)
    assert found_probability(by_one, tables, votes) == pytest.approx(expected, abs=1e-9)


@pytest.mark.parametrize("votes", [1, 2, 5])
@pytest.mark.parametrize("by_one", [0.03, 0.3, 0.9])
def test_least_tables_are_the_least(by_one, votes):
    tables = least_tables(by_one, votes, 0.99)
    assert found_probability(by_one, tables, votes) >= 0.99
    assert tables == votes or found_probability(by_one, tables - 1, votes) < 0.99
    assert least_tables(1e-6, votes, 0.99) is None


def test_more_vectors_take_more_functions_and_keep_the_promise():
    far = np.arccos(np.random.default_rng(0).normal(0, 0.1, 1000))
    near = math.acos(0.95)
    schemes = [
        choose_scheme(Hyperplanes(), near, far, count, 128, VectorConfig())
        for count in (100, 10_000, 1_000_000)
    ]
    functions = [scheme.num_functions for scheme in schemes]
    assert functions == sorted(set(functions))
    for scheme in schemes:
        assert scheme.recall >= 1 - 0.7 * 0.01
        assert scheme.at_threshold == pytest.approx((1 - near / math.pi) ** scheme.num_functions)


def test_alike_vectors_take_more_functions():
    near = math.acos(0.95)
    unlike, alike = (
        choose_scheme(
            Hyperplanes(), near, np.full(100, math.acos(cosine)), 10**6, 128, VectorConfig()
        )
        for cosine in (0.0, 0.6)
    )
    assert alike.num_functions > unlike.num_functions


@pytest.mark.parametrize("family", _FAMILIES, ids=repr)
@pytest.mark.parametrize("probes", [1, 2])
def test_probes_find_what_was_said(family, probes):
    """Pairs in ten dimensions, and functions drawn anew, against the draws in a plane."""
    distance, functions, draws = 0.5, 3, 5000
    random = np.random.default_rng(5)
    basis, _ = np.linalg.qr(random.standard_normal((10, 2)))
    pair = np.stack([basis[:, 0], basis[:, 0] + distance * basis[:, 1]])
    if family.measure == "cosine":
        pair[1] = math.cos(distance) * basis[:, 0] + math.sin(distance) * basis[:, 1]
    drawn = family.directions(10, functions * draws, 11)
    projections = (pair @ drawn[:10]).astype(np.float32)
    if len(drawn) > 10:
        projections += drawn[10]
    keys = probed_keys(family, projections, functions, probes)
    found = np.zeros(draws, bool)
    for i in range(1 + probes):
        found |= (keys[i, 0] == keys[0, 1]) | (keys[0, 0] == keys[i, 1])
    said = table_probability(family, distance, functions, probes)
    error = math.sqrt(said * (1 - said) * (1 / draws + 1 / 20_000))
    taken_off = 3 * math.sqrt(said * (1 - said) / 20_000)
    assert abs(found.mean() - said - taken_off) <= 4 * error
    assert found.mean() > family.collision_probability(distance) ** functions


@pytest.mark.parametrize("family", _FAMILIES, ids=repr)
def test_probes_are_the_values_that_were_nearly_had(family):
    drawn = family.directions(6, 8, 3)
    projections = np.random.default_rng(1).standard_normal((20, drawn.shape[1])).astype(np.float32)
    symbols = family.symbols(projections)
    second, margin = family.second(projections)
    found = probed_keys(family, projections, 4, 3)
    for vector in range(20):
        for table in (0, 1):
            inside = slice(4 * table, 4 * table + 4)
            for probe, least in enumerate(np.argsort(margin[vector, inside])[:3].tolist()):
                changed = symbols[vector].copy()
                changed[inside][least] = second[vector, inside][least]
                key = family.keys(changed[None], 4)[0, table]
                assert found[1 + probe, vector, table] == key
                assert key != found[0, vector, table]


@pytest.mark.parametrize("family", _FAMILIES, ids=repr)
def test_a_small_push_makes_the_second_value_the_first(family):
    """Whatever function is nearest to its edge has the second value just beyond it."""
    drawn = family.directions(6, 200, 3)
    random = np.random.default_rng(1)
    vector = random.standard_normal((1, 6)).astype(np.float32)

    def values(x: np.ndarray) -> np.ndarray:
        projections = x.astype(np.float32) @ drawn[:6]
        return projections + drawn[6] if len(drawn) > 6 else projections

    symbols = family.symbols(values(vector))[0]
    second, margin = family.second(values(vector))
    pushed = family.symbols(values(vector + 0.02 * random.standard_normal((400, 6))))
    changed = pushed != symbols
    assert changed.any()
    close = margin[0] < np.quantile(margin[0], 0.2)
    assert changed[:, close].sum() > 0.9 * changed.sum()
    assert (pushed == second[0])[changed].mean() > 0.9


@pytest.mark.parametrize("family", _FAMILIES, ids=repr)
def test_the_short_way_to_keys_is_the_long_one(family):
    drawn = family.directions(6, 12, 3)
    projections = np.random.default_rng(1).standard_normal((50, drawn.shape[1])).astype(np.float32)
    long = family.keys(family.symbols(projections), 4)
    assert np.array_equal(family.fast_keys(projections, 4), long)
    assert long.shape == (50, 3)
    second, margin = family.second(projections)
    assert (second != family.symbols(projections)).all()
    assert (margin >= 0).all()


@pytest.mark.parametrize("differs", [0.01, 0.1, 0.4])
@pytest.mark.parametrize("bits", [64, 256])
def test_the_gate_stops_a_near_pair_that_seldom(differs, bits):
    most = most_differing(bits, differs, 0.001)
    assert stats.binom.sf(most, bits, differs) <= 0.001
    assert stats.binom.sf(most - 1, bits, differs) > 0.001


@pytest.mark.parametrize("distance", [0.1, 0.5, 1.0, 3.0])
def test_parities_agree_as_the_series_says(distance):
    gate = choose_gate("euclidean", 0.5, np.full(10, 3.0), 0.001)
    agreed = []
    for seed in range(200):
        drawn = gate.directions(4, seed)
        pair = np.zeros((2, 4), np.float32)
        pair[1, 0] = distance
        bits = gate.bits(pair @ drawn[:4] + drawn[4])
        agreed.append(64 * gate.words - np.bitwise_count(bits[:, 0] ^ bits[:, 1]).sum())
    total = 200 * 64 * gate.words
    expected = parity_agreement(distance, gate.width)
    error = math.sqrt(expected * (1 - expected) / total)
    assert abs(sum(map(int, agreed)) / total - expected) <= 4 * error


@pytest.mark.parametrize("near", [0.05, 0.3, 0.6])
def test_sides_of_the_gate_agree_as_for_planes(near):
    gate = choose_gate("cosine", near, np.full(10, 1.5), 0.001)
    pair = np.array([[1, 0], [math.cos(near), math.sin(near)]], np.float32)
    differs = [
        int(np.bitwise_count(np.bitwise_xor(*gate.bits(pair @ gate.directions(2, seed)).T)).sum())
        for seed in range(200)
    ]
    expected = near / math.pi
    error = math.sqrt(expected * (1 - expected) / (200 * 64 * gate.words))
    assert abs(np.mean(differs) / (64 * gate.words) - expected) <= 4 * error

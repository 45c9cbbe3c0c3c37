"""Every family collides as its formula says, over a grid of distances."""

import math

import numpy as np
import pytest
from scipy import integrate, stats

from dedup.errors import ConfigError
from dedup.vectors.families.base import normal_cdf, sensitivity
from dedup.vectors.families.cross_polytope import CrossPolytope, same_direction
from dedup.vectors.families.hyperplanes import Hyperplanes
from dedup.vectors.families.rotation import Rotation
from dedup.vectors.families.stable import StableProjections

_DIM = 24
_FUNCTIONS = 10_000
_ANGLES = [0.05, 0.3, 0.7, 1.2, math.pi / 2, 2.4]


def _at_angle(angle: float, dim: int = _DIM) -> np.ndarray:
    """Return two unit vectors in general position."""
    basis, _ = np.linalg.qr(np.random.default_rng(3).standard_normal((dim, 2)))
    return np.stack([basis[:, 0], math.cos(angle) * basis[:, 0] + math.sin(angle) * basis[:, 1]])


def _rate(family, vectors: np.ndarray, functions: int = _FUNCTIONS, seed: int = 1) -> float:
    """Return the share of drawn functions that have one value for the two vectors."""
    if family.measure == "euclidean":
        vectors = np.concatenate([vectors, np.ones((2, 1))], axis=1)
    drawn = family.directions(_DIM, functions, seed)
    left, right = family.symbols((vectors @ drawn).astype(np.float32))
    assert len(left) == functions
    return float((left == right).mean())


def _agrees(rate: float, expected: float, trials: int = _FUNCTIONS) -> bool:
    error = math.sqrt(max(expected * (1 - expected), 1 / trials) / trials)
    return abs(rate - expected) <= 4 * error


@pytest.mark.parametrize("angle", _ANGLES)
@pytest.mark.parametrize(
    "family",
    [Hyperplanes(), CrossPolytope(4), CrossPolytope(_DIM), Rotation(2), Rotation(16)],
    ids=repr,
)
def test_cosine_families_collide_as_the_formula_says(family, angle):
    assert _agrees(_rate(family, _at_angle(angle)), family.collision_probability(angle))


@pytest.mark.parametrize("width", [0.5, 2.0, 4.0])
@pytest.mark.parametrize("distance", [0.05, 0.5, 1.0, 2.0, 7.0])
def test_stable_projections_collide_as_the_formula_says(width, distance):
    family = StableProjections(width)
    direction = _at_angle(1.0)[1]
    vectors = np.stack([3 * direction, (3 + distance) * direction])
    assert _agrees(_rate(family, vectors), family.collision_probability(distance))


@pytest.mark.parametrize(("width", "value"), [(2, 0.61), (4, 0.80), (8, 0.90)])
def test_stable_projections_at_known_points(width, value):
    assert StableProjections(width).collision_probability(1.0) == pytest.approx(value, abs=0.005)


@pytest.mark.parametrize("width", [0.3, 1.0, 5.0])
def test_stable_formula_is_the_integral_of_its_definition(width):
    """int_0^w (2/c) phi(t/c) (1 - t/w) dt, the form of the paper."""
    value, _ = integrate.quad(
        lambda t: 2 / 1.7 * stats.norm.pdf(t / 1.7) * (1 - t / width), 0, width
    )
    assert StableProjections(width).collision_probability(1.7) == pytest.approx(value, abs=1e-9)


@pytest.mark.parametrize("cosine", [-0.7, 0.0, 0.5, 0.95, 0.999])
def test_two_values_are_a_hyperplane(cosine):
    angle = math.acos(cosine)
    plane = Hyperplanes().collision_probability(angle)
    assert Rotation(2).collision_probability(angle) == pytest.approx(plane, abs=1e-6)
    assert CrossPolytope(1).collision_probability(angle) == pytest.approx(plane, abs=1e-6)


@pytest.mark.parametrize("directions", [2, 8, 64, 128])
def test_the_integral_at_points_that_are_known(directions):
    """Unrelated vectors meet by chance; equal ones always; the bound between falls steadily."""
    assert same_direction(0.0, directions) == pytest.approx(1 / (2 * directions), rel=1e-4)
    assert same_direction(0.999999, directions) == pytest.approx(1, abs=0.02)
    values = [same_direction(cosine, directions) for cosine in np.linspace(-1, 1, 7)]
    assert (np.diff(values) > 0).all()


@pytest.mark.parametrize("cosine", [0.8, 0.99])
def test_the_integral_does_not_hang_on_its_nodes(cosine, monkeypatch):
    coarse = same_direction(cosine, 128)
    same_direction.cache_clear()
    monkeypatch.setattr("dedup.vectors.families.cross_polytope._NODES", 96)
    monkeypatch.setattr("dedup.vectors.families.cross_polytope._gauss.__defaults__", (96,))
    fine = same_direction(cosine, 128)
    same_direction.cache_clear()
    assert coarse == pytest.approx(fine, rel=1e-4)


def test_sensitivity_of_hyperplanes():
    found = sensitivity(Hyperplanes(), math.acos(0.95), math.acos(0.5))
    assert (found.p_near, found.p_far) == pytest.approx((0.8989, 0.6667), abs=1e-4)
    assert found.rho == pytest.approx(0.263, abs=0.001)


def test_cross_polytopes_part_better_than_planes():
    near, far = math.acos(0.95), math.acos(0.5)
    planes, cross = (sensitivity(f, near, far) for f in (Hyperplanes(), CrossPolytope(128)))
    assert cross.rho < planes.rho
    assert (cross.p_near, cross.p_far) == pytest.approx((0.57, 0.068), abs=0.01)


def test_equal_seeds_draw_equal_functions():
    for family in (Hyperplanes(), CrossPolytope(3), Rotation(4), StableProjections(1.0)):
        one, same, other = (family.directions(5, 7, seed) for seed in (4, 4, 5))
        assert np.array_equal(one, same)
        assert not np.array_equal(one, other)


def test_the_reformers_numbers_stand_in_the_order_of_the_paper():
    projections = np.array([[3.0, -1.0, -2.0, 5.0], [-4.0, 1.0, -2.0, -5.0]], np.float32)
    assert Rotation(4).symbols(projections).tolist() == [[0, 1], [2, 3]]


def test_normal_distribution_function():
    values = np.linspace(-9, 9, 1001)
    assert normal_cdf(values) == pytest.approx(stats.norm.cdf(values), abs=2e-8)


@pytest.mark.parametrize(
    "make", [lambda: StableProjections(0.0), lambda: CrossPolytope(0), lambda: Rotation(5)]
)
def test_parameters_that_make_no_family(make):
    with pytest.raises(ConfigError, match="give"):
        make()

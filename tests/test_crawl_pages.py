"""The generated crawl: its weight, its planted copies, and that seeds repeat it."""

from fractions import Fraction
from itertools import pairwise

import pytest

from benchmarks.crawl_pages import COPY_EVERY, Crawl


def shingles(crawl: Crawl, number: int) -> set[tuple[str, ...]]:
    words = " ".join(crawl.article(number)).replace(".", "").split()
    return {tuple(words[at : at + 5]) for at in range(len(words) - 4)}


@pytest.fixture(scope="module")
def light() -> Crawl:
    return Crawl(is_heavy=False)


def test_a_page_is_a_function_of_the_seed_and_its_number(light: Crawl) -> None:
    again = Crawl(is_heavy=False)
    assert [light.page(number) for number in (7, 5)] == [again.page(number) for number in (7, 5)]
    assert Crawl(is_heavy=False, seed=8).page(7) != light.page(7)


def test_copies_are_near_their_original(light: Crawl) -> None:
    copies = range(COPY_EVERY - 1, 400, COPY_EVERY)
    exact = 0
    for copy in copies:
        original = light.original(copy)
        assert original < copy
        assert original == light.original(original)
        a, b = shingles(light, copy), shingles(light, original)
        assert Fraction(len(a & b), len(a | b)) >= Fraction(4, 5)
        exact += a == b
    assert len(copies) // 4 < exact < 3 * len(copies) // 4


def test_others_are_not(light: Crawl) -> None:
    sets = [shingles(light, number) for number in range(200) if light.original(number) == number]
    assert all(len(a & b) < len(a) // 10 for a, b in pairwise(sets))


@pytest.mark.parametrize(("is_heavy", "mean"), [(True, 164_000), (False, 7_400)])
def test_pages_weigh_what_is_said(is_heavy: bool, mean: int) -> None:
    crawl = Crawl(is_heavy=is_heavy)
    sizes = [len(crawl.page(number)) for number in range(600)]
    assert sum(sizes) / len(sizes) == pytest.approx(mean, rel=0.15)

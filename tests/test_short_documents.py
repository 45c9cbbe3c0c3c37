"""Short documents, from no token on: copies are found, and nothing merges by an artefact."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

import dedup
from dedup.config import Config
from dedup.errors import ConfigError
from dedup.output.result import Result
from tests import reference

SURE = 0.999999
NUM_PAIRS = 3_000
RECALL = 0.99

TITLES = [
    "Annual report 2019",
    "Annual report 2020",
    "ANNUAL REPORT, 2019",
    "The annual report 2019",
    "Nocturne in E-flat major, Op. 9 No. 2",
    "Nocturne in E-flat major, Op. 9 No. 3",
    "USB-C cable 2 m, black",
    "USB-C cable 1 m, black",
    "USB-C cable 2 m black",
    "so tired of mondays 😴",
    "so tired of mondays 😴😴",
    "so tired of tuesdays 😴",
    "東京",
    "京東",
    "東 京",
    "ok",
    "OK",
    "o k",
    "K.O.",
]
SAME_TITLES = {(0, 2), (6, 8), (9, 10), (12, 14), (15, 16)}


def run(texts: list[str] | list[str | None], **options: object) -> Result:
    return dedup.find_duplicates(pa.table({"text": pa.array(texts, pa.string())}), **options)


def pairs_of(result: Result) -> set[tuple[int, int]]:
    pairs = result.pairs
    left, right = pairs["left_position"].to_pylist(), pairs["right_position"].to_pylist()
    return set(zip(left, right, strict=True))


def document_set(text: str, position: int, width: int) -> set[tuple[str, ...]]:
    """Return the set a document is compared by; one of its own where it matches nothing."""
    found = reference.shingles(text, width)
    canonical = reference.canonical_text(text)
    own = ("blank", str(position)) if not canonical.strip() else ("no token", canonical)
    return found or {own}


@pytest.mark.parametrize("num_tokens", range(8))
def test_copies_of_any_length_are_found(num_tokens: int) -> None:
    """Word for word, in other case, in other punctuation; from no token (symbols) on."""
    words = ["alpha", "beta", "gamma", "delta", "epsilon", "zeta", "eta"][:num_tokens]
    text = " ".join(words) or "\U0001f600 ***"
    texts = [text, text, text.upper() if words else text, ", ".join(words) or text, "other words"]
    result = run(texts)
    assert result.decisions.removed_by.tolist() == [0, 0, 0, 0, 4]
    assert result.decision_columns["jaccard"].to_pylist() == [1.0] * 4 + [None]
    for at in range(num_tokens):
        changed = [*words[:at], "omega", *words[at + 1 :]]
        others = [words[::-1], words[:at], changed, [*words, *words], [*words, "omega"]]
        different = [" ".join(other) for other in others if other and other != words]
        removed_by = run([text, *different], threshold="1").decisions.removed_by
        assert 0 not in removed_by[1:]


@pytest.mark.parametrize(
    "text",
    ["\U0001f600", "\U0001f600\U0001f600", "?!", "***", "→", "€", "…", "\u200b", "\0", "^ ^"],
)
def test_copies_without_a_letter_are_found(text: str) -> None:
    others = ["\U0001f601", "!?", "* * *", "←", "$", ".", "\u200b\u200b", "\0\0", "^^", "^  ^", ""]
    result = run([*others, text, text])
    assert result.decisions.removed_by.tolist() == [*range(len(others) + 1), len(others)]
    assert result.clusters["match"].to_pylist() == ["identical"] * 2


@pytest.mark.parametrize("text", [None, "", " ", "\t\n", "\u3000", "\u00a0\u2003", "\u00ad\ufeff"])
def test_blank_documents_are_duplicates_of_nothing(text: str | None) -> None:
    result = run([text, text, "word", text])
    assert not result.decisions.removed.any()
    assert result.summary["input"]["blank_text"] + result.summary["input"]["null_text"] == 3


@pytest.mark.parametrize("threshold", ["0.5", "0.8", "1"])
def test_titles_and_product_names(threshold: str) -> None:
    found = pairs_of(run(TITLES, threshold=threshold, recall=SURE, pairs="all"))
    sets = [document_set(text, i, 5) for i, text in enumerate(TITLES)]
    assert found == set(reference.similar_pairs(sets, Fraction(threshold)))
    if threshold == "1":
        assert found == SAME_TITLES


@pytest.mark.parametrize(
    ("threshold", "union", "common"),
    [
        ("0.8", 5, 4),
        ("0.8", 10, 8),
        ("0.8", 20, 16),
        ("0.5", 6, 3),
        ("0.5", 16, 8),
        ("0.7", 10, 7),
        ("0.9", 10, 9),
        ("0.9", 40, 36),
    ],
)
def test_near_duplicates_reach_the_asked_recall(threshold: str, union: int, common: int) -> None:
    """Pairs at exactly the threshold: a text, and the same without its last tokens.

    All pairs in one run; words of their own keep them independent.
    """
    width = 5
    texts = []
    for number in range(NUM_PAIRS):
        words = [f"w{number}x{place}" for place in range(union + width - 1)]
        texts += [" ".join(words), " ".join(words[: common + width - 1])]
    sets = [reference.shingles(text, width) for text in texts[:2]]
    assert reference.jaccard(*sets) == Fraction(threshold)
    found = pairs_of(run(texts, threshold=threshold, recall=RECALL, pairs="all", seed=union))
    planted = {(2 * i, 2 * i + 1) for i in range(NUM_PAIRS)}
    assert found <= planted
    standard_error = math.sqrt(RECALL * (1 - RECALL) / NUM_PAIRS)
    assert len(found) / NUM_PAIRS >= RECALL - 4 * standard_error


SHORT = st.lists(
    st.text(st.sampled_from("aAbé ß1_'-.!\u0301\u00ad\u200b\U0001f600人ク\u30fcก"), max_size=8),
    min_size=2,
    max_size=60,
)


@given(SHORT, st.sampled_from([1, 2, 5]), st.sampled_from(["0.3", "0.8", "1"]))
def test_nothing_is_removed_that_the_definition_keeps(
    texts: list[str], width: int, threshold: str
) -> None:
    sets = [document_set(text, i, width) for i, text in enumerate(texts)]
    expected = reference.greedy(sets, Fraction(threshold))
    result = run(texts, ngram=width, threshold=threshold, recall=SURE)
    assert result.decisions.removed_by.tolist() == expected


def test_many_different_titles_stay() -> None:
    """All different: of 1 to 6 tokens out of a dozen words, nothing merges at threshold 1."""
    rng = np.random.default_rng(3)
    words = [f"w{number}" for number in range(12)]
    lists = {tuple(rng.choice(words, int(rng.integers(1, 7)))) for _ in range(30_000)}
    # Six tokens make two shingles: those of another order of repeats may be the same set.
    distinct = {frozenset(reference.shingles(" ".join(each), 5)): each for each in lists}
    texts = [" ".join(each) for each in sorted(distinct.values())]
    assert len(texts) > 15_000
    assert not run(texts, threshold="1").decisions.removed.any()


class TestMinTokens:
    TEXTS = (
        None,
        "",
        "😴",
        "😴",
        "one",
        "one",
        "one two",
        "one two",
        "one two three",
        "One two three",
    )

    @pytest.mark.parametrize("pairs", ["decided", "all"])
    @pytest.mark.parametrize(("least", "first_compared"), [(0, 2), (1, 4), (2, 6), (3, 8), (4, 10)])
    def test_shorter_documents_are_kept_and_counted(
        self, least: int, first_compared: int, pairs: str
    ) -> None:
        result = run(list(self.TEXTS), min_tokens=least, pairs=pairs)
        kept = [place - (place % 2 and place > first_compared) for place in range(10)]
        assert result.decisions.removed_by.tolist() == kept
        assert result.clusters["position"].to_pylist() == list(range(first_compared, 10))
        assert result.pairs.num_rows == (10 - first_compared) // 2
        counts = result.summary["input"]
        assert counts["too_short"] == first_compared - 2
        assert (counts["null_text"], counts["blank_text"], counts["documents"]) == (1, 1, 10)

    def test_it_counts_tokens_not_shingles(self) -> None:
        text = "a b c d e f g"
        assert run([text, text], min_tokens=7).summary["result"]["removed"] == 1
        assert run([text, text], min_tokens=8).summary["result"]["removed"] == 0

    def test_longer_documents_are_not_affected(self) -> None:
        rng = np.random.default_rng(1)
        long = [" ".join(rng.choice(["a", "b", "c"], int(rng.integers(1, 30)))) for _ in range(300)]
        options = {"threshold": "0.5", "recall": SURE, "pairs": "all", "ngram": 2}
        whole = pairs_of(run(long, **options))
        enough = [len(text.split()) >= 12 for text in long]
        found = pairs_of(run(long, min_tokens=12, **options))
        assert found == {(a, b) for a, b in whole if enough[a] and enough[b]}
        assert 100 < len(found) < len(whole) - 100

    def test_the_length_warning_is_of_what_is_compared(self) -> None:
        texts = ["a b c", "d e f", "g h i", " ".join(f"w{i}" for i in range(90))]
        assert any("median" in warning for warning in run(texts).summary["warnings"])
        assert not run(texts, min_tokens=10).summary["warnings"]

    def test_it_is_a_whole_number(self) -> None:
        with pytest.raises(ConfigError, match="min_tokens is -1"):
            Config(min_tokens=-1)

"""Segments are both texts exactly, and say of each token what naive Python says of it."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from dedup.config import Config
from dedup.report.alignment import align
from dedup.report.difference import EQUAL, LEFT, MAX_CHARS, RIGHT, Difference, difference
from dedup.text.hashing import hash_constants
from dedup.text.options import TextOptions
from dedup.text.spans import token_spans
from dedup.text.tokens import token_hashes
from tests import reference
from tests.text.texts import DETERMINISTIC, texts

CONSTANTS = hash_constants(0, 5)

options = st.builds(
    reference.Options,
    strip_accents=st.booleans(),
    join_words=st.booleans(),
    fold_digits=st.booleans(),
    unit=st.sampled_from(["word", "char"]),
)


def sides(found: Difference) -> tuple[str, str]:
    """Put the segments of each side together."""
    left = "".join(span.text for segment in found.segments for span in segment.left)
    right = "".join(span.text for segment in found.segments for span in segment.right)
    return left, right


def marks(found: Difference) -> list[tuple[str, str, str]]:
    """Return kind, left and right text of each segment."""
    return [
        (part.kind, *("".join(span.text for span in side) for side in (part.left, part.right)))
        for part in found.segments
    ]


def shared(found: Difference, side: str) -> list[str]:
    spans = [span for part in found.segments for span in getattr(part, side)]
    return [span.text for span in spans if span.shared]


@DETERMINISTIC
@given(text=texts, chosen=options)
@example(text="a\u200d\u0301b", chosen=reference.NO_OPTIONS)  # what is removed lets marks merge
def test_tokens_are_those_of_the_kernels(text: str, chosen: reference.Options) -> None:
    as_options = TextOptions(**chosen._asdict())
    found = token_spans(text, CONSTANTS, as_options)
    raw = np.frombuffer(text.encode(), np.uint8)
    hashes, _, _ = token_hashes(raw, np.array([0, len(raw)]), CONSTANTS, as_options)
    assert found.hashes.tolist() == hashes.tolist()
    assert (found.starts < found.ends).all()
    assert all((pair[1:] >= pair[:-1]).all() for pair in (found.starts, found.ends))


@DETERMINISTIC
@given(text=texts)
def test_a_token_is_the_canonical_form_of_where_it_stands(text: str) -> None:
    found = token_spans(text, CONSTANTS)
    for token, start, end in zip(
        reference.tokens(text), found.starts.tolist(), found.ends.tolist(), strict=True
    ):
        assert token in reference.canonical_text(text[start:end])


@DETERMINISTIC
@given(left=texts, right=texts, chosen=options, ngram=st.integers(1, 5))
def test_segments_are_the_texts(
    left: str, right: str, chosen: reference.Options, ngram: int
) -> None:
    config = Config(ngram=ngram, **chosen._asdict())
    found = difference(left, right, config)
    assert sides(found) == (left, right)
    for kind, one, other in marks(found):
        if kind == EQUAL:
            assert reference.tokens(one, chosen) == reference.tokens(other, chosen)
        else:
            assert (other if kind == LEFT else one) == ""
            # The blank that is a character has no word beside it here.
            assert reference.tokens(one + other, chosen) or (one + other and chosen.unit == "char")
    kinds = [part.kind for part in found.segments]
    assert all(pair != (EQUAL, EQUAL) for pair in pairwise(kinds))
    assert not found.cut


words = st.lists(st.sampled_from("abcdef"), max_size=30)


@DETERMINISTIC
@given(left=words, right=words)
def test_short_texts_are_aligned_by_a_longest_common_subsequence(
    left: list[str], right: list[str]
) -> None:
    found = align(*(np.array([ord(token) for token in one], np.uint64) for one in (left, right)))
    longest = np.zeros((len(left) + 1, len(right) + 1), np.int64)
    for i, one in enumerate(left):
        for j, other in enumerate(right):
            longest[i + 1, j + 1] = (
                longest[i, j] + 1 if one == other else max(longest[i, j + 1], longest[i + 1, j])
            )
    assert sum(length for _, _, length in found.runs) == longest[-1, -1]
    for i, j, length in found.runs:
        assert left[i : i + length] == right[j : j + length]
    for (i, j, length), (k, m, _) in pairwise(found.runs):
        assert i + length <= k
        assert j + length <= m


def test_what_all_texts_have_is_no_likeness() -> None:
    found = difference("one two of three four", "five six of seven eight")
    assert [kind for kind, _, _ in marks(found)] == [LEFT, RIGHT]
    assert found.equal_tokens == 0
    found = difference("a x b y c", "a z b w c")  # a changed word beside a word is no noise
    assert [kind for kind, _, _ in marks(found)] == [EQUAL, LEFT, RIGHT] * 2 + [EQUAL]
    found = difference("one two of three four", "five six of seven eight", Config(ngram=1))
    assert found.equal_tokens == 1  # a shared shingle counts, whatever stands around it


@DETERMINISTIC
@given(left=words, right=words)
def test_equal_tokens_are_those_of_equal_segments(left: list[str], right: list[str]) -> None:
    found = difference(" ".join(left), " ".join(right), Config(ngram=3))
    assert found.equal_tokens == sum(len(t.split()) for kind, t, _ in marks(found) if kind == EQUAL)


@DETERMINISTIC
@given(left=words, right=words, ngram=st.integers(1, 6))
def test_shared_tokens_lie_in_shared_shingles(
    left: list[str], right: list[str], ngram: int
) -> None:
    found = difference(" ".join(left), " ".join(right), Config(ngram=ngram))
    for own, others, side in ((left, right, "left"), (right, left, "right")):
        there = reference.shingles(" ".join(others), ngram)
        width = min(ngram, len(own))
        expected = sorted(
            {
                start + place
                for start in range(len(own) - width + 1)
                if tuple(own[start : start + width]) in there
                for place in range(width)
            }
        )
        text = " ".join(shared(found, side))
        assert text.split() == [own[token] for token in expected]
        assert getattr(found, f"{side}_shared") == len(expected)


def test_case_and_punctuation_are_no_difference() -> None:
    found = difference("One WORD7, two\n", "one word7 (two)")
    assert marks(found) == [(EQUAL, "One WORD7, two\n", "one word7 (two)")]


def test_what_stands_between_tokens_goes_with_the_equal_ones() -> None:
    found = difference("«a b» c", "a, x. c!", Config(ngram=1))
    assert marks(found) == [
        (EQUAL, "«a ", "a, "),
        (LEFT, "b", ""),
        (RIGHT, "", "x"),
        (EQUAL, "» c", ". c!"),
    ]


def test_one_character_of_several_tokens_is_not_torn() -> None:
    """U+337F is four tokens, of which the other text has three."""
    found = difference("a ㍿ b", "a 株式会 b", Config(ngram=1))
    assert marks(found) == [
        (EQUAL, "a ", "a "),
        (LEFT, "㍿", ""),
        (RIGHT, "", "株式会"),
        (EQUAL, " b", " b"),
    ]
    assert marks(difference("㍿", "株式 会社")) == [(EQUAL, "㍿", "株式 会社")]


def test_a_moved_paragraph_is_shared_on_both_sides() -> None:
    first = " ".join(f"one{i}" for i in range(40))
    second = " ".join(f"two{i}" for i in range(20))
    found = difference(f"{first} {second}", f"{second} {first}")
    assert [kind for kind, _, _ in marks(found)] == [RIGHT, EQUAL, LEFT]
    assert found.left_shared == found.right_shared == found.left_tokens == 60
    assert found.equal_tokens == 40


def test_own_tokens_are_compared_as_they_are() -> None:
    assert marks(difference(["A", "b c"], ["a", "b c"], Config(ngram=1))) == [
        (LEFT, "A", ""),
        (RIGHT, "", "a"),
        (EQUAL, " b c", " b c"),
    ]
    assert sides(difference([1, 2, 3], [1, 3])) == ("1 2 3", "1 3")


LONG = 170_000
RANDOM = np.random.default_rng(7)
STORY = [f"w{i}" for i in RANDOM.zipf(1.2, LONG) % 50_000]


def edited(tokens: list[str], every: int) -> list[str]:
    return [f"new{i}" if i % every == 1 else token for i, token in enumerate(tokens)]


@pytest.mark.parametrize(
    ("left", "right", "least"),
    [
        ("word " * LONG, "word " * (LONG - 50), LONG - 50),
        ("a b " * (LONG // 2), "b a " * (LONG // 2), LONG - 10),
        (" ".join(STORY), " ".join(edited(STORY, 20)), LONG - LONG // 20 - 5),
        (" ".join(STORY), " ".join(STORY[LONG // 2 :] + STORY[: LONG // 2]), LONG // 2),
        ("x" * MAX_CHARS, "x" * (MAX_CHARS - 1), 0),
        ("漢字" * (MAX_CHARS // 8), "字漢" * (MAX_CHARS // 8), MAX_CHARS // 4 - 10),
    ],
    ids=["one word", "two words", "edits", "halves swapped", "huge token", "han"],
)
def test_long_texts_are_aligned_within_the_budget(left: str, right: str, least: int) -> None:
    found = difference(left, right)
    assert sides(found) == (left, right)
    assert found.equal_tokens >= least
    assert not found.cut


def test_a_search_that_is_given_up_is_said_to_be() -> None:
    """No four tokens in a row are shared, and no token is single: 50,000 could be matched."""
    left, right = "same a b c " + "a b c " * 50_000, "same " + "c b a " * 50_000
    found = difference(left, right)
    assert sides(found) == (left, right)
    assert found.cut
    assert [part.compared for part in found.segments] == [True, False, False, True]


def test_what_is_beyond_the_limit_is_there_and_said_to_be_uncompared() -> None:
    left = "word " * (MAX_CHARS // 5 + 100)
    found = difference(left, "word")
    assert sides(found) == (left, "word")
    assert found.cut
    assert [part.compared for part in found.segments] == [True, True, False]

"""docs/languages.md is true: its examples run through the kernels, its lengths are exact."""

from __future__ import annotations

import re
from fractions import Fraction
from pathlib import Path

import pytest

from benchmarks.language_texts import LANGUAGES, TYPOGRAPHIC, corpus
from dedup.text.scan import QUIET_PAIRS, characters, scan
from dedup.text.unicode import KEEP, SPACED, UNSPACED, tables
from tests import oracles_hashing, reference
from tests.batches import batch_tokens, layout

ROOT = Path(__file__).parent.parent
PAGE = (ROOT / "docs" / "languages.md").read_text(encoding="utf-8")
RESULTS = ROOT / "benchmarks" / "results" / "languages.md"
NGRAM = 5


def plain(text: str) -> str:
    return re.sub(r"\\u([0-9a-f]{4})", lambda found: chr(int(found[1], 16)), text)


def examples() -> list[tuple[str, list[str]]]:
    rows = [line.strip("| ").split(" | ") for line in PAGE.splitlines() if line.startswith("|")]
    found = []
    for row in rows:
        if len(row) == 3 and row[1].startswith("`"):
            (text,) = re.findall("`([^`]+)`", row[1])
            found.append((plain(text), [plain(word) for word in re.findall("`([^`]+)`", row[2])]))
    return found


@pytest.mark.parametrize(("text", "tokens"), examples(), ids=[text for text, _ in examples()])
def test_examples_are_what_definition_and_kernels_say(text: str, tokens: list[str]) -> None:
    assert reference.tokens(text) == tokens
    (hashes,) = batch_tokens([text.encode()])
    assert hashes == [oracles_hashing.token_hash(token, 0) for token in tokens]


def test_there_are_examples_of_every_script() -> None:
    assert len(examples()) > 25
    assert all(
        name in PAGE for name in ("Thai", "Lao", "Khmer", "Myanmar", "Han", "Hangul", "Greek")
    )


def test_shortest_texts_that_survive_one_change() -> None:
    rows = re.findall(r"^\| [^|]+ \| (\d) \| (\d+) \| (\d+) \| (\d+) \|$", PAGE, re.MULTILINE)
    assert len(rows) == 3
    for changed, *lengths in [[int(cell) for cell in row] for row in rows]:
        for threshold, length in zip(("0.8", "0.7", "0.5"), lengths, strict=True):
            for size, survives in ((length, True), (length - 1, False)):
                words = [f"w{number}" for number in range(size)]
                middle = size // 2
                other = [*words[:middle], *["x"] * changed, *words[middle + changed :]]
                sets = [reference.shingles(" ".join(each), NGRAM) for each in (words, other)]
                assert (reference.jaccard(*sets) >= Fraction(threshold)) is survives


@pytest.mark.skipif(not RESULTS.exists(), reason="python -m benchmarks.languages was never run")
def test_the_speeds_are_those_of_the_results() -> None:
    assert RESULTS.read_text(encoding="utf-8").strip() in PAGE


@pytest.mark.parametrize("name", LANGUAGES)
def test_texts_of_the_benchmark_are_what_they_are_called(name: str) -> None:
    documents = corpus(name, 20_000).to_pylist()
    text = "".join(documents)
    assert sum(len(document.encode()) for document in documents) >= 20_000
    share = sum(not char.isascii() for char in text) / len(text)
    if LANGUAGES[name] == "en":
        assert share == pytest.approx(0.01 if name == TYPOGRAPHIC else 0, abs=0.0005)
    else:
        assert share > 0.01
    assert len(set(documents)) == len(documents)
    assert corpus(name, 20_000).equals(corpus(name, 20_000))


def test_what_a_scan_passes_over_is_kept_by_canonical_text() -> None:
    passed = [
        (bytes((first, second)) + rest, UNSPACED if first in range(0xE3, 0xEA) else SPACED)
        for first, low, high in (*QUIET_PAIRS, (0xE4, 0x80, 0xBF), (0xE9, 0x80, 0xBF))
        for second in range(low, high + 1)
        for rest in ([b""] if first < 0xE0 else [bytes([third]) for third in range(0x80, 0xC0)])
    ]
    codes = [*range(0x3000, 0x3100), *range(0x5000, 0x9000, 7)]
    passed += [(chr(code).encode(), UNSPACED) for code in codes]
    number = 0
    for raw, kind in passed:
        text = (raw * 9).decode()
        data, _ = layout([text.encode()])
        if len(characters(data, scan(data, erase=False).leads).codes) == 0:
            number += 1
            assert tables().actions[ord(text[0])] == KEEP, hex(ord(text[0]))
            assert tables().classes[ord(text[0])] == kind, hex(ord(text[0]))
    assert number > 3000

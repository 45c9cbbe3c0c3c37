"""Options of text in whole sketches: in segments, without tokens, and as a run writes them."""
# ruff: noqa: RUF001 (letters that look like others are the subject here)

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st

import dedup
from dedup import documents as module
from dedup.cli import cli
from dedup.documents import SketchParameters, sketch_texts
from dedup.text.hashing import hash_constants
from dedup.text.options import TextOptions
from tests import reference
from tests.batches import layout, mixed_text
from tests.oracles_hashing import shingle_hash
from tests.text.test_options import ALL, hard_texts, options_of
from tests.text.texts import broken_utf8

TOKENLESS = ["", " ", "\u0301", "👍", "👍\u0301", "❤\ufe0f", "❤", "!!!", "！！！", "! ! !", "\0"]


@given(
    st.lists(st.one_of(hard_texts.map(str.encode), broken_utf8()), min_size=1),
    st.integers(1, 20),
    options_of,
)
@settings(max_examples=300)
def test_any_text_in_tiny_segments_is_as_in_one_piece(
    pieces: list[bytes], size: int, options: reference.Options
) -> None:
    data, offsets = layout([b" ".join(pieces)])
    constants = hash_constants(0, 5)
    whole = module._tokens(data, offsets, constants, TextOptions(*options))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "_SEGMENT_BYTES", size)
        found = module._tokens(data, offsets, constants, TextOptions(*options))
    for one, other in zip(found, whole, strict=True):
        np.testing.assert_array_equal(one, other)


def test_a_huge_document_is_as_in_one_piece() -> None:
    raw = mixed_text(60_000, seed=7).encode() * 2
    assert len(raw) > module._SEGMENT_BYTES
    constants = hash_constants(0, 5)
    for options in (ALL[-1], ALL[-2]):
        data, offsets = layout([raw, b""])  # one of several documents is never segmented
        whole = module._tokens(data, offsets, constants, TextOptions(*options))
        found = module._tokens(*layout([raw]), constants, TextOptions(*options))
        np.testing.assert_array_equal(found[0], whole[0])


@pytest.mark.parametrize("options", ALL, ids=str)
def test_sets_and_digests_are_those_of_the_definition(options: reference.Options) -> None:
    texts = [
        *TOKENLESS,
        "naïve 12",
        "naive 99",
        "nai\u0308ve 00",
        "don't 1",
        "dont 2",
        "a b c d e f",
    ]
    parameters = SketchParameters(3, 0, None, False, TextOptions(*options))
    (found,) = sketch_texts(pa.array(texts), parameters)
    meant = [reference.shingles(text, 3, options) for text in texts]
    sets = [sorted(shingle_hash(shingle, 3, 0) for shingle in shingles) for shingles in meant]
    assert found.num_shingles.tolist() == [len(each) for each in sets]
    assert found.sets.tolist() == [value for each in sets for value in each]
    assert found.num_chars.tolist() == [len(text) for text in texts]
    compared = [reference.compared_text(text, options) for text in texts]
    keys = [
        frozenset(shingles) or (text if text.strip() else f"blank {place}")
        for place, (shingles, text) in enumerate(zip(meant, compared, strict=True))
    ]
    digests = [digest.tobytes() for digest in found.digests]
    for left, digest in enumerate(digests):
        blank = not meant[left] and not compared[left].strip()
        assert (digest == bytes(16)) == blank
        for right in range(left):
            if not blank:
                assert (digest == digests[right]) == (keys[left] == keys[right])


STORIES = [
    "Résumé of the café: it's open on 12 May 1999, they don't say when it will close again.",
    "Resume of the cafe: its open on 30 May 2024, they dont say when it will close again.",
]


@pytest.mark.parametrize(
    "flags", [["--strip-accents"], ["--join-words"], ["--fold-digits"], ["--unit", "char"], []]
)
def test_each_flag_is_the_keyword_and_is_written_down(flags: list[str], tmp_path: Path) -> None:
    path = tmp_path / "docs.jsonl"
    path.write_text("".join(json.dumps({"text": text}) + "\n" for text in STORIES))
    arguments = ["run", str(path), "-o", str(tmp_path / "out"), "--threshold", "0.2", *flags]
    done = CliRunner().invoke(cli, [*arguments, "--pairs", "all", "--recall", "0.9999"])
    assert done.exit_code == 0, done.output
    summary = json.loads((tmp_path / "out" / "summary.json").read_text())
    keywords = {flag[2:].replace("-", "_"): True for flag in flags if flag.startswith("--")}
    if "unit" in keywords:
        keywords["unit"] = "char"  # type: ignore[assignment]
    for name in ("strip_accents", "join_words", "fold_digits"):
        assert summary["config"][name] == keywords.get(name, False)
    assert summary["config"]["unit"] == ("char" if "unit" in keywords else "word")
    left, right = (reference.shingles(text, 5, reference.Options(**keywords)) for text in STORIES)
    expected = float(reference.jaccard(left, right))
    result = dedup.find_duplicates(path, threshold=0.2, pairs="all", recall=0.9999, **keywords)
    found = result.pairs["jaccard"].to_pylist()
    assert found == ([pytest.approx(expected)] if expected >= 0.2 else [])


def test_all_options_together_find_what_only_they_can() -> None:
    table = pa.table({"text": STORIES})
    every = {"strip_accents": True, "join_words": True, "fold_digits": True}
    assert dedup.find_duplicates(table, threshold=1).clusters.num_rows == 0
    assert dedup.find_duplicates(table, threshold=1, **every).clusters.num_rows == 2
    for name in every:
        fewer = every | {name: False}
        assert dedup.find_duplicates(table, threshold=1, **fewer).clusters.num_rows == 0


def test_the_warning_about_short_documents_names_the_unit() -> None:
    table = pa.table({"text": ["short one", "another"]})
    for unit, name in (("word", "word"), ("char", "character")):
        (warning,) = dedup.find_duplicates(table, unit=unit).summary["warnings"]
        assert f"one changed {name} in the middle" in warning


def test_an_unknown_unit_is_one_sentence() -> None:
    with pytest.raises(dedup.ConfigError, match="unit is 'line'; give one of word, char"):
        dedup.find_duplicates(pa.table({"text": STORIES}), unit="line")

"""JSON Lines whose texts are lists of tokens, or here text and there lists."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from io_files import packed, read

import dedup
from tests.test_own_tokens import DOCUMENTS, EXPECTED, STORY, decided


@pytest.mark.parametrize("suffix", [".jsonl", ".jsonl.gz"])
def test_json_lines_of_lists(suffix: str, tmp_path: Path) -> None:
    path = tmp_path / f"docs{suffix}"
    lines = [json.dumps({"text": each}) for each in DOCUMENTS]
    path.write_bytes(packed("\n".join(lines).encode(), suffix))
    result = dedup.find_duplicates(path)
    assert decided(result) == [(*row[:2], pytest.approx(row[2]), row[3]) for row in EXPECTED]
    assert result.summary["input"]["problems"] == {}


MIXED: list[tuple[Any, str | None]] = [
    (None, None),
    (" ".join(STORY), None),
    (STORY, None),
    (list(range(80)), None),
    (None, None),
    ([*range(80), None], None),
    ([], None),
    ([1, "a"], "'text' is a list of neither strings nor integers"),
    ([2**63], "'text' is a list with an integer beyond 64 bits"),
    ([True], "'text' is a list of neither strings nor integers"),
    ([["a"]], "'text' is a list of neither strings nor integers"),
    ("\ud800 lone", "lone surrogate"),
    (["\ud800", *STORY], None),
    ("more text", None),
]


@pytest.mark.parametrize("target", [1, 1 << 20])
def test_json_lines_of_text_and_lists(target: int, tmp_path: Path) -> None:
    path = tmp_path / "docs.jsonl"
    lines = [json.dumps({"id": place, "text": text}) for place, (text, _) in enumerate(MIXED)]
    path.write_text("\n".join(lines))
    found = read(path, batch=target)
    assert found.ids == list(range(len(MIXED)))
    told = {problem.row: problem.detail for problem in found.problems}
    assert told == {row: detail for row, (_, detail) in enumerate(MIXED) if detail}
    assert [p.line for p in found.problems] == [p.row + 1 for p in found.problems]  # type: ignore[operator]
    nulls = [place for place, text in enumerate(found.texts) if text is None]
    assert nulls == [0, 4, 7, 8, 9, 10]
    result = dedup.find_duplicates(path)
    # Text and its words have equal sets; the list with a lone surrogate is near them.
    assert result.clusters["position"].to_pylist() == [1, 2, 12, 3, 5]
    assert result.clusters["match"].to_pylist() == [
        "identical",
        "equal",
        "near",
        *["identical"] * 2,
    ]
    with pytest.raises(dedup.InputError, match=r"docs\.jsonl: .* leave out --join-words"):
        dedup.find_duplicates(path, join_words=True)
    with pytest.raises(dedup.InputError, match="cannot be joined with other columns"):
        dedup.find_duplicates(path, text="text,id")

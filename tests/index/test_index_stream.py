"""Decisions while batches flow."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest

import dedup
from tests.worlds import world

TEXTS = world(200, seed=21)


def batches(size: int) -> Iterator[pa.Table]:
    table = pa.table({"url": [f"u{number}" for number in range(len(TEXTS))], "body": TEXTS})
    for first in range(0, len(TEXTS), size):
        yield table.slice(first, size)


def test_the_decisions_are_those_of_one_run() -> None:
    run = dedup.find_duplicates(pa.table({"text": TEXTS}), threshold=0.6)
    found = pa.concat_tables(dedup.stream(batches(13), text="body", id="url", threshold=0.6))
    assert found["doc_id"].to_pylist() == [f"u{number}" for number in range(len(TEXTS))]
    assert np.array_equal(pc.not_equal(found["match"], "new").to_numpy(), run.decisions.removed)
    lists = (TEXTS[first : first + 50] for first in range(0, 200, 50))
    assert pa.concat_tables(dedup.stream(lists, threshold=0.6))["match"].equals(found["match"])


def test_each_answer_comes_before_the_next_batch_is_asked_for(tmp_path: Path) -> None:
    asked = []

    def slowly() -> Iterator[pa.Table]:
        for number, batch in enumerate(batches(40)):
            asked.append(number)
            yield batch

    index = dedup.Index.create(tmp_path / "index")
    for number, _ in enumerate(islice(dedup.stream(slowly(), index=index.path, text="body"), 3)):
        assert asked == list(range(number + 1))
        index.refresh()
        assert index.manifest.added == 40 * (number + 1)  # already on the disk
    again = next(dedup.stream(batches(120), index=index, text="body"))
    assert set(again["match"].to_pylist()) <= {"identical", "equal", "near", "new"}
    blank = [not text.strip() for text in TEXTS[:120]]
    assert pc.equal(again["match"], "new").to_pylist() == blank


def test_a_stream_takes_no_index_of_other_options(tmp_path: Path) -> None:
    index = dedup.Index.create(tmp_path / "index")
    for given in (index, index.path):
        with pytest.raises(dedup.ConfigError, match=r"made with threshold 0\.8, not 0\.5"):
            next(dedup.stream([["a"]], index=given, threshold=0.5))
    with pytest.raises(dedup.InputError, match="is no index"):
        next(dedup.stream([["a"]], index=tmp_path / "other"))

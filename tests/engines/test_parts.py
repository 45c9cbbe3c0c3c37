"""A part comes back from disk as it was in memory, and is finished only with its last file."""

from __future__ import annotations

import os
from collections import Counter
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from dedup.config import Config
from dedup.corpus import Sketched, join_parts
from dedup.documents import Sketches
from dedup.engines import part_writer
from dedup.engines.part_files import is_finished, open_part, save_part
from dedup.engines.part_writer import PartWriter
from dedup.engines.parts import DOCUMENT_ARRAYS, PartRecords, PartSketches
from dedup.io.base import InputFile, Problem
from dedup.spill.scratch import Scratch

BANDS = 3


def batch(count: int, rng: np.random.Generator, bands: int) -> Sketches:
    """Return sketches of any values; some sets are empty."""
    num_shingles = rng.integers(0, 4, count)

    def words(*shape: int) -> np.ndarray:
        return rng.integers(0, 1 << 63, shape).astype(np.uint64) << np.uint64(1)

    return Sketches(
        sets=words(int(num_shingles.sum())),
        num_shingles=num_shingles,
        num_tokens=rng.integers(0, 99, count),
        num_chars=rng.integers(0, 99, count),
        keys=words(count, bands),
        fingerprints=words(count),
        digests=words(count, 2),
        text_digests=words(count, 2),
        num_invalid=count,
    )


def written(
    stem: str | None, counts: list[int], *, bands: int = BANDS, columns: bool = True
) -> PartSketches | None:
    """Write a part of batches of so many documents."""
    rng = np.random.default_rng(1)
    total = sum(counts)
    ids = [None if number % 3 == 0 else f"d{number}" for number in range(total)]
    problem = Problem("bad_json", 1, 2, "ünexpected")
    with PartWriter(stem, bands) as writer:
        for count in counts:
            writer.append(batch(count, rng, bands))
        assert stem is None or not is_finished(stem)
        return writer.finish(
            records=[PartRecords(0, None, total, 2 * total, [problem]), PartRecords(1, None)],
            missing=np.arange(0, total, 4),
            columns=pa.table({"doc_id": pa.array(ids, pa.string())} if columns else {}),
            excluded=Counter({"language": 2}),
            num_bytes=123,
        )


def same(found: PartSketches | None, expected: PartSketches | None) -> None:
    assert found is not None
    assert expected is not None
    assert found.records == expected.records
    assert list(found.arrays) == list(expected.arrays) == list(DOCUMENT_ARRAYS)
    named = [(found.arrays[name], expected.arrays[name]) for name in DOCUMENT_ARRAYS]
    runs = zip(found.key_runs, expected.key_runs, strict=True)
    keys = [(one.entries, other.entries) for one, other in runs]
    others = [(found.sets, expected.sets), (found.missing, expected.missing)]
    for array, wanted in (*named, *keys, *others):
        assert array.dtype == wanted.dtype
        np.testing.assert_array_equal(array, wanted, strict=True)
    assert [run.first for run in found.key_runs] == [run.first for run in expected.key_runs]
    assert found.columns.equals(expected.columns)
    assert found.excluded == expected.excluded
    assert (found.num_bytes, found.num_invalid) == (expected.num_bytes, expected.num_invalid)


@pytest.mark.parametrize("run_bytes", [1, 200, 16 << 20])
@pytest.mark.parametrize("counts", [[], [0], [5], [7, 0, 1, 30]])
def test_parts_come_back_as_they_were(
    tmp_path: Path, counts: list[int], run_bytes: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(part_writer, "_RUN_BYTES", run_bytes)
    kept = written(None, counts)
    assert kept is not None
    assert len(kept) == sum(counts)
    assert sum(map(len, kept.key_runs)) == sum(counts)
    assert written(str(tmp_path / "a"), counts) is None
    opened = open_part(str(tmp_path / "a"), None)
    wanted = [run for run in kept.key_runs if len(run)]
    assert sum(map(len, opened.key_runs)) == sum(map(len, wanted))
    same(opened, kept)
    save_part(str(tmp_path / "b"), kept)
    same(open_part(str(tmp_path / "b"), None), kept)
    save_part(str(tmp_path / "c"), opened)
    same(open_part(str(tmp_path / "c"), None), kept)


def test_runs_are_cut_by_their_bytes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(part_writer, "_RUN_BYTES", 10 * 8 * BANDS)
    kept = written(None, [4, 6, 3, 20, 5])
    assert kept is not None
    assert [(run.first, len(run)) for run in kept.key_runs] == [(0, 10), (10, 23), (33, 5)]


@pytest.mark.parametrize("bands", [0, 1])
def test_no_columns_and_few_bands(tmp_path: Path, bands: int) -> None:
    kept = written(None, [5, 2], bands=bands, columns=False)
    assert kept is not None
    assert len(kept.key_runs) == bands
    written(str(tmp_path / "a"), [5, 2], bands=bands, columns=False)
    same(open_part(str(tmp_path / "a"), None), kept)


def test_a_part_is_finished_with_its_last_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stem = str(tmp_path / "a")

    def stop(path: str, target: str) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "replace", stop)
    with pytest.raises(KeyboardInterrupt):
        written(stem, [5])
    assert not is_finished(stem)
    assert {path.suffix for path in tmp_path.iterdir()} >= {".sets", ".keys", ".counts", ".arrow"}
    monkeypatch.undo()
    written(stem, [5])
    assert is_finished(stem)


def test_a_corpus_of_opened_parts_is_the_one_in_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(part_writer, "_RUN_BYTES", 150)
    monkeypatch.setattr("dedup.spill.scratch._SMALL_BYTES", 0)
    files = [InputFile(0, 0, "", "a", "jsonl"), InputFile(1, 0, "", "b", "jsonl")]
    many = [[5], [], [8, 9]]
    for number, counts in enumerate(many):
        written(str(tmp_path / str(number)), counts)
    kept = [part for counts in many if (part := written(None, counts)) is not None]
    opened = [open_part(str(tmp_path / str(number)), None) for number in range(3)]
    wanted = join_parts(Sketched(files, kept, Config()), Scratch())
    found = join_parts(Sketched(files, opened, Config()), Scratch(str(tmp_path), 0))
    assert len(found) == 22
    names = ("num_tokens", "num_chars", "fingerprints", "digests", "text_digests", "missing")
    for name in (*names, "num_shingles", "file_offsets"):
        assert np.array_equal(getattr(found, name), getattr(wanted, name))
    every = np.arange(22)[::-1]
    assert np.array_equal(found.sets.gather(every), wanted.sets.gather(every))
    starts = [run.first for run in found.key_runs]
    assert starts == [run.first for run in wanted.key_runs]
    assert starts[0] == 0
    assert len(starts) > 2
    assert found.columns.equals(wanted.columns)
    assert found.problems == wanted.problems
    assert found.missing.tolist() == [0, 4, 5, 9, 13, 17, 21]
    assert found.excluded == Counter({"language": 6})

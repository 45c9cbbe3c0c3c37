"""Which documents are explained: ids of a run and what became of its input, files, texts."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import dedup
from dedup.config import Config
from tests import reference
from tests.story_runs import STORY, edited, reason, run, text


@pytest.fixture(params=[True, False], ids=["evidence", "none"])
def evidence(request: pytest.FixtureRequest) -> bool:
    return bool(request.param)


def test_ids_that_are_not_there_or_many(tmp_path: Path, evidence: bool) -> None:
    rows = {
        "id": ["a", "b", "b", "c"],
        "text": [text(STORY), *["one two three four five"] * 2, "z"],
    }
    out = run(tmp_path, rows, evidence=evidence)
    with pytest.raises(dedup.InputError, match="no document 'nobody'; give an id, or @ and"):
        dedup.explain("a", "nobody", run=out)
    with pytest.raises(dedup.InputError, match="2 documents have the id 'b'; give one of @1, @2"):
        dedup.explain("a", "b", run=out)
    with pytest.raises(dedup.InputError, match="no position 4 in a run of 4 documents"):
        dedup.explain("a", "@4", run=out)
    with pytest.raises(dedup.InputError, match="are one document"):
        dedup.explain("a", "@0", run=out)
    rows = {"id": ["a", "b", "b"], "text": [text(STORY), text(edited(1)), "z"]}
    other = run(tmp_path / "one in a cluster", rows, evidence=evidence)
    with pytest.raises(dedup.InputError, match="2 documents have the id 'b'; give one of @1, @2"):
        dedup.explain("a", "b", run=other)
    found = dedup.explain("c", "@2", run=out)
    assert (found.left.name, found.left.position, found.right.name) == ("c", 3, "b")


def test_a_changed_input_is_said(tmp_path: Path, evidence: bool) -> None:
    rows = {"id": ["a", "b"], "text": [text(edited(0)), text(edited(1))]}
    out = run(tmp_path, rows, evidence=evidence)
    shutil.copy(tmp_path / "in.parquet", tmp_path / "moved.parquet")
    pq.write_table(pa.table({"id": ["a", "b"], "text": ["x", "y"]}), tmp_path / "in.parquet")
    if evidence:
        found = dedup.explain("a", "b", run=out)
        assert found.difference is None
        assert found.no_difference == "in.parquet changed since the run"
        assert reason(found) == (True, "removed")
    else:
        with pytest.raises(dedup.InputError, match=r"in\.parquet changed since the run.*no evid"):
            dedup.explain("a", "b", run=out)
    found = dedup.explain("a", "b", run=out, inputs=[tmp_path / "moved.parquet"])
    assert found.difference is not None


def test_a_result_that_was_written_from_memory(tmp_path: Path) -> None:
    rows = {"id": list("abc"), "text": [text(edited(number)) for number in (0, 1, 2)]}
    result = dedup.find_duplicates(pa.table(rows), keep_best=2)
    result.write(tmp_path / "out", evidence=True)
    assert reason(dedup.explain("a", "b", run=tmp_path / "out")) == (True, "spared")
    found = dedup.explain("a", "c", run=tmp_path / "out")
    assert reason(found) == (True, "removed")
    assert found.no_difference == "the run was of a table in memory"
    result.write(tmp_path / "bare")
    with pytest.raises(dedup.InputError, match=r"a table in memory.*kept no evidence"):
        dedup.explain("a", "b", run=tmp_path / "bare")


def test_crawled_pages_by_id_or_position(evidence: bool, tmp_path: Path) -> None:
    pytest.importorskip("fastwarc")
    crawl = Path(__file__).parents[2] / "data" / "sample.warc.gz"
    dedup.run([crawl], tmp_path / "out", Config(), keep_evidence=evidence)
    with_evidence = tmp_path / "evidence"
    dedup.run([crawl], with_evidence, Config(), keep_evidence=True)
    clustered = set(pq.read_table(with_evidence / "clusters.parquet")["position"].to_pylist())
    alone = next(place for place in range(379) if place not in clustered)
    name = dedup.explain(f"@{alone}", "@3", run=with_evidence).left.name
    found = dedup.explain(name, "@3", run=tmp_path / "out")
    assert found.left.position == alone
    assert found.left.name == name


def test_pages_of_one_address_are_told_apart(evidence: bool, tmp_path: Path) -> None:
    """Two copies of a crawl, each by itself: an id that comes again ends in file and offset."""
    pytest.importorskip("fastwarc")
    crawl = Path(__file__).parents[2] / "data" / "sample.warc.gz"
    files = [tmp_path / "a.warc.gz", tmp_path / "b.warc.gz"]
    for file in files:
        shutil.copy(crawl, file)
    dedup.run(files, tmp_path / "out", Config(within="file"), keep_evidence=evidence)
    clustered = pq.read_table(tmp_path / "out" / "clusters.parquet")["position"].to_pylist()
    alone = next(place for place in range(379) if place not in clustered)
    again = dedup.explain(f"@{alone + 379}", "@3", run=tmp_path / "out")
    kept = dedup.find_duplicates(files, within="file").corpus.ids
    names = kept.take(np.array([alone, alone + 379])).to_pylist()
    found = dedup.explain(names[0], names[1], run=tmp_path / "out")
    assert (found.left.position, found.right.position) == (alone, alone + 379)
    assert again.left.position == alone + 379
    assert reason(found) == (False, "other group")


def test_two_texts_and_two_files(tmp_path: Path) -> None:
    one, other = "The quick, brown fox jumps over it", "the quick brown fox leaps over it!"
    found = dedup.explain(one, other, ngram=2, threshold=0.4)
    sets = [reference.shingles(side, 2) for side in (one, other)]
    assert found.comparison.jaccard == reference.jaccard(*sets)
    assert found.verdict is None
    assert found.examples == ("The quick", "brown fox", "over it")
    assert found.left.examples == ("fox jumps",)
    assert found.right.examples == ("fox leaps",)
    assert found.reaches
    for name, side in (("one.txt", one), ("other.txt", other)):
        (tmp_path / name).write_text(side, encoding="utf-8")
    files = dedup.explain(tmp_path / "one.txt", tmp_path / "other.txt", ngram=2, threshold=0.4)
    assert files.comparison == found.comparison
    assert files.difference == found.difference
    lists = dedup.explain([1, 2, 3], [1, 2, 4], ngram=1)
    assert (lists.comparison.shared, lists.comparison.union) == (2, 4)


def test_wrong_calls_are_one_sentence(tmp_path: Path) -> None:
    many = tmp_path / "many.jsonl"
    many.write_text('{"text": "a"}\n{"text": "b"}\n', encoding="utf-8")
    empty = tmp_path / "empty.jsonl"
    empty.write_text("", encoding="utf-8")
    with pytest.raises(dedup.InputError, match="more than one document"):
        dedup.explain(many, many)
    with pytest.raises(dedup.InputError, match="holds no document"):
        dedup.explain(empty, many)
    with pytest.raises(dedup.InputError, match="is a folder"):
        dedup.explain(tmp_path, many)
    with pytest.raises(dedup.ConfigError, match="threshold is given with run"):
        dedup.explain("a", "b", run=tmp_path, threshold=0.5)

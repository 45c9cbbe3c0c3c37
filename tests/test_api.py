"""The library: what it takes, what it gives, and what it says when it can't."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.dataset as ds
import pyarrow.parquet as pq
import pytest

import dedup
from dedup.corpus import join_parts
from dedup.output.evidence import open_evidence
from dedup.spill.scratch import Scratch
from tests.worlds import world

TEXTS = world(300, seed=5)
TABLE = pa.table({"id": [f"d{i}" for i in range(len(TEXTS))], "text": TEXTS})
EXPECTED = dedup.find_duplicates(TABLE)


def same(result: object) -> None:
    assert (
        result.clusters.drop(["source"])
        .cast(plain(EXPECTED))
        .equals(  # type: ignore[attr-defined]
            EXPECTED.clusters.drop(["source"])
        )
    )


def plain(result: object) -> pa.Schema:
    return result.clusters.drop(["source"]).schema  # type: ignore[attr-defined, no-any-return]


def test_there_is_something_to_find() -> None:
    assert EXPECTED.clusters.num_rows > 100


@pytest.mark.parametrize(
    "kind", ["string", "large_string", "string_view", "binary", "large_binary"]
)
def test_text_types(kind: str) -> None:
    column = TABLE["text"].cast(getattr(pa, kind)())
    same(dedup.find_duplicates(TABLE.set_column(1, "text", column)))


def test_dictionary_text() -> None:
    column = TABLE["text"].combine_chunks().dictionary_encode()
    same(dedup.find_duplicates(TABLE.set_column(1, "text", column)))


def test_chunked_and_sliced_tables() -> None:
    same(dedup.find_duplicates(pa.concat_tables([TABLE.slice(0, 33), TABLE.slice(33)])))
    padded = pa.concat_tables([TABLE.slice(0, 10), TABLE, TABLE.slice(0, 5)])
    same(dedup.find_duplicates(padded.combine_chunks().slice(10, len(TABLE))))


def test_record_batches_and_readers() -> None:
    same(dedup.find_duplicates(TABLE.combine_chunks().to_batches()[0]))
    same(dedup.find_duplicates(TABLE.to_reader(max_chunksize=50)))


def test_datasets_and_paths(tmp_path: Path) -> None:
    pq.write_table(TABLE.slice(0, 120), tmp_path / "a.parquet")
    pq.write_table(TABLE.slice(120), tmp_path / "b.parquet")
    same(dedup.find_duplicates(ds.dataset(tmp_path)))
    same(dedup.find_duplicates(tmp_path))
    same(dedup.find_duplicates(str(tmp_path / "*.parquet")))
    same(dedup.find_duplicates([tmp_path / "a.parquet", tmp_path / "b.parquet"]))


def test_polars() -> None:
    polars = pytest.importorskip("polars")
    frame = polars.from_arrow(TABLE)
    same(dedup.find_duplicates(frame))
    assert len(dedup.drop_duplicates(frame)) == EXPECTED.summary["result"]["kept"]


def test_pandas() -> None:
    pytest.importorskip("pandas")
    same(dedup.find_duplicates(TABLE.to_pandas()))


def test_duckdb() -> None:
    duckdb = pytest.importorskip("duckdb")
    connection = duckdb.connect()
    connection.register("documents", TABLE)
    same(dedup.find_duplicates(connection.sql("SELECT * FROM documents")))


def test_drop_duplicates_keeps_order_and_columns() -> None:
    kept = dedup.drop_duplicates(TABLE, keep="longest")
    result = dedup.find_duplicates(TABLE, keep="longest")
    assert kept.schema == TABLE.schema
    assert kept.equals(TABLE.filter(pa.array(~result.decisions.removed)))
    assert len(kept) < len(TABLE)


def test_ids_keep_their_type() -> None:
    numbers = TABLE.set_column(0, "number", pa.array(range(len(TABLE)), pa.uint16()))
    result = dedup.find_duplicates(numbers, id="number")
    assert result.clusters.schema.field("doc_id").type == pa.uint16()
    by_position = dedup.find_duplicates(TABLE.select(["text"]))
    assert by_position.clusters["doc_id"].equals(by_position.clusters["position"])


def test_null_and_duplicate_ids_are_warned_of_or_refused() -> None:
    ids = pa.array([None, "x", "x", *TABLE["id"].to_pylist()[3:]])
    table = TABLE.set_column(0, "id", ids)
    result = dedup.find_duplicates(table)
    assert any("1 null ids" in warning for warning in result.summary["warnings"])
    assert any("1 duplicate ids" in warning for warning in result.summary["warnings"])
    assert result.decisions.removed_by.tolist() == EXPECTED.decisions.removed_by.tolist()
    with pytest.raises(dedup.InputError, match="--strict-ids"):
        dedup.find_duplicates(table, strict_ids=True)


def test_several_and_nested_text_columns() -> None:
    words = " ".join(f"w{i}" for i in range(60))
    pages = [{"title": "a", "text": words}, {"title": None, "text": words}, None]
    table = pa.table({"page": pa.array(pages)})
    result = dedup.find_duplicates(table, text="page.text")
    assert result.clusters["position"].to_pylist() == [0, 1]
    joined = dedup.find_duplicates(table, text="page.title,page.text", threshold=1)
    assert joined.clusters.num_rows == 0


def test_a_wrong_column_lists_those_there_are() -> None:
    with pytest.raises(dedup.InputError, match="no text column 'body'; it has: id, text"):
        dedup.find_duplicates(TABLE, text="body")
    with pytest.raises(dedup.InputError, match="score"):
        dedup.find_duplicates(TABLE, keep="max:score")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"threshold": 0}, "threshold is 0"),
        ({"threshold": 1.5}, "threshold is 1.5"),
        ({"threshold": "much"}, "threshold is 'much'"),
        ({"recall": 1.0}, "recall is 1.0"),
        ({"ngram": 0}, "ngram is 0"),
        ({"ngram": None}, "ngram is None"),
        ({"method": "magic"}, "method is 'magic'; give one of minhash, simhash, both, exact"),
        ({"keep": "best"}, "keep is 'best'; give one of first, last"),
        ({"keep": "max:"}, "keep is 'max:'"),
        ({"seed": "x"}, "seed is 'x'"),
        ({"workers": 0}, "workers is 0"),
        ({"fuzziness": 3}, "no option 'fuzziness'; the options are threshold, "),
    ],
)
def test_bad_options_get_one_sentence(options: dict[str, object], message: str) -> None:
    with pytest.raises(dedup.ConfigError) as caught:
        dedup.find_duplicates(TABLE, **options)
    assert message in str(caught.value)
    assert str(caught.value).count("\n") == 0


def test_what_is_no_table() -> None:
    with pytest.raises(dedup.InputError, match="dict is no input"):
        dedup.find_duplicates({"text": TEXTS})
    with pytest.raises(dedup.InputError, match=r"dedup\.run"):
        dedup.drop_duplicates("some/path")


def test_results_are_written_whole_and_never_over_others(tmp_path: Path) -> None:
    out = tmp_path / "deep" / "out"
    EXPECTED.write(out)
    assert sorted(p.name for p in out.iterdir()) == [
        "clusters.parquet",
        "pairs.parquet",
        "summary.json",
    ]
    assert pq.read_table(out / "clusters.parquet").equals(EXPECTED.clusters)
    assert pq.read_table(out / "pairs.parquet").equals(EXPECTED.pairs)
    with pytest.raises(dedup.OutputExistsError, match="--overwrite"):
        EXPECTED.write(out)
    EXPECTED.write(out, overwrite=True, evidence=True)
    assert (out / "evidence" / "manifest.json").exists()
    foreign = tmp_path / "foreign"
    foreign.mkdir()
    (foreign / "thesis.txt").write_text("years of work")
    with pytest.raises(dedup.OutputExistsError, match="not written by dedup"):
        EXPECTED.write(foreign, overwrite=True)
    assert (foreign / "thesis.txt").exists()
    assert [p.name for p in out.parent.iterdir()] == ["out"]


def test_evidence_holds_sets_keys_and_rejected_pairs(tmp_path: Path) -> None:
    result = dedup.find_duplicates(TABLE, pairs="all")
    result.write(tmp_path / "out", evidence=True)
    folder = tmp_path / "out" / "evidence"
    found = join_parts(open_evidence(folder), Scratch())
    everything = np.arange(len(TABLE))
    assert len(found) == len(TABLE)
    assert found.sets.gather(everything).tolist() == result.corpus.sets.gather(everything).tolist()
    for name in ("num_shingles", "num_tokens", "num_chars", "digests", "text_digests"):
        np.testing.assert_array_equal(getattr(found, name), getattr(result.corpus, name))
    for ours, theirs in zip(found.key_runs, result.corpus.key_runs, strict=True):
        assert ours.first == theirs.first
        np.testing.assert_array_equal(ours.entries, theirs.entries)
    assert found.num_bands == result.summary["banding"]["bands"]
    assert found.columns.equals(result.corpus.columns)
    rejected = pq.read_table(folder / "rejected.parquet")
    assert len(rejected) > 0
    assert max(rejected["jaccard"].to_pylist()) < 0.8


def test_no_scratch_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    dedup.find_duplicates(TABLE)
    with pytest.raises(dedup.InputError):
        dedup.find_duplicates(TABLE, text="nowhere")
    assert list(tmp_path.iterdir()) == []


def test_importing_is_light() -> None:
    code = (
        "import sys, dedup, dedup.cli; print([m for m in ('numpy', 'pyarrow') if m in sys.modules])"
    )
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert out.stdout.strip() == "[]"


def test_workers_need_no_main_guard(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A script without ``if __name__ == "__main__"`` must not start itself again."""
    pq.write_table(TABLE, tmp_path / "docs.parquet")
    script = tmp_path / "etl.py"
    script.write_text(
        "import dedup.jobs.local\n"
        "dedup.jobs.local.SMALL_BYTES = 0\n"
        f"result = dedup.find_duplicates({str(tmp_path / 'docs.parquet')!r}, workers=2)\n"
        "print(result.clusters.num_rows)\n"
    )
    root = str(Path(__file__).parents[1])
    elsewhere = tmp_path / "elsewhere"  # nor may a worker take modules of the working directory
    elsewhere.mkdir()
    for name in ("numpy", "dedup"):
        (elsewhere / f"{name}.py").write_text("raise SystemExit('the wrong module')")
    out = subprocess.run(
        [sys.executable, str(script)],
        capture_output=True,
        text=True,
        check=True,
        env={"PYTHONPATH": root, "PATH": ""},
        cwd=elsewhere,
    )
    assert out.stdout == f"{EXPECTED.clusters.num_rows}\n"

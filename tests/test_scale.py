"""The scale benchmark: documents that are functions of their number, and pairs that are known."""

from __future__ import annotations

import json
import os
import re
import sys
from fractions import Fraction
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner

from benchmarks import scale, scale_results
from benchmarks.measure import run
from benchmarks.tenfold import EVERY, copied_ids, renumbered, write_tenfold
from benchmarks.truth import shingle_sets, similar_pairs
from benchmarks.web_documents import NUM_WORDS, POPULAR, WebDocuments, write_documents
from benchmarks.web_pairs import families, score, write_pairs
from dedup.resources.costs import search_bytes
from tests import reference

Pair = tuple[int, int, float]


@pytest.fixture(scope="module")
def web() -> WebDocuments:
    return WebDocuments(seed=5)


def known_pairs(web: WebDocuments, count: int, folder: Path) -> list[Pair]:
    write_pairs(web, count, folder / "pairs.parquet")
    table = pq.read_table(folder / "pairs.parquet")
    return sorted(zip(*(column.to_pylist() for column in table.columns), strict=True))


def test_a_document_is_a_function_of_seed_and_number(web: WebDocuments) -> None:
    numbers = np.arange(2_500)
    texts, urls = web.texts(numbers).to_pylist(), web.urls(numbers).to_pylist()
    for parts in (np.split(numbers, [1, 2, 900]), np.split(numbers, 50)):
        again = WebDocuments(seed=5)
        assert [text for part in parts for text in again.texts(part).to_pylist()] == texts
        assert [url for part in parts for url in again.urls(part).to_pylist()] == urls
    backwards = web.texts(numbers[::-1]).to_pylist()
    assert backwards[::-1] == texts
    other = WebDocuments(seed=6).texts(numbers).to_pylist()
    assert not set(other) & set(texts)
    assert len(set(urls)) == len(urls)


def test_documents_are_short_and_of_all_lengths(web: WebDocuments) -> None:
    lengths = np.array([len(text.split()) for text in web.texts(np.arange(20_000)).to_pylist()])
    assert 55 < lengths.mean() < 65
    assert lengths.min() > 15
    assert (np.histogram(lengths, [16, 30, 50, 80, 120, 200, 500])[0] > 20).all()


def test_files_hold_the_documents_in_order(web: WebDocuments, tmp_path: Path) -> None:
    write_documents(web, tmp_path / "web.parquet", 4_000, 14_001, rows=5_000)
    file = pq.ParquetFile(tmp_path / "web.parquet")
    groups = [file.metadata.row_group(place).num_rows for place in range(file.num_row_groups)]
    assert groups == [5_000, 5_000, 1]
    numbers = np.arange(4_000, 14_001)
    assert file.read()["text"].to_pylist() == web.texts(numbers).to_pylist()
    assert file.read()["id"].to_pylist() == web.urls(numbers).to_pylist()


def test_the_known_pairs_are_those_of_the_definition(web: WebDocuments, tmp_path: Path) -> None:
    texts = web.texts(np.arange(800)).to_pylist()
    near = reference.similar_pairs([reference.shingles(text, 5) for text in texts], Fraction("0.7"))
    expected = sorted((left, right, float(jaccard)) for (left, right), jaccard in near.items())
    assert len(expected) > 60
    assert known_pairs(web, 800, tmp_path) == expected


def test_no_pair_is_near_by_accident(web: WebDocuments, tmp_path: Path) -> None:
    """The exact join finds every pair there is, whatever it comes from."""
    texts = web.texts(np.arange(12_000)).to_pylist()
    found = similar_pairs(shingle_sets(texts), Fraction("0.7"))
    assert known_pairs(web, 12_000, tmp_path) == found
    jaccard = [pair[2] for pair in found]
    bins = np.histogram(jaccard, bins=[0.7, 0.75, 0.8, 0.85, 0.9, 0.95, 1 - 1e-9, 1])[0]
    assert (bins > 10).all()


def test_families_are_large_and_far_apart(web: WebDocuments) -> None:
    originals, members = families(web, 100_000)
    assert not web.is_copy(originals).any()
    copies = members[members != originals]
    assert web.is_copy(copies).all()
    assert len(np.unique(copies)) == len(copies)
    assert 0.12 < len(copies) / 100_000 < 0.13
    assert (originals <= members).all()
    sizes = np.unique(originals, return_counts=True)[1]
    assert sizes.min() == 2
    assert sizes.max() > 40
    assert np.median((members - originals)[members != originals]) > 10_000
    assert 0 in originals
    assert (originals % POPULAR == 0).sum() > 1_000


def test_five_words_are_a_number_of_64_bits() -> None:
    assert NUM_WORDS**5 <= 2**64 < (NUM_WORDS + 1) ** 5


def write_answer(folder: Path, pairs: list[Pair], removed_by: dict[int, int]) -> tuple[Path, Path]:
    columns = map(list, zip(*pairs, strict=True))
    pq.write_table(pa.table(list(columns), ["left", "right", "jaccard"]), folder / "truth.parquet")
    rows = {k: k for k in removed_by.values()} | removed_by
    clusters = {
        "position": list(rows),
        "cluster_id": list(rows.values()),
        "is_keeper": [at == keeper for at, keeper in rows.items()],
    }
    pq.write_table(pa.table(clusters), folder / "clusters.parquet")
    return folder / "truth.parquet", folder / "clusters.parquet"


def test_a_true_pair_is_missed_where_both_are_kept(tmp_path: Path) -> None:
    pairs = [
        *((0, 1, 1.0), (0, 2, 0.82), (1, 2, 0.82), (3, 4, 0.9), (5, 6, 0.81)),
        *((0, 7, 0.79), (8, 20, 1.0)),  # a decoy, and a pair beyond these documents
    ]
    files = write_answer(tmp_path, pairs, {1: 0, 2: 0, 4: 3, 7: 0})
    answer = score(*files, count=10)
    assert answer.true_pairs == 5
    assert answer.recall == pytest.approx(4 / 5)  # 5 and 6 are both kept
    assert [(b.true, b.found) for b in answer.bins] == [(3, 2), (0, 0), (1, 1), (0, 0), (1, 1)]
    assert (answer.removed, answer.unfounded) == (4, 1)  # 7 went for a decoy
    # With 1 kept for some other reason the pair (1, 2) is settled by what removes 2.
    kept = score(*write_answer(tmp_path, pairs, {2: 0, 4: 3, 6: 5}), count=10)
    assert kept.recall == pytest.approx(4 / 5)
    assert kept.unfounded == 0


def naive_renumbered(text: str, copy: int) -> str:
    parts = re.split(r"([\x00-\x20]+)", text)
    words = [place for place, part in enumerate(parts) if part and place % 2 == 0]
    for place in words[EVERY - 1 :: EVERY]:
        parts[place] = str(copy)
    return "".join(parts)


def test_every_twelfth_word_is_the_copys_number() -> None:
    rng = np.random.default_rng(0)
    texts = [
        *("", " ", "one", "w " * 12, " w" * 11, "w" * 40, "w\n" * 60, "é\u3000e " * 30),
        *("".join(rng.choice(list("abé  \n"), rng.integers(0, 300))) for _ in range(300)),
    ]
    array = pa.array(texts)
    for copy in (0, 7):
        expected = [naive_renumbered(text, copy) for text in texts]
        assert renumbered(array, copy).to_pylist() == expected
        assert renumbered(array[5:200], copy).to_pylist() == expected[5:200]
    assert renumbered(pa.array([None, "a"]), 3).to_pylist() == ["", "a"]
    assert renumbered(array[:0], 3).to_pylist() == []
    renumbered(array, 9).validate(full=True)
    with pytest.raises(ValueError, match="copy is 10"):
        renumbered(array, 10)


@pytest.mark.parametrize("ids", [["a", "b"], [40, -3]])
def test_ten_copies_have_distinct_ids_and_are_no_duplicates(
    ids: list[str] | list[int], tmp_path: Path
) -> None:
    texts = [" ".join(f"w{number}" for number in range(n)) for n in (400, 5)]
    pq.write_table(pa.table({"text": texts, "id": ids, "more": [1, 2]}), tmp_path / "one")
    write_tenfold(tmp_path / "one", tmp_path / "ten")
    table = pq.read_table(tmp_path / "ten")
    assert table.column_names == ["id", "text"]
    assert len(set(table["id"].to_pylist())) == 20
    assert table["id"].to_pylist()[:4:3] == ([40, 41] if ids[0] == 40 else ["0-a", "1-b"])
    assert table["text"].to_pylist() == [naive_renumbered(t, c) for c in range(10) for t in texts]
    first, second = (reference.shingles(table["text"][row].as_py(), 5) for row in (0, 2))
    assert reference.jaccard(first, second) == pytest.approx(7 / 17, abs=0.01)


def test_whole_number_ids_move_by_the_stride() -> None:
    moved = copied_ids(pa.array([1, 2], pa.int32()), 3, 10)
    assert moved.equals(pa.array([31, 32], pa.int64()))


@pytest.mark.parametrize("exponent", [0.0, 1.0, 1.37])
def test_the_fit_gives_the_known_exponent(exponent: float) -> None:
    sizes = [10**6, 3 * 10**6, 10**7]
    power = scale_results.fit(sizes, [4e-5 * size**exponent for size in sizes])
    assert power is not None
    assert power.exponent == pytest.approx(exponent, abs=1e-9)
    assert power.at(10**9) == pytest.approx(4e-5 * 1e9**exponent)
    # Errors that lie on no power leave the fit between them.
    noisy = scale_results.fit([1, 10, 100], [2, 10, 200])
    assert noisy is not None
    assert noisy.exponent == pytest.approx(1.0)
    assert scale_results.fit([10**6], [1.0]) is None


def test_sizes_of_memory_are_read() -> None:
    assert scale_results.parse_bytes("2GiB") == 2**31
    assert scale_results.parse_bytes("1.5 MiB") == 3 * 2**19
    with pytest.raises(ValueError, match="'2 apples' is no size"):
        scale_results.parse_bytes("2 apples")


MACHINE = {"cpu": "a processor", "cores": 2, "python": "3.11"}


def measured(documents: int, seconds: float) -> dict[str, object]:
    peaks = {"peak_bytes": 2**30, "peak_unbacked_bytes": 2**29, "peak_disk_bytes": 2048 * documents}
    bins = [{"low": 0.8, "high": 0.85, "true": 4, "found": 3}]
    answer = {"true_pairs": 40, "recall": 0.975, "bins": bins, "removed": 9, "unfounded": 0}
    sizes = {"documents": documents, "text_bytes": 300 * documents, "seconds": seconds}
    return {**sizes, **peaks, "others_share": 0.25, "answer": answer}


def test_the_page_tells_what_was_measured_from_what_was_not() -> None:
    sizes = [measured(10**6, 10.0), measured(10**7, 100.0), {"documents": 5, "error": "failed (1)"}]
    report = {"seed": 0, "command": "dedup run", "machine": MACHINE, "sizes": sizes}
    lines = scale_results.page(report).splitlines()
    start = "| 1,000,000 | 300 | 10.00 | 1.00 | 0.50 | 1.91 | 100,000 "
    assert start + "| 40 | 0.9750 | 0.7500 | 9 | 0 |" in lines
    assert "| 5 | failed (1) |" + " – |" * 10 in lines
    assert "| grows as | – | n^1.00 | n^0.00 | n^0.00 | n^1.00 |" + " – |" * 6 in lines
    memory = f"{search_bytes(10**9) / 2**30:.2f}"  # more than was measured carries on to
    paper = f"| 1,000,000,000, on paper | – | 10,000 | 1.00 | {memory} | 1,907 | 100,000 |"
    assert paper + " – |" * 5 in lines
    assert any(line.startswith("On paper: nothing was run") for line in lines)
    assert "Not a quiet machine: others used up to 25% of the cores during a run." in lines
    one = scale_results.page(report | {"sizes": sizes[:1]})
    assert "grows as" not in one
    assert "On paper" not in one


def test_ten_times_over_is_told_by_the_megabyte() -> None:
    rows = [{"corpus": "once", **measured(10**6, 10.0)}, {"corpus": "10 times", "error": "no"}]
    for row in rows:
        row.update(documents=10**6, text_bytes=300 * 10**6)
    report = {"name": "x", "runs": 3, "command": "dedup run", "machine": MACHINE, "rows": rows}
    lines = scale_results.tenfold_page(report).splitlines()
    assert "| once | 1,000,000 | 300 | 10.00 | 3.333 | 1.00 | 0.50 | 1.91 |" in lines
    assert "| 10 times | 1,000,000 | 300 | no |" + " – |" * 4 in lines


needs_proc = pytest.mark.skipif(
    not Path("/proc/self/smaps_rollup").exists(), reason="reads Linux's /proc"
)


@needs_proc
def test_memory_that_files_back_is_told_apart_and_disk_is_seen(tmp_path: Path) -> None:
    folder = tmp_path / "seen"
    folder.mkdir()
    program = (  # the file has no name, and is seen nevertheless
        "import mmap, sys, tempfile, time; time.sleep(0.3);"
        "file = tempfile.TemporaryFile(dir=sys.argv[1]); file.write(bytes(80_000_000));"
        "file.flush(); pages = mmap.mmap(file.fileno(), 0); sum(pages[::4096]); time.sleep(0.8)"
    )
    took = run(
        [sys.executable, "-c", program, str(folder)],
        os.environ,
        tmp_path / "log",
        sample=True,
        limit=30,
        folder=folder,
    )
    assert took.exit_code == 0
    assert took.peak_bytes is not None
    assert took.peak_unbacked_bytes is not None
    assert took.peak_disk_bytes is not None
    assert took.peak_bytes > 80_000_000 > 40_000_000 > took.peak_unbacked_bytes > 1_000_000
    assert took.peak_disk_bytes > 40_000_000  # others may free some meanwhile


@needs_proc
def test_the_benchmark_runs_as_a_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    launcher = str(Path(__file__).parents[1] / "cli.py")
    monkeypatch.setattr(scale, "PROGRAM", [sys.executable, launcher])
    monkeypatch.setattr(scale, "FILE_DOCUMENTS", 1_000)
    monkeypatch.setattr(scale_results, "draw", lambda _report, _path: None)
    monkeypatch.setenv("PYTHONPATH", str(Path(launcher).parent))
    folders = ["--folder", str(tmp_path / "folder"), "--out", str(tmp_path / "out")]
    done = CliRunner().invoke(scale.main, ["--documents", "3000,1500", *folders])
    assert done.exit_code == 0, done.output
    report = json.loads((tmp_path / "out" / "scale.json").read_text())
    assert [size["documents"] for size in report["sizes"]] == [1_500, 3_000]
    for size in report["sizes"]:
        assert size["answer"]["true_pairs"] > 200
        assert size["answer"]["recall"] > 0.98
        assert size["answer"]["unfounded"] == 0
        assert size["answer"]["removed"] > 100
    assert set(report["fits"]) == set(scale_results.CURVES)
    assert [path.name for path in sorted((tmp_path / "folder").glob("web-0-*-*[0-9].parquet"))] == [
        "web-0-0000000000-0000001000.parquet",
        "web-0-0000001000-0000001500.parquet",
        "web-0-0000001500-0000002000.parquet",
        "web-0-0000002000-0000003000.parquet",
    ]
    assert not (tmp_path / "folder" / "run").exists()

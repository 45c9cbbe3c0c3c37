"""`dedup report` and `dedup run --report`: files, refusals, and texts that were marked."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner

import dedup
from dedup.cli import cli
from dedup.errors import StorageError
from dedup.report import marked_texts
from dedup.report.marked_texts import EDGE, MOVED, ONLY, SHARED, mark_pairs
from dedup.report.overview import show
from dedup.report.page import embedded
from dedup.report.texts import Texts
from tests.object_store import SECRET, Bucket
from tests.worlds import world

ROOT = Path(__file__).parents[2]


@pytest.fixture
def docs(tmp_path: Path) -> Path:
    path = tmp_path / "docs.parquet"
    texts = world(200, seed=7)
    pq.write_table(pa.table({"id": [f"d{i}" for i in range(len(texts))], "text": texts}), path)
    return path


def data_of(page: Path) -> dict[str, Any]:
    text = page.read_text(encoding="utf-8")
    found = re.search(r'<script type="application/json" id="data">(.*?)</script>', text, re.DOTALL)
    assert found is not None
    return dict(json.loads(found[1]))


def test_the_command_is_its_twin(docs: Path, tmp_path: Path) -> None:
    run = CliRunner()
    out, page = tmp_path / "out", tmp_path / "out/report.html"
    done = run.invoke(cli, ["run", str(docs), "-o", str(out), "--report"], catch_exceptions=False)
    assert done.exit_code == 0
    made = page.read_bytes()
    page.write_text("old")
    done = run.invoke(cli, ["report", str(out)], catch_exceptions=False)
    assert done.output == f"report in {page}\n"
    assert page.read_bytes() == made
    other = tmp_path / "other.html"
    assert dedup.write_report(out, output=other) == other
    assert other.read_bytes() == made
    with pytest.raises(dedup.OutputExistsError, match=r"other\.html is already there"):
        dedup.write_report(out, output=other)
    dedup.write_report(out, output=other, overwrite=True, no_text=True)
    assert other.read_bytes() != made
    dedup.write_report(out, output=tmp_path / "new/folder/r.html")
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "docs.parquet",
        "new",
        "other.html",
        "out",
    ]


def test_a_report_needs_a_run_and_a_run_a_folder(docs: Path, tmp_path: Path) -> None:
    with pytest.raises(dedup.InputError, match="holds no results; give the output of dedup run"):
        dedup.write_report(tmp_path)
    assert not (tmp_path / "report.html").exists()
    elsewhere = "s3://key:secret@bucket/out?scheme=http"
    for look in (dedup.write_report, dedup.audit, dedup.recluster, show):
        with pytest.raises(dedup.InputError) as caught:
            look(elsewhere)
        assert str(caught.value) == "s3://bucket/out is not on this machine; copy it here first."
    done = CliRunner().invoke(cli, ["run", str(docs), "--dry-run", "--report"])
    assert done.exit_code == 2
    with pytest.raises(dedup.ConfigError, match="no folder to stand in"):
        dedup.run([docs], None, dedup.Config(), report=True)


@pytest.mark.parametrize("missing", ["jinja2", "plotly"])
def test_without_the_extra_the_run_does_not_begin(docs: Path, tmp_path: Path, missing: str) -> None:
    code = (
        "import importlib.util as u, sys\n"
        "find = u.find_spec\n"
        f"u.find_spec = lambda name, *rest: None if name == {missing!r} else find(name, *rest)\n"
        "from dedup.cli import main\nmain()\n"
    )
    for arguments in (["run", docs, "-o", tmp_path / "out", "--report"], ["report", tmp_path]):
        done = subprocess.run(
            [sys.executable, "-c", code, *map(str, arguments)],
            capture_output=True,
            text=True,
            cwd=ROOT,
        )
        assert done.returncode == 1
        assert done.stderr == (
            f"Error: a report needs the extra 'report' ({missing} is missing); "
            "install it with: pip install 'dedup-lsh[report]'\n"
        )
    assert not (tmp_path / "out").exists()


def test_a_result_without_files_has_a_report(tmp_path: Path) -> None:
    table = pa.table({"text": world(100, seed=1)})
    dedup.find_duplicates(table).write(tmp_path / "out")
    page = dedup.write_report(tmp_path / "out")
    assert "the run was of a table in memory" in page.read_text(encoding="utf-8")
    found = data_of(page)
    clusters = pq.read_table(tmp_path / "out/clusters.parquet")
    assert len(found["documents"]["id"]) == len(clusters)
    assert found["texts"] == []


def test_every_shown_text_is_marked_from_end_to_end(docs: Path, tmp_path: Path) -> None:
    dedup.run([docs], tmp_path / "out", dedup.Config(pairs="all"), keep_evidence=True, report=True)
    found = data_of(tmp_path / "out/report.html")
    assert len(found["differences"]) > 20
    for one in found["differences"]:
        for side in ("left", "right"):
            spans = one[side + "Spans"]
            assert set(spans[::2]) <= {SHARED, EDGE, MOVED, ONLY}
            assert all(a != b for a, b in zip(spans[::2], spans[2::2], strict=False))
            assert sum(spans[1::2]) == len(found["texts"][one[side]])
    texts = dict(enumerate(pq.read_table(docs)["text"].to_pylist()))
    rows = pq.read_table(tmp_path / "out/clusters.parquet").to_pylist()
    place = {id_: i for i, id_ in enumerate(found["documents"]["id"])}
    for row in rows:
        text = found["documents"]["text"][place[row["doc_id"]]]
        assert text >= 0
        assert found["texts"][text] == texts[row["position"]]
    same = [row for row in rows if row["match"] == "identical" or row["is_keeper"]]
    assert all(found["documents"]["difference"][place[row["doc_id"]]] == -1 for row in same)


def marked(tmp_path: Path, left: str, right: str, **options: Any) -> marked_texts.MarkedTexts:
    tmp_path.mkdir(exist_ok=True)
    path = tmp_path / "pair.jsonl"
    lines = [json.dumps({"text": text}, ensure_ascii=False) for text in (left, right)]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    dedup.run([path], tmp_path / "pair", dedup.Config(workers=1))
    return mark_pairs(Texts(tmp_path / "pair"), [(0, 1)], **options)


def test_spans_are_counted_as_javascript_counts(tmp_path: Path) -> None:
    left = "😀 a b c d e 𐐀nique f g h i j\u202e k"
    found = marked(tmp_path, left, "😀 a b c d e other f g h i j\u202e k")
    (one,) = found.differences
    text = found.texts[one["left"]]
    assert text == left.replace("\u202e", "[U+202E]")
    units = text.encode("utf-16-le")
    at = 0
    for flag, length in zip(one["leftSpans"][::2], one["leftSpans"][1::2], strict=True):
        piece = units[2 * at : 2 * (at + length)].decode("utf-16-le")
        assert (flag == ONLY) == (piece.strip() == "𐐀nique")
        at += length
    assert at == len(units) // 2


def test_moved_words_are_not_called_changed(tmp_path: Path) -> None:
    first, second = (" ".join(f"{name}{i}" for i in range(20)) for name in "ab")
    found = marked(tmp_path, f"{first} {second}", f"{second} {first}")
    (one,) = found.differences
    assert ONLY not in one["leftSpans"][::2] + one["rightSpans"][::2]
    assert MOVED in one["leftSpans"][::2]


def test_long_texts_are_cut_and_budgets_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(marked_texts, "CHARS", 50)
    found = marked(tmp_path, "word " * 100 + "x", "word " * 100 + "y")
    assert found.cut == {0, 1}
    assert found.differences[0]["verdict"].startswith("In the beginnings that are shown: 10 ")
    assert {len(text) for text in found.texts} == {50}
    assert marked(tmp_path / "2", "a b c", "a b d", budget=-1).spent


def test_a_budget_is_of_bytes_in_the_page(tmp_path: Path) -> None:
    path = tmp_path / "tags.jsonl"
    lines = [json.dumps({"text": f"{'<' * 900} a{i} b{i // 2}"}) for i in range(60)]
    path.write_text("\n".join(lines) + "\n")
    dedup.run([path], tmp_path / "out", dedup.Config(workers=1))
    pairs = [(i, i + 1) for i in range(0, 60, 2)]
    found = mark_pairs(Texts(tmp_path / "out"), pairs, budget=50_000)
    assert found.spent
    assert 40_000 < len(embedded([found.texts, found.differences])) < 70_000


def test_a_store_that_fails_leaves_a_page_that_says_so(
    docs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    dedup.run([docs], tmp_path / "out", dedup.Config())

    def fails(self: Texts, positions: object) -> object:
        raise dedup.DedupError("s3://b/docs.parquet cannot be reached; try later.")

    monkeypatch.setattr(Texts, "read", fails)
    page = dedup.write_report(tmp_path / "out").read_text(encoding="utf-8")
    assert "are not shown: s3://b/docs.parquet cannot be reached; try later." in page


def test_texts_of_a_store_are_read_again(
    docs: Path, tmp_path: Path, bucket: Bucket, monkeypatch: pytest.MonkeyPatch
) -> None:
    bucket.put("in/docs.parquet", docs.read_bytes())
    dedup.run([bucket.uri("in")], tmp_path / "far", dedup.Config(), report=True)
    dedup.run([docs], tmp_path / "near", dedup.Config(), report=True)
    far, near = (data_of(tmp_path / name / "report.html") for name in ("far", "near"))
    assert far["texts"] == near["texts"]
    assert far["differences"] == near["differences"]
    page = dedup.write_report(tmp_path / "far", [bucket.uri("in")])
    assert data_of(page) == far
    assert SECRET not in page.read_text(encoding="utf-8")

    def unknown(path: str) -> str:
        raise StorageError(path, f"{path} cannot be reached (who are you?); check its name.")

    # The summary has neither credentials nor the address of this store.
    monkeypatch.setattr("dedup.report.texts.place_of", unknown)
    page = dedup.write_report(tmp_path / "far")
    assert data_of(page)["texts"] == []
    assert f"not shown: s3://{bucket.name}/in/docs.parquet cannot be" in page.read_text("utf-8")
    bucket.put("in/docs.parquet", docs.read_bytes()[:-1] + b"x")
    page = dedup.write_report(tmp_path / "far", [bucket.uri("in")])
    assert data_of(page)["texts"] == []
    assert "docs.parquet changed since the run" in page.read_text(encoding="utf-8")


def test_copies_of_the_input_change_no_page(docs: Path, tmp_path: Path) -> None:
    places = {kind: tmp_path / kind for kind in ("kept", "removed", "annotated")}
    dedup.run([docs], tmp_path / "with", dedup.Config(), report=True, **places)
    dedup.run([docs], tmp_path / "without", dedup.Config(), report=True)
    pages = [data_of(tmp_path / name / "report.html") for name in ("with", "without")]
    assert pages[0] == pages[1]
    assert pages[0]["texts"]


def test_a_check_is_no_part_of_a_command(docs: Path, tmp_path: Path) -> None:
    check = dedup.Check(lambda pairs: pa.array([True] * len(pairs)))
    dedup.run([docs], tmp_path / "out", dedup.Config(), check=check, report=True)
    page = (tmp_path / "out/report.html").read_text(encoding="utf-8")
    assert "own check of verified pairs, a function, in its command." in page


def test_tables_of_spark_are_folders(docs: Path, tmp_path: Path) -> None:
    out, truth = tmp_path / "out", tmp_path / "truth.parquet"
    dedup.run([docs], out, dedup.Config(), keep_evidence=True)
    truth.write_bytes((out / "pairs.parquet").read_bytes())
    looks: list[Callable[[], object]] = [
        lambda: dedup.evaluate(out, truth),
        lambda: dedup.write_report(out).read_text(encoding="utf-8"),
        lambda: dedup.audit(out),
        lambda: [show(out), show(out, top=1)],
        lambda: dedup.explain("d1", "d2", run=out),
        lambda: copies_of(out, docs, tmp_path / "copies"),
    ]
    expected = [look() for look in looks]
    for name in ("clusters.parquet", "pairs.parquet", "removed.parquet"):
        table = pq.read_table(out / name)
        (out / name).unlink()
        (out / name).mkdir()
        (out / name / "_SUCCESS").touch()
        half = len(table) // 2  # in the midst of a cluster
        for number, some in enumerate((table[:0], table[:half], table[half:])):
            place = out / name / f"part-{number:05}-c000.zstd.parquet"
            pq.write_table(some, place, row_group_size=3)
    for look, wanted in zip(looks, expected, strict=True):
        assert look() == wanted
    shutil.rmtree(out / "pairs.parquet")
    with pytest.raises(dedup.InputError, match=r"has lost its pairs\.parquet"):
        dedup.write_report(out)


def copies_of(out: Path, docs: Path, folder: Path) -> list[bytes]:
    """Return the copies of the input that the run in a folder leads to."""
    places = {kind: folder / kind for kind in ("kept", "removed", "annotated")}
    dedup.filter_files(out, [docs], **places, overwrite=True)
    return [file.read_bytes() for file in sorted(folder.rglob("*.*"))]


def test_variants_of_one_url_are_named(tmp_path: Path) -> None:
    story = " ".join(f"word{i}" for i in range(100))
    urls = ["https://a.org/x", "http://www.a.org/x", "https://a.org/x?utm_source=<b>"]
    table = pa.table({"url": urls, "host": ["a.org"] * 3, "text": [story] * 3})
    pq.write_table(table, tmp_path / "in.parquet")
    config = dedup.Config(workers=1, keep="shortest-url", id_column="url")
    dedup.run([tmp_path / "in.parquet"], tmp_path / "out", config)
    page = dedup.write_report(tmp_path / "out").read_text(encoding="utf-8")
    assert "2 of the removed are variants of their keeper&#39;s URL (" in page
    assert "such as http://www.a.org/x of https://a.org/x." in page

"""``--skip-bad-files``: a run without the files that cannot be read, which it names."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner

import dedup
from dedup.cli import cli
from dedup.engines.local import LocalEngine
from dedup.errors import BadFileError, InputError, StorageError
from dedup.io import retries
from dedup.jobs import local
from tests.object_store import Bucket, proxy
from tests.worlds import world

DEFAULTS = LocalEngine.__init__.__kwdefaults__
TEXTS = world(400, seed=9)
CONFIG = dedup.Config(workers=1)


def write(path: Path, start: int, stop: int) -> None:
    table = pa.table({"text": TEXTS[start:stop]})
    pq.write_table(table, path, row_group_size=10, compression="none", use_dictionary=False)


def no_footer(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-100])


def broken_inside(path: Path) -> None:
    """Damage the header of a page of the last row group: earlier ones can be read."""
    last = pq.read_metadata(path).num_row_groups - 1
    place = pq.read_metadata(path).row_group(last).column(0).data_page_offset
    content = bytearray(path.read_bytes())
    content[place : place + 20] = b"\xff" * 20
    path.write_bytes(bytes(content))


@pytest.fixture
def corpus(tmp_path: Path) -> Path:
    root = tmp_path / "in"
    root.mkdir()
    for number in range(4):
        write(root / f"{number}.parquet", number * 90, number * 90 + 90)
    (root / "4.jsonl").write_text("".join(json.dumps({"text": t}) + "\n" for t in TEXTS[360:]))
    return root


def tree(root: Path) -> dict[str, bytes]:
    return {str(p.relative_to(root)): p.read_bytes() for p in root.rglob("*") if p.is_file()}


def tables(folder: Path) -> list[Any]:
    names = ("clusters.parquet", "pairs.parquet", "removed.parquet")
    return [pq.read_table(folder / name).to_pylist() for name in names]


@pytest.mark.parametrize("damage", [no_footer, broken_inside])
@pytest.mark.parametrize("parts", [1_000, 20_000, 1 << 25])
@pytest.mark.parametrize("workers", [1, 3])
def test_it_is_a_run_without_them(
    damage: Any, parts: int, workers: int, corpus: Path, tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    """Whatever parts the rest of a bad file went into, and whoever read them."""
    monkeypatch.setattr(local, "SMALL_BYTES", 0)
    monkeypatch.setitem(DEFAULTS, "part_bytes", parts)
    files = sorted(corpus.iterdir())
    bad = [files[1], files[3]]
    good = [file for file in files if file not in bad]
    config = dedup.Config(workers=workers, skip_bad_files=True)
    for file in bad:
        damage(file)
    with pytest.raises(BadFileError, match=r"[13]\.parquet cannot be read as Parquet"):
        dedup.run(files, tmp_path / "strict", dedup.Config(workers=workers))
    dedup.run(good, tmp_path / "good", config, kept=tmp_path / "kept-good")
    result = dedup.run(files, tmp_path / "out", config, kept=tmp_path / "kept")
    assert tables(tmp_path / "out") == tables(tmp_path / "good")
    assert tree(tmp_path / "kept") == tree(tmp_path / "kept-good")
    found = result.summary["input"]
    assert [file["name"] for file in found["bad_files"]] == ["1.parquet", "3.parquet"]
    assert {file["reason"] for file in found["bad_files"]} == {"not readable as Parquet"}
    assert [source["rows"] for source in found["sources"]] == [90, 0, 90, 0, 40]
    assert any("2 files could not be read" in line for line in result.summary["warnings"])
    assert "1.parquet, 3.parquet" in result.summary["warnings"][-1]
    # Filtering later leaves them out as well, whatever became of them.
    bad[0].write_bytes(b"something else")
    dedup.filter_files(tmp_path / "out", files, kept=tmp_path / "later")
    assert tree(tmp_path / "later") == tree(tmp_path / "kept")


def test_the_command(corpus: Path, tmp_path: Path) -> None:
    no_footer(corpus / "2.parquet")
    arguments = ["run", str(corpus), "-o", str(tmp_path / "out")]
    answer = CliRunner().invoke(cli, arguments)
    assert isinstance(answer.exception, BadFileError)
    assert "2.parquet cannot be read as Parquet" in str(answer.exception)
    answer = CliRunner().invoke(cli, [*arguments, "--skip-bad-files"])
    assert answer.exit_code == 0, answer.output
    assert "left out" in answer.stdout
    assert "1  file not readable as Parquet" in answer.stdout
    assert "Warning: 1 file could not be read" in answer.stderr
    assert "2.parquet" in answer.stderr
    summary = json.loads((tmp_path / "out" / "summary.json").read_text())
    assert summary["input"]["sources"][2]["fingerprint"] is None


def test_older_copies_of_a_bad_file_do_not_stay(corpus: Path, tmp_path: Path) -> None:
    kept = tmp_path / "kept"
    dedup.run([corpus], tmp_path / "out", CONFIG, kept=kept)
    no_footer(corpus / "2.parquet")
    config = dedup.Config(skip_bad_files=True)
    dedup.run([corpus], tmp_path / "out", config, kept=kept, overwrite=True)
    assert sorted(p.name for p in kept.iterdir()) == [
        "0.parquet", "1.parquet", "3.parquet", "4.jsonl",
    ]  # fmt: skip


def test_only_bad_files_and_wrong_columns(corpus: Path, tmp_path: Path) -> None:
    config = dedup.Config(skip_bad_files=True, text_column="page")
    with pytest.raises(InputError, match="no text column 'page'"):
        dedup.run([corpus], tmp_path / "out", config)
    for path in corpus.glob("*.parquet"):
        no_footer(path)
    (corpus / "4.jsonl").unlink()
    with pytest.raises(InputError, match=r"no file of the input can be read; the first: 0\.parq"):
        dedup.run([corpus], tmp_path / "out", dedup.Config(skip_bad_files=True))


def test_a_run_that_failed_at_one_goes_on_without_it(
    corpus: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(local, "SMALL_BYTES", 0)
    monkeypatch.setitem(DEFAULTS, "part_bytes", 30_000)
    broken_inside(corpus / "1.parquet")
    skips = dedup.Config(workers=1, skip_bad_files=True)
    dedup.run([corpus], tmp_path / "without", skips)
    with pytest.raises(BadFileError):
        dedup.run([corpus], tmp_path / "out", CONFIG)
    result = dedup.run([corpus], tmp_path / "out", skips)
    assert result.summary["resumed_parts"] > 0
    assert tables(tmp_path / "out") == tables(tmp_path / "without")


@pytest.mark.parametrize("damage", [no_footer, broken_inside])
def test_a_run_that_left_one_out_goes_on_with_it(
    damage: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """When it can be read again: a part of its neighbours alone is no part with it."""
    monkeypatch.setattr(local, "SMALL_BYTES", 0)
    corpus = tmp_path / "in"
    corpus.mkdir()
    for number in range(20):  # five of these go together
        write(corpus / f"{number:02}.parquet", number * 20, number * 20 + 20)
    dedup.run([corpus], tmp_path / "whole", CONFIG)
    skips = dedup.Config(workers=1, skip_bad_files=True)
    bad = corpus / "11.parquet"
    whole = bad.read_bytes()
    damage(bad)

    def stop(*_: object) -> None:
        raise RuntimeError("stop")

    with monkeypatch.context() as patch:
        patch.setattr("dedup.pipeline.join_parts", stop)
        with pytest.raises(RuntimeError, match="stop"):
            dedup.run([corpus], tmp_path / "out", skips)
    bad.write_bytes(whole)
    manifest_path = tmp_path / ".out.scratch" / "manifest.json"
    manifest = json.loads(manifest_path.read_text())  # as if it had only been out of reach
    manifest["files"][11][1:3] = [len(whole), bad.stat().st_mtime_ns]
    manifest_path.write_text(json.dumps(manifest))
    result = dedup.run([corpus], tmp_path / "out", skips)
    assert result.summary["resumed_parts"] > 0
    assert result.summary["input"]["bad_files"] == []
    assert tables(tmp_path / "out") == tables(tmp_path / "whole")


def test_a_store_that_fails_for_one_file(
    corpus: Path, bucket: Bucket, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retries, "FIRST_WAIT_SECONDS", 0.0001)
    bucket.upload(corpus, "in")
    skips = dedup.Config(workers=1, skip_bad_files=True)
    good = [corpus / name for name in ("0.parquet", "2.parquet", "3.parquet", "4.jsonl")]
    dedup.run(good, tmp_path / "good", skips)
    for method in ("HEAD", "GET"):
        is_bad = method == "HEAD"

        def answer(how: str, path: str, bad: str = method) -> int | None:
            return 503 if how == bad and "1.parquet" in path else None

        with proxy(bucket.port, answer) as door:
            uri = bucket.uri("in", port=door.server_port)
            with pytest.raises(StorageError, match=r"in/1\.parquet cannot be reached after 7 tr"):
                dedup.run([uri], tmp_path / f"strict-{method}", CONFIG)
            result = dedup.run([uri], tmp_path / f"out-{method}", skips)
        (bad,) = result.summary["input"]["bad_files"]
        assert (bad["name"], bad["reason"]) == ("1.parquet", "not reachable")
        assert tables(tmp_path / f"out-{method}") == tables(tmp_path / "good")
        assert result.summary["input"]["sources"][1]["left_out"], is_bad


def test_what_is_decided_again_names_them_too(corpus: Path, tmp_path: Path) -> None:
    no_footer(corpus / "1.parquet")
    config = dedup.Config(workers=1, skip_bad_files=True)
    result = dedup.run([corpus], tmp_path / "out", config, keep_evidence=True)
    again = dedup.recluster(tmp_path / "out", threshold="0.9")
    assert again.summary["input"] == result.summary["input"]
    assert again.summary["warnings"] == result.summary["warnings"]

"""Filtering later gives the bytes of ``--kept`` in the run, and refuses all other input."""

from __future__ import annotations

import gzip
import json
import shutil
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner

import dedup
from dedup.cli import cli
from dedup.jobs.run_input import content_fingerprint
from tests.worlds import world

TEXTS = world(200, seed=3)
SAMPLE = Path(__file__).parents[2] / "data" / "sample.warc.gz"


@pytest.fixture
def corpus(tmp_path: Path) -> Path:
    root = tmp_path / "in"
    (root / "deep").mkdir(parents=True)
    lines = "".join(json.dumps({"text": text}) + "\n\n" for text in TEXTS[:60])
    (root / "a.jsonl.gz").write_bytes(gzip.compress(lines.encode()))
    pq.write_table(pa.table({"text": TEXTS[60:120]}), root / "b.parquet", row_group_size=7)
    rows = "".join('"' + text.replace('"', '""') + '"\r\n' for text in TEXTS[120:180])
    (root / "deep" / "c.csv").write_bytes(("text\r\n" + rows).encode())
    for number, text in enumerate(TEXTS[180:200]):
        (root / "deep" / f"d{number:02}.txt").write_text(text, encoding="utf-8")
    shutil.copy(SAMPLE, root / "e.warc.gz")
    return root


def tree(root: Path) -> dict[str, bytes]:
    return {str(p.relative_to(root)): p.read_bytes() for p in root.rglob("*") if p.is_file()}


@pytest.mark.parametrize("options", [{}, {"measure": "containment"}, {"keep_best": 2}], ids=str)
@pytest.mark.parametrize("linkage", ["keeper", "components"])
def test_it_gives_what_the_run_gives(
    corpus: Path, tmp_path: Path, linkage: str, options: dict[str, Any]
) -> None:
    kinds = ("kept", "removed", "annotated")
    out, now = tmp_path / "out", {k: tmp_path / "now" / k for k in kinds}
    config = dedup.Config(linkage=linkage, keep="longest", threshold="0.6", **options)
    result = dedup.run([corpus], out, config, **now)
    corpus.rename(tmp_path / "moved")
    later = {k: tmp_path / "later" / k for k in now}
    counts = dedup.filter_files(out, [tmp_path / "moved"], **later)
    assert counts == result.summary["output"]
    assert min(counts.values()) > 20
    for kind in now:
        assert tree(later[kind]) == tree(now[kind])
    gone = pq.read_table(out / "removed.parquet")
    assert gone["position"].to_pylist() == result.decisions.removed.nonzero()[0].tolist()
    assert not result.decisions.removed[gone["keeper_position"].to_numpy()].any()


def test_it_follows_what_was_decided_again(corpus: Path, tmp_path: Path) -> None:
    files, out, again = [corpus / "a.jsonl.gz"], tmp_path / "out", tmp_path / "again"
    dedup.run(files, out, dedup.Config(threshold="0.6"), keep_evidence=True)
    result = dedup.recluster(out, again, threshold="0.9", keep="longest")
    dedup.filter_files(again, files, kept=tmp_path / "later")
    fresh = tmp_path / "fresh"
    config = dedup.Config(threshold="0.9", keep="longest", recall=0.9999)
    dedup.run(files, tmp_path / "other", config, kept=fresh)
    assert 0 < result.summary["result"]["kept"] < 60
    assert tree(tmp_path / "later") == tree(fresh)


def test_other_input_is_refused_and_nothing_is_written(corpus: Path, tmp_path: Path) -> None:
    out, kept = tmp_path / "out", tmp_path / "kept"
    a, b = corpus / "a.jsonl.gz", corpus / "b.parquet"
    dedup.run([a, b], out, dedup.Config())
    for inputs, message in (
        ([a], r"b\.parquet is missing"),
        ([a, b, corpus / "e.warc.gz"], r"e\.warc\.gz is new"),
        ([b, a], "another order"),
    ):
        with pytest.raises(dedup.InputError, match=message):
            dedup.filter_files(out, inputs, kept=kept)
    content = bytearray(b.read_bytes())
    content[len(content) // 2] ^= 1
    b.write_bytes(content)
    with pytest.raises(dedup.InputError, match=r"b\.parquet changed since the run"):
        dedup.filter_files(out, [a, b], kept=kept)
    (out / "removed.parquet").unlink()
    with pytest.raises(dedup.InputError, match="give the output of dedup run"):
        dedup.filter_files(out, [a, b], kept=kept)
    assert not kept.exists()


def test_the_command(corpus: Path, tmp_path: Path) -> None:
    out, kept = tmp_path / "out", tmp_path / "kept"
    result = dedup.run([corpus], out, dedup.Config())
    arguments = ["filter", str(out), str(corpus)]
    assert CliRunner().invoke(cli, arguments).exit_code == 2
    done = CliRunner().invoke(cli, [*arguments, "--kept", str(kept)])
    assert done.exit_code == 0
    assert f"{result.summary['result']['kept']:,}  in {kept}" in done.output
    with pytest.raises(dedup.OutputExistsError):
        dedup.filter_files(out, [corpus], kept=kept)


def test_large_files_are_sampled_from_end_to_end(tmp_path: Path) -> None:
    path = tmp_path / "large"
    size = (16 << 20) + 12_345
    seen = set()
    for place in (None, 0, 65_535, size - 1, size - 65_536):
        content = bytearray(size)
        if place is not None:
            content[place] = 1
        path.write_bytes(content)
        seen.add(content_fingerprint(str(path)))
    path.write_bytes(bytes(size + 1))
    assert len(seen | {content_fingerprint(str(path))}) == 6

"""A run over an object store gives the bytes of one over the same files on disk."""

from __future__ import annotations

import bz2
import gzip
import json
import zipfile
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import dedup
from dedup.engines.local import LocalEngine
from dedup.errors import InputError, StorageError
from dedup.io import remote
from dedup.jobs import local
from tests.object_store import SECRET, Bucket, proxy
from tests.worlds import world

SAMPLE = Path(__file__).parents[2] / "data" / "sample.warc.gz"
DEFAULTS = LocalEngine.__init__.__kwdefaults__
TEXTS = world(400, seed=5)


def _archives(folder: Path) -> None:
    """Write the sample crawl in every container."""
    members = SAMPLE.read_bytes()
    records = gzip.decompress(members)
    (folder / "a.warc").write_bytes(records)
    (folder / "b.warc.gz").write_bytes(members)
    (folder / "c.warc.gz").write_bytes(gzip.compress(records))  # in one piece
    (folder / "cut.warc.gz").write_bytes(members[: len(members) // 2])
    for codec, suffix in (("zstd", "zst"), ("lz4", "lz4")):
        packed = pa.Codec(codec).compress(records, asbytes=True)
        (folder / f"d.warc.{suffix}").write_bytes(packed)
    version = b"1 0 test\nURL IP-address Archive-date Content-type Archive-length\n"
    block = b"HTTP/1.0 200 OK\r\nContent-Type: text/html\r\n\r\n<p>" + TEXTS[0].encode() * 20
    (folder / "e.arc.gz").write_bytes(
        gzip.compress(
            b"filedesc://t.arc 0.0.0.0 20200101000000 text/plain %d\n%b\n" % (len(version), version)
        )
        + gzip.compress(b"http://a.org/ 1.2.3.4 20080430204825 text/html %d\n" % len(block) + block)
    )
    with zipfile.ZipFile(folder / "f.wacz", "w") as archive:
        archive.writestr("archive/b.warc.gz", members)
        archive.writestr("archive/a.warc", records)
    (folder / "g.html").write_text(f"<html><body><main><p>{TEXTS[1]}</p></main></body></html>")


def _columnar(folder: Path) -> None:
    table = pa.table({"id": [f"d{n}" for n in range(100)], "text": TEXTS[:100]})
    pq.write_table(table, folder / "a.parquet", row_group_size=13)
    for name, new in (("b.arrow", pa.ipc.new_file), ("c.arrow", pa.ipc.new_stream)):
        with pa.OSFile(str(folder / name), "wb") as sink, new(sink, table.schema) as writer:
            writer.write_table(table, 20)
    (folder / "empty.parquet").write_bytes(b"")


def _lines(folder: Path) -> None:
    lines = "".join(json.dumps({"id": n, "text": t}) + "\n" for n, t in enumerate(TEXTS)).encode()
    (folder / "a.jsonl").write_bytes(lines)
    (folder / "b.jsonl.gz").write_bytes(gzip.compress(lines))
    (folder / "c.jsonl.zst").write_bytes(pa.Codec("zstd").compress(lines, asbytes=True))
    (folder / "d.jsonl.bz2").write_bytes(bz2.compress(lines))
    (folder / "e.jsonl.gz").write_bytes(gzip.compress(lines)[:-2000])
    (folder / "f.jsonl").write_bytes(b"")
    rows = "".join(f'{n},"{t}"\r\n' for n, t in enumerate(TEXTS[:99])).encode()
    (folder / "g.csv").write_bytes(b"id,text\r\n" + rows)
    (folder / "h.tsv.gz").write_bytes(gzip.compress(b"id\ttext\n1\tone two\n"))
    for n in range(5):
        (folder / f"{n}.txt").write_text(TEXTS[n])


KINDS = {"archives": _archives, "columnar": _columnar, "lines": _lines}


def tree(root: Path) -> dict[str, bytes]:
    return {str(p.relative_to(root)): p.read_bytes() for p in root.rglob("*") if p.is_file()}


def summary_of(folder: Path) -> dict[str, Any]:
    """Return what a summary says but for times, places and what a machine has."""
    summary: dict[str, Any] = json.loads((folder / "summary.json").read_text())
    for name in ("seconds", "peak_bytes", "disk", "limits"):
        del summary[name]
    del summary["input"]["arguments"]
    for source in summary["input"]["sources"]:
        del source["path"]
    return summary


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("workers", [1, 2])
def test_the_same_bytes(
    kind: str, workers: int, bucket: Bucket, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    here = tmp_path / "in"
    here.mkdir()
    KINDS[kind](here)
    bucket.upload(here, "deep/in")
    if workers > 1:
        monkeypatch.setattr(local, "SMALL_BYTES", 0)
        monkeypatch.setitem(DEFAULTS, "part_bytes", 20_000)
    config = dedup.Config(threshold="0.6", workers=workers)
    outputs = {}
    for name, given in (("disk", str(here)), ("s3", bucket.uri("deep/in"))):
        root = tmp_path / name
        copies = {"kept": root / "kept", "removed": root / "removed"}
        if kind == "archives":
            copies = {}
        else:
            copies["annotated"] = root / "annotated"
        dedup.run([given], root / "out", config, **copies)
        if kind == "archives":  # of a WACZ no copies are written
            some = ["b.warc.gz", "c.warc.gz", "e.arc.gz"]
            files = [bucket.uri(f"deep/in/{f}") if name == "s3" else str(here / f) for f in some]
            dedup.run(files, root / "out2", config, kept=root / "kept", annotated=root / "noted")
        outputs[name] = {k: v for k, v in tree(root).items() if not k.endswith("summary.json")}
        for path in root.rglob("summary.json"):
            text = path.read_text()
            assert SECRET not in text
            outputs[name][str(path.relative_to(root))] = summary_of(path.parent)
    assert len(outputs["disk"]) > 4
    assert outputs["s3"] == outputs["disk"]


def test_a_few_bytes_at_a_time(
    bucket: Bucket, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(remote, "FIRST_BLOCK_BYTES", 77)
    monkeypatch.setattr(remote, "BLOCK_BYTES", 1000)
    _archives(tmp_path)
    path = tmp_path / "cut.warc.gz"
    bucket.put(path.name, path.read_bytes())
    here = dedup.find_duplicates(str(path))
    there = dedup.find_duplicates(bucket.uri(path.name))
    assert there.clusters.equals(here.clusters)
    assert there.summary["input"]["problem_lines"] == here.summary["input"]["problem_lines"]
    assert there.summary["input"]["documents"] > 100


def test_a_store_that_fails_is_no_damage(
    bucket: Bucket, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What stands before the failure must not pass for the whole file."""
    from dedup.io import retries

    monkeypatch.setattr(retries, "FIRST_WAIT_SECONDS", 0.0001)
    monkeypatch.setattr(remote, "FIRST_BLOCK_BYTES", 2000)
    monkeypatch.setattr(remote, "BLOCK_BYTES", 2000)
    _archives(tmp_path)
    _columnar(tmp_path)
    _lines(tmp_path)
    for path in sorted(tmp_path.iterdir()):
        if path.stat().st_size < 8000:
            continue
        bucket.put(path.name, path.read_bytes())
        for allowed in (1, 3):
            left = [None] * allowed

            def answer(method: str, key: str, left: list[None] = left) -> int | None:
                is_read = method == "GET" and "list-type" not in key
                if is_read and left:
                    return left.pop()
                return 503 if is_read else None

            with (
                proxy(bucket.port, answer) as door,
                pytest.raises(StorageError, match="cannot be reached after 7 tries") as found,
            ):
                dedup.find_duplicates(bucket.uri(path.name, port=door.server_port))
            assert path.name in str(found.value)


def test_changed_objects_are_refused(bucket: Bucket, tmp_path: Path) -> None:
    bucket.put("in/a.txt", TEXTS[0].encode())
    bucket.put("in/b.txt", TEXTS[0].encode())
    dedup.run([bucket.uri("in")], tmp_path / "out", dedup.Config())
    bucket.put("in/b.txt", TEXTS[0].encode()[::-1])
    with pytest.raises(InputError, match=r"b\.txt changed since the run"):
        dedup.filter_files(tmp_path / "out", [bucket.uri("in")], kept=tmp_path / "kept")

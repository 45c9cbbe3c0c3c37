"""Results and copies in an object store: complete, or seen not to be."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner

import dedup
from dedup.cli import cli
from dedup.errors import DedupError, InputError, OutputExistsError, StorageError
from dedup.io import remote, retries
from dedup.jobs import local
from tests.object_store import KEY, SECRET, Bucket, proxy
from tests.worlds import world

TEXTS = world(300, seed=8)


@pytest.fixture
def corpus(tmp_path: Path) -> Path:
    root = tmp_path / "in"
    (root / "deep").mkdir(parents=True)
    pq.write_table(pa.table({"text": TEXTS[:150]}), root / "a.parquet", row_group_size=20)
    lines = "".join(json.dumps({"text": text}) + "\n" for text in TEXTS[150:])
    (root / "deep" / "b.jsonl").write_text(lines)
    for n in range(6):
        (root / "deep" / f"{n}.txt").write_text(TEXTS[n % 2])
    return root


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(retries, "FIRST_WAIT_SECONDS", 0.0001)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "tmp"))
    (tmp_path / "tmp").mkdir()


def tree(root: Path) -> dict[str, bytes]:
    return {str(p.relative_to(root)): p.read_bytes() for p in root.rglob("*") if p.is_file()}


def plain(files: dict[str, bytes]) -> dict[str, Any]:
    """Return files with what differs between runs left out of the summary."""
    found: dict[str, Any] = {k: v for k, v in files.items() if k != "_SUCCESS"}
    summary = json.loads(found["summary.json"])
    found["summary.json"] = {k: summary[k] for k in ("config", "result", "search", "output")}
    return found


def test_results_copies_and_filtering(corpus: Path, bucket: Bucket, tmp_path: Path) -> None:
    config = dedup.Config(keep="longest")
    kinds = ("kept", "removed", "annotated")
    dedup.run([corpus], tmp_path / "out", config, **{k: tmp_path / k for k in kinds})
    bucket.upload(corpus, "in")
    arguments = ["run", bucket.uri("in"), "-o", bucket.uri("deep/out"), "--keep", "longest"]
    for kind in kinds:
        arguments += [f"--{kind}", bucket.uri(f"deep/{kind}")]
    answer = CliRunner().invoke(cli, arguments)
    assert answer.exit_code == 0, answer.output
    assert f"results in s3://{bucket.name}/deep/out\n" in answer.output
    assert plain(bucket.files("deep/out")) == plain(tree(tmp_path / "out"))
    for kind in kinds:
        there = bucket.files(f"deep/{kind}")
        assert there.pop("_SUCCESS") == b""
        assert there == tree(tmp_path / kind)
    for text in (answer.output, *(v.decode("latin-1") for v in bucket.files("deep/out").values())):
        assert not any(secret in text for secret in (KEY, SECRET, "127.0.0.1"))
    assert list((tmp_path / "tmp").iterdir()) == []
    # Later, from the results there: to there, and to here.
    out, source = bucket.uri("deep/out"), bucket.uri("in")
    answer = CliRunner().invoke(cli, ["filter", out, source, "--kept", bucket.uri("later/kept")])
    assert answer.exit_code == 0, answer.output
    assert SECRET not in answer.output
    later = bucket.files("later/kept")
    assert later.pop("_SUCCESS") == b""
    assert later == tree(tmp_path / "kept")
    dedup.filter_files(out, [corpus], removed=tmp_path / "later")
    assert tree(tmp_path / "later") == tree(tmp_path / "removed")
    for name in ("removed.parquet", "clusters.parquet"):  # as Spark leaves them
        bucket.put(f"deep/out/{name}/part-0.parquet", bucket.files("deep/out")[name])
        bucket.client.delete_object(Bucket=bucket.name, Key=f"deep/out/{name}")
    dedup.filter_files(out, [corpus], annotated=tmp_path / "after")
    assert tree(tmp_path / "after") == tree(tmp_path / "annotated")
    bucket.client.delete_object(Bucket=bucket.name, Key="deep/out/_SUCCESS")
    with pytest.raises(InputError, match=r"out does not say what a run removed"):
        dedup.filter_files(out, [corpus], removed=tmp_path / "later2")


def test_only_our_own_results_are_replaced(corpus: Path, bucket: Bucket) -> None:
    bucket.put("other/notes.txt", b"mine")
    bucket.put("file", b"mine")
    for place, overwrite, what in (
        ("other", False, "already there"),
        ("other", True, "was not written by dedup"),
        ("file", True, "was not written by dedup"),
    ):
        with pytest.raises(OutputExistsError, match=f"{bucket.name}/{place} .*{what}") as found:
            dedup.run([corpus], bucket.uri(place), dedup.Config(), overwrite=overwrite)
        assert SECRET not in str(found.value)
    out = bucket.uri("out")
    dedup.run([corpus], out, dedup.Config(), keep_evidence=True, kept=bucket.uri("kept"))
    assert any(name.startswith("evidence/parts/") for name in bucket.files("out"))
    with pytest.raises(OutputExistsError, match="already there"):
        dedup.run([corpus], out, dedup.Config())
    with pytest.raises(OutputExistsError, match=r"kept/a.parquet \(--kept\) is already there"):
        dedup.run([corpus], bucket.uri("out2"), dedup.Config(), kept=bucket.uri("kept"))
    dedup.run([corpus], out, dedup.Config(threshold="0.5"), overwrite=True)
    there = bucket.files("out")
    assert set(there) == {
        "clusters.parquet", "pairs.parquet", "removed.parquet", "summary.json", "_SUCCESS",
    }  # fmt: skip
    assert json.loads(there["summary.json"])["config"]["threshold"] == "0.5"
    assert bucket.files("other") == {"notes.txt": b"mine"}
    with pytest.raises(InputError, match="/out is not on this machine; copy it here") as refused:
        dedup.recluster(out, threshold="0.9")
    assert SECRET not in str(refused.value)


def test_an_input_is_not_overwritten(corpus: Path, bucket: Bucket, tmp_path: Path) -> None:
    bucket.upload(corpus, "in")
    before = bucket.files("in")
    with pytest.raises(OutputExistsError, match=r"--kept would overwrite the input s3://"):
        dedup.run(
            [bucket.uri("in")], tmp_path / "out", dedup.Config(), kept=bucket.uri("in"),
            overwrite=True,
        )  # fmt: skip
    assert bucket.files("in") == before


@pytest.mark.parametrize("place", ["removed.parquet", "_SUCCESS", "b.jsonl"])
def test_an_upload_that_fails(corpus: Path, bucket: Bucket, tmp_path: Path, place: str) -> None:
    """The folder is not complete, says so, and the same command makes it whole."""
    config = dedup.Config()

    def run(port: int | None = None, **more: Any) -> None:
        out, kept = (bucket.uri(key, port=port) for key in ("out", "kept"))
        dedup.run([corpus], out, config, kept=kept, **more)

    run()
    whole = bucket.files("out"), bucket.files("kept")
    is_failing = True

    def answer(method: str, path: str) -> int | None:
        return 500 if is_failing and method in ("PUT", "POST") and place in path else None

    with proxy(bucket.port, answer) as door:
        with pytest.raises(StorageError, match=f"{place} cannot be reached after 7 tries") as found:
            run(door.server_port, overwrite=True)
        assert SECRET not in str(found.value)
        assert "_SUCCESS" not in bucket.files("out" if place == "removed.parquet" else "kept")
        is_failing = False
        run(door.server_port, overwrite=True)
    assert plain(bucket.files("out")) == plain(whole[0])
    assert "_SUCCESS" in bucket.files("out")
    assert bucket.files("kept") == whole[1]
    assert list((tmp_path / "tmp").iterdir()) == []


def test_a_run_that_was_killed_goes_on_in_the_scratch_of_its_own(
    corpus: Path, bucket: Bucket, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(local, "SMALL_BYTES", 0)
    config = dedup.Config(workers=1)
    with proxy(bucket.port, lambda m, path: 503 if m == "PUT" and "pairs" in path else None) as d:
        with pytest.raises(StorageError):
            dedup.run([corpus], bucket.uri("out", port=d.server_port), config)
        (left,) = (tmp_path / "tmp").iterdir()
        assert left.name.startswith(".out.")
        assert left.name.endswith(".scratch")
        assert SECRET not in (left / "manifest.json").read_text()
    result = dedup.run([corpus], bucket.uri("out"), config)
    assert result.summary["resumed_parts"] > 0
    assert "_SUCCESS" in bucket.files("out")
    assert list((tmp_path / "tmp").iterdir()) == []
    dedup.run([corpus], bucket.uri("out2"), config, scratch=tmp_path / "elsewhere")
    assert list((tmp_path / "elsewhere").iterdir()) == []


def test_half_an_object_is_none(bucket: Bucket, tmp_path: Path) -> None:
    """Large files go up in pieces: where the second fails, nothing is there."""
    path = tmp_path / "large.bin"
    path.write_bytes(bytes(24 << 20))
    with proxy(bucket.port, lambda _, path: 500 if "partNumber=2" in path else None) as door:
        place = remote.remote_path(bucket.uri("large.bin", port=door.server_port))
        with pytest.raises(StorageError, match=r"large\.bin cannot be reached after 7 tries"):
            remote.uploaded(path, place)
        assert any("partNumber=1" in path for _, path in door.requests)
    assert bucket.keys() == []
    remote.uploaded(path, remote.remote_path(bucket.uri("large.bin")))
    assert bucket.content("large.bin") == path.read_bytes()
    with proxy(bucket.port, lambda _, path: 500 if "partNumber=2" in path else None) as door:
        place = remote.remote_path(bucket.uri("large.bin", port=door.server_port))
        with pytest.raises(StorageError):  # though one of its size is there
            remote.uploaded(path, place)


def test_an_upload_that_is_interrupted_leaves_nothing(
    bucket: Bucket, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Interrupted:
        def __init__(self) -> None:
            self.left = 3

        def read(self, size: int) -> bytes:
            self.left -= 1
            if not self.left:
                raise KeyboardInterrupt
            return bytes(100)

        def __enter__(self) -> Interrupted:
            return self

        def __exit__(self, *_: object) -> None:
            pass

    monkeypatch.setattr(remote, "open", lambda *_: Interrupted(), raising=False)
    with pytest.raises(KeyboardInterrupt):
        remote.uploaded("any", remote.remote_path(bucket.uri("deep/a.bin")))
    assert bucket.files("deep") == {}


def test_there_is_no_such_bucket(corpus: Path, bucket: Bucket) -> None:
    uri = bucket.uri("out").replace(bucket.name, "no-such-bucket")
    with pytest.raises(DedupError, match="no-such-bucket/out cannot be written, for there is no"):
        dedup.run([corpus], uri, dedup.Config())


def test_file_uris(corpus: Path, tmp_path: Path) -> None:
    out, kept = tmp_path / "o u t", tmp_path / "kept"
    dedup.run([corpus.as_uri()], out.as_uri(), dedup.Config(), kept=kept.as_uri())
    assert (out / "summary.json").exists()
    dedup.filter_files(out.as_uri(), [corpus.as_uri()], kept=(tmp_path / "later").as_uri())
    assert tree(tmp_path / "later") == tree(kept)

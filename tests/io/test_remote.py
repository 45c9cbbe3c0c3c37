"""Files in an object store: found, named and read as those on disk are."""

from __future__ import annotations

import pickle
from pathlib import Path

import pytest

from dedup.errors import ConfigError, DedupError, InputError, StorageError
from dedup.io import retries
from dedup.io.inputs import discover
from dedup.io.places import opened, place_of
from dedup.io.remote import RemoteFile, RemotePath
from tests.object_store import KEY, SECRET, Bucket, proxy

NAMES = [
    "b.txt", "a/z.jsonl", "a.txt", "a-b.txt", "B.txt", "ä.txt", "a/b/c.CSV", "x1/a.txt",
    "x2/a.txt", "x2/deep/b.txt", ".hidden.txt", "_SUCCESS", ".git/x.txt", "_tmp/y.txt",
    "notes.pdf", "c.tar.gz", "README", "sub/d.pdf", "with space/100%20.txt", "x2/.h/i.txt",
]  # fmt: skip


@pytest.fixture
def tree(bucket: Bucket, tmp_path: Path) -> tuple[Bucket, Path]:
    for name in NAMES:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"this is {name}")
    bucket.upload(tmp_path, "crawl")
    bucket.put("crawl-not/z.txt", b"no")
    bucket.put("crawl/x1/", b"")  # as consoles mark a folder
    return bucket, tmp_path


@pytest.mark.parametrize(
    "argument",
    ["", "*.txt", "x*/*.txt", "x*", "**/*.txt", "**", "x2/**", "x[1]/?.txt", "a", "sub/*", "a/b"],
)
def test_what_is_found_is_what_is_found_on_disk(tree: tuple[Bucket, Path], argument: str) -> None:
    bucket, folder = tree
    try:
        local = discover([f"{folder}/{argument}"])
    except InputError:
        with pytest.raises(InputError, match="holds no file that dedup reads"):
            discover([bucket.uri(f"crawl/{argument}")])
        return
    remote = discover([bucket.uri(f"crawl/{argument}")])
    assert len(local.files) > 0
    for one, other in zip(remote.files, local.files, strict=True):
        assert isinstance(one.path, RemotePath)
        fields = ("ordinal", "argument", "name", "format", "codec", "size", "target")
        assert [getattr(one, f) for f in fields] == [getattr(other, f) for f in fields]
        with opened(one.path) as file:
            assert file.read() == Path(other.path).read_bytes()
    assert remote.skipped == local.skipped


def test_one_object(tree: tuple[Bucket, Path]) -> None:
    bucket, _ = tree
    (file,) = discover([bucket.uri("crawl/with%20space/100%2520.txt")]).files
    assert (file.name, file.size) == ("100%20.txt", len("this is with space/100%20.txt"))
    assert str(file.path) == f"s3://{bucket.name}/crawl/with space/100%20.txt"


def test_names_that_clash_are_lengthened_and_files_given_twice_refused(
    tree: tuple[Bucket, Path],
) -> None:
    bucket, _ = tree
    both = [bucket.uri("crawl/x1"), bucket.uri("crawl/x2")]
    assert [f.name for f in discover(both).files] == ["x1/a.txt", "x2/a.txt", "deep/b.txt"]
    with pytest.raises(InputError, match=rf"s3://{bucket.name}/crawl/x1/a.txt is given twice"):
        discover([bucket.uri("crawl/x1"), bucket.uri("crawl/x1/a.txt")])


def test_file_uris_are_local_paths(tmp_path: Path) -> None:
    path = tmp_path / "a b.txt"
    path.write_text("x")
    (file,) = discover([path.as_uri()]).files
    assert (file.path, file.name) == (str(path), "a b.txt")
    assert [f.path for f in discover([f"file://{tmp_path}/*.txt"]).files] == [str(path)]


def test_credentials_travel_and_are_not_shown(bucket: Bucket) -> None:
    place = place_of(bucket.uri("a/b.txt"))
    assert isinstance(place, RemotePath)
    again = pickle.loads(pickle.dumps(place))
    assert (again, again.store, again.inner) == (place, place.store, place.inner)
    assert SECRET in again.store
    for text in (str(place), repr(place), f"{place}", "%s" % place):  # noqa: UP031
        assert KEY not in text
        assert SECRET not in text
        assert "127.0.0.1" not in text


def test_what_is_not_there_is_said_without_credentials(bucket: Bucket) -> None:
    for uri, error, what in (
        (bucket.uri("nothing.txt"), InputError, f"s3://{bucket.name}/nothing.txt"),
        (bucket.uri("no*.txt"), InputError, f"s3://{bucket.name}/no*.txt"),
        (bucket.uri("x").replace(bucket.name, "no-such-bucket"), InputError, "no-such-bucket"),
        (f"s4://{KEY}:{SECRET}@bucket/key", ConfigError, "s4://bucket"),
        (f"s3://{KEY}:{SECRET}@bucket/key?nonsense={SECRET}", ConfigError, "s3://bucket"),
        (f"s3://{KEY}:{SECRET} @bucket/key", ConfigError, "s3://bucket"),
    ):
        with pytest.raises(error) as found:
            discover([uri])
        assert what in str(found.value)
        chain: BaseException | None = found.value
        while chain is not None:
            assert not any(secret in str(chain) for secret in (SECRET, KEY)), uri
            chain = chain.__cause__ or (None if chain.__suppress_context__ else chain.__context__)


def test_ranges_of_a_remote_file(bucket: Bucket) -> None:
    content = bytes(range(256)) * 4000
    bucket.put("a.bin", content)
    path = place_of(bucket.uri("a.bin"))
    assert isinstance(path, RemotePath)
    with RemoteFile(path) as raw:
        assert raw.size == len(content)
        raw.seek(-300, 2)
        assert raw.read(1000) == content[-300:]
        assert raw.read(1) == b""
        raw.seek(1000)
        assert raw.read(500_000) == content[1000:501_000]
        raw.seek(-1000, 1)
        assert raw.read(7) == content[500_000:500_007]
    with opened(path) as file:
        assert file.read(100) == content[:100]
        file.seek(700_000)
        assert file.read(10) + file.read() == content[700_000:]


def test_passing_failures_are_tried_again(bucket: Bucket, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retries, "FIRST_WAIT_SECONDS", 0.001)
    content = b"0123456789" * 50_000
    bucket.put("a.txt", content)
    failures = {"HEAD": [503, 500], "GET": [500, 429, 503]}

    def answer(method: str, path: str) -> int | None:
        return failures[method].pop() if failures[method] else None

    with proxy(bucket.port, answer) as door:
        with opened(place_of(bucket.uri("a.txt", port=door.server_port))) as file:
            assert file.read() == content
        assert failures == {"HEAD": [], "GET": []}


@pytest.mark.parametrize("status", [500, 403])
def test_lasting_failures_are_said(
    bucket: Bucket, monkeypatch: pytest.MonkeyPatch, status: int
) -> None:
    monkeypatch.setattr(retries, "FIRST_WAIT_SECONDS", 0.001)
    bucket.put("a.txt", b"x")
    with proxy(bucket.port, lambda *_: status) as door:
        with pytest.raises(StorageError) as found:
            opened(place_of(bucket.uri("a.txt", port=door.server_port)))
        tries = len(door.requests)
    assert tries == (retries.TRIES if status == 500 else 1)
    sentence = str(found.value)
    assert sentence.startswith(f"s3://{bucket.name}/a.txt cannot be")
    assert "try again later" in sentence if status == 500 else "the credentials" in sentence
    assert isinstance(found.value, DedupError)
    assert not isinstance(found.value, OSError)
    assert pickle.loads(pickle.dumps(found.value)).args == found.value.args

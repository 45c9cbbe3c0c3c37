"""The service, asked by HTTP on loopback: answers of the index, limits, and how it stops."""

from __future__ import annotations

import http.client
import json
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from click.testing import CliRunner

import dedup
from dedup.cli import cli
from tests.service.serving import Served, served
from tests.worlds import world

TEXTS = world(60, seed=4)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    index = dedup.Index.create(tmp_path_factory.mktemp("service") / "index", threshold=0.7)
    with served(index.path, "--max-body", "200kB", "--max-documents", 100) as one:
        yield one


def rows(table: Any) -> list[dict[str, Any]]:
    return [
        {name: row[name] for name in ("doc_id", "match", "keeper_id", "jaccard")}
        for row in table.to_pylist()
    ]


def test_answers_are_those_of_the_index(tmp_path: Path) -> None:
    twin = dedup.Index.create(tmp_path / "twin")
    index = dedup.Index.create(tmp_path / "index")
    ids = [f"p{number}" for number in range(40)]
    with served(index.path) as server:
        added = server.post("/add", texts=TEXTS[:40], ids=ids)
        assert added.status_code == 200
        expected = twin.add(pa.table({"text": TEXTS[:40], "id": ids}))
        assert added.json() == {"documents": rows(expected)}
        assert {row["match"] for row in rows(expected)} == {"new", "identical", "equal", "near"}
        answer = server.post("/query", texts=TEXTS, top=2).json()["matches"]
        found = twin.query(TEXTS, top=2).to_pylist()
        assert len(answer) == len(TEXTS)
        flat = [
            (query, match["doc_id"], match["jaccard"], match["match"])
            for query, matches in enumerate(answer)
            for match in matches
        ]
        assert flat == [(r["query"], r["doc_id"], r["jaccard"], r["match"]) for r in found]
        assert max(map(len, answer)) == 2
        one = server.post("/query", texts=TEXTS, limit=1).json()["matches"]
        assert max(map(len, one)) == 1
        # Others may write beside it, and it sees what they did.
        index.refresh()
        index.add(["a text that another process adds"])
        (match,) = server.post("/query", texts=["A text that another process adds!"]).json()[
            "matches"
        ][0]
        assert match["match"] == "equal"
        index.refresh()
        assert server.client.get("/stats").json() == index.stats()
        assert server.client.get("/healthz").json() == {"status": "ok"}


def test_ids_are_strings_or_integers_or_numbers(server: Served) -> None:
    texts = [f"document number {n} of the test of ids, {n} times {n}" for n in range(4)]
    first = server.post("/add", texts=texts[:1], ids=[17]).json()["documents"][0]
    assert first == {"doc_id": 17, "match": "new", "keeper_id": None, "jaccard": None}
    again = server.post("/add", texts=texts[:1]).json()["documents"][0]
    assert (again["match"], again["keeper_id"], again["jaccard"]) == ("identical", 17, 1.0)
    named = server.post("/add", texts=texts[1:3], ids=["ü", 18]).json()["documents"]
    assert [row["doc_id"] for row in named] == ["ü", "18"]
    assert server.post("/add", texts=[]).json() == {"documents": []}
    assert server.post("/query", texts=[]).json() == {"matches": []}
    assert server.post("/query", texts=["", "!!!"]).json() == {"matches": [[], []]}


@pytest.mark.parametrize(
    ("path", "body", "status", "sentence"),
    [
        ("/query", b"{", 400, "the body is no JSON"),
        ("/query", b"[" * 100_000, 400, "the body is no JSON"),
        ("/query", b'{"texts": [], "top": NaN}', 400, "NaN is no JSON"),
        ("/query", b"\xff\xfe\xfd", 400, "the body is no JSON"),
        ("/query", b"[]", 400, "no JSON object; send one with texts, top, limit."),
        ("/query", b'{"text": []}', 400, "there is no field 'text'; send texts, top, limit."),
        ("/query", b"{}", 400, "texts is no list of strings"),
        ("/query", b'{"texts": [null]}', 400, "texts is no list of strings"),
        ("/query", b'{"texts": [], "top": 0}', 400, "top is no integer from 1 to 1000"),
        ("/query", b'{"texts": [], "limit": true}', 400, "limit is no integer from 1 to"),
        ("/add", b'{"texts": ["a"], "ids": []}', 400, "ids is no list of 1 ids"),
        ("/add", b'{"texts": ["a"], "ids": [1.5]}', 400, "ids[0] is neither a string nor"),
        ("/add", b'{"texts": ["a"], "ids": [9223372036854775808]}', 400, "ids[0] is neither"),
        ("/add", b'{"texts": [' + b'"",' * 100 + b'""]}', 413, "101 texts are more than 100"),
        ("/add", b" " * 200_001, 413, "more than 200000 bytes; send it in parts."),
    ],
)
def test_refusals(server: Served, path: str, body: bytes, status: int, sentence: str) -> None:
    said = server.client.post(path, content=body, headers={"content-type": "application/json"})
    assert said.status_code == status
    assert sentence in said.json()["error"]


def test_bodies_without_length_are_bounded_too(server: Served) -> None:
    pieces = (b" " * 50_000 for _ in range(5))
    kind = {"content-type": "application/json"}
    assert server.client.post("/add", content=pieces, headers=kind).status_code == 413
    pieces = (piece for piece in (b'{"texts"', b": []}"))
    assert server.client.post("/query", content=pieces, headers=kind).status_code == 200


def test_no_web_page_can_ask(server: Served) -> None:
    """A browser sends no JSON to others without asking, and by no other name than the page's."""
    plain = server.client.post("/add", content=b'{"texts": []}')
    assert plain.status_code == 415
    for host, status in (("evil.example:80", 421), ("localhost:1", 200), ("[::1]:1", 200)):
        assert server.client.get("/stats", headers={"host": host}).status_code == status
    options = server.client.request("OPTIONS", "/add", headers={"origin": "http://evil.example"})
    assert options.status_code == 405
    assert not [name for name in options.headers if name.startswith("access-control")]
    assert server.client.get("/nothing").json()["error"].startswith("Not Found")


def test_the_page_asks_nothing_of_any_network(server: Served) -> None:
    page = server.client.get("/")
    policy = page.headers["content-security-policy"]
    assert policy.startswith("default-src 'none'")
    for path in server.client.get("/openapi.json").json()["paths"]:
        assert path in page.text
    assert "http://" not in page.text
    assert "https://" not in page.text
    assert "<script" not in page.text


def test_a_token(tmp_path: Path) -> None:
    dedup.Index.create(tmp_path / "index")
    file = tmp_path / "token"
    file.write_text("s3cret\n")
    with served(tmp_path / "index", "--token-file", file) as server:
        for given in ({}, {"authorization": "Bearer s3cre"}, {"authorization": "Basic s3cret"}):
            refused = server.client.get("/stats", headers=given)
            assert refused.status_code == 401
            assert refused.headers["www-authenticate"] == "Bearer"
            said = server.client.post("/add", json={"texts": ["a"]}, headers=given)
            assert said.status_code == 401
        assert server.client.get("/healthz").status_code == 200
        server.client.headers["authorization"] = "Bearer s3cret"
        assert server.post("/add", texts=["a"]).json()["documents"][0]["match"] == "new"
        assert server.client.get("/stats").json()["documents"] == 1
        described = server.client.get("/openapi.json").json()
        assert described["paths"]["/add"]["post"]["security"] == [{"token": []}]


def raw(server: Served) -> socket.socket:
    host, port = server.address.removeprefix("http://").split(":")
    return socket.create_connection((host, int(port)), timeout=30)


def test_slow_clients_are_not_waited_for(tmp_path: Path) -> None:
    dedup.Index.create(tmp_path / "index")
    with served(tmp_path / "index", "--timeout", 0.5) as server:
        with raw(server) as mute, raw(server) as half:
            half.sendall(b"POST /add HTTP/1.1\r\nHost: localhost\r\n")
            with raw(server) as slow:
                slow.sendall(
                    b"POST /add HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
                    b'Content-Length: 100\r\n\r\n{"texts'
                )
                answer = http.client.HTTPResponse(slow)
                answer.begin()
                assert answer.status == 408
                assert "within 0.5 s" in json.loads(answer.read())["error"]
                assert slow.recv(1) == b""
            # Those that send no request at all are left as well.
            assert mute.recv(1) == b""
            assert half.recv(1) == b""
        assert server.post("/query", texts=["a"]).status_code == 200


def test_what_is_not_done_in_time_is_refused(tmp_path: Path) -> None:
    index = dedup.Index.create(tmp_path / "index")
    with served(index.path, "--timeout", 0.001) as server:
        said = server.post("/query", texts=["some words of a text"] * 5000)
        assert said.status_code in (503, 408)
        assert said.headers.get("retry-after") == ("1" if said.status_code == 503 else None)
        server.post("/add", texts=["some words of a text"] * 5000)
    index.refresh()
    assert len(index) in (0, 1)


def test_a_stop_loses_nothing(tmp_path: Path) -> None:
    """Additions from many threads, and SIGTERM amid them: what was answered is there, no more."""
    index = dedup.Index.create(tmp_path / "index")
    answered: list[str] = []
    refused = threading.Event()

    with served(index.path) as server:

        def add(thread: int) -> None:
            for number in range(10_000):
                name = f"t{thread}n{number}"
                text = " ".join(f"{name}w{word}" for word in range(30))
                try:
                    said = server.post("/add", texts=[text], ids=[name])
                except Exception:
                    refused.set()
                    return
                assert said.status_code == 200
                answered.append(name)

        threads = [threading.Thread(target=add, args=(number,)) for number in range(6)]
        for thread in threads:
            thread.start()
        while len(answered) < 40:
            time.sleep(0.01)
        assert server.stop() == (0, "")
        for thread in threads:
            thread.join()
    assert refused.is_set()
    index.refresh()
    stored = [name for segment in index.segments for name in segment.ids.to_pylist()]
    assert sorted(stored) == sorted(answered)
    assert not index.verify()


def test_the_address_and_the_index_are_checked_first(tmp_path: Path) -> None:
    def said(*arguments: object) -> str:
        found = CliRunner().invoke(cli, ["serve", *map(str, arguments)])
        assert isinstance(found.exception, dedup.DedupError)
        return str(found.exception)

    assert "is no index; make one with dedup index create." in said(tmp_path / "none")
    dedup.Index.create(tmp_path / "index")
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        assert f"127.0.0.1 port {port} cannot be" in said(tmp_path / "index", "--port", port)
    assert "timeout_seconds is 0.0" in said(tmp_path / "index", "--timeout", 0)
    assert "max_documents is 0" in said(tmp_path / "index", "--max-documents", 0)
    (tmp_path / "token").write_text("\n")
    assert "no token" in said(tmp_path / "index", "--token-file", tmp_path / "token")

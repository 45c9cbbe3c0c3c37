"""The thread that writes: what it joins, what it leaves, and what it outlives."""

from __future__ import annotations

import asyncio
import errno
import threading
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

import dedup
from dedup.index.index import Index
from dedup.io.values import text_array
from dedup.service.app import application
from dedup.service.bodies import Addition
from dedup.service.work import Writer


def addition(*texts: str, ids: list[Any] | None = None) -> Addition:
    return Addition(text_array(texts)[0], None if ids is None else pa.array(ids))


@pytest.fixture
def index(tmp_path: Path) -> Index:
    return dedup.Index.create(tmp_path / "index", store="all")


def test_what_waits_is_joined_where_it_is_alike_and_done_before_the_end(index: Index) -> None:
    writer = Writer(index.path)
    submitted = [
        addition("one text", "another", ids=["a", "b"]),
        addition("One text!", ids=["c"]),
        addition(),
        addition("a third", ids=[7]),
        addition("of no id"),
        addition("of \ud800 broken text", "another"),
        addition("a fourth", ids=["d"]),
    ]
    answers = [writer.submit(one) for one in submitted]
    writer.start()
    writer.close()
    assert all(answer.done() for answer in answers)
    said = [[(row["doc_id"], row["match"]) for row in answer.result()] for answer in answers]
    assert said == [
        [("a", "new"), ("b", "new")],
        [("c", "equal")],
        [],
        [("7", "new")],
        [("4", "new")],
        [("5", "new"), ("6", "identical")],
        [("d", "new")],
    ]
    index.refresh()
    assert index.manifest.generation == 6
    assert len(index) == 8


def test_a_large_wait_is_cut(index: Index, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dedup.service.work._ADDED_BYTES", 100)
    writer = Writer(index.path)
    answers = [writer.submit(addition(f"{number} " * 10)) for number in range(9)]
    writer.start()
    writer.close()
    assert [answer.result()[0]["doc_id"] for answer in answers] == list(range(9))
    index.refresh()
    assert 3 <= index.manifest.generation <= 5


def test_what_is_cancelled_is_not_added(index: Index) -> None:
    writer = Writer(index.path)
    first, second = writer.submit(addition("one")), writer.submit(addition("two"))
    assert first.cancel()
    writer.start()
    writer.close()
    assert second.result()[0]["match"] == "new"
    index.refresh()
    assert len(index) == 1


def test_an_error_ends_its_additions_alone(index: Index, monkeypatch: pytest.MonkeyPatch) -> None:
    adding = Index.adding

    def failing(self: Index, found: Any) -> Any:
        monkeypatch.setattr(Index, "adding", adding)
        raise OSError(errno.EIO, "the disk has an error")

    monkeypatch.setattr(Index, "adding", failing)
    writer = Writer(index.path)
    failed, done = writer.submit(addition("one")), writer.submit(addition("two", ids=["b"]))
    writer.start()
    writer.close()
    assert isinstance(failed.exception(), OSError)
    assert done.result()[0] == {
        "doc_id": "b",
        "match": "new",
        "keeper_id": None,
        "jaccard": None,
    }


def test_the_application_ends_its_threads(index: Index) -> None:
    async def run() -> None:
        app = application(index.path)
        async with app.router.lifespan_context(app):
            assert "write" in {thread.name for thread in threading.enumerate()}

    asyncio.run(run())
    assert "write" not in {thread.name for thread in threading.enumerate()}

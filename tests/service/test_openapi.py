"""The service does what its OpenAPI description says: asked at random, and with much at once."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from typing import Any

import jsonschema
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import dedup
from tests.service.serving import Served, served

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=8,
)
WORD = st.sampled_from(
    ["alpha", "Beta", "漢字", "½", "\0", "\u200d", " ", "\ud800", "!", "é\u0301"]
)
TEXT = st.text(max_size=20) | st.lists(WORD, max_size=40).map(" ".join)
POSTED = ("/query", "/add")
FUZZED = settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    index = dedup.Index.create(tmp_path_factory.mktemp("fuzzed") / "index", store="all")
    with served(index.path, "--max-documents", 20) as one:
        yield one


@pytest.fixture(scope="module")
def described(server: Served) -> Any:
    found = server.client.get("/openapi.json").json()
    assert found["openapi"].startswith("3.1")
    return found


def asked(described: Any, path: str) -> Any:
    return described["paths"][path]["post"]["requestBody"]["content"]["application/json"]["schema"]


def values(schema: Any) -> st.SearchStrategy[Any]:
    """Return what a schema of this description allows."""
    kinds = schema["type"] if isinstance(schema["type"], list) else [schema["type"]]
    return st.one_of(*(_of_kind(kind, schema) for kind in kinds))


def _of_kind(kind: str, schema: Any) -> st.SearchStrategy[Any]:
    if kind == "string":
        return TEXT
    if kind == "integer":
        return st.integers(schema["minimum"], schema["maximum"])
    if kind == "array":
        return st.lists(values(schema["items"]), max_size=schema.get("maxItems", 20))
    assert kind == "object"
    fields = {name: values(of) for name, of in schema["properties"].items()}
    required = {name: fields.pop(name) for name in schema["required"]}
    return st.fixed_dictionaries(required, optional=fields)


def check(server: Served, described: Any, path: str, body: bytes) -> Any:
    """Ask, and hold the answer against the description."""
    said = server.client.post(path, content=body, headers={"content-type": "application/json"})
    responses = described["paths"][path]["post"]["responses"]
    assert str(said.status_code) in responses, said.text
    schema = responses[str(said.status_code)]["content"]["application/json"]["schema"]
    found = said.json()
    whole = schema | {"components": described["components"]}
    jsonschema.Draft202012Validator(whole).validate(found)
    return said.status_code, found


def is_allowed(described: Any, path: str, value: Any) -> bool:
    schema = asked(described, path)
    if not jsonschema.Draft202012Validator(schema).is_valid(value):
        return False
    # The one rule that no schema can say, but in words.
    return "ids" not in value or len(value["ids"]) == len(value["texts"])


@pytest.mark.parametrize("path", POSTED)
@FUZZED
@given(data=st.data())
def test_what_the_description_allows_is_answered(
    server: Served, described: Any, path: str, data: st.DataObject
) -> None:
    body = data.draw(values(asked(described, path)))
    if "ids" in body and data.draw(st.integers(0, 9)):
        body["ids"] = (body["ids"] * 20 + [0] * 20)[: len(body["texts"])]
    status, found = check(server, described, path, json.dumps(body).encode())
    if not is_allowed(described, path, body):
        assert status == 400
        return
    assert status == 200
    (answers,) = found.values()
    assert len(answers) == len(body["texts"])
    if path == "/query":
        assert all(len(matches) <= body.get("top", 10) for matches in answers)


@pytest.mark.parametrize("path", POSTED)
@FUZZED
@given(data=st.data())
def test_what_it_does_not_allow_is_refused(
    server: Served, described: Any, path: str, data: st.DataObject
) -> None:
    body = data.draw(JSON | values(asked(described, path)))
    if isinstance(body, dict):
        names = [*asked(described, path)["properties"], "other"]
        body[data.draw(st.sampled_from(names))] = data.draw(JSON)
    text = json.dumps(body)
    status, _ = check(server, described, path, text.encode())
    if "NaN" not in text and "Infinity" not in text:
        assert (status == 200) == is_allowed(described, path, json.loads(text))


@FUZZED
@given(body=st.binary(max_size=60), path=st.sampled_from(POSTED))
def test_any_bytes_get_an_answer(server: Served, described: Any, path: str, body: bytes) -> None:
    status, _ = check(server, described, path, body)
    assert status in (200, 400)


@pytest.mark.parametrize("path", ["/stats", "/healthz"])
def test_what_is_got(server: Served, described: Any, path: str) -> None:
    said = server.client.get(path)
    response = described["paths"][path]["get"]["responses"]["200"]
    jsonschema.validate(said.json(), response["content"]["application/json"]["schema"])


@pytest.mark.slow
def test_many_clients_at_once(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Twenty seconds of 24 that add and ask: every answer is right, nothing is lost or doubled."""
    index = dedup.Index.create(tmp_path_factory.mktemp("load") / "index")
    end = time.monotonic() + 20
    mine: list[list[str]] = [[] for _ in range(24)]
    wrong: list[str] = []

    def text(name: str) -> str:
        return " ".join(f"{name}word{number}" for number in range(50))

    with served(index.path) as server:

        def client(thread: int) -> None:
            number = 0
            while time.monotonic() < end:
                names = [f"t{thread}n{number + place}" for place in range(5)]
                number += len(names)
                said = server.post("/add", texts=[text(name) for name in names], ids=names)
                if said.status_code == 503:
                    continue
                found = said.json()["documents"]
                if [row["match"] for row in found] != ["new"] * len(names):
                    wrong.append(said.text)
                mine[thread] += names
                # What was answered is seen by the next question, of whatever thread.
                asked = server.post("/query", texts=[text(name).upper() for name in names])
                if asked.status_code == 200:
                    best = [[match["doc_id"] for match in of] for of in asked.json()["matches"]]
                    if best != [[name] for name in names]:
                        wrong.append(asked.text)

        threads = [threading.Thread(target=client, args=(one,)) for one in range(len(mine))]
        for thread in threads:
            thread.start()
        while any(thread.is_alive() for thread in threads):
            assert server.client.get("/healthz").status_code == 200
            time.sleep(0.2)
        assert not wrong
        assert server.client.get("/stats").json()["documents"] == sum(map(len, mine))
    index.refresh()
    stored = [name for segment in index.segments for name in segment.ids.to_pylist()]
    assert sorted(stored) == sorted(name for names in mine for name in names)
    assert len(stored) > 500
    assert not index.verify()

"""Eight readers and a writer at once, every answer checked."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

import dedup
from tests.index.killed import batch

ROOT = Path(__file__).parents[2]
READERS = 8
READER = """
import sys, dedup
from tests.index.killed import batch
index = dedup.Index.open(sys.argv[1])
seen = checks = 0
while True:
    index.refresh()
    size = index.manifest.added
    assert size >= seen, (size, seen)
    seen, number, total, texts, ids = size, 0, 0, [], []
    while total < size:
        table = batch(number)
        total += table.num_rows
        number += 1
        texts += table["text"].to_pylist()[1:3]
        ids += table["id"].to_pylist()[1:3]
    # All of the batches that the state counts are there, whole, and nothing of the next one.
    assert total == size, (total, size)
    found = index.query(texts)
    assert found["doc_id"].to_pylist() == ids
    assert set(found["match"].to_pylist()) <= {"identical"}
    assert not len(index.query(batch(number)["text"].to_pylist()[1:]))
    assert len(index) == size - max(0, number - 1)
    checks += 1
    print(checks, flush=True)
"""


@pytest.mark.parametrize(
    ("seconds", "most"), [(1, 6), pytest.param(60, 150, marks=pytest.mark.slow)]
)
def test_readers_see_whole_batches_only(tmp_path: Path, seconds: int, most: int) -> None:
    """The readers are processes that look for news all the time; the writer compacts as well."""
    index = dedup.Index.create(tmp_path / "index")
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    readers = [
        subprocess.Popen(
            [sys.executable, "-c", READER, index.path],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            cwd=ROOT,
            env=environment,
            text=True,
        )
        for _ in range(READERS)
    ]
    for reader in readers:
        assert reader.stdout is not None
        assert reader.stdout.readline() == "1\n", reader.communicate()[1]
    end = time.monotonic() + seconds
    number = 0
    while time.monotonic() < end or number < most // 2:
        if number < most:
            index.add(batch(number))
            number += 1
        if number % 3 == 2 or number == most:
            index.compact()
            time.sleep(0.05)
    for reader in readers:
        assert reader.poll() is None, reader.communicate()[1]
        reader.terminate()
        said, _ = reader.communicate()
        assert len(said.splitlines()) >= 2
    assert index.verify() == []

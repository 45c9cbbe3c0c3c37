"""Killed at any moment while it adds or compacts, with a reader open: nothing lost or doubled."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

import dedup

ROOT = Path(__file__).parents[2]
WRITER = """
import sys, dedup
from tests.index.killed import batch
index = dedup.Index.open(sys.argv[1])
for number in range(int(sys.argv[2]), 1000):
    if number % 4 == 3:
        index.compact()
    else:
        index.add(batch(number))
    print(number, flush=True)
"""


@pytest.mark.parametrize("kills", [5, pytest.param(50, marks=pytest.mark.slow)])
def test_killed_at_any_moment(tmp_path: Path, kills: int) -> None:
    """What a writer said that it did is there; what it did not say is there whole, or not at all.

    Every batch has documents of its own and one that all batches share.
    """
    from tests.index.killed import batch

    path = tmp_path / "index"
    dedup.Index.create(path)
    reader = dedup.Index.open(path)
    rng = np.random.default_rng(kills)
    done: list[int] = []
    number = in_the_middle = 0
    for _ in range(kills):
        known = reader.query([text for one in done for text in batch(one)["text"].to_pylist()])
        writer = subprocess.Popen(
            [sys.executable, "-c", WRITER, str(path), str(number)],
            stdout=subprocess.PIPE,
            cwd=ROOT,
            env=os.environ | {"PYTHONPATH": str(ROOT)},
            text=True,
        )
        assert writer.stdout is not None
        with writer, writer.stdout as said:
            heard = [int(said.readline()) for _ in range(rng.integers(1, 4))]
            time.sleep(rng.uniform(0, 0.05))
            os.kill(writer.pid, signal.SIGKILL)
            heard += [int(line) for line in said.read().splitlines()]
        # The reader sees what it saw, though the files are gone.
        again = reader.query([text for one in done for text in batch(one)["text"].to_pylist()])
        assert again.equals(known)
        number = heard[-1] + 1
        done += [one for one in heard if one % 4 != 3]
        index = dedup.Index.open(path)
        assert index.verify() == []
        began = number if number % 4 != 3 else number + 1
        stored = set(index.query(batch(began)["text"].to_pylist()[1:])["doc_id"].to_pylist())
        if stored:  # it was added, and the kill came before the word
            assert stored == set(batch(began)["id"].to_pylist()[1:])
            done.append(began)
            number = began + 1
        in_the_middle += bool(stored) or any(path.glob("*.partial")) or has_unnamed(index)
        expected = [one for each in done for one in batch(each)["id"].to_pylist()[1:]]
        texts = [text for one in done for text in batch(one)["text"].to_pylist()[1:]]
        assert index.query(texts)["doc_id"].to_pylist() == expected
        assert len(index) == len(expected) + 1
        assert index.manifest.added == sum(batch(one).num_rows for one in done)
        reader.refresh()
        assert len(reader) == len(index)
    index.add(["what is left of the killed is cleaned away"])
    assert not has_unnamed(index)
    if kills >= 50:  # of five, none may well fall into an addition
        assert in_the_middle > kills // 10


def has_unnamed(index: dedup.Index) -> bool:
    named = {file.name for entry in index.manifest.segments for file in entry.files}
    return bool(set(os.listdir(index.path)) - named - {"lock", "manifest.json"})

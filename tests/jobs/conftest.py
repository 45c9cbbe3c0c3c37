"""An input that spills, an output that is there already, and what is looked at after a run."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import dedup
from dedup.config import Config
from dedup.jobs import local
from tests.worlds import world

TEXTS = world(1500, seed=4)


@pytest.fixture
def inside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Make an input of three files, none too small to spill."""
    monkeypatch.setattr(local, "SMALL_BYTES", 0)
    folder = tmp_path / "in"
    folder.mkdir()
    for number in range(3):
        table = pa.table({"text": TEXTS[number * 500 : (number + 1) * 500]})
        pq.write_table(table, folder / f"{number}.parquet", compression="none")
    return folder


@pytest.fixture
def old(tmp_path: Path) -> dict[str, bytes]:
    """Make an output that is there already."""
    pq.write_table(pa.table({"text": TEXTS[:20]}), tmp_path / "old.parquet")
    dedup.run([tmp_path / "old.parquet"], tmp_path / "out", Config())
    return contents(tmp_path / "out")


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()}


def hidden(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.rglob(".*"))


def sentence(inputs: list[Path], output: Path, **options: Any) -> str:
    """Return the message of the error of a run."""
    config = Config(workers=1)
    with pytest.raises(dedup.DedupError) as caught:
        dedup.run(inputs, output, config, **options)
    text = str(caught.value)
    assert "\n" not in text
    assert text.endswith(".")
    return text

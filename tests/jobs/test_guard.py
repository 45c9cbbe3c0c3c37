"""A refused removal shows what would have gone, by host or file, and the largest clusters."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import dedup


@pytest.mark.parametrize("within", [None, "host"])
def test_a_refusal_shows_who_would_lose_most(tmp_path: Path, within: str | None) -> None:
    texts = [" ".join(f"{name}{i}" for i in range(20)) for name in "abcc" for _ in range(3)]
    hosts = ["x.org"] * 3 + ["y.org"] * 9
    names = [f"d{i}" for i in range(12)]
    path = tmp_path / "in.parquet"
    pq.write_table(pa.table({"id": names, "text": texts, "host": hosts}), path)
    config = dedup.Config(max_removal=0.5, within=within)
    with pytest.raises(dedup.DedupError, match="--max-removal") as caught:
        dedup.run([path], tmp_path / "out", config, kept=tmp_path / "kept")
    rows = [line.split() for line in caught.value.__notes__[0].splitlines()]
    groups = [["7", "9", "y.org"], ["2", "3", "x.org"]] if within else [["9", "12", "in.parquet"]]
    assert rows[0] == ["removed", "documents", within or "file"]
    assert rows[1 : 1 + len(groups)] == groups
    assert rows[1 + len(groups) :] == [["removed", "keeper"], ["5", "d6"], ["2", "d0"], ["2", "d3"]]
    assert not (tmp_path / "kept").exists()

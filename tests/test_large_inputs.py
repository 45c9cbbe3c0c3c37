"""What many parts take of the system: no open files, and not ever more parts."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import dedup
from dedup.engines import local
from dedup.engines.local import LocalEngine
from dedup.engines.part_files import open_part, save_part
from dedup.io.base import Columns
from dedup.io.inputs import discover
from tests.open_files import open_files

TABLE = pa.table(
    {"id": [f"d{i}" for i in range(90)], "text": [f"a b c d e f {i}" for i in range(90)]}
)


@pytest.mark.skipif(not os.path.isdir("/proc/self/fd"), reason="open files are listed in /proc")
def test_mapped_parts_hold_no_file_open(tmp_path: Path) -> None:
    part = dedup.find_duplicates(TABLE).sketched.parts[0]
    with open(tmp_path / "open", "wb"):
        assert open_files(tmp_path)  # which finds any
    opened = []
    for number in range(50):
        save_part(str(tmp_path / f"{number}"), part)
        opened.append(open_part(str(tmp_path / f"{number}"), None))
    assert not open_files(tmp_path)
    assert all(np.array_equal(one.sets, part.sets) for one in opened)


def test_a_file_of_a_part_that_was_cut_is_said(tmp_path: Path) -> None:
    part = dedup.find_duplicates(TABLE).sketched.parts[0]
    for suffix in ("sets", "keys", "counts"):
        stem = str(tmp_path / suffix)
        save_part(stem, replace(part, stem=None))
        path = Path(f"{stem}.{suffix}")
        path.write_bytes(path.read_bytes()[:-8])
        with pytest.raises(ValueError, match="cannot reshape"):
            open_part(stem, None)


def test_parts_grow_with_the_input(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pq.write_table(TABLE, tmp_path / "a.parquet", row_group_size=1, compression=None)
    files = discover([tmp_path]).files
    counts = []
    for most in (1 << 10, 20, 5):
        monkeypatch.setattr(local, "_MOST_PARTS", most)
        plan = LocalEngine(part_bytes=1, processes=8)._plan(files, Columns(), None)
        counts.append(len(list(plan.jobs)))
    assert counts[0] >= 90
    assert counts[0] > counts[1] > counts[2] >= 1

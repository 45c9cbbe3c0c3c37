"""A run that is killed at any moment leaves the old output, or the new one, never a half."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.worlds import world

ROOT = Path(__file__).parents[1]
RUNS = 20


@pytest.mark.slow
def test_killed_at_any_moment(tmp_path: Path) -> None:
    texts = [text * 20 for text in world(4000, seed=8)]
    path = tmp_path / "docs.parquet"
    pq.write_table(pa.table({"text": texts}), path, row_group_size=250)
    out, kept = tmp_path / "out", tmp_path / "kept"
    command = [
        *(sys.executable, str(ROOT / "cli.py"), "run", str(path), "-o", str(out), "-q"),
        *("--kept", str(kept), "--overwrite", "--workers", "2"),
    ]
    start = time.perf_counter()
    subprocess.run(command, check=True)
    seconds = time.perf_counter() - start
    expected = {name: (out / name).read_bytes() for name in ("clusters.parquet", "pairs.parquet")}
    kept_rows = pq.read_table(kept / "docs.parquet").num_rows
    rng = np.random.default_rng(4)
    killed = 0
    for moment in rng.uniform(0.05, 1.1, RUNS) * seconds:
        running = subprocess.Popen(command, start_new_session=True)
        time.sleep(moment)
        if running.poll() is None:
            os.killpg(running.pid, signal.SIGKILL)
            killed += 1
        running.wait()
        if out.exists():  # between the two renames of --overwrite there is none
            assert {name: (out / name).read_bytes() for name in expected} == expected
            assert json.loads((out / "summary.json").read_text())["format"]
        assert pq.read_table(kept / "docs.parquet").num_rows == kept_rows
    assert killed > RUNS // 3

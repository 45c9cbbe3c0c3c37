"""A run killed at any moment leaves old output, new output or none; continued, always the same."""

from __future__ import annotations

import json
import os
import shutil
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

ROOT = Path(__file__).parents[2]
RUNS = 20
PARTS = 16
"""Files of the input, of 4 MB each: two are sketched together."""


@pytest.mark.slow
@pytest.mark.parametrize("with_old_output", [False, True])
def test_killed_at_any_moment_and_continued(tmp_path: Path, with_old_output: bool) -> None:
    """RUNS times: killed once or twice, all processes at once, then repeated to the end."""
    texts = [text * 20 for text in world(4000, seed=8)]
    inside, out, kept = tmp_path / "in", tmp_path / "out", tmp_path / "kept"
    manifest = tmp_path / ".out.scratch" / "manifest.json"
    inside.mkdir()
    for number in range(PARTS):
        table = pa.table({"text": texts[number::PARTS]})
        path = inside / f"{number:02d}.parquet"
        pq.write_table(table, path, compression="none", use_dictionary=False)
    command = [
        *(sys.executable, str(ROOT / "cli.py"), "run", str(inside), "-o", str(out), "-q"),
        *("--kept", str(kept), "--workers", "2"),
    ]
    subprocess.run(command, check=True)
    expected = results(tmp_path)
    start = time.perf_counter()
    subprocess.run([*command, "--overwrite"], check=True)
    seconds = time.perf_counter() - start
    if with_old_output:
        command.append("--overwrite")
    rng = np.random.default_rng(4)
    killed = continued = 0
    for number in range(RUNS):
        if not with_old_output:
            shutil.rmtree(out)
            shutil.rmtree(kept)
        died = False
        for moment in rng.uniform(0.05, 1.1, 1 + number % 2) * seconds:
            running = subprocess.Popen(command, start_new_session=True, stderr=subprocess.DEVNULL)
            time.sleep(moment)
            died = running.poll() is None
            if died:
                os.killpg(running.pid, signal.SIGKILL)
                killed += 1
            running.wait()
            # Without a manifest, a new output is complete: only the process had not ended yet.
            died = died and (with_old_output or manifest.exists() or not out.exists())
            if out.exists():  # between the two renames of --overwrite there is none
                found = results(tmp_path)
                assert all(found[name] == expected[name] for name in found)
                assert json.loads((out / "summary.json").read_text())["format"]
            if not died:
                break
        if died:
            subprocess.run(command, check=True)
        assert results(tmp_path) == expected
        continued += json.loads((out / "summary.json").read_text())["resumed_parts"] > 0
        assert sorted(each.name for each in tmp_path.iterdir()) == ["in", "kept", "out"]
        assert len(list(kept.iterdir())) == PARTS
    assert killed > RUNS // 3
    assert continued >= RUNS // 10


def results(folder: Path) -> dict[str, bytes]:
    """Return what is there of the tables and of the kept copies."""
    paths = [path for name in ("out", "kept") for path in (folder / name).glob("[!.]*.parquet")]
    return {str(path.relative_to(folder)): path.read_bytes() for path in paths}

"""The README's examples run, and what they say is true."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from dedup.config import Config

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", README, re.MULTILINE | re.DOTALL)


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    (tmp_path / "data").symlink_to(ROOT / "data")
    return tmp_path


def environment(folder: Path) -> dict[str, str]:
    """Put a `dedup` that runs this checkout first on the path."""
    script = folder / "bin" / "dedup"
    script.parent.mkdir(exist_ok=True)
    script.write_text(f'#!/bin/sh\nexec "{sys.executable}" "{ROOT / "cli.py"}" "$@"\n')
    script.chmod(0o755)
    path = f"{script.parent}{os.pathsep}{os.environ['PATH']}"
    return os.environ | {"PATH": path, "PYTHONPATH": str(ROOT)}


def test_commands(checkout: Path) -> None:
    pytest.importorskip("fastwarc")
    pytest.importorskip("resiliparse")
    lines = [line[2:] for block in blocks("console") for line in block.splitlines()]
    assert len(lines) >= 4
    outputs = []
    for line in lines:
        done = subprocess.run(
            line,
            shell=True,
            cwd=checkout,
            env=environment(checkout),
            capture_output=True,
            text=True,
            timeout=60,
        )
        assert done.returncode == 0, f"{line}\n{done.stderr}"
        outputs.append(done.stdout)
    planned = lines.index("dedup plan data/sample.warc.gz")
    shown = dict(zip((0, planned), (text for text in blocks("text") if "379" in text), strict=True))
    for number, text in shown.items():
        for line in text.splitlines():
            assert line in outputs[number]
    evaluated = next(line for line in lines if line.startswith("dedup eval"))
    (shown_eval,) = (text for text in blocks("text") if "true pairs" in text)
    assert shown_eval in outputs[lines.index(evaluated)]
    explained = outputs[lines.index("dedup explain @42 @3 --run build/readme")]
    (shown_explained,) = (text for text in blocks("text") if "in one cluster: " in text)
    for paragraph in shown_explained.split("\n\n"):
        assert paragraph.strip("\n") in explained
    audited = next(line for line in lines if line.startswith("dedup audit"))
    (shown_audit,) = (text for text in blocks("text") if "with all others" in text)
    assert shown_audit in outputs[lines.index(audited)]
    table = pq.read_table(checkout / "build" / "readme" / "clusters.parquet").to_pylist()
    rows = re.findall(r"^\| (https://\S+) \| (true|false) \| ([\d.]+) \| (\w+) \|$", README, re.M)
    assert len(rows) == 3
    found = [
        (r["url"], str(r["is_keeper"]).lower(), f"{r['jaccard']:.3f}", r["match"]) for r in table
    ]
    start = found.index(rows[0])
    assert found[start : start + len(rows)] == rows
    assert pq.read_table(checkout / "build" / "stdin" / "clusters.parquet").num_rows == 2


def test_python(checkout: Path) -> None:
    pytest.importorskip("pandas")
    for block in blocks("python"):
        done = subprocess.run(
            [sys.executable, "-W", "error", "-c", block],
            cwd=checkout,
            env=environment(checkout),
            capture_output=True,
            text=True,
            timeout=60,
        )
        assert done.returncode == 0, done.stderr
        assert "2 of 4" in done.stdout


def test_options_and_defaults() -> None:
    rows = re.findall(r"^\| `--([\w-]+)` \| (\S+) \|", README, re.MULTILINE)
    assert len(rows) >= 8
    for name, default in rows:
        value = getattr(Config(), name.replace("-", "_"))
        assert default == (value if isinstance(value, str) else f"{float(value):g}")

"""The documentation is true: its examples run, page by page, and print what it says they do."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from dedup.config import Config
from tests.engines.conftest import need_java

ROOT = Path(__file__).parents[1]
README = ROOT / "README.md"
PAGES = [README, *sorted((ROOT / "docs").glob("*.md"))]
BLOCK = re.compile(r"^```(console|python|text|sh)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\]\(([^)\s]+)\)")


def blocks(page: Path) -> list[tuple[str, str]]:
    return BLOCK.findall(page.read_text(encoding="utf-8"))


def examples(page: Path) -> Iterator[tuple[list[str], str]]:
    """Yield each command, and what the page shows of its output: the text right after it."""
    for (language, block), (next_language, shown) in pairwise([*blocks(page), ("", "")]):
        said = shown if next_language == "text" else ""
        if language == "console":
            lines = [line.removeprefix("$ ") for line in block.splitlines()]
            yield from ((["bash", "-c", line], "") for line in lines[:-1])
            yield ["bash", "-c", lines[-1]], said
        elif language == "python":
            yield [sys.executable, "-W", "error", "-c", block], said


EXECUTED = [page for page in PAGES if next(examples(page), None)]


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
    python = {"PYTHONPATH": str(ROOT), "PYSPARK_PYTHON": sys.executable}
    return os.environ | python | {"PATH": path}


@pytest.mark.parametrize(
    "page",
    [
        pytest.param(page, id=page.stem, marks=[pytest.mark.slow] * (page.stem == "near-images"))
        for page in EXECUTED
    ],
)
def test_examples(page: Path, checkout: Path) -> None:
    for module in ("fastwarc", "resiliparse", "pandas", "jinja2", "plotly"):
        pytest.importorskip(module)
    if page.stem in ("spark", "near-images"):
        need_java()
    for command, shown in examples(page):
        done = subprocess.run(
            command,
            cwd=checkout,
            env=environment(checkout),
            capture_output=True,
            text=True,
            timeout=120,
        )
        assert done.returncode == 0, f"{command[-1]}\n{done.stderr}"
        printed = iter(done.stdout.splitlines())
        missing = [line for line in shown.splitlines() if line and line not in printed]
        assert not missing, f"{command[-1]}\n{done.stdout}"
    if page == README:
        assert_clusters_shown(checkout / "build")


def assert_clusters_shown(folder: Path) -> None:
    table = pq.read_table(folder / "readme" / "clusters.parquet").to_pylist()
    rows = re.findall(
        r"^\| (https://\S+) \| (true|false) \| ([\d.]+) \| (\w+) \|$", README.read_text(), re.M
    )
    assert len(rows) == 3
    found = [
        (r["url"], str(r["is_keeper"]).lower(), f"{r['jaccard']:.3f}", r["match"]) for r in table
    ]
    start = found.index(rows[0])
    assert found[start : start + len(rows)] == rows
    assert pq.read_table(folder / "stdin" / "clusters.parquet").num_rows == 2


def test_what_is_executed_is_most_of_it() -> None:
    assert {page.stem for page in PAGES} - {page.stem for page in EXECUTED} <= {
        "gallery",
        "languages",
    }
    assert sum(len(list(examples(page))) for page in EXECUTED) >= 20
    assert sum(1 for page in EXECUTED for _, shown in examples(page) if shown) >= 6


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_links_lead_somewhere(page: Path) -> None:
    for link in LINK.findall(page.read_text(encoding="utf-8")):
        if not link.startswith("https://"):
            place, _, anchor = link.partition("#")
            target = page.parent / place if place else page
            assert target.exists(), link
            assert not anchor or anchor in anchors(target), link


def anchors(page: Path) -> list[str]:
    headings = re.findall("^#+ (.*)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return [re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings]


def test_options_and_defaults() -> None:
    page = (ROOT / "docs" / "running.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| `--([\w-]+)` \| (\S+) \|", page, re.MULTILINE)
    assert len(rows) >= 8
    for name, default in rows:
        value = getattr(Config(), name.replace("-", "_"))
        assert default == (value if isinstance(value, str) else f"{float(value):g}")

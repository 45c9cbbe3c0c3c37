"""A million documents in 200,000 clusters: written in little memory, small, and soon ready."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from playwright.sync_api import expect

from tests.report.browser import chromium, opened

CLUSTERS, COPIES, WORDS = 200_000, 5, 60
ROOT = Path(__file__).parents[2]

# Prints the greatest resident memory of a command, in MiB.
MEASURE = """
import resource, subprocess, sys
subprocess.run(sys.argv[1:], check=True)
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024)
"""


def write_documents(path: Path) -> None:
    """Write stories with copies: the last words of a copy are its own, more in every copy."""
    rng = np.random.default_rng(6)
    words = np.array([f"word{i:05}" for i in range(20_000)])
    schema = pa.schema([("id", pa.string()), ("text", pa.string())])
    with pq.ParquetWriter(path, schema, compression="zstd") as writer:
        for start in range(0, CLUSTERS, 2_000):
            stories = words[rng.integers(0, len(words), (2_000, WORDS))]
            ids, texts = [], []
            for number, story in enumerate(stories, start):
                for copy in range(COPIES):
                    end = [f"own{number}x{copy}"] * (copy % 3)
                    texts.append(" ".join([*story, *end]))
                    ids.append(
                        f"https://www.host{number % 50_000}.example/archive/{number}/a-rather-long-"
                        f"name-of-a-page-as-they-are-found-{copy}.html?session={number * copy:032x}"
                    )
            writer.write_table(pa.table([ids, texts], schema))


@pytest.mark.slow
@pytest.mark.parametrize("evidence", [False, True], ids=["tables", "evidence"])
def test_a_million_documents(tmp_path: Path, evidence: bool) -> None:
    write_documents(tmp_path / "docs.parquet")
    dedup = [sys.executable, str(ROOT / "cli.py")]
    run = [*dedup, "run", str(tmp_path / "docs.parquet"), "-o", str(tmp_path / "out"), "-q"]
    subprocess.run([*run, *(["--keep-evidence"] if evidence else [])], check=True)
    summary = json.loads((tmp_path / "out/summary.json").read_text(encoding="utf-8"))
    assert summary["result"]["clusters"] == CLUSTERS
    assert summary["input"]["documents"] == CLUSTERS * COPIES
    done = subprocess.run(
        [sys.executable, "-c", MEASURE, *dedup, "report", "-q", str(tmp_path / "out")],
        check=True,
        capture_output=True,
        text=True,
    )
    assert float(done.stdout) < 500
    page = tmp_path / "out/report.html"
    assert page.stat().st_size < 15_000_000
    with chromium() as browser, opened(browser, page) as tab:
        ready = tab.page.evaluate("performance.getEntriesByType('navigation')[0].domComplete")
        size = page.stat().st_size / 1e6
        print(f"{done.stdout.strip()} MiB, {size:.1f} MB, ready after {ready:.0f} ms")  # noqa: T201
        expect(tab.page.locator("h1")).to_contain_text("80.0%")
        expect(tab.page.locator("#again")).to_contain_text("of 200,000 clusters")
        tab.page.fill("#query", "own")
        expect(tab.page.locator("#found")).to_contain_text("match")
        tab.page.locator("#clusters button").first.click()
        tab.page.locator("#cluster button").last.click()
        expect(tab.page.locator("#difference")).to_be_visible()
        assert tab.is_quiet()

"""Indexes side by side: ``python -m benchmarks.index``.

Writes `results/index.json` (every figure) and `.md` (the table).
"""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

from benchmarks.index_documents import WORDS
from benchmarks.measure import machine

RESULTS = Path(__file__).parent / "results"
PEERS = ("gaoya", "datasketch")
ROWS = (
    ("add, documents/s", lambda of: of["added"] / of["add_seconds"], ",.0f"),
    ("one document, p50 ms", lambda of: of["single_p50_ms"], ".2f"),
    ("one document, p99 ms", lambda of: of["single_p99_ms"], ".2f"),
    ("batches of 1,000, documents/s", lambda of: of["batch_documents_per_second"], ",.0f"),
    ("memory while asked, MB", lambda of: of["querying_bytes"] / 1e6, ",.0f"),
    ("disk, bytes a document", lambda of: of.get("disk_bytes", 0) / of["added"], ",.0f"),
    ("edited documents found", lambda of: of["found_share"], ".4f"),
)


def tool(name: str, documents: int, folder: Path) -> dict[str, Any]:
    """Run a tool in a process of its own."""
    command = [sys.executable, "-m", "benchmarks.index_tools", name, str(documents), str(folder)]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def table(results: dict[str, Any]) -> str:
    """Return the figures as Markdown."""
    tools = results["tools"]
    lines = [
        f"# Indexes of {results['documents']:,} documents of {WORDS} words",
        "",
        "| | " + " | ".join(tools) + " |",
        "|---|" + "---:|" * len(tools),
    ]
    for name, value, kind in ROWS:
        cells = (format(value(of), kind) if value(of) else "–" for of in tools.values())
        lines.append(f"| {name} | " + " | ".join(cells) + " |")
    return "\n".join([*lines, ""])


def main() -> None:
    """Run all tools, and write what they took."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--documents", type=int, default=1_000_000)
    parser.add_argument("--folder", type=Path, default=Path("build/index-bench"))
    parser.add_argument("--results", type=Path, default=RESULTS)
    given = parser.parse_args()
    shutil.rmtree(given.folder, ignore_errors=True)
    ours = tool("dedup_build", given.documents, given.folder)
    tools = {"dedup": ours | tool("dedup_query", given.documents, given.folder)}
    shutil.rmtree(given.folder)
    for name in PEERS:
        tools[name] = tool(name, given.documents, given.folder)
    results = {"documents": given.documents, "machine": machine(), "tools": tools}
    given.results.mkdir(parents=True, exist_ok=True)
    (given.results / "index.json").write_text(json.dumps(results, indent=1) + "\n")
    (given.results / "index.md").write_text(table(results), encoding="utf-8")
    print(table(results))


if __name__ == "__main__":
    main()

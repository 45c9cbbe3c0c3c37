"""Near-duplicate joins of a million vectors: dedup, faiss, and brute force, in one run.

`python -m benchmarks.vectors` makes the vectors that vectors.toml describes, plants near-duplicates
in them, and lets each tool find all pairs at the threshold, each in a process of its own and within
its time limit. It writes results/vectors.json, vectors.md and vectors.svg.
"""

import json
import resource
import subprocess
import sys
import time
import tomllib
from importlib.metadata import version
from pathlib import Path
from typing import Any

import click
import numpy as np

from benchmarks import vector_results
from benchmarks.measure import busy_seconds, machine
from benchmarks.vector_worlds import make_world

HERE = Path(__file__).parent
_LOADING_SECONDS = 30.0
"""Of a process, beyond its time limit: to start, and to end the batch it is at."""


@click.command()
@click.option("--count", type=int, help="Vectors, if not as configured.")
@click.option("--tools", help="Only these, separated by commas.")
@click.option("--folder", default=Path("build/bench-vectors"), type=Path, show_default=True)
@click.option("--results", default=HERE / "results/vectors", type=Path, help="Path, no suffix.")
def main(count: int | None, tools: str | None, folder: Path, results: Path) -> None:
    """Measure all tools and write the results."""
    given = tomllib.loads((HERE / "vectors.toml").read_text())
    given["count"] = count or given["count"]
    runs = [run for run in given.pop("runs") if not tools or run["tool"] in tools.split(",")]
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "given.json").write_text(json.dumps(given))
    report: dict[str, Any] = {
        "machine": machine(),
        "given": given,
        "versions": {name: version(name) for name in ("numpy", "faiss-cpu")},
        "worlds": {},
    }
    for kind in given["worlds"]:
        world = make_world(kind, given)
        np.save(folder / "vectors.npy", world.vectors)
        np.save(folder / "pairs.npy", world.pairs)
        rows = report["worlds"][kind] = []
        for run in runs:
            click.echo(f"{kind}: {run['title']}")
            rows += measured(run, folder)
            results.with_suffix(".json").write_text(json.dumps(report, indent=1) + "\n")
    results.with_suffix(".md").write_text(vector_results.page(report))
    vector_results.draw(report, results.with_suffix(".svg"))


def measured(run: dict[str, Any], folder: Path) -> list[dict[str, Any]]:
    """Run a tool in a process of its own; return a row for each of its settings."""
    limit = run["limit_seconds"]
    busy, used, start = busy_seconds(), _children_seconds(), time.perf_counter()
    command = [sys.executable, "-m", "benchmarks.vector_peers", str(folder), json.dumps(run)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        printed, _ = process.communicate(timeout=limit + _LOADING_SECONDS)
        ended = process.returncode == 0
    except subprocess.TimeoutExpired:
        process.kill()
        printed, _ = process.communicate()
        ended = True
    if not ended:
        raise click.ClickException(f"{run['title']} failed; its error stands above.")
    elapsed = time.perf_counter() - start
    others = busy_seconds() - busy - (_children_seconds() - used)
    share = max(0.0, others / (elapsed * (machine()["cores"] or 1)))
    rows = [json.loads(line) for line in printed.splitlines()]
    missing = len(run.get("settings", [None])) - len(rows)
    if process.returncode and missing:
        rows.append({"setting": run["settings"][len(rows)], "unfinished": "stopped at the limit"})
    about = {name: run.get(name) for name in ("tool", "title", "knob", "limit_seconds")}
    return [about | {"others_share": round(share, 2)} | row for row in rows]


def _children_seconds() -> float:
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


if __name__ == "__main__":
    main()

"""dedup on Spark: a corpus up to ten times over, on one and two executors of one core each.

`python -m benchmarks.spark_scale --corpus reuters.parquet` writes results/spark-scale.json and .md.
The driver has 1 GB and may take 64 MB of results. An executor is a JVM of 2 GB of its own; what it
shuffles and how long its tasks ran is read from Spark's event log.
"""

import json
import os
import shutil
import sys
from pathlib import Path
from typing import Any

import click
import pyarrow.parquet as pq
import pyspark

from benchmarks.measure import machine, run
from benchmarks.scale import whole_numbers
from benchmarks.scale_results import fit, noise
from benchmarks.table import markdown
from benchmarks.tenfold import ROWS, write_tenfold

TIME_LIMIT = 3_600.0
PAUSE_SECONDS = 0.5
PARTITIONS = 64
SETTINGS = {
    "spark.driver.host": "127.0.0.1",
    "spark.driver.maxResultSize": "64m",
    "spark.log.level": "ERROR",
    "spark.sql.shuffle.partitions": str(PARTITIONS),
    "spark.eventLog.enabled": "true",
    "spark.eventLog.rolling.enabled": "false",
    "spark.eventLog.compress": "false",
    "spark.ui.enabled": "false",
    "spark.ui.showConsoleProgress": "false",
}
ROOT = Path(__file__).parents[1]
GOAL = 10**9
"""Documents of the projection."""
GOAL_EXECUTORS = 100


def first_copies(tenfold: Path, copies: int, path: Path) -> None:
    """Write the first copies of a corpus that stands ten times in a file."""
    source = pq.ParquetFile(tenfold)
    wanted = source.metadata.num_rows * copies // 10
    with pq.ParquetWriter(path, source.schema_arrow, compression="zstd") as file:
        for batch in source.iter_batches(ROWS):
            file.write_batch(batch.slice(0, wanted), row_group_size=ROWS)
            wanted -= min(wanted, len(batch))
            if not wanted:
                return


def task_figures(events: Path) -> dict[str, int]:
    """Sum up what the tasks of an event log shuffled and how long they ran."""
    shuffled = milliseconds = tasks = 0
    with events.open(encoding="utf-8") as lines:
        for line in lines:
            if '"SparkListenerTaskEnd"' in line[:60]:
                metrics = json.loads(line).get("Task Metrics")
                if not metrics:  # of a task that was lost
                    continue
                tasks += 1
                shuffled += metrics["Shuffle Write Metrics"]["Shuffle Bytes Written"]
                milliseconds += metrics["Executor Run Time"]
    return {"tasks": tasks, "shuffle_bytes": shuffled, "task_seconds": milliseconds // 1000}


def measured(corpus: Path, executors: int, folder: Path) -> dict[str, Any]:
    """Run dedup once, by spark-submit, and return what it took."""
    shutil.rmtree(folder, ignore_errors=True)
    events = folder / "events"
    events.mkdir(parents=True)
    home = Path(pyspark.__file__).parent
    settings = SETTINGS | {"spark.eventLog.dir": events.absolute().as_uri()}
    command = [
        *(os.fspath(home / "bin" / "spark-submit"), "--driver-memory", "1g"),
        *("--master", f"local-cluster[{executors},1,2048]"),
        *(word for name, value in settings.items() for word in ("--conf", f"{name}={value}")),
        *(os.fspath(ROOT / "cli.py"), "run", os.fspath(corpus.absolute()), "--engine", "spark"),
        *("-o", os.fspath(folder / "out"), "--scratch", os.fspath((folder / "s").absolute()), "-q"),
    ]
    environment = os.environ | {"SPARK_HOME": os.fspath(home), "PYSPARK_PYTHON": sys.executable}
    took = run(
        command, environment, folder / "log", True, TIME_LIMIT, folder=folder, pause=PAUSE_SECONDS
    )
    if took.exit_code:
        raise click.ClickException(f"dedup failed ({took.exit_code}); see {folder / 'log'}")
    summary = json.loads((folder / "out" / "summary.json").read_text())
    return {
        "executors": executors,
        "documents": summary["input"]["documents"],
        "text_bytes": summary["input"]["text_bytes"],
        "removed": summary["result"]["removed"],
        "process_seconds": round(took.wall_seconds, 1),
        "seconds": round(summary["seconds"]["total"], 1),
        "stage_seconds": {name: round(value, 1) for name, value in summary["seconds"].items()},
        "written_bytes": sum(stage["bytes"] for stage in summary["stages"].values()),
        "stages": summary["stages"],
        "peak_bytes": took.peak_bytes,
        "peak_disk_bytes": took.peak_disk_bytes,
        "others_share": round(took.others_share, 3),
        **task_figures(next(events.iterdir())),
    }


def page(report: dict[str, Any]) -> str:
    """Return the results as Markdown."""
    rows = [
        [
            f"{row['documents']:,}",
            str(row["executors"]),
            f"{row['seconds']:.0f}",
            f"{row['task_seconds']:,}",
            f"{row['shuffle_bytes'] / row['documents']:,.0f}",
            f"{row['written_bytes'] / row['documents']:,.0f}",
            f"{row['peak_bytes'] / 2**30:.1f}",
            f"{row['others_share']:.0%}",
        ]
        for row in report["results"]
    ]
    header = ["documents", "executors", "seconds", "seconds of tasks", "bytes shuffled a document"]
    header += ["written", "peak GiB, all processes", "cores that others used"]
    described = report["machine"]
    parts = [
        f"# dedup on Spark: {report['corpus']}, up to ten times over",
        "In each copy every twelfth word is the copy's number. `dedup run --engine spark` by "
        f"spark-submit on `local-cluster[N,1,2048]` of {described['cpu']}, {described['cores']} "
        f"cores, with {PARTITIONS} partitions, a driver of 1 GB and `spark.driver.maxResultSize` "
        "of 64 MB; a run each, all after each other.",
        markdown(header, rows),
        *fitted(report["results"]),
        noise(report["results"]),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def fitted(results: list[dict[str, Any]]) -> list[str]:
    """Say how time and shuffle grow, and what that means for a billion documents."""
    found = []
    for executors in sorted({row["executors"] for row in results}):
        rows = [row for row in results if row["executors"] == executors]
        sizes = [row["documents"] for row in rows]
        powers = {name: fit(sizes, [row[name] for row in rows]) for name in FITTED}
        shown = [f"{FITTED[name]} {power.shown()}" for name, power in powers.items() if power]
        if shown:
            found.append(f"On {executors}: " + ", ".join(shown) + ".")
    if not found:
        return []
    lines = ["Fitted by executors, n the documents. " + " ".join(found) + f" {WHY_FASTER}"]
    # From the largest measured run on in proportion: what it has of fixed costs, it has ten times.
    # Where executors share busy cores, their tasks wait for each other, so the fewest count.
    largest = max(row["documents"] for row in results)
    last = min(
        (row for row in results if row["documents"] == largest), key=lambda row: row["task_seconds"]
    )
    hours = last["task_seconds"] * (GOAL / largest) / GOAL_EXECUTORS / 3600
    shuffled = last["shuffle_bytes"] / largest * GOAL / 2**40
    lines.append(
        f"On paper, {GOAL:,} such documents on {GOAL_EXECUTORS} executors of one core: "
        f"{hours:.1f} hours of tasks each, {shuffled:.1f} TiB shuffled, and as much again as the "
        "sets have (8 bytes a shingle), which are shuffled once where more than half a million "
        "documents have candidates. It is assumed that tasks take as long a document as in the "
        "largest run here, that network and store keep up, that no bucket is hotter than here, and "
        "that candidate pairs a document stay what they are here."
    )
    return lines


WHY_FASTER = (
    "The bytes grow faster than the documents: every two copies of an article are 0.41 alike, so "
    "that one such pair in twelve is compared, and both sets go there."
)
FITTED = {
    "seconds": "seconds",
    "task_seconds": "seconds of tasks",
    "shuffle_bytes": "bytes shuffled",
}


@click.command()
@click.option("--corpus", type=click.Path(path_type=Path, exists=True), required=True)
@click.option("--copies", default="1,3,10", callback=whole_numbers, show_default=True)
@click.option("--executors", default="1,2", callback=whole_numbers, show_default=True)
@click.option(
    "--folder", type=click.Path(path_type=Path), default=Path("build/spark"), show_default=True
)
def main(corpus: Path, copies: list[int], executors: list[int], folder: Path) -> None:
    """Measure dedup on Spark."""
    folder.mkdir(parents=True, exist_ok=True)
    tenfold = folder / f"{corpus.stem}-10.parquet"
    if not tenfold.exists():
        write_tenfold(corpus, tenfold)
    results = []
    for number in copies:
        path = folder / f"{corpus.stem}-{number}.parquet"
        if not path.exists():
            first_copies(tenfold, number, path)
        for count in executors:
            results.append(measured(path, count, folder / "run"))
            click.echo(json.dumps(results[-1]))
    report = {"corpus": corpus.stem, "machine": machine(), "results": results}
    target = ROOT / "benchmarks" / "results" / "spark-scale"
    target.with_suffix(".json").write_text(json.dumps(report, indent=1) + "\n")
    target.with_suffix(".md").write_text(page(report))
    click.echo("\n" + page(report))


if __name__ == "__main__":
    main()

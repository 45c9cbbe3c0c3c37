"""Skewed corpora at two sizes, beside as many unrelated pages: time, growth, and what was found.

`python -m benchmarks.skew` writes results/skew.json and results/skew.md.
"""

import json
import math
import time
from dataclasses import asdict, dataclass
from pathlib import Path

import click
import pyarrow as pa
import pyarrow.parquet as pq

import dedup
from benchmarks.skew_worlds import WORLDS, World, unrelated
from benchmarks.table import markdown

SMALL_SHARE = 0.25


@dataclass
class Timed:
    """One world at one size; seconds from Parquet to the result."""

    pages: int
    seconds: float
    unrelated_seconds: float
    recall: float
    removed: int
    compared: int
    skipped: int
    concerned: int


def measure(world: World, folder: Path) -> tuple[float, dedup.Result]:
    """Find the duplicates of a world, from a Parquet file, with the defaults."""
    path = folder / "world.parquet"
    pq.write_table(pa.table({"text": world.texts}), path, row_group_size=5_000)
    start = time.perf_counter()
    result = dedup.find_duplicates(path)
    return time.perf_counter() - start, result


def timed(name: str, pages: int, folder: Path) -> Timed:
    """Time a world and as many unrelated pages."""
    world = WORLDS[name][0](pages)
    words = len(world.texts[0].split())
    plain, _ = measure(unrelated(pages, num_words=words), folder)
    seconds, result = measure(world, folder)
    keeper = result.decisions.removed_by
    found = sum(int(keeper[removed]) == kept for kept, removed in world.pairs)
    search = result.summary["search"]
    return Timed(
        pages=pages,
        seconds=round(seconds, 2),
        unrelated_seconds=round(plain, 2),
        recall=found / len(world.pairs) if world.pairs else math.nan,
        removed=result.summary["result"]["removed"],
        compared=search["compared_pairs"],
        skipped=search["skipped_comparisons"],
        concerned=search["documents_with_skipped_comparisons"],
    )


def page(rows: dict[str, list[Timed]]) -> str:
    """Return the results as Markdown; growth n^e is from the smaller to the larger size."""
    header = ["pages", "number", "seconds", "× unrelated", "growth", "recall", "removed"]
    header += ["compared", "skipped", "documents concerned"]
    lines = []
    for name, sizes in rows.items():
        for number, row in enumerate(sizes):
            growth = "–"
            if number:
                before = sizes[number - 1]
                exponent = math.log(row.seconds / before.seconds) / math.log(
                    row.pages / before.pages
                )
                growth = f"n^{exponent:.2f}"
            recall = "–" if math.isnan(row.recall) else f"{row.recall:.4f}"
            counts = (row.removed, row.compared, row.skipped, row.concerned)
            lines.append(
                [
                    *(name, f"{row.pages:,}", f"{row.seconds:.2f}"),
                    *(f"{row.seconds / row.unrelated_seconds:.1f}", growth, recall),
                    *(f"{count:,}" for count in counts),
                ]
            )
    return markdown(header, lines)


@click.command()
@click.option("--share", default=1.0, show_default=True, help="Of the full sizes.")
@click.option(
    "--results",
    type=click.Path(path_type=Path),
    default=Path("benchmarks/results"),
    show_default=True,
)
@click.option(
    "--scratch", type=click.Path(path_type=Path), default=Path("build/bench"), show_default=True
)
def main(share: float, results: Path, scratch: Path) -> None:
    """Time the skewed worlds at a quarter of their size and in full."""
    scratch.mkdir(parents=True, exist_ok=True)
    results.mkdir(parents=True, exist_ok=True)
    rows: dict[str, list[Timed]] = {}
    for name, (_, size) in WORLDS.items():
        for part in (SMALL_SHARE, 1.0):
            rows.setdefault(name, []).append(timed(name, int(size * share * part), scratch))
            click.echo(f"{name}: {rows[name][-1]}")
    raw = {name: [asdict(row) for row in sizes] for name, sizes in rows.items()}
    (results / "skew.json").write_text(json.dumps(raw, indent=1) + "\n")
    (results / "skew.md").write_text(page(rows) + "\n")
    click.echo("\n" + page(rows))


if __name__ == "__main__":
    main()

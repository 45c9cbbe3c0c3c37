"""What deduplication adds to the extraction of text, on generated crawls.

`python -m benchmarks.crawl` writes two WARC files for each weight of page (`crawl_pages.py`), then
in turns runs the extraction of their main text alone, by FastWARC and Resiliparse in two processes,
and `dedup run`, each a whole process; and writes results/crawl.json and results/crawl.md.
"""

import json
import os
import statistics
import sys
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass
from multiprocessing import get_context
from pathlib import Path

import click
import pyarrow.parquet as pq

from benchmarks.crawl_pages import Crawl, address, write_archive
from benchmarks.measure import machine, run
from benchmarks.table import QUIET, markdown

ROOT = Path(__file__).parents[1]
FILES = 2
LIMIT = 1800.0
WEIGHTS = {"heavy": True, "light": False}


@dataclass(frozen=True)
class Measured:
    """One crawl, and what the two commands took on it: medians, in seconds.

    Attributes
    ----------
    found : share of the copies that are in one cluster with their original.
    wrong : removed pages whose keeper has another article.
    others_share : the most that others used of the cores meanwhile.
    """

    name: str
    pages: int
    html_bytes: int
    alone_wall: float
    alone_cpu: float
    dedup_wall: float
    dedup_cpu: float
    found: float
    wrong: int
    others_share: float


def extract(path: str) -> int:
    """Extract the main text of all pages of a WARC file, and return their number."""
    from fastwarc.warc import ArchiveIterator, WarcRecordType
    from resiliparse.extract.html2text import extract_plain_text
    from resiliparse.parse.encoding import bytes_to_str, detect_encoding
    from resiliparse.parse.html import HTMLTree

    count = 0
    with open(path, "rb") as file:
        for record in ArchiveIterator(file, record_types=WarcRecordType.response):
            body = record.reader.read()
            encoding = record.http_charset or detect_encoding(body, from_html_meta=True)
            tree = HTMLTree.parse(bytes_to_str(body, encoding))
            count += bool(extract_plain_text(tree, main_content=True))
    return count


def extract_all(paths: list[str]) -> None:
    """Extract the text of files, a process each."""
    with ProcessPoolExecutor(len(paths), get_context("spawn")) as pool:
        print(sum(pool.map(extract, paths)))


def write_crawl(name: str, folder: Path, num_pages: int) -> tuple[list[str], int]:
    """Write a crawl, every other page to a file, and return its files and bytes of HTML."""
    paths = [folder / f"{name}-{number}.warc.gz" for number in range(FILES)]
    parts = [range(number, num_pages, FILES) for number in range(FILES)]
    crawls = [Crawl(is_heavy=WEIGHTS[name])] * FILES
    with ProcessPoolExecutor(FILES, get_context("spawn")) as pool:
        return [str(path) for path in paths], sum(pool.map(write_archive, crawls, paths, parts))


def judge(name: str, clusters: Path, num_pages: int) -> tuple[float, int]:
    """Return the share of copies found with their original, and the unfounded removals."""
    crawl = Crawl(is_heavy=WEIGHTS[name])
    number_of = {address(number): number for number in range(num_pages)}
    rows = pq.read_table(clusters, columns=["doc_id", "keeper_id", "cluster_id"]).to_pylist()
    page = {row["doc_id"]: number_of[row["doc_id"].split(" ")[0]] for row in rows}
    cluster = {page[row["doc_id"]]: row["cluster_id"] for row in rows}
    copies = {n: o for n in range(num_pages) if (o := crawl.original(n)) != n}
    found = sum(n in cluster and cluster[n] == cluster.get(o) for n, o in copies.items())
    wrong = sum(
        crawl.original(page[row["doc_id"]]) != crawl.original(page[row["keeper_id"]])
        for row in rows
    )
    return found / len(copies), wrong


def measure(name: str, folder: Path, num_pages: int, rounds: int) -> Measured:
    """Write a crawl and measure both commands on it."""
    paths, size = write_crawl(name, folder, num_pages)
    out = folder / "out"
    files = [part for path in paths for part in ("--extract", path)]
    options = ["-o", str(out), "--overwrite", "--quiet", "--workers", str(FILES)]
    commands = {
        "alone": [sys.executable, "-m", "benchmarks.crawl", *files],
        "dedup": [sys.executable, str(ROOT / "cli.py"), "run", *paths, *options],
    }
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    runs = {
        (what, number): run(command, environment, folder / f"{what}.log", False, LIMIT)
        for number in range(rounds)
        for what, command in commands.items()
    }
    for (what, _), took in runs.items():
        if took.exit_code:
            raise SystemExit((folder / f"{what}.log").read_text())
    assert int((folder / "alone.log").read_text()) == num_pages
    wall, cpu = (
        {
            what: round(statistics.median(getattr(runs[what, n], kind) for n in range(rounds)), 3)
            for what in commands
        }
        for kind in ("wall_seconds", "cpu_seconds")
    )
    found, wrong = judge(name, out / "clusters.parquet", num_pages)
    for path in paths:
        os.unlink(path)
    return Measured(
        name=name,
        pages=num_pages,
        html_bytes=size,
        alone_wall=wall["alone"],
        alone_cpu=cpu["alone"],
        dedup_wall=wall["dedup"],
        dedup_cpu=cpu["dedup"],
        found=found,
        wrong=wrong,
        others_share=max(took.others_share for took in runs.values()),
    )


def page(results: list[Measured], rounds: int) -> str:
    """Return the results as Markdown."""
    header = ["pages", "KB of HTML each", "", "seconds", "CPU seconds", "pages/s", "MB/s"]
    rows = []
    for result in results:
        for what, wall, cpu in (
            ("extraction alone", result.alone_wall, result.alone_cpu),
            ("dedup run", result.dedup_wall, result.dedup_cpu),
        ):
            name = [
                f"{result.pages:,} {result.name}",
                f"{result.html_bytes / result.pages / 1e3:.0f}",
            ]
            rates = [f"{result.pages / wall:,.0f}", f"{result.html_bytes / wall / 1e6:,.0f}"]
            rows.append([*name, what, f"{wall:.2f}", f"{cpu:.2f}", *rates])
        added = [result.dedup_wall / result.alone_wall - 1, result.dedup_cpu / result.alone_cpu - 1]
        rows.append(["", "", "dedup adds", *(f"{share:.0%}" for share in added), "", ""])
    where = machine()
    parts = [
        "# What deduplication adds to the extraction of a crawl",
        f"Main text of every page, from two `.warc.gz`, in two processes. {where['cpu']}, "
        f"{where['cores']} cores, Python {where['python']}. Whole processes, median of {rounds} "
        "rounds in turns.",
        markdown(header, rows),
        "\n".join(
            f"- {result.name}: {result.found:.2%} of the planted copies share a cluster with their "
            f"original; {result.wrong} removals are unfounded."
            for result in results
        ),
    ]
    others = max(result.others_share for result in results)
    if others > QUIET:
        parts.append(f"Not a quiet machine: others used up to {others:.0%} of the cores.")
    return "\n\n".join(parts) + "\n"


@click.command()
@click.option("--pages", default=20_000, show_default=True, help="Of each weight.")
@click.option("--rounds", default=3, show_default=True)
@click.option("--extract", "extracted", type=click.Path(), multiple=True, hidden=True)
@click.option(
    "--results",
    type=click.Path(path_type=Path),
    default=Path("benchmarks/results"),
    show_default=True,
)
@click.option(
    "--scratch", type=click.Path(path_type=Path), default=Path("build/bench"), show_default=True
)
def main(pages: int, rounds: int, extracted: tuple[str, ...], results: Path, scratch: Path) -> None:
    """Measure extraction alone and dedup on heavy and on light pages."""
    if extracted:
        extract_all(list(extracted))
        return
    for folder in (scratch, results):
        folder.mkdir(parents=True, exist_ok=True)
    measured = [measure(name, scratch.absolute(), pages, rounds) for name in WEIGHTS]
    raw = {"machine": machine(), "rounds": rounds, "crawls": [asdict(one) for one in measured]}
    (results / "crawl.json").write_text(json.dumps(raw, indent=1) + "\n")
    (results / "crawl.md").write_text(page(measured, rounds))
    click.echo(page(measured, rounds))


if __name__ == "__main__":
    main()

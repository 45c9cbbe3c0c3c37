"""dedup on 1, 3 and 10 million short documents, or on a corpus ten times over, in bounded memory.

`python -m benchmarks.scale --memory 2GiB` writes results/scale.json, .md and .svg;
`python -m benchmarks.scale --tenfold my.parquet --memory 1GiB` writes results/tenfold-my.json, .md.
A run is a whole process. It is timed and sampled together, four times a second at every size alike.
"""

import json
import math
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click
import pyarrow.compute as pc
import pyarrow.parquet as pq

from benchmarks import scale_results
from benchmarks.measure import machine, run
from benchmarks.peers import PEERS
from benchmarks.tenfold import COPIES, batches, write_tenfold
from benchmarks.web_documents import WebDocuments, write_documents
from benchmarks.web_pairs import score, write_pairs

FILE_DOCUMENTS, GROUP_DOCUMENTS = 1_000_000, 50_000
PAUSE_SECONDS = 0.25
TIME_LIMIT = 7_200.0
ONCE_RUNS = 3  # of the single corpus, which is short: the median counts
DEDUP = next(peer for peer in PEERS if peer.name == "dedup")
PROGRAM = [str(Path(sys.executable).with_name("dedup"))]


class Dedup:
    """The installed command, run on some files in a folder of its own.

    Parameters
    ----------
    memory : for ``--memory``, where the command has it; "" gives no limit.
    folder : scratch; every run has the folder ``run`` in it to itself.
    """

    def __init__(self, memory: str, folder: Path) -> None:
        self.folder = folder / "run"
        self.log = folder / "dedup.log"
        options = subprocess.run([*PROGRAM, "run", "--help"], capture_output=True, text=True).stdout
        self.memory = memory if "--memory" in options else ""
        if memory and not self.memory:
            click.echo(f"This dedup has no --memory: it runs without {memory}.", err=True)
        self.options = ["--quiet", *(("--memory", self.memory) if self.memory else ())]

    def shown(self) -> str:
        """Return the command as the page shows it."""
        return " ".join(["dedup run", *self.options])

    def measure(self, files: Sequence[Path]) -> dict[str, Any]:
        """Run once; return the figures, or under ``error`` why there are none.

        The results stay in the folder until the next run.
        """
        shutil.rmtree(self.folder, ignore_errors=True)
        self.folder.mkdir(parents=True)
        inputs = [str(file.resolve()) for file in files]
        command = [*PROGRAM, "run", *inputs, "-o", str(self.folder / "out"), *self.options]
        # Whatever is written anywhere shall be seen.
        environment = {**DEDUP.environment(), "TMPDIR": str(self.folder.resolve())}
        os.sync()
        took = run(
            command,
            environment,
            self.log,
            True,
            TIME_LIMIT,
            folder=self.folder,
            pause=PAUSE_SECONDS,
        )
        if took.exit_code:
            said = self.log.read_text(errors="replace").strip().splitlines() or [""]
            return {"error": f"failed ({took.exit_code}): {said[-1]}"}
        summary = json.loads((self.folder / "out" / "summary.json").read_text())
        return {
            "seconds": round(took.wall_seconds, 3),
            "cpu_seconds": round(took.cpu_seconds, 3),
            "peak_bytes": took.peak_bytes,
            "peak_unbacked_bytes": took.peak_unbacked_bytes,
            "peak_disk_bytes": took.peak_disk_bytes,
            "others_share": round(took.others_share, 3),
            "summary": {name: summary[name] for name in ("seconds", "disk") if name in summary},
        }


def text_bytes(files: Sequence[Path]) -> int:
    """Count the bytes of text; reading every file warms the cache as well."""
    return sum(
        pc.sum(pc.binary_length(batch["text"])).as_py() or 0
        for file in files
        for batch in batches(pq.ParquetFile(file), ["text"])
    )


def web_files(sizes: Sequence[int], seed: int, folder: Path) -> dict[int, Path]:
    """Write the documents of the largest size, unless they are there; a size is its first files.

    Returns
    -------
    The files in order, by where each one ends.
    """
    web = WebDocuments(seed)
    ends = sorted({*sizes, *range(FILE_DOCUMENTS, max(sizes), FILE_DOCUMENTS)})
    files = {}
    for first, last in zip([0, *ends], ends, strict=False):
        files[last] = folder / f"web-{seed}-{first:010}-{last:010}.parquet"
        if not files[last].exists():
            click.echo(f"Writing documents {first:,} to {last:,}")
            write_documents(web, files[last], first, last, GROUP_DOCUMENTS)
    return files


def measure_sizes(sizes: Sequence[int], seed: int, dedup: Dedup, folder: Path) -> dict[str, Any]:
    """Run dedup on every size, the smallest first, and score its clusters."""
    files = web_files(sizes, seed, folder)
    truth = folder / f"web-{seed}-{max(sizes):010}-pairs.parquet"
    if not truth.exists():
        click.echo("Comparing the documents of every family")
        write_pairs(WebDocuments(seed), max(sizes), truth)
    rows = []
    for size in sorted(sizes):
        chosen = [file for end, file in files.items() if end <= size]
        row: dict[str, Any] = {"documents": size, "text_bytes": text_bytes(chosen)}
        row |= {"input_bytes": sum(file.stat().st_size for file in chosen), **dedup.measure(chosen)}
        if "error" not in row:
            clusters = dedup.folder / "out" / "clusters.parquet"
            row["answer"] = asdict(score(truth, clusters, size))
        rows.append(row)
        click.echo(f"{size:,} documents: {told(row)}")
    return {"seed": seed, "sizes": rows}


def measure_tenfold(corpus: Path, dedup: Dedup, folder: Path) -> dict[str, Any]:
    """Run dedup on a corpus and on ten renumbered copies of it."""
    tenfold = folder / f"{corpus.stem}-tenfold.parquet"
    click.echo(f"Writing {corpus.name} {COPIES} times")
    write_tenfold(corpus, tenfold)
    rows = []
    for name, file, runs in (("once", corpus, ONCE_RUNS), (f"{COPIES} times", tenfold, 1)):
        row: dict[str, Any] = {"corpus": name, "documents": pq.read_metadata(file).num_rows}
        row["text_bytes"] = text_bytes([file])
        took = [dedup.measure([file]) for _ in range(runs)]
        # The median run; one that failed stands behind all others.
        took.sort(key=lambda figures: figures.get("seconds", math.inf))
        rows.append(row | took[len(took) // 2])
        click.echo(f"{name}: {told(rows[-1])}")
    return {"name": corpus.stem, "runs": ONCE_RUNS, "rows": rows}


def told(row: dict[str, Any]) -> str:
    """Return how a run went, in a word."""
    return row["error"] if "error" in row else f"{row['seconds']:.1f} s"


def whole_numbers(_context: click.Context, _option: click.Parameter, text: str) -> list[int]:
    """Read numbers that commas part."""
    if not re.fullmatch(r"[1-9]\d*(,[1-9]\d*)*", text):
        raise click.BadParameter(f"{text!r} is no list of sizes; write it as 1000000,3000000.")
    return sorted({int(number) for number in text.split(",")})


@click.command()
@click.option(
    "--documents",
    default="1000000,3000000,10000000",
    show_default=True,
    callback=whole_numbers,
    help="Sizes to run, with commas between them.",
)
@click.option(
    "--tenfold",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="Run this Parquet (id, text) once and ten times over instead.",
)
@click.option(
    "--memory", default="2GiB", show_default=True, help="What dedup is given; '' for all."
)
@click.option("--seed", default=0, show_default=True, help="Of the generated documents.")
@click.option(
    "--folder",
    type=click.Path(path_type=Path),
    default=Path("build/scale"),
    show_default=True,
    help="Scratch: the documents, and what dedup writes.",
)
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    default=Path("benchmarks/results"),
    show_default=True,
)
def main(
    documents: list[int], tenfold: Path | None, memory: str, seed: int, folder: Path, out: Path
) -> None:
    """Measure time, memory and disk against size, and write the figures, a page and a picture."""
    folder.mkdir(parents=True, exist_ok=True)
    out.mkdir(parents=True, exist_ok=True)
    dedup = Dedup(memory, folder)
    report: dict[str, Any] = {
        "machine": machine(),
        "command": dedup.shown(),
        "memory": dedup.memory,
    }
    if tenfold is not None:
        name = f"tenfold-{tenfold.stem}"
        report |= measure_tenfold(tenfold, dedup, folder)
        page = scale_results.tenfold_page(report)
    else:
        name = "scale"
        report |= measure_sizes(documents, seed, dedup, folder)
        report["fits"] = {
            curve: asdict(power) for curve, power in scale_results.fits(report["sizes"]).items()
        }
        page = scale_results.page(report)
        scale_results.draw(report, out / f"{name}.svg")
    shutil.rmtree(dedup.folder)
    (out / f"{name}.json").write_text(json.dumps(report, indent=1, ensure_ascii=False) + "\n")
    (out / f"{name}.md").write_text(page)
    click.echo("\n" + page)


if __name__ == "__main__":
    main()

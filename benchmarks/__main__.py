"""Runs dedup and its peers side by side on one corpus and writes what they took and found."""

import json
import shutil
import statistics
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click
import pyarrow.compute as pc
import pyarrow.parquet as pq

from benchmarks import plot, table
from benchmarks.corpus import write_corpus
from benchmarks.measure import Run, machine, run
from benchmarks.peers import ON_SPARK, PEERS, Peer, Task
from benchmarks.score import Truth
from benchmarks.truth import write_truth

LONG_SECONDS = 60.0  # what takes longer runs once
TIME_LIMIT = 1800.0
DEFAULT_TRUTH_FROM = 0.7


def prepare(task: Task, truth: Path | None) -> tuple[dict[str, Any], Truth]:
    """Return the corpus's facts and truth; its text for ``wc`` is written on the way."""
    if truth is None:
        lowest = min(task.threshold, DEFAULT_TRUTH_FROM)
        truth = task.text_file.with_suffix(f".truth-{lowest}.parquet")
        if not newer(truth, task.corpus):
            click.echo("Computing the exact truth")
            write_truth(task.corpus, truth, str(lowest), task.text_column, task.id_column)
    columns = pq.read_table(task.corpus, columns=[task.text_column, task.id_column])
    texts, ids = columns[task.text_column], columns[task.id_column]
    if pc.count_distinct(ids).as_py() < len(ids):
        raise click.UsageError(
            f"The ids in {task.id_column!r} repeat: pairs could not be told apart."
        )
    if not newer(task.text_file, task.corpus):
        with task.text_file.open("w", encoding="utf-8") as file:
            file.writelines(f"{text or ''}\n" for text in texts.to_pylist())
    known = Truth(truth, ids, task.threshold)
    facts = {
        "name": task.corpus.stem,
        "documents": len(ids),
        "text_bytes": pc.sum(pc.binary_length(texts)).as_py(),
        "true_pairs": len(known.keys),
    }
    return facts, known


def newer(path: Path, source: Path) -> bool:
    """Tell whether ``path`` was made after ``source``."""
    return path.exists() and path.stat().st_mtime >= source.stat().st_mtime


class Bench:
    """The runs of all peers, in rounds, so that a slow spell of the machine meets all of them."""

    def __init__(self, task: Task, truth: Truth, scratch: Path) -> None:
        self.task = task
        self.truth = truth
        self.scratch = scratch

    def measure(self, peer: Peer, sample: bool) -> Run:
        """Run a peer once, in a folder of its own."""
        out = self.scratch / peer.name
        shutil.rmtree(out, ignore_errors=True)
        log = self.scratch / f"{peer.name}.log"
        took = run(peer.command(self.task, out), peer.environment(), log, sample, TIME_LIMIT)
        click.echo(
            f"  {peer.title:<30} {took.wall_seconds:8.2f} s" + ("  (memory)" if sample else "")
        )
        return took

    def rounds(self, peers: list[Peer], runs: int) -> list[dict[str, Any]]:
        """Run each peer for its memory, which warms the cache; then time it ``runs`` times."""
        results = {peer.name: self.first(peer) for peer in peers}
        for _ in range(runs):
            for peer in peers:
                result = results[peer.name]
                if "error" not in result and not result["once"]:
                    took = self.measure(peer, sample=False)
                    result["wall_seconds"].append(round(took.wall_seconds, 3))
                    result["cpu_seconds"].append(round(took.cpu_seconds, 3))
                    most = max(result["others_share"], took.others_share)
                    result["others_share"] = round(most, 3)
        for result in results.values():
            if "error" not in result:
                result["seconds"] = statistics.median(result["wall_seconds"])
        return list(results.values())

    def first(self, peer: Peer) -> dict[str, Any]:
        """Run a peer for its memory and its answer; a long run is its timed one as well."""
        base: dict[str, Any] = {"name": peer.name, "title": peer.title, "tokens": peer.tokens}
        version = peer.version()
        if version is None:
            return {**base, "version": "", "error": "not installed"}
        base["version"] = version
        took = self.measure(peer, sample=True)
        if took.exit_code:
            ended = (
                "over the time limit"
                if took.wall_seconds > TIME_LIMIT
                else f"failed ({took.exit_code})"
            )
            click.echo(
                (self.scratch / f"{peer.name}.log").read_text(errors="replace")[-2000:], err=True
            )
            return {**base, "error": ended}
        once = took.wall_seconds > LONG_SECONDS
        result: dict[str, Any] = {
            **base,
            "once": once,
            "wall_seconds": [round(took.wall_seconds, 3)] if once else [],
            "cpu_seconds": [round(took.cpu_seconds, 3)] if once else [],
            "peak_bytes": took.peak_bytes,
            "others_share": round(took.others_share, 3) if once else 0.0,
        }
        if peer.finds_pairs:
            result["score"] = asdict(self.truth.score(self.scratch / peer.name / "pairs.parquet"))
        return result


@click.command()
@click.option(
    "--corpus",
    type=click.Path(path_type=Path, exists=True),
    help="A Parquet file [default: generated].",
)
@click.option(
    "--truth",
    type=click.Path(path_type=Path, exists=True),
    help="Parquet (left, right, jaccard) of it.",
)
@click.option("--threshold", default=0.8, show_default=True, help="The least Jaccard of a pair.")
@click.option("--peers", default=",".join(peer.name for peer in PEERS), show_default=True)
@click.option("--runs", default=3, show_default=True, help="Timed runs of each; the median counts.")
@click.option("--text-column", default="text", show_default=True)
@click.option("--id-column", default="id", show_default=True)
@click.option("--megabytes", default=100, show_default=True, help="Size of the generated corpus.")
@click.option("--seed", default=0, show_default=True, help="Of the generated corpus.")
@click.option(
    "--scratch", type=click.Path(path_type=Path), default=Path("build/bench"), show_default=True
)
@click.option(
    "--results",
    type=click.Path(path_type=Path),
    default=Path("benchmarks/results"),
    show_default=True,
)
def main(
    corpus: Path | None,
    truth: Path | None,
    threshold: float,
    peers: str,
    runs: int,
    text_column: str,
    id_column: str,
    megabytes: int,
    seed: int,
    scratch: Path,
    results: Path,
) -> None:
    """Run dedup and its peers on one corpus and write a table, a plot and the raw figures."""
    chosen = [peer for peer in (*PEERS, *ON_SPARK) if peer.name in peers.split(",")]
    unknown = set(peers.split(",")) - {peer.name for peer in chosen}
    if unknown:
        raise click.UsageError(
            f"No peer {sorted(unknown)}; there are {[peer.name for peer in (*PEERS, *ON_SPARK)]}."
        )
    scratch.mkdir(parents=True, exist_ok=True)
    if corpus is None:
        corpus = scratch / f"generated-{megabytes}mb-{seed}.parquet"
        if not corpus.exists():
            click.echo(f"Writing {megabytes} MB of text")
            write_corpus(corpus, seed, megabytes * 10**6)
    task = Task(corpus, text_column, id_column, threshold, scratch / f"{corpus.stem}.txt")
    facts, known = prepare(task, truth)
    click.echo(
        f"{facts['documents']:,} documents, {facts['true_pairs']:,} true pairs at {threshold}"
    )
    measured = Bench(task, known, scratch).rounds(chosen, runs)
    report = {
        "corpus": facts,
        "threshold": threshold,
        "runs": runs,
        "machine": machine(),
        "results": measured,
    }
    results.mkdir(parents=True, exist_ok=True)
    (results / f"{corpus.stem}.json").write_text(
        json.dumps(report, indent=1, ensure_ascii=False) + "\n"
    )
    (results / f"{corpus.stem}.md").write_text(table.page(report))
    plot.draw(report, results / f"{corpus.stem}.svg")
    click.echo("\n" + table.page(report))


if __name__ == "__main__":
    main()

"""What a person sees on the terminal: the progress bar on stderr, the summary on stdout."""

from __future__ import annotations

import logging
import sys
import time
from collections import Counter
from collections.abc import Iterator
from types import TracebackType
from typing import Any

import click

from dedup.report.cells import printable

_DELAY_SECONDS = 1.0
_WIDTH = 30


class ProgressBar:
    """A bar with rate and time left, on stderr, from the first second of a run on."""

    def __init__(self, enabled: bool) -> None:
        self._enabled = enabled
        self._start = time.perf_counter()
        self._drawn = False

    def __enter__(self) -> ProgressBar:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._drawn:
            click.echo("\r\033[K", nl=False, err=True)

    def update(self, done: int, total: int) -> None:
        """Draw the bar; `total` is 0 where it is unknown."""
        seconds = time.perf_counter() - self._start
        if not self._enabled or seconds < _DELAY_SECONDS:
            return
        rate = done / seconds
        text = f"{done / 1e6:,.0f} MB, {rate / 1e6:,.0f} MB/s"
        if total:
            filled = min(_WIDTH, done * _WIDTH // total)
            left = max(0, total - done) / rate if rate else 0.0
            bar = "#" * filled + "." * (_WIDTH - filled)
            text = f"[{bar}] {text}, {left:,.0f} s left"
        click.echo(f"\r\033[K{text}", nl=False, err=True)
        sys.stderr.flush()
        self._drawn = True


def show_log() -> None:
    """Print what a run says beforehand, such as the disk that it needs, to stderr."""
    log = logging.getLogger("dedup")
    log.addHandler(logging.StreamHandler())
    log.setLevel(logging.INFO)


def print_summary(summary: dict[str, Any], output: str | None, *, verbose: bool) -> None:
    """Print what a run found, its warnings, and where the results are."""
    for name, value, note in summary_rows(summary):
        click.echo(f"{name:<18}{value:>12}  {printable(note)}".rstrip())
    if verbose:
        for name, value in summary["seconds"].items():
            click.echo(f"  {name:<16}{value:>12.3f} s")
        for line in summary["input"]["problem_lines"]:
            click.echo(f"  {printable(line)}")
    for warning in summary["warnings"]:
        click.echo(f"Warning: {printable(warning)}.", err=True)
    if output is not None:
        click.echo(f"results in {output}")


def summary_rows(summary: dict[str, Any]) -> Iterator[tuple[str, str, str]]:
    """Yield what a run found: a name, a number and a note."""
    input_, search, result = summary["input"], summary["search"], summary["result"]
    seconds = summary["seconds"]["total"]
    if "dimensions" in input_:
        size, what = input_["vector_bytes"], f"vectors of {input_['dimensions']:,} dimensions"
    else:
        size, what = input_["text_bytes"], "text"
    rate = size / 1e6 / seconds
    yield _row("documents", input_["documents"], f"{size / 1e6:,.1f} MB of {what}")
    for name in ("null_text", "blank_text", "without_tokens", "too_short", "invalid_utf8"):
        if input_.get(name):
            yield _row("  " + name.replace("_", " "), input_[name])
    for reason, count in (input_["excluded"] | input_.get("skipped_files", {})).items():
        yield _row("  left out", count, reason)
    bad = Counter(file["reason"] for file in input_.get("bad_files", ()))
    for reason, count in bad.items():
        yield _row("  left out", count, f"{'file' if count == 1 else 'files'} {reason}")
    for reason, count in input_["problems"].items():
        yield _row("  problems", count, reason)
    ignored = summary.get("ignored_shingles")
    if ignored is not None:
        note = f"common shingles, {ignored['share_of_sets']:.1%} of all sets"
        yield _row("ignored", ignored["shingles"], note)
    measure = {"jaccard": "Jaccard"}.get(search["measure"], search["measure"])
    yield _row("compared", search["compared_pairs"], f"pairs by exact {measure}")
    if search["skipped_comparisons"]:
        yield _row("  skipped", search["skipped_comparisons"], "comparisons; see the warning")
    yield _row("clusters", result["clusters"], f"the largest of {result['largest_cluster']:,}")
    yield _row("duplicates", result["removed"], f"{result['removed_share']:.1%} of the documents")
    if result.get("removed_url_variants"):
        kinds = ", ".join(kind for kind, count in result["url_variant_kinds"].items() if count)
        note = f"have their keeper's URL but for {kinds}"
        yield _row("  url variants", result["removed_url_variants"], note)
    if summary.get("against"):
        against = summary["against"]
        note = f"in the reference, of {against['documents']:,} documents"
        yield _row("  there already", against["removed"], note)
    if result.get("spared"):
        yield _row("  spared", result["spared"], "more have a keeper, and stay (--keep-best)")
    yield "time", f"{seconds:.2f}", f"seconds, {rate:,.0f} MB/s"
    if summary.get("resumed_parts"):
        yield _row("resumed", summary["resumed_parts"], "parts that an earlier run has sketched")


def _row(name: str, count: int, note: str = "") -> tuple[str, str, str]:
    return name, f"{count:,}", note

"""What `dedup show` prints, for a terminal of some width."""

from __future__ import annotations

from collections.abc import Iterator
from math import floor

from dedup.report.cells import fitted, padded, printable, width, wrapped
from dedup.report.overview import LargeCluster, Overview
from dedup.terminal import summary_rows

_LEAST_COLUMNS = 40
_ROOMY = 72
"""Columns from which on there is room for how documents match."""


def overview_lines(overview: Overview, columns: int) -> Iterator[str]:
    """Yield the summary and the largest clusters, in lines of at most so many cells."""
    columns = max(_LEAST_COLUMNS, columns)
    rows = list(summary_rows(overview.summary))
    names, values = (max(len(row[place]) for row in rows) for place in (0, 1))
    gap = 2 if columns < _ROOMY else 6
    for name, value, note in rows:
        line = f"{name:<{names + gap}}{value:>{values}}  "
        yield (line + fitted(printable(note), columns - len(line))).rstrip()
    for warning in overview.summary["warnings"]:
        yield from wrapped(f"Warning: {printable(warning)}.", columns, "  ")
    if overview.largest:
        yield ""
        yield from _table(overview, columns)


def _table(overview: Overview, columns: int) -> Iterator[str]:
    measure = overview.summary["search"]["measure"]
    shows_matches = columns >= _ROOMY
    clusters = overview.largest
    size_width = max(4, *(len(f"{cluster.size:,}") for cluster in clusters))
    matches = ["matches", *map(_matches, clusters)]
    match_width = max(map(len, matches)) if shows_matches else 0
    rows = [("size", f"least {measure}" if shows_matches else "least", "keeper")]
    rows += [
        (f"{cluster.size:,}", least_text(cluster.least), printable(str(cluster.keeper_id)))
        for cluster in clusters
    ]
    least_width = max(len(least) for _, least, _ in rows)
    for (size, least, keeper), match in zip(rows, matches, strict=True):
        line = f"{size:>{size_width}}  {least:>{least_width}}  "
        if shows_matches:
            line += padded(match, match_width) + "  "
        yield (line + fitted(keeper, columns - width(line))).rstrip()
    number, shown = overview.summary["result"]["clusters"], len(clusters)
    if number > shown:
        yield from wrapped(f"and {number - shown:,} more clusters (--top shows more)", columns)


def least_text(least: float | None) -> str:
    """Return a least similarity, cut and not rounded: none looks greater than it is."""
    return "-" if least is None else f"{floor(least * 1000 + 1e-6) / 1000:.3f}"


def _matches(cluster: LargeCluster) -> str:
    return ", ".join(f"{count:,} {kind}" for kind, count in cluster.matches.items())

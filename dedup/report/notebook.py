"""A result in a notebook: the figures and the largest clusters, as a little HTML.

No scripts, no links and no colours of its own, so it goes with light and dark pages; what comes
from the documents is escaped, and cut.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape
from typing import TYPE_CHECKING

import numpy as np

from dedup.output.measures import measured
from dedup.report.cells import fitted, printable
from dedup.report.overview_lines import least_text
from dedup.terminal import summary_rows

if TYPE_CHECKING:
    from dedup.output.result import Result

_CLUSTERS = 5
_ID_CELLS = 100

_STYLE = (
    "border-collapse:collapse;color:inherit;background:none;font:inherit;margin:.5em 0;"
    "font-variant-numeric:tabular-nums"
)


def result_html(result: Result) -> str:
    """Return the figures of a result and its largest clusters."""
    config = result.summary["config"]
    caption = f"Near-duplicates at {config['measure']} &ge; {float(config['threshold']):g}"
    figures = [(name.strip(), value, note) for name, value, note in summary_rows(result.summary)]
    parts = [f"<div><strong>{caption}</strong>", _table(figures)]
    clusters = list(_largest(result))
    if clusters:
        parts.append(_table(clusters, header=("size", f"least {config['measure']}", "keeper")))
    parts += [f"<p>Warning: {_text(warning)}.</p>" for warning in result.summary["warnings"]]
    return "".join([*parts, "</div>"])


def _largest(result: Result) -> Iterable[tuple[str, str, str]]:
    """Yield size, least measure and keeper of the largest clusters."""
    decisions = result.decisions
    keepers = np.flatnonzero(decisions.keeper == np.arange(len(decisions.keeper)))
    sizes = decisions.cluster_size[keepers]
    first = np.lexsort((keepers, -sizes))[:_CLUSTERS]
    measure = result.search.verifier.measure
    for keeper in keepers[first[sizes[first] > 1]]:
        members = np.flatnonzero(decisions.keeper == keeper)
        members = members[members != keeper]
        common = decisions.common[members]
        values = measured(result.corpus, measure, np.full(len(members), keeper), members, common)[
            -1
        ]
        least = None if np.isnan(values).all() else float(np.nanmin(values))
        name = str(result.corpus.ids.take(np.array([keeper]))[0].as_py())
        yield f"{len(members) + 1:,}", least_text(least), name


def _table(rows: Iterable[tuple[str, str, str]], header: Sequence[str] = ()) -> str:
    right, left = "text-align:right;padding:.1em .8em", "text-align:left;padding:.1em .8em"
    styles = (right, right, left) if header else (left, right, left)
    head = "".join(
        f'<th scope="col" style="{style}">{_text(name)}</th>'
        for name, style in zip(header, styles, strict=bool(header))
    )
    body = "".join(
        "<tr>"
        + "".join(
            f'<td style="{style}">{_text(value)}</td>'
            for value, style in zip(row, styles, strict=True)
        )
        + "</tr>"
        for row in rows
    )
    return f'<table style="{_STYLE}"><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>'


def _text(text: str) -> str:
    return escape(fitted(printable(text), _ID_CELLS))

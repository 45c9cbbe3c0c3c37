"""The charts, as Plotly figures in plain JSON: a figure for light, and the same one for dark.

Nothing of the documents is in them, neither ids nor hosts: Plotly takes markup in its texts.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from dedup.report.funnel import DOCUMENTS, Stage
from dedup.report.similarities import WIDTH, Similarities

Figure = dict[str, Any]

_POINTS = 201


@dataclass(frozen=True)
class Palette:
    """The colours of a scheme; `style.css` has the same."""

    ink: str
    muted: str
    line: str
    accent: str
    faint: str
    surface: str


LIGHT = Palette("#1d1f22", "#5b6067", "#dfe1e4", "#0a6c74", "#b4bac1", "#ffffff")
DARK = Palette("#e9eaec", "#a2a8b0", "#33373d", "#58c4c9", "#5d646d", "#1b1d21")

FONT = "system-ui, -apple-system, 'Segoe UI', Roboto, 'Helvetica Neue', Arial, sans-serif"


def in_both_schemes(chart: Any, *values: Any) -> dict[str, Figure]:
    """Return the figures that `chart` makes for a light and for a dark page."""
    return {"light": chart(LIGHT, *values), "dark": chart(DARK, *values)}


def funnel_figure(palette: Palette, stages: list[Stage]) -> Figure:
    """Return a bar for each stage, on a logarithmic axis: documents and pairs in two colours."""
    names = [stage.name for stage in stages]
    traces = []
    for is_documents, colour, name in (
        (True, palette.accent, "documents"),
        (False, palette.faint, "pairs"),
    ):
        some = [stage for stage in stages if (stage.unit == DOCUMENTS) == is_documents]
        traces.append(
            {
                "type": "bar",
                "orientation": "h",
                "name": name,
                "y": [stage.name for stage in some],
                # A bar to 1 has no length on a logarithmic axis; it begins at a half.
                "x": [max(stage.count, 0) or None for stage in some],
                "base": 0.5,
                "marker": {"color": colour},
                "text": [_short(stage.count) for stage in some],
                "textposition": "outside",
                "cliponaxis": False,
                "hovertemplate": "%{y}: %{text}<extra></extra>",
            }
        )
    largest = max([stage.count for stage in stages] + [1])
    layout = _layout(palette, margin={"l": 108, "r": 24, "t": 8, "b": 40})
    layout["barmode"] = "overlay"
    layout["bargap"] = 0.35
    layout["xaxis"] |= {
        "type": "log",
        "range": [float(np.log10(0.5)), float(np.log10(largest)) * 1.16 + 0.35],
        **_ticks(largest, (1,), 1 if largest < 1_000 else 2 if largest < 1_000_000 else 3),
        "title": _title(palette, "documents or pairs, logarithmic"),
        "tickangle": 0,
    }
    layout["yaxis"] |= {
        "categoryorder": "array",
        "categoryarray": names[::-1],
        "showgrid": False,
        "ticks": "",
    }
    return {"data": traces, "layout": layout}


def similarity_figure(
    palette: Palette,
    pairs: Similarities,
    chance: Callable[[float], float] | None,
    measure: str,
) -> Figure:
    """Return the histogram of measured similarities, under the curve of the chance to compare.

    Parameters
    ----------
    chance : similarity -> the probability that a pair is compared; None where there is no such.
    """
    edges = pairs.edges
    middle = ((edges[:-1] + edges[1:]) / 2).round(6).tolist()
    width = np.diff(edges).round(6).tolist()
    traces: list[dict[str, Any]] = []
    for counts, colour, name in (
        (pairs.rejected, palette.faint, "rejected pairs"),
        (pairs.verified, palette.accent, "verified pairs"),
    ):
        chosen = np.flatnonzero(counts).tolist()
        traces.append(
            {
                "type": "bar",
                "name": name,
                "x": [middle[i] for i in chosen],
                "y": [int(counts[i]) for i in chosen],
                "width": [width[i] for i in chosen],
                "marker": {"color": colour, "line": {"width": 0.6, "color": palette.surface}},
                "customdata": [
                    f"{float(edges[i]):.3g} to {float(edges[i + 1]):.3g}" for i in chosen
                ],
                "hovertemplate": "%{customdata}: %{y:,} pairs<extra></extra>",
            }
        )
    x = np.linspace(0, 1, _POINTS).round(4).tolist()
    if chance is not None:
        traces.append(
            {
                "type": "scatter",
                "mode": "lines",
                "name": "chance to be compared",
                "x": x,
                "y": [round(chance(value), 5) for value in x],
                "yaxis": "y2",
                "line": {"color": palette.ink, "width": 2},
                "hovertemplate": "at %{x:.2f}: %{y:.1%} compared<extra></extra>",
            }
        )
    layout = _layout(palette, margin={"l": 52, "r": 48, "t": 30, "b": 44})
    measured = np.flatnonzero(pairs.verified + pairs.rejected)
    low = min(
        [
            0.3 if pairs.width == WIDTH else 1.0,
            pairs.threshold - 0.2,
            *(middle[i] for i in measured[:1].tolist()),
        ]
    )
    layout["barmode"] = "overlay"
    layout["xaxis"] |= {
        "range": [max(0.0, low - 0.02), 1.005],
        "title": _title(palette, f"{measure} similarity of the pair"),
        "showgrid": False,
    }
    layout["yaxis"] |= {"title": _title(palette, "pairs"), "rangemode": "tozero", "nticks": 5}
    layout["yaxis2"] = {
        **_axis(palette),
        "overlaying": "y",
        "side": "right",
        "range": [0, 1.04],
        "tickformat": ".0%",
        "tickvals": [0, 0.25, 0.5, 0.75, 1],
        "showgrid": False,
        "visible": chance is not None,
    }
    layout["shapes"] = [
        {
            "type": "line",
            "x0": pairs.threshold,
            "x1": pairs.threshold,
            "y0": 0,
            "y1": 1,
            "yref": "paper",
            "line": {"color": palette.ink, "width": 1, "dash": "dot"},
        }
    ]
    layout["annotations"] = [
        {
            "x": pairs.threshold,
            "y": 1,
            "yref": "paper",
            "yanchor": "bottom",
            "text": f"threshold {pairs.threshold:g}",
            "showarrow": False,
            "font": {"color": palette.ink},
        }
    ]
    if chance is not None:
        half = next((value for value in x if chance(value) >= 0.5), 1.0)
        layout["annotations"].append(
            {
                "x": half,
                "y": 0.5,
                "yref": "y2",
                "xanchor": "right",
                "xshift": -26,
                "yshift": 14,
                "align": "right",
                "text": "chance to<br>be compared",
                "showarrow": False,
                "font": {"color": palette.muted},
            }
        )
    return {"data": traces, "layout": layout}


def sizes_figure(palette: Palette, counts: list[tuple[int, int]]) -> Figure:
    """Return how many clusters have how many documents, both on logarithmic axes."""
    sizes, clusters = [size for size, _ in counts], [number for _, number in counts]
    trace = {
        "type": "scatter",
        "mode": "markers",
        "x": sizes,
        "y": clusters,
        "marker": {"color": palette.accent, "size": 9, "opacity": 0.75},
        "hovertemplate": "%{y:,} clusters of %{x:,} documents<extra></extra>",
    }
    layout = _layout(palette, margin={"l": 56, "r": 16, "t": 8, "b": 44})
    for axis, values, title in (
        ("xaxis", sizes, "documents in a cluster"),
        ("yaxis", clusters, "clusters"),
    ):
        largest = max([*values, 2])
        layout[axis] |= {
            "type": "log",
            "title": _title(palette, title),
            "range": [-0.08 if axis == "yaxis" else 0.2, float(np.log10(largest)) + 0.2],
            **_ticks(largest, (1, 2, 5) if largest < 1_000 else (1,)),
        }
    return {"data": [trace], "layout": layout}


def _ticks(largest: int, steps: tuple[int, ...], apart: int = 1) -> dict[str, Any]:
    """Return the ticks of a logarithmic axis: multiples of every power of ten, or few of them."""
    powers = range(0, len(str(largest)) + 1, apart)
    values = [step * 10**power for power in powers for step in steps]
    values = [value for value in values if value <= 2 * largest]
    return {"tickvals": values, "ticktext": [_short(value) for value in values]}


def _short(value: int) -> str:
    """Return a count in full below ten million, else with its first digits."""
    if value < 10**7 and value != 10**6:
        return f"{value:,}"
    for unit, name in ((10**12, "trillion"), (10**9, "billion"), (10**6, "million")):
        if value >= unit:
            return f"{float(f'{value / unit:.3g}'):,g} {name}"
    return f"{value:,}"


def _axis(palette: Palette) -> dict[str, Any]:
    return {
        "gridcolor": palette.line,
        "linecolor": palette.line,
        "zeroline": False,
        "tickcolor": palette.line,
        "tickfont": {"color": palette.muted},
        "fixedrange": True,
        "automargin": True,
    }


def _title(palette: Palette, text: str) -> dict[str, Any]:
    return {"text": text, "font": {"color": palette.muted, "size": 12}}


def _layout(palette: Palette, margin: dict[str, int]) -> dict[str, Any]:
    return {
        "paper_bgcolor": "rgba(0,0,0,0)",
        "plot_bgcolor": "rgba(0,0,0,0)",
        "font": {"family": FONT, "size": 12, "color": palette.ink},
        "margin": margin,
        "showlegend": False,
        "dragmode": False,
        "hoverlabel": {
            "bgcolor": palette.surface,
            "bordercolor": palette.line,
            "font": {"family": FONT, "color": palette.ink},
        },
        "xaxis": _axis(palette),
        "yaxis": _axis(palette),
    }

"""The figures are what Plotly takes, show all that was counted, and hold no text of documents."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import plotly.graph_objects as go
import pytest

import dedup
from dedup.lsh.parameters import s_curve
from dedup.report.charts import (
    DARK,
    LIGHT,
    Palette,
    funnel_figure,
    in_both_schemes,
    similarity_figure,
    sizes_figure,
)
from dedup.report.funnel import DOCUMENTS, PAIRS, Stage
from dedup.report.similarities import Similarities

STYLE = Path(dedup.__file__).parent / "report/templates/style.css"
STAGES = [
    Stage("Documents", DOCUMENTS, 1_000_000, ""),
    Stage("Possible pairs", PAIRS, 264_095_499_528, ""),
    Stage("Verified pairs", PAIRS, 0, ""),
    Stage("Removed", DOCUMENTS, 1, ""),
]


def chance(similarity: float) -> float:
    return s_curve(similarity, 17, 6)


def some_pairs() -> Similarities:
    edges = np.round(np.arange(50, 101) / 100, 2)
    verified = np.where(edges[:-1] >= 0.8, 7, 0)
    rejected = np.where(edges[:-1] < 0.8, 3, 0)
    return Similarities(0.8, edges, verified, rejected, equal=9)


@pytest.mark.parametrize("palette", [LIGHT, DARK], ids=["light", "dark"])
def test_plotly_takes_the_figures(palette: Palette) -> None:
    for figure in (
        funnel_figure(palette, STAGES),
        similarity_figure(palette, some_pairs(), chance, "Jaccard"),
        similarity_figure(palette, some_pairs(), None, "containment"),
        sizes_figure(palette, [(2, 10), (900, 1)]),
        sizes_figure(palette, []),
    ):
        go.Figure(figure)  # refuses unknown names and values
        json.dumps(figure, allow_nan=False)


def test_the_funnel_has_a_bar_for_each_stage() -> None:
    figure = funnel_figure(LIGHT, STAGES)
    bars = {
        y: (x, text)
        for trace in figure["data"]
        for y, x, text in zip(trace["y"], trace["x"], trace["text"], strict=True)
    }
    assert bars == {
        "Documents": (1_000_000, "1 million"),
        "Possible pairs": (264_095_499_528, "264 billion"),
        "Verified pairs": (None, "0"),  # no place on a logarithmic axis
        "Removed": (1, "1"),
    }
    assert figure["layout"]["yaxis"]["categoryarray"] == [stage.name for stage in STAGES][::-1]


def test_the_histogram_counts_all_pairs_and_the_curve_is_that_of_the_bands() -> None:
    rejected, verified, curve = similarity_figure(LIGHT, some_pairs(), chance, "Jaccard")["data"]
    assert sum(rejected["y"]) == 30 * 3
    assert sum(verified["y"]) == 20 * 7
    assert min(verified["x"]) > 0.8 > max(rejected["x"])
    for x, y in zip(curve["x"], curve["y"], strict=True):
        assert y == pytest.approx(s_curve(x, 17, 6), abs=1e-5)
    without = similarity_figure(LIGHT, some_pairs(), None, "containment")
    assert len(without["data"]) == 2
    assert not without["layout"]["yaxis2"]["visible"]


def test_the_sizes_are_points() -> None:
    (trace,) = sizes_figure(LIGHT, [(2, 10), (900, 1)])["data"]
    assert (trace["x"], trace["y"]) == ([2, 900], [10, 1])


def test_both_schemes_show_the_same_in_the_colours_of_the_page() -> None:
    both = in_both_schemes(sizes_figure, [(2, 10)])
    assert both["light"]["data"][0]["x"] == both["dark"]["data"][0]["x"]
    style = STYLE.read_text(encoding="utf-8")
    for name in ("ink", "muted", "line", "accent", "faint", "surface"):
        assert f"--{name}: light-dark({getattr(LIGHT, name)}, {getattr(DARK, name)});" in style

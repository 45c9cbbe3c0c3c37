"""What the measured sizes add up to: powers of n, the page, and the picture."""

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.plot import ACCENT, GREY, MUTED, figure_style, save, tidy
from benchmarks.table import NOTHING, QUIET, bin_recall, markdown
from dedup.resources.costs import search_bytes

ON_PAPER = (10**8, 10**9)
UNITS = {"": 1, "KiB": 2**10, "MiB": 2**20, "GiB": 2**30, "TiB": 2**40}
#: What is fitted: a size's figure, its heading, and how much one unit is.
CURVES = {
    "seconds": ("seconds", 1.0),
    "peak_bytes": ("peak GiB", 2.0**30),
    "peak_unbacked_bytes": ("page cache apart", 2.0**30),
    "peak_disk_bytes": ("disk GiB", 2.0**30),
}


@dataclass(frozen=True)
class Power:
    """A fitted curve: factor * n**exponent."""

    factor: float
    exponent: float

    def at(self, size: float) -> float:
        """Return the curve's value."""
        return self.factor * math.pow(size, self.exponent)

    def shown(self) -> str:
        """Return how the curve grows, as pages show it."""
        return f"n^{round(self.exponent, 2) + 0.0:.2f}"  # never -0.00


def fit(sizes: Sequence[float], values: Sequence[float]) -> Power | None:
    """Fit a power of n by least squares on logarithms; None from fewer than two sizes."""
    if len(set(sizes)) < 2:
        return None
    exponent, constant = np.polyfit(np.log(sizes), np.log(values), 1)
    return Power(math.exp(constant), float(exponent))


def fits(sizes: Sequence[dict[str, Any]]) -> dict[str, Power]:
    """Fit every curve to the sizes that came to their end."""
    done = [size for size in sizes if "error" not in size]
    found = {}
    for name in CURVES:
        power = fit([s["documents"] for s in done], [max(1e-9, s[name]) for s in done])
        if power is not None:
            found[name] = power
    return found


def parse_bytes(text: str) -> int:
    """Return how many bytes are meant, as by ``2GiB``."""
    match = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([KMGT]iB|)", text)
    if match is None:
        raise ValueError(f"{text!r} is no size; write it as 2GiB or 512MiB.")
    return int(float(match[1]) * UNITS[match[2]])


def figure(name: str, value: float) -> str:
    """Return one figure of a curve, in its unit."""
    amount = value / CURVES[name][1]
    return f"{amount:,.2f}" if amount < 100 else f"{amount:,.0f}"


def on_paper(name: str, powers: dict[str, Power], documents: int) -> float:
    """Return what a curve comes to at a size that was not run.

    The fit would understate memory: beside what every run takes there is a part that grows with the
    documents, small at the sizes measured, and dedup says how large.
    """
    carried = powers[name].at(documents)
    if name == "peak_unbacked_bytes":
        return max(carried, search_bytes(documents))
    return carried


def rows(sizes: Sequence[dict[str, Any]], powers: dict[str, Power]) -> list[list[str]]:
    """Return the rows of the table: measured, fitted, on paper."""
    lines = []
    for size in sizes:
        documents = f"{size['documents']:,}"
        if "error" in size:
            lines.append([documents, size["error"], *[NOTHING] * 10])
            continue
        answer = size["answer"]
        lines.append(
            [
                *(documents, f"{size['text_bytes'] / 1e6:,.0f}"),
                *(figure(name, size[name]) for name in CURVES),
                f"{size['documents'] / size['seconds']:,.0f}",
                *(f"{answer['true_pairs']:,}", f"{answer['recall']:.4f}"),
                bin_recall(answer["bins"][0]),
                *(f"{answer['removed']:,}", f"{answer['unfounded']:,}"),
            ]
        )
    if powers:
        exponents = (powers[name].shown() for name in CURVES)
        lines.append(["grows as", NOTHING, *exponents, *[NOTHING] * 6])
        for large in ON_PAPER:
            guesses = (figure(name, on_paper(name, powers, large)) for name in CURVES)
            speed = f"{large / powers['seconds'].at(large):,.0f}"
            lines.append([f"{large:,}, on paper", NOTHING, *guesses, speed, *[NOTHING] * 5])
    return lines


def page(report: dict[str, Any]) -> str:
    """Return the whole page."""
    sizes = report["sizes"]
    powers = fits(sizes)
    header = ["documents", "MB of text", *(heading for heading, _ in CURVES.values())]
    header += ["documents/s", "true pairs", "recall", "where Jaccard is .80–.85", "removed"]
    header += ["of them unfounded"]
    parts = [
        "# Time, memory and disk against size",
        f"Generated web-like documents of about 60 words, seed {report['seed']}. {setting(report)}",
        markdown(header, rows(sizes, powers)),
        "On paper: nothing was run at these sizes. They are the powers of n in the row above, "
        "fitted to the measured sizes by least squares on logarithms, and carried on; memory "
        "without the page cache by the 32 bytes a document that dedup reckons with."
        if powers
        else "",
        noise(sizes),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def tenfold_page(report: dict[str, Any]) -> str:
    """Return the page of a corpus once and ten times over."""
    header = ["corpus", "documents", "MB of text", "seconds", "seconds a 100 MB"]
    header += ["peak GiB", "page cache apart", "disk GiB"]
    lines = []
    for row in report["rows"]:
        start = [row["corpus"], f"{row['documents']:,}", f"{row['text_bytes'] / 1e6:,.0f}"]
        if "error" in row:
            lines.append([*start, row["error"], *[NOTHING] * 4])
            continue
        pace = f"{row['seconds'] / row['text_bytes'] * 1e8:.3f}"
        figures = [figure(name, row[name]) for name in CURVES]
        lines.append([*start, figures[0], pace, *figures[1:]])
    parts = [
        f"# {report['name']} once and ten times over",
        f"In each copy every twelfth word is the copy's number. {setting(report)} Once is the "
        f"median of {report['runs']} runs.",
        markdown(header, lines),
        noise(report["rows"]),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def setting(report: dict[str, Any]) -> str:
    """Return what ran where, and how it was measured."""
    machine = report["machine"]
    return (
        f"`{report['command']}` on {machine['cpu']}, {machine['cores']} cores, Python "
        f"{machine['python']}: whole processes, warm cache. Memory is the peak of the summed PSS "
        "of all processes, with and without the pages that files back; disk that of scratch and "
        "results."
    )


def noise(rows: Sequence[dict[str, Any]]) -> str:
    """Return a warning where the machine was not quiet."""
    others = max((row.get("others_share", 0.0) for row in rows), default=0.0)
    if others <= QUIET:
        return ""
    return f"Not a quiet machine: others used up to {others:.0%} of the cores during a run."


def draw(report: dict[str, Any], path: Path) -> None:
    """Draw time, memory and disk against the number of documents, on logarithmic scales."""
    powers = fits(report["sizes"])
    if not powers:
        return
    picture, (left, middle, right) = figure_style().subplots(1, 3, figsize=(11, 3.8))
    done = [size for size in report["sizes"] if "error" not in size]
    draw_curve(left, done, powers, "seconds", "whole process")
    draw_curve(middle, done, powers, "peak_bytes", "peak of the summed PSS", GREY)
    draw_curve(middle, done, powers, "peak_unbacked_bytes", "page cache apart")
    draw_curve(right, done, powers, "peak_disk_bytes", "scratch and results")
    if report["memory"]:
        limit = parse_bytes(report["memory"]) / CURVES["peak_bytes"][1]
        middle.axhline(limit, color=MUTED, linewidth=1, zorder=1)
        middle.annotate(
            f"--memory {report['memory']}",
            (ON_PAPER[-1], limit),
            (0, -11),
            textcoords="offset points",
            ha="right",
            color=MUTED,
            fontsize=9,
        )
    for axes, title in ((left, "seconds"), (middle, "memory, GiB"), (right, "disk, GiB")):
        finish(axes, title)
    picture.suptitle(
        "Against size: full circles measured, empty ones on paper", x=0.01, ha="left", weight="bold"
    )
    save(picture, path)


def draw_curve(
    axes: Any,
    done: Sequence[dict[str, Any]],
    powers: dict[str, Power],
    name: str,
    label: str,
    shade: str = ACCENT,
) -> None:
    """Draw what was measured as full circles, the fitted power as a line to the empty ones."""
    power, unit = powers[name], CURVES[name][1]
    measured = [size["documents"] for size in done]
    carried = [*measured, *ON_PAPER]
    axes.plot(
        measured,
        [size[name] / unit for size in done],
        "o",
        color=shade,
        label=f"{label}, {power.shown()}",
        zorder=3,
    )
    line = [power.at(size) / unit for size in measured]
    line += [on_paper(name, powers, size) / unit for size in ON_PAPER]
    axes.plot(carried, line, color=shade, linewidth=1, linestyle=(0, (3, 3)))
    axes.plot(ON_PAPER, line[len(measured) :], "o", color=shade, markerfacecolor="white")


def finish(axes: Any, title: str) -> None:
    """Give an axes its scales, whole powers of ten from below to above, and its words."""
    axes.set_xscale("log")
    axes.set_yscale("log")
    low, high = axes.get_ylim()
    axes.set_ylim(10 ** math.floor(math.log10(low)), 10 ** math.ceil(math.log10(high)))
    axes.set_title(title, loc="left", color=MUTED, fontsize=10)
    axes.set_xlabel("documents", color=MUTED)
    axes.legend(frameon=False, fontsize=8, loc="upper left")
    axes.grid(color="#eaeef2")
    axes.minorticks_off()
    tidy(axes)

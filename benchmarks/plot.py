"""Results as one picture: how long each tool took, and which pairs it found."""

from pathlib import Path
from typing import Any

from benchmarks.table import bin_name

INK, MUTED, ACCENT, GREY = "#1f2328", "#6e7781", "#0a7d5a", "#a9b4be"
LINES = ("#0969da", "#bc4c00", "#8250df", "#bf3989", "#9a6700", "#57606a", "#1b7c83")


def figure_style() -> Any:
    """Return pyplot, set up for pictures of one style that are the same bytes each time."""
    import matplotlib

    matplotlib.use("Agg")
    matplotlib.rcParams["svg.hashsalt"] = "dedup"
    from matplotlib import pyplot

    pyplot.rcParams.update(
        {"font.size": 10, "text.color": INK, "axes.edgecolor": GREY, "font.family": "DejaVu Sans"}
    )
    return pyplot


def save(figure: Any, path: Path) -> None:
    """Write a finished figure."""
    from matplotlib import pyplot

    figure.tight_layout()
    figure.savefig(path, metadata={"Date": None} if path.suffix == ".svg" else None, dpi=150)
    pyplot.close(figure)


def draw(report: dict[str, Any], path: Path) -> None:
    """Draw seconds as bars on the left, recall by Jaccard as lines on the right."""
    results = [r for r in report["results"] if "error" not in r]
    tools = sorted((r for r in results if r.get("score")), key=lambda r: -r["seconds"])
    if not tools:
        return
    figure, (left, right) = figure_style().subplots(
        1, 2, figsize=(11, 0.5 * len(tools) + 2.4), width_ratios=(1.1, 1)
    )
    draw_seconds(left, tools, next((r for r in results if r["name"] == "wc"), None))
    draw_recall(right, tools)
    corpus = report["corpus"]
    figure.suptitle(
        f"{corpus['documents']:,} documents, {corpus['text_bytes'] / 1e6:.0f} MB, "
        f"threshold {report['threshold']}, {report['machine']['cores']} cores",
        x=0.01,
        ha="left",
        weight="bold",
    )
    save(figure, path)


def color(tool: dict[str, Any]) -> str:
    """Return the accent for dedup and grey for the others."""
    return ACCENT if tool["name"] == "dedup" else GREY


def draw_seconds(axes: Any, tools: list[dict[str, Any]], yardstick: dict[str, Any] | None) -> None:
    """Draw one bar a tool, the fastest on top; the yardstick is a line."""
    names = [tool["title"] for tool in tools]
    seconds = [tool["seconds"] for tool in tools]
    axes.barh(names, seconds, color=[color(tool) for tool in tools], height=0.62)
    axes.set_xlim(0, max(seconds) * 1.15)
    for place, value in enumerate(seconds):
        label = f"{value:.1f} s"
        axes.annotate(label, (value, place), (5, 0), textcoords="offset points", va="center")
    if yardstick:
        line = yardstick["seconds"]
        axes.axvline(line, color=INK, linewidth=1, linestyle=(0, (3, 3)))
        axes.annotate(
            f"wc -w, {line:.1f} s",
            (line, len(tools) - 0.5),
            (5, 3),
            textcoords="offset points",
            color=MUTED,
            fontsize=9,
        )
    axes.set_xlabel("seconds of the whole process, median", color=MUTED)
    tidy(axes)


def draw_recall(axes: Any, tools: list[dict[str, Any]]) -> None:
    """Draw recall by Jaccard, a line a tool, with its precision in the legend."""
    spans = [bin_name(span) for span in tools[0]["score"]["bins"]]
    shades = iter(LINES)
    drawn = set()
    for tool in reversed(tools):
        ours = tool["name"] == "dedup"
        score = tool["score"]
        answer = (tool["version"], str(score))
        if answer in drawn:  # the same tool run in another way
            continue
        drawn.add(answer)
        axes.plot(
            spans,
            [span["found"] / span["true"] if span["true"] else None for span in score["bins"]],
            color=ACCENT if ours else next(shades),
            marker="o",
            markersize=4,
            label=f"{tool['title'].partition(',')[0]}, precision {score['precision']:.3f}",
            linewidth=2.6 if ours else 1.4,
            zorder=3 if ours else 2,
        )
    axes.set_xlabel("Jaccard of the pair", color=MUTED)
    axes.set_title("recall", loc="left", color=MUTED, fontsize=10)
    axes.legend(frameon=False, fontsize=9, loc="lower right")
    axes.set_ylim(top=1.01)
    axes.grid(axis="y", color="#eaeef2")
    tidy(axes)


def tidy(axes: Any) -> None:
    """Take away the frame and soften the ticks."""
    axes.spines[["top", "right"]].set_visible(False)
    axes.tick_params(colors=MUTED, length=0)
    axes.set_axisbelow(True)

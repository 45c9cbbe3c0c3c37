"""What the join of vectors took and found, as a page and as curves of recall against time."""

from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.plot import ACCENT, GREY, LINES, figure_style, save
from benchmarks.table import NOTHING, QUIET, markdown


def page(report: dict[str, Any]) -> str:
    """Return the results as Markdown."""
    given, facts = report["given"], report["machine"]
    lines = [
        f"# All pairs at cosine {given['threshold']} of {given['count']:,} vectors of "
        f"{given['dim']} dimensions",
        "",
        f"{facts['cpu']}, {facts['cores']} cores, faiss {report['versions']['faiss-cpu']}, numpy "
        f"{report['versions']['numpy']}. From vectors in memory to all pairs; each tool a process "
        "of its own. Made by `python -m benchmarks.vectors`.",
    ]
    header = ["tool", "seconds", "recall", "precision", "peak GiB"]
    for kind, rows in report["worlds"].items():
        shown = [_cells(row) for row in rows]
        lines += ["", f"## {kind}", "", markdown(header, shown), ""]
        lines += [_verdict(rows, given["target_recall"])]
    lines += [
        "",
        f"¹ Told from a sample: the time is that of building, and of as many queries as there are "
        f"vectors, each as long as one of up to {given['sampled_queries']:,} random ones; recall "
        "and precision are those of asking for both ends of as many planted pairs.",
    ]
    busiest = max(row["others_share"] for rows in report["worlds"].values() for row in rows)
    if busiest > QUIET:
        lines += [
            "",
            f"Others used up to {busiest:.0%} of the cores meanwhile: compare the tools, and trust "
            "no second.",
        ]
    return "\n".join(lines) + "\n"


def _cells(row: dict[str, Any]) -> list[str]:
    peak = f"{row['peak_bytes'] / 2**30:.2f}" if "peak_bytes" in row else NOTHING
    if "unfinished" in row:
        ended = f"not in {row['limit_seconds']} s: {row['unfinished']}"
        return [_name(row), ended, NOTHING, NOTHING, peak]
    mark = " ¹" if "sampled_queries" in row else ""
    figures = [f"{row['seconds']:,.1f}{mark}", f"{row['recall']:.4f}", f"{row['precision']:.4f}"]
    return [_name(row), *figures, peak]


def _name(row: dict[str, Any]) -> str:
    return row["title"] + (f", {row['knob']} {row['setting']}" if row.get("setting") else "")


def _finished(rows: list[dict[str, Any]]) -> dict[str, list[dict[str, Any]]]:
    """Return the measured rows by title."""
    found: dict[str, list[dict[str, Any]]] = {row["title"]: [] for row in rows}
    for row in rows:
        if "unfinished" not in row:
            found[row["title"]].append(row)
    return found


def _verdict(rows: list[dict[str, Any]], target: float) -> str:
    """Compare the times of what reaches the target; tell what does not."""
    best, failed = {}, []
    for title, some in _finished(rows).items():
        reaching = [row for row in some if row["recall"] >= target]
        if reaching:
            best[title] = min(reaching, key=lambda row: row["seconds"])
        else:
            most = max(some, key=lambda row: row["recall"], default=None)
            said = f"{most['recall']:.4f} at most" if most else "not built in its time"
            failed.append(f"{title} ({said})")
    if "dedup" not in best:
        return f"dedup does not reach recall {target}."
    ours = best.pop("dedup")["seconds"]
    times = [f"{row['seconds'] / ours:,.1f} for {_name(row)}" for row in best.values()]
    text = f"At recall {target} or more, in times of dedup's {ours:.1f} s: {', '.join(times)}."
    if failed:
        text += f" Not reached by {', '.join(failed)}."
    return text


def draw(report: dict[str, Any], path: Path) -> None:
    """Draw recall against seconds, a line a tool."""
    worlds, target = report["worlds"], report["given"]["target_recall"]
    figure, grid = figure_style().subplots(
        1, len(worlds), figsize=(3.3 + 4.2 * len(worlds), 3.8), sharey=True, squeeze=False
    )
    titles = dict.fromkeys(row["title"] for rows in worlds.values() for row in rows)
    colours = dict(zip(titles, (ACCENT, *LINES), strict=False))
    for axis, (kind, rows) in zip(grid[0], worlds.items(), strict=True):
        for title, some in _finished(rows).items():
            points = np.array([(row["seconds"], row["recall"]) for row in some]).reshape(-1, 2)
            axis.plot(*points.T, "o-", color=colours[title], label=title)
        axis.axhline(target, color=GREY, linewidth=0.8)
        axis.set_xscale("log")
        axis.set_xlabel("seconds")
        axis.set_title(kind)
    grid[0][0].set_ylabel("recall of the planted pairs")
    place = {"loc": "upper left", "bbox_to_anchor": (1.02, 1), "frameon": False, "fontsize": 9}
    grid[0][-1].legend(**place)
    save(figure, path)

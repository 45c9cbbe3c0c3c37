"""Near-duplicate joins of a million vectors: dedup, faiss, and brute force, in one run.

`python -m benchmarks.vectors` makes two sets of vectors, plants near-duplicates in them, and lets
each tool find all pairs at the threshold, each in a process of its own. It writes
results/vectors.json, vectors.md and vectors.svg. The parameters below were fixed before anything
was measured. What would take hours is run for a sample of the queries and told as such.
"""

import json
import subprocess
import sys
import time
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import click
import numpy as np

from benchmarks.measure import busy_seconds, machine
from benchmarks.plot import ACCENT, LINES, figure_style, save
from benchmarks.table import markdown

COUNT = 1_000_000
DIM = 128
THRESHOLD = 0.95
TARGET_RECALL = 0.99
"""At which times are compared: of each tool the fastest setting that reaches it."""

FAMILIES = 40_000
MATES = (1, 2, 3, 4)
"""Near-duplicates of a family's first vector, at cosines uniform from the threshold to 1."""

RECALLS = (0.5, 0.8, 0.9, 0.95, 0.99, 0.999)
"""Of dedup: what `--recall` asks for."""

HNSW_LINKS = 16
HNSW_BUILD = 40
HNSW_SEARCH = (8, 16, 32, 64)
"""faiss's M, efConstruction (its default) and efSearch."""

NEIGHBOURS = 8
"""Asked for of each vector: itself, its family, and room."""

LSH_BITS = 256
SAMPLED_QUERIES = 4_000
"""Of IndexLSH and brute force, whose time grows with the square of the vectors."""

WORLDS = ("topics", "uniform")
_TOPICS = 5_000
_TOPIC_COSINE = 0.6
_COMMON_COSINE = 0.2
RESULTS = Path(__file__).parent / "results"


@dataclass
class World:
    """Vectors of length 1, and the pairs at the threshold."""

    vectors: np.ndarray
    pairs: set[tuple[int, int]]


def make_world(kind: str, count: int, seed: int = 0) -> World:
    """Make vectors in all directions, or of topics, all a little alike; shuffle families in.

    Vectors of one topic have cosine 0.6 on average, others 0.2. Pairs outside of families do not
    come near the threshold: it is twelve deviations away.
    """
    random = np.random.default_rng(seed)
    sizes = random.choice(MATES, min(FAMILIES, count // 25))
    num_mates = int(sizes.sum())
    alone = _unit(random.standard_normal((count - num_mates, DIM), np.float32))
    if kind == "topics":
        common = _unit(random.standard_normal((1, DIM), np.float32))
        topics = _unit(random.standard_normal((_TOPICS, DIM), np.float32))
        of_topic = topics[random.integers(0, _TOPICS, len(alone))]
        parts = (_COMMON_COSINE, _TOPIC_COSINE - _COMMON_COSINE, 1 - _TOPIC_COSINE)
        weights = np.sqrt(np.array(parts, np.float32))
        alone = _unit(weights[0] * common + weights[1] * of_topic + weights[2] * alone)
    owner = np.repeat(np.arange(len(sizes)), sizes)
    first = alone[owner]
    cosine = random.uniform(THRESHOLD, 1, num_mates).astype(np.float32)[:, None]
    away = random.standard_normal((num_mates, DIM), np.float32)
    away = _unit(away - (away * first).sum(axis=1)[:, None] * first)
    mates = cosine * first + np.sqrt(1 - cosine**2) * away
    order = random.permutation(count)
    place = np.empty(count, np.int64)
    place[order] = np.arange(count)
    vectors = np.concatenate([alone, mates])[order]
    pairs = set()
    ends = np.cumsum(sizes)
    for family, (end, size) in enumerate(zip(ends.tolist(), sizes.tolist(), strict=True)):
        members = place[[family, *range(len(alone) + end - size, len(alone) + end)]]
        exact = vectors[members].astype(np.float64)
        exact /= np.linalg.norm(exact, axis=1)[:, None]
        for i, j in zip(*np.nonzero(np.triu(exact @ exact.T >= THRESHOLD, 1)), strict=True):
            pairs.add(_ordered(int(members[i]), int(members[j])))
    return World(vectors, pairs)


def _unit(vectors: np.ndarray) -> np.ndarray:
    return vectors / np.linalg.norm(vectors, axis=1)[:, None]


def _ordered(a: int, b: int) -> tuple[int, int]:
    return (a, b) if a < b else (b, a)


def _near(queries: np.ndarray, found: np.ndarray, vectors: np.ndarray) -> np.ndarray:
    """Return the found pairs that are near, each once, smaller first; exact cosines decide."""
    left = np.repeat(queries, found.shape[1])
    right = found.ravel()
    apart = (left != right) & (right >= 0)
    pairs = np.unique(np.sort(np.stack([left[apart], right[apart]], 1), axis=1), axis=0)
    near = []
    for start in range(0, len(pairs), 1 << 16):
        some = pairs[start : start + (1 << 16)]
        a, b = vectors[some[:, 0]].astype(np.float64), vectors[some[:, 1]].astype(np.float64)
        lengths = np.linalg.norm(a, axis=1) * np.linalg.norm(b, axis=1)
        near.append(some[(a * b).sum(axis=1) / lengths >= THRESHOLD])
    return np.concatenate([np.zeros((0, 2), np.int64), *near])


def _steps_dedup(vectors: np.ndarray, setting: float) -> dict[str, Any]:
    from dedup.vectors import find_duplicates

    start = time.perf_counter()
    result = find_duplicates(vectors, threshold=THRESHOLD, recall=setting, pairs="all")
    rows = result.pairs
    seconds = time.perf_counter() - start
    pairs = np.stack([rows["left_position"].to_numpy(), rows["right_position"].to_numpy()], 1)
    return {"seconds": seconds, "pairs": pairs, "note": result.summary["tables"]}


def _steps_hnsw(vectors: np.ndarray, settings: list[int]) -> list[dict[str, Any]]:
    import faiss

    start = time.perf_counter()
    index = faiss.IndexHNSWFlat(vectors.shape[1], HNSW_LINKS, faiss.METRIC_INNER_PRODUCT)
    index.hnsw.efConstruction = HNSW_BUILD
    index.add(vectors)
    build = time.perf_counter() - start
    found = []
    for setting in settings:
        index.hnsw.efSearch = setting
        start = time.perf_counter()
        _, neighbours = index.search(vectors, NEIGHBOURS)
        pairs = _near(np.arange(len(vectors)), neighbours, vectors)
        query = time.perf_counter() - start
        note = {"build_seconds": round(build, 2), "query_seconds": round(query, 2)}
        found.append({"seconds": build + query, "pairs": pairs, "note": note})
    return found


def _sampled(vectors: np.ndarray, tool: str) -> dict[str, Any]:
    """Answer some queries; all would take as many times longer as there are more of them."""
    queries = np.random.default_rng(1).choice(
        len(vectors), min(SAMPLED_QUERIES, len(vectors)), replace=False
    )
    build = 0.0
    start = time.perf_counter()
    if tool == "lsh":
        import faiss

        index = faiss.IndexLSH(vectors.shape[1], LSH_BITS)
        index.train(vectors)
        index.add(vectors)
        build = time.perf_counter() - start
        start = time.perf_counter()
        _, neighbours = index.search(vectors[queries], NEIGHBOURS)
        pairs = _near(queries, neighbours, vectors)
    elif tool == "range":
        import faiss

        flat = faiss.IndexFlatIP(vectors.shape[1])
        flat.add(vectors)
        build = time.perf_counter() - start
        start = time.perf_counter()
        limits, _, labels = flat.range_search(vectors[queries], THRESHOLD - 1e-5)
        left = np.repeat(queries, np.diff(limits.astype(np.int64)))
        pairs = _near(left, labels[:, None], vectors)
    else:
        found = []
        for first in range(0, len(queries), 500):
            some = queries[first : first + 500]
            product = vectors[some] @ vectors.T
            left, right = np.nonzero(product >= THRESHOLD - 1e-5)
            found.append(np.stack([some[left], right], 1))
        listed = np.concatenate(found)
        pairs = _near(listed[:, 0], listed[:, 1:], vectors)
    query = time.perf_counter() - start
    share = len(queries) / len(vectors)
    return {
        "seconds": build + query / share,
        "pairs": pairs,
        "queries": queries,
        "note": {"build_seconds": round(build, 2), "sample_seconds": round(query, 2)},
    }


def _scored(found: dict[str, Any], truth: np.ndarray) -> dict[str, Any]:
    """Return seconds, recall and precision; of sampled queries, those of the pairs they are in."""
    pairs = {_ordered(a, b) for a, b in found["pairs"].tolist()}
    true = {_ordered(a, b) for a, b in truth.tolist()}
    if "queries" in found:
        asked = set(found["queries"].tolist())
        true = {(a, b) for a, b in true if a in asked or b in asked}
    return {
        "seconds": round(found["seconds"], 2),
        "recall": len(pairs & true) / len(true),
        "precision": len(pairs & true) / max(1, len(pairs)),
        "note": found["note"],
    }


def _peak_bytes() -> int:
    lines = Path("/proc/self/status").read_text().splitlines()
    return 1024 * int(next(line for line in lines if line.startswith("VmHWM")).split()[1])


@click.group(invoke_without_command=True)
@click.option("--count", default=COUNT, show_default=True, help="Vectors.")
@click.option("--tools", default="dedup,hnsw,lsh,range,brute", show_default=True)
@click.option("--folder", default="build/bench-vectors", show_default=True)
@click.option("--results", default=RESULTS / "vectors", type=Path, help="Path without suffix.")
@click.pass_context
def main(context: click.Context, count: int, tools: str, folder: str, results: Path) -> None:
    """Measure all tools and write the results."""
    if context.invoked_subcommand is not None:
        return
    place = Path(folder)
    place.mkdir(parents=True, exist_ok=True)
    report: dict[str, Any] = {
        "machine": machine(),
        "parameters": {
            "count": count,
            "dim": DIM,
            "threshold": THRESHOLD,
            "target_recall": TARGET_RECALL,
            "sampled_queries": SAMPLED_QUERIES,
        },
        "versions": {name: version(name) for name in ("numpy", "faiss-cpu")},
        "worlds": {},
    }
    for kind in WORLDS:
        world = make_world(kind, count)
        np.save(place / "vectors.npy", world.vectors)
        np.save(place / "truth.npy", np.array(sorted(world.pairs), np.int64))
        rows = report["worlds"][kind] = []
        for tool in tools.split(","):
            settings = {"dedup": RECALLS, "hnsw": (HNSW_SEARCH,)}.get(tool, (None,))
            for setting in settings:
                click.echo(f"{kind}: {tool} {setting}")
                rows += _measured(tool, setting, place)
        results.with_suffix(".json").write_text(json.dumps(report, indent=1) + "\n")
        results.with_suffix(".md").write_text(page(report))
        draw(report, results.with_suffix(".svg"))


def _measured(tool: str, setting: Any, place: Path) -> list[dict[str, Any]]:
    """Run a tool in a process of its own; return a row for each of its settings."""
    command = [sys.executable, "-m", "benchmarks.vectors", "tool", tool, json.dumps(setting)]
    busy, start = busy_seconds(), time.perf_counter()
    done = subprocess.run([*command, str(place)], capture_output=True, text=True, check=True)
    rows: list[dict[str, Any]] = json.loads(done.stdout)
    machine_seconds = (time.perf_counter() - start) * (machine()["cores"] or 1)
    for row in rows:
        row["others_share"] = round(
            max(0.0, (busy_seconds() - busy - row.pop("cpu_seconds")) / machine_seconds), 2
        )
    return rows


@main.command("tool", hidden=True)
@click.argument("tool")
@click.argument("setting")
@click.argument("place", type=Path)
def run_tool(tool: str, setting: str, place: Path) -> None:
    """Run one tool, and print what it took and found."""
    vectors = np.load(place / "vectors.npy")
    truth = np.load(place / "truth.npy")
    given = json.loads(setting)
    if tool == "dedup":
        settings, found = [given], [_steps_dedup(vectors, given)]
    elif tool == "hnsw":
        settings, found = given, _steps_hnsw(vectors, given)
    else:
        settings, found = [None], [_sampled(vectors, tool)]
    peak, cpu = _peak_bytes(), time.process_time()
    rows = [
        {"tool": tool, "setting": one, "peak_bytes": peak, "cpu_seconds": cpu} | _scored(row, truth)
        for one, row in zip(settings, found, strict=True)
    ]
    print(json.dumps(rows))


_TITLES = {
    "dedup": "dedup, recall {}",
    "hnsw": f"faiss IndexHNSWFlat, M {HNSW_LINKS}, efConstruction {HNSW_BUILD}, efSearch {{}}",
    "lsh": f"faiss IndexLSH, {LSH_BITS} bits ¹",
    "range": "faiss IndexFlatIP, range search ¹",
    "brute": "products of matrices, numpy ¹",
}


def page(report: dict[str, Any]) -> str:
    """Return the results as Markdown."""
    given, facts = report["parameters"], report["machine"]
    lines = [
        f"# All pairs at cosine {given['threshold']} of {given['count']:,} vectors of "
        f"{given['dim']} dimensions",
        "",
        f"{facts['cpu']}, {facts['cores']} cores, faiss {report['versions']['faiss-cpu']}, numpy "
        f"{report['versions']['numpy']}. From vectors in memory to all pairs; each tool a process "
        "of its own. Made by `python -m benchmarks.vectors`.",
    ]
    for kind, rows in report["worlds"].items():
        shown = [
            [
                _TITLES[row["tool"]].format(row["setting"]),
                f"{row['seconds']:,.1f}",
                f"{row['recall']:.4f}",
                f"{row['precision']:.4f}",
                f"{row['peak_bytes'] / 2**30:.2f}",
            ]
            for row in rows
        ]
        header = ["tool", "seconds", "recall", "precision", "peak GiB"]
        lines += ["", f"## {kind}", "", markdown(header, shown), "", _verdict(rows)]
    lines += [
        "",
        f"¹ {given['sampled_queries']:,} queries were answered; the time is that of building, and "
        "of as many queries as there are vectors.",
    ]
    busiest = max(row["others_share"] for rows in report["worlds"].values() for row in rows)
    if busiest > 0.1:
        lines += [
            "",
            f"Others used up to {busiest:.0%} of the cores meanwhile: compare the tools, and trust "
            "no second.",
        ]
    return "\n".join(lines) + "\n"


def _verdict(rows: list[dict[str, Any]]) -> str:
    best = {}
    for row in rows:
        reached = row["recall"] >= TARGET_RECALL
        if reached and row["seconds"] < best.get(row["tool"], row)["seconds"] + 1e-9:
            best[row["tool"]] = row
    if "dedup" not in best:
        return f"dedup does not reach recall {TARGET_RECALL}."
    ours = best["dedup"]["seconds"]
    said = [
        f"{row['seconds'] / ours:,.1f} for {_TITLES[tool].format(row['setting']).rstrip(' ¹')}"
        for tool, row in best.items()
        if tool != "dedup"
    ]
    failed = [tool for tool in dict.fromkeys(row["tool"] for row in rows) if tool not in best]
    text = f"At recall {TARGET_RECALL} or more, in times of dedup's {ours:.1f} s: "
    text += ", ".join(said) + "."
    if failed:
        text += f" Not reached by: {', '.join(failed)}."
    return text


def draw(report: dict[str, Any], path: Path) -> None:
    """Draw recall against seconds for the tools with a choice."""
    worlds = report["worlds"]
    figure, axes = figure_style().subplots(1, len(worlds), figsize=(10, 4), sharey=True)
    for axis, (kind, rows) in zip(np.atleast_1d(axes), worlds.items(), strict=True):
        for tool, colour in (("dedup", ACCENT), ("hnsw", LINES[1]), ("lsh", LINES[2])):
            some = [row for row in rows if row["tool"] == tool]
            x, y = ([row[name] for row in some] for name in ("seconds", "recall"))
            axis.plot(x, y, "o-", color=colour, label=tool)
        axis.axhline(TARGET_RECALL, color="#a9b4be", linewidth=0.8)
        axis.set_xscale("log")
        axis.set_xlabel("seconds")
        axis.set_title(kind)
    np.atleast_1d(axes)[0].set_ylabel("recall of the planted pairs")
    np.atleast_1d(axes)[0].legend()
    save(figure, path)


if __name__ == "__main__":
    main()

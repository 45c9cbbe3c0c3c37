"""Results as Markdown: one table of figures, one of recall by Jaccard."""

from collections.abc import Sequence
from typing import Any

Result = dict[str, Any]
NOTHING = "–"
QUIET = 0.1  # share of the cores that others may use before the page says so


def markdown(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return a Markdown table, its first column left-aligned, the others right-aligned."""
    lines = [header, ["---", *["--:"] * (len(header) - 1)], *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def figures(report: dict[str, Any]) -> str:
    """Return the table of speed, memory and quality; a result with an ``error`` shows that."""
    results, corpus = report["results"], report["corpus"]
    walls = {result["name"]: result["seconds"] for result in results if "error" not in result}
    header = ["tool", "seconds", "× wc", "× dedup", "MB/s", "documents/s", "peak GiB"]
    header += ["recall", "precision", "tokens"]
    rows = []
    for result in results:
        name = f"{result['title']} {result['version']}".strip()
        if "error" in result:
            rows.append([name, result["error"], *[NOTHING] * (len(header) - 2)])
            continue
        seconds = result["seconds"]
        score = result.get("score")
        rows.append(
            [
                name,
                f"{seconds:.2f}" + ("¹" if result["once"] else ""),
                *(
                    f"{seconds / walls[by]:.1f}" if by in walls else NOTHING
                    for by in ("wc", "dedup")
                ),
                f"{corpus['text_bytes'] / seconds / 1e6:.0f}",
                f"{corpus['documents'] / seconds:,.0f}",
                f"{result['peak_bytes'] / 2**30:.2f}",
                *(f"{score[by]:.4f}" if score else NOTHING for by in ("recall", "precision")),
                result["tokens"] or NOTHING,
            ]
        )
    return markdown(header, rows)


def recall_by_jaccard(results: Sequence[Result]) -> str:
    """Return the table of recall by Jaccard, with the number of true pairs in each range."""
    scored = [result for result in results if result.get("score")]
    if not scored:
        return ""
    spans = scored[0]["score"]["bins"]
    rows = [["true pairs", *(f"{span['true']:,}" for span in spans)]]
    rows += [[r["title"], *map(bin_recall, r["score"]["bins"])] for r in scored]
    return markdown(["recall where Jaccard is", *map(bin_name, spans)], rows)


def bin_name(span: dict[str, Any]) -> str:
    """Name a range of Jaccard."""
    return "1" if span["low"] == 1 else f"{span['low']:.2f}–{span['high']:.2f}"


def bin_recall(span: dict[str, Any]) -> str:
    """Return the found share of a range's true pairs."""
    return f"{span['found'] / span['true']:.4f}" if span["true"] else NOTHING


def page(report: dict[str, Any]) -> str:
    """Return the whole page of one benchmark run."""
    corpus, machine, results = report["corpus"], report["machine"], report["results"]
    long = any(result.get("once") for result in results)
    others = max(result.get("others_share", 0.0) for result in results)
    parts = [
        f"# Near-duplicates of {corpus['name']} at {report['threshold']}",
        f"{corpus['documents']:,} documents, {corpus['text_bytes'] / 1e6:.0f} MB of text, "
        f"{corpus['true_pairs']:,} true pairs, shingles of 5 words. "
        f"{machine['cpu']}, {machine['cores']} cores, Python {machine['python']}. "
        "Whole processes, from Parquet to a Parquet of pairs, warm cache, median of "
        f"{report['runs']}; memory is the peak of the summed PSS of all processes, "
        "in a run of its own.",
        figures(report),
        "¹ over a minute: run once, timed and sampled together." if long else "",
        f"Not a quiet machine: others used up to {others:.0%} of the cores during a timed run."
        if others > QUIET
        else "",
        recall_by_jaccard(results),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"

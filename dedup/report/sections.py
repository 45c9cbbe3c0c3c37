"""What the sections of the page say: sentences and tables from numbers."""

from __future__ import annotations

from typing import Any

import numpy as np

from dedup.output.schema import CONTAINED, EQUAL, IDENTICAL, NEAR
from dedup.report.census import Census
from dedup.report.command import MOST_INPUTS
from dedup.report.explorer import COMPARED_MEMBERS, MEMBERS, ShownCluster
from dedup.report.folder import RunFolder
from dedup.report.funnel import Omission, Stage
from dedup.report.groups import NO_NAME, Groups
from dedup.report.marked_texts import CHARS, MarkedTexts
from dedup.report.similarities import NEAREST, Similarities
from dedup.report.untrusted import shown
from dedup.report.vector_run import curve_intro

_GROUPS_LISTED = 20
_SIZE_BOUNDS = (2, 3, 4, 5, 10, 20, 50, 100, 1_000, 10_000, 100_000, 1_000_000)
_PARTS = (
    ("kept", "kept"),
    (NEAR, "near"),
    (CONTAINED, "contained"),
    (EQUAL, "equal in what is compared"),
    (IDENTICAL, "identical, byte for byte"),
)


def headline(summary: dict[str, Any], census: Census) -> dict[str, Any]:
    """Return the share that is removed, a sentence, a split bar, and facts."""
    input_, result, search = summary["input"], summary["result"], summary["search"]
    documents, removed = input_["documents"], result["removed"]
    counts = {"kept": result["kept"], **census.matches}
    parts = []
    x = 0.0
    for kind, label in _PARTS:
        if not counts.get(kind):
            continue
        width = 1000 * counts[kind] / max(1, documents)
        colour = NEAR if kind == CONTAINED else kind
        parts.append(
            {
                "kind": colour,
                "label": label,
                "count": counts[kind],
                "x": round(x, 2),
                "width": round(width, 2),
            }
        )
        x += width
    goes = "is" if removed == 1 else "are"
    return {
        "share": f"{result['removed_share']:.1%}",
        "sentence": (
            f"{removed:,} of {documents:,} documents {goes} removed, each for a kept document that "
            f"it matches at {float(summary['config']['threshold']):g} or more, measured exactly."
        ),
        "split_summary": ", ".join(f"{part['count']:,} {part['label']}" for part in parts),
        "parts": parts,
        "facts": [
            ("Documents", f"{documents:,}"),
            ("Clusters", f"{result['clusters']:,}"),
            ("Largest cluster", f"{result['largest_cluster']:,}"),
            ("Pairs compared", f"{search['compared_pairs']:,}"),
            _size(input_),
            ("Time", f"{summary['seconds']['total']:,.1f} s"),
        ],
    }


def _size(input_: dict[str, Any]) -> tuple[str, str]:
    if "dimensions" in input_:
        return "Dimensions", f"{input_['dimensions']:,}"
    return "Text", f"{input_['text_bytes'] / 1e6:,.1f} MB"


def summaries(stages: list[Stage], pairs: Similarities, census: Census) -> dict[str, str]:
    """Return what the charts show, in words, for those who do not see them."""
    found = "; ".join(f"{stage.name} {stage.count:,} {stage.unit}" for stage in stages)
    sizes = census.size_counts()
    return {
        "funnel": f"Bar chart of the steps of the run: {found}.",
        "similarity": (
            f"Histogram of measured similarities around the threshold {pairs.threshold:g}, with "
            f"the S-curve: {int(pairs.verified.sum()):,} verified pairs below 1, {pairs.equal:,} "
            f"at 1, {int(pairs.rejected.sum()):,} rejected."
        ),
        "sizes": (
            f"Scatter chart of {len(census):,} clusters by size"
            + (f", from {sizes[0][0]:,} to {sizes[-1][0]:,} documents." if sizes else ".")
        ),
    }


def similarity_text(run: RunFolder, pairs: Similarities) -> dict[str, Any]:
    """Return intro, caption and table of the histogram."""
    config, banding = run.summary["config"], run.summary.get("banding")
    if run.is_of_vectors:
        intro = curve_intro(run.summary, pairs.threshold)
    elif banding:
        intro = (
            f"The curve is the chance that a pair of some similarity is compared, by "
            f"{banding['bands']} bands of {banding['rows']} rows: "
            f"{banding['probability_at_threshold']:.1%} at the threshold {pairs.threshold:g}. Bars "
            "are the pairs that were measured."
        )
    elif run.measure == "containment" or config["method"] == "exact":
        intro = "Candidates come from an exact join, so every pair at the threshold is compared."
    else:
        intro = (
            f"Candidates are pairs of fingerprints within {config['max_hamming']} bits, so there "
            "is no S-curve of the Jaccard similarity."
        )
    kind = (
        "All verified pairs"
        if config["pairs"] == "all"
        else "Each removed document with its keeper"
    )
    caption = f"{kind}, in colour; {pairs.equal:,} more, at exactly 1, are not drawn."
    if run.has_evidence:
        caption += f" The {int(pairs.rejected.sum()):,} best rejected pairs in grey."
    elif not run.is_of_vectors:
        caption += " Rejected pairs are shown where the run has --keep-evidence."
    edges = pairs.edges
    rows = [
        (f"{edges[i]:.3g} to {edges[i + 1]:.3g}", int(pairs.verified[i]), int(pairs.rejected[i]))
        for i in np.flatnonzero(pairs.verified + pairs.rejected).tolist()
    ]
    return {"intro": intro, "caption": caption, "rows": [*rows, ("exactly 1", pairs.equal, 0)]}


def size_text(census: Census) -> dict[str, Any]:
    """Return intro and table of the cluster sizes, by ranges."""
    rows = []
    for low, high in zip(_SIZE_BOUNDS, [*_SIZE_BOUNDS[1:], 1 << 62], strict=True):
        sizes = census.sizes[(census.sizes >= low) & (census.sizes < high)]
        if len(sizes):
            name = f"{low:,}" if high == low + 1 else f"{low:,} to {high - 1:,}"
            name = f"{low:,} or more" if high == 1 << 62 else name
            rows.append((name, len(sizes), int(sizes.sum())))
    if not len(census):
        return {"intro": "There are no clusters.", "rows": rows}
    pairs = int((census.sizes == 2).sum())
    intro = (
        f"{len(census):,} clusters hold {int(census.sizes.sum()):,} documents, the largest "
        f"{int(census.sizes.max()):,}."
    )
    if pairs:
        intro += f" {pairs:,} of them are a document and one duplicate."
    return {"intro": intro, "rows": rows}


def omission_groups(omissions: list[Omission]) -> list[dict[str, Any]]:
    """Return what was left out, by what became of it."""
    found: dict[tuple[str, str], dict[str, Any]] = {}
    for one in omissions:
        group = found.setdefault(
            (one.consequence, one.unit),
            {"consequence": one.consequence, "unit": one.unit, "total": 0, "parts": []},
        )
        group["total"] += one.count
        group["parts"].append((shown(one.what), one.count))
    return list(found.values())


def groups(run: RunFolder, census: Census) -> list[dict[str, Any]]:
    """Return the tables of sources and hosts, most removed first."""
    found = []
    if len(census.sources):
        found.append(_group("By file", "File", census.sources, ""))
    if any(name != NO_NAME for name, *_ in census.hosts.most_removed(2)):
        note = ""
        if run.host_column != "host":
            note = f"Hosts are those of the addresses in {run.host_column}."
        if not census.hosts.knows_documents:
            note += (
                " How many documents a host has in all stands in the evidence, which this run did "
                "not keep (--keep-evidence); shares are of its documents in clusters."
            )
        note += variants_note(run.summary["result"])
        found.append(_group("By host", "Host", census.hosts, note.strip()))
    return found


def variants_note(result: dict[str, Any]) -> str:
    """Return how many of the removed have their keeper's URL but for its writing, and one."""
    count = result.get("removed_url_variants", 0)
    if not count:
        return ""
    kinds = ", ".join(f"{kind} {n:,}" for kind, n in result["url_variant_kinds"].items() if n)
    example = result["url_variant_examples"][0]
    return (
        f" {count:,} of the removed are variants of their keeper's URL ({kinds}), such as "
        f"{shown(example['removed'][0])} of {shown(example['url'])}."
    )


def _group(title: str, noun: str, groups: Groups, note: str) -> dict[str, Any]:
    known = groups.knows_documents
    listed = groups.most_removed(_GROUPS_LISTED)
    whole = [(name, total if known else inside, gone) for name, total, inside, gone in listed]
    largest = max([documents for _, documents, _ in whole] + [1])
    if len(groups) > len(listed):
        note = f"{note} The {len(listed)} that lose most, of {len(groups):,}.".strip()
    return {
        "title": title,
        "noun": noun,
        "note": note,
        "base": "Documents" if known else "In clusters",
        "rows": [
            {
                "name": shown(name),
                "documents": documents,
                "removed": gone,
                "share": gone / documents if documents else 0.0,
                "length": round(100 * documents / largest, 2),
                "gone": round(100 * gone / largest, 2),
            }
            for name, documents, gone in whole
        ],
    }


def borderline(
    run: RunFolder, pairs: Similarities, compared: MarkedTexts
) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Return the two lists of pairs, and what the scripts need to show each difference."""
    listed: list[dict[str, Any]] = []
    empty = "No pair below 1 was verified."
    sides = [
        _side(f"Just accepted (the {NEAREST} nearest)", pairs.above, run, compared, listed, empty)
    ]
    empty = "None: every pair that was compared reached the threshold."
    if run.is_of_vectors:
        empty = "A run on vectors keeps no rejected pairs: run with a lower threshold to see them."
    elif not run.has_evidence:
        empty = "Rejected pairs are not kept by default: run with --keep-evidence to see them here."
    sides.append(
        _side(f"Just rejected (the {NEAREST} nearest)", pairs.below, run, compared, listed, empty)
    )
    return sides, listed


def _side(
    title: str,
    pairs: list[dict[str, Any]],
    run: RunFolder,
    compared: MarkedTexts,
    listed: list[dict[str, Any]],
    empty: str,
) -> dict[str, Any]:
    rows = []
    for pair in pairs:
        ids = [shown(pair["left_id"]), shown(pair["right_id"])]
        place = compared.of_pair.get((pair["left_position"], pair["right_position"]), -1)
        rows.append(
            {
                "number": len(listed),
                "similarity": f"{pair[run.column]:.4f}",
                "left": ids[0],
                "right": ids[1],
                "comparable": place >= 0,
            }
        )
        similarity = pair[run.column]
        listed.append({"ids": ids, "difference": place, "similarity": round(similarity, 6)})
    return {"title": title, "pairs": rows, "empty": empty}


def parameters(summary: dict[str, Any]) -> list[tuple[str, str]]:
    """Return every parameter and version, as text."""
    found = [(name, shown(value)) for name, value in summary["config"].items() if value is not None]
    return found + [(f"version of {name}", shown(v)) for name, v in summary["versions"].items()]


def left_out(
    run: RunFolder,
    census: Census,
    clusters: list[ShownCluster],
    compared: MarkedTexts,
    why_not: str,
    *,
    no_text: bool,
) -> list[str]:
    """Say what the page does not show, and where that is."""
    found = []
    if len(clusters) < len(census):
        found.append(
            f"{len(census) - len(clusters):,} of {len(census):,} clusters; all are in "
            "clusters.parquet. Figures, charts and tables count all of them."
        )
    if any(cluster.size > MEMBERS for cluster in clusters):
        found.append(f"Documents of a cluster beyond the first {MEMBERS}.")
    arguments = len(run.summary["input"].get("arguments", ()))
    if arguments > MOST_INPUTS:
        found.append(f"The {arguments:,} arguments of the run, in its command.")
    if "refused_by_check" in run.summary["search"]:
        found.append("The run's own check of verified pairs, a function, in its command.")
    if run.is_of_vectors:
        return [*found, "Rejected pairs, which a run on vectors does not keep.", why_not]
    if not run.has_evidence:
        found.append("Rejected pairs, for want of evidence (--keep-evidence).")
    if no_text:
        found.append(
            "All documents' texts, as asked for (--no-text). Ids, URLs, hosts and names of files "
            "are shown."
        )
        return found
    if compared.cut:
        found.append(f"Texts beyond {CHARS:,} characters: the rest is neither shown nor compared.")
    if any(sum(m.match != IDENTICAL for m in c.members) > COMPARED_MEMBERS + 1 for c in clusters):
        found.append(f"Differences of more than {COMPARED_MEMBERS} documents of a cluster.")
    if compared.spent:
        found.append("Differences of the clusters further down, so that the file stays small.")
    if why_not:
        found.append(why_not)
    return found or ["Nothing: every cluster, and the text of every document in one, is here."]

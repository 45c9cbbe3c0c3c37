"""A report of a run: what the page says, put together from numbers, clusters and texts."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import asdict
from functools import partial
from typing import Any

from dedup.io.inputs import InputFile
from dedup.lsh.parameters import s_curve
from dedup.report.census import Census, take_census
from dedup.report.charts import (
    funnel_figure,
    in_both_schemes,
    similarity_figure,
    sizes_figure,
)
from dedup.report.command import commands_of
from dedup.report.explorer import (
    COMPARED_MEMBERS,
    LARGEST,
    LEAST,
    SAMPLE,
    ShownCluster,
    chosen_clusters,
    read_clusters,
)
from dedup.report.folder import RunFolder
from dedup.report.funnel import omissions_of, stages_of
from dedup.report.marked_texts import MarkedTexts, mark_pairs
from dedup.report.page import render
from dedup.report.sections import (
    borderline,
    groups,
    headline,
    left_out,
    omission_groups,
    parameters,
    similarity_text,
    size_text,
    summaries,
)
from dedup.report.similarities import Similarities, measure_pairs
from dedup.report.texts import Texts
from dedup.report.untrusted import shown
from dedup.report.vector_run import NO_TEXT, chance_of, omissions_of_vectors, stages_of_vectors

_LARGEST_LISTED = 10


def report_of(
    folder: str | os.PathLike[str], files: Sequence[InputFile] = (), *, no_text: bool = False
) -> str:
    """Return the page of a run; see `dedup.jobs.reporting.write_report`.

    Parameters
    ----------
    files : of the run, in its order, where they are not to be had as its summary names them.
    """
    run = RunFolder.open(folder)
    summary = run.summary
    census, pairs = take_census(run), measure_pairs(run)
    places = chosen_clusters(census, LARGEST, LEAST, SAMPLE)
    clusters = read_clusters(run, census, places)
    compared, why_not = MarkedTexts(), NO_TEXT if run.is_of_vectors else ""
    no_text |= run.is_of_vectors
    if not no_text:
        texts = Texts(folder, files)
        compared = mark_pairs(texts, *_pairs_to_compare(pairs, clusters))
        why_not = _why_not(texts, run, compared)
    is_of_vectors = run.is_of_vectors
    stages = (stages_of_vectors if is_of_vectors else stages_of)(summary)
    omissions = (omissions_of_vectors if is_of_vectors else omissions_of)(summary)
    measure = run.measure.replace("jaccard", "Jaccard")
    figures = {
        "funnel": in_both_schemes(funnel_figure, stages),
        "similarity": in_both_schemes(similarity_figure, pairs, _chance(run), measure),
        "sizes": in_both_schemes(sizes_figure, census.size_counts()),
    }
    sides, listed = borderline(run, pairs, compared)
    content = {
        "title": _title(run),
        "version": summary["versions"]["dedup"],
        "threshold": f"{pairs.threshold:g}",
        "headline": headline(summary, census),
        "warnings": [shown(text, 2_000) for text in summary["warnings"]],
        "stages": [asdict(stage) for stage in stages],
        "omissions": omission_groups(omissions),
        "capped": [
            {"id": shown(one["first_id"]), **one}
            for one in summary["search"].get("capped_buckets", ())
        ],
        "summaries": summaries(stages, pairs, census),
        "similarity": similarity_text(run, pairs),
        "sizes": size_text(census),
        "largest": _largest(census, clusters),
        "groups": groups(run, census),
        "borderline": sides,
        "text_note": why_not,
        "explorer_note": _explorer_note(census, clusters, no_text),
        "search_placeholder": "id or host" if no_text else "id, host or words of a text",
        "match_kinds": sorted({one.match for c in clusters for one in c.members[1:]}),
        "commands": commands_of(summary),
        "parameters": parameters(summary),
        "left_out": left_out(run, census, clusters, compared, why_not, no_text=no_text),
    }
    data = _explorer_data(clusters, compared) | {"pairs": listed, "measure": measure}
    return render(content, data, figures)


def _chance(run: RunFolder) -> Callable[[float], float] | None:
    """Return the chance to be compared, by similarity; None where it is none of the Jaccard's."""
    if run.is_of_vectors:
        return chance_of(run.summary)
    banding = run.summary["banding"]
    if not banding:
        return None
    return partial(s_curve, bands=banding["bands"], rows=banding["rows"])


def _pairs_to_compare(
    pairs: Similarities, clusters: list[ShownCluster]
) -> tuple[list[tuple[int, int]], list[tuple[int, int]]]:
    """Return the pairs of positions to compare, the best first, and pairs of the same text."""
    wanted = {
        (pair["left_position"], pair["right_position"]): None
        for near in zip(pairs.above, pairs.below, strict=False)
        for pair in near
    }
    wanted |= {
        (pair["left_position"], pair["right_position"]): None
        for pair in [*pairs.above, *pairs.below]
    }
    equal = []
    for cluster in clusters:
        keeper, *others = cluster.members
        compared = [one for one in others if one.match != "identical"]
        wanted |= {(keeper.position, one.position): None for one in compared[:COMPARED_MEMBERS]}
        equal += [(keeper.position, one.position) for one in others if one.match == "identical"]
    return list(wanted), equal


def _why_not(texts: Texts, run: RunFolder, compared: MarkedTexts) -> str:
    """Say which texts could not be read again, in a sentence; nothing where all could."""
    if not run.sources:
        return "No texts are shown: " + texts.why_not(0) + "."
    problems = [*filter(None, [compared.failure.rstrip(".")]), *texts.problems.values()]
    if not problems:
        return ""
    more = f", and {len(problems) - 1:,} more files" if len(problems) > 1 else ""
    return shown(f"Texts of some documents are not shown: {problems[0]}{more}.")


def _title(run: RunFolder) -> str:
    names = [shown(source["name"], 120) for source in run.sources]
    if not names:
        return "a table in memory"
    more = f" and {len(names) - 3:,} more files" if len(names) > 3 else ""
    return ", ".join(names[:3]) + more


def _largest(census: Census, clusters: list[ShownCluster]) -> list[dict[str, Any]]:
    by_id = {cluster.id: cluster for cluster in clusters}
    ids = census.ids[census.largest(_LARGEST_LISTED)].tolist()
    return [
        {
            "id": one.id,
            "size": one.size,
            "keeper": one.members[0].id,
            "least": "–" if one.least is None else f"{one.least:.3f}",
        }
        for one in (by_id[id_] for id_ in ids if id_ in by_id)
    ]


def _explorer_note(census: Census, clusters: list[ShownCluster], no_text: bool) -> str:
    text = f"All {len(census):,} clusters are in this file."
    if len(clusters) < len(census):
        text = (
            f"{len(clusters):,} of {len(census):,} clusters are in this file: the largest, those "
            "with the least similar members, and a sample of all, evenly spread."
        )
    return text + (
        " Choose one to see its documents."
        if no_text
        else " Choose one, then compare a document with the one that was kept for it."
    )


def _explorer_data(clusters: list[ShownCluster], compared: MarkedTexts) -> dict[str, Any]:
    """Return the clusters by columns, names once: small, and quick to read."""
    members = [(c.members[0].position, one) for c in clusters for one in c.members]
    names = {
        name: list(dict.fromkeys(getattr(one, name) for _, one in members))
        for name in ("host", "source", "match")
    }
    codes = {name: {value: i for i, value in enumerate(values)} for name, values in names.items()}
    rows = iter(range(len(members)))
    return {
        "hosts": names["host"],
        "sources": names["source"],
        "matches": names["match"],
        "documents": {
            "id": [one.id for _, one in members],
            **{name: [codes[name][getattr(one, name)] for _, one in members] for name in codes},
            "similarity": [
                None if one.similarity is None else round(one.similarity, 6) for _, one in members
            ],
            "gone": [int(one.is_removed) for _, one in members],
            "text": [compared.place.get(one.position, -1) for _, one in members],
            "difference": [
                compared.of_pair.get((keeper, one.position), -1) for keeper, one in members
            ],
        },
        "clusters": [
            {"id": c.id, "size": c.size, "least": c.least, "rows": [next(rows) for _ in c.members]}
            for c in clusters
        ],
        "texts": compared.texts,
        "differences": compared.differences,
    }

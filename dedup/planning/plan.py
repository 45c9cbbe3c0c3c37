"""The plan of a run: what a sample of the input says of it beforehand, each figure with its basis.

Counts are ratio estimates over the sampled slices (Cochran 1977, Sampling Techniques, section 6),
by bytes on disk, each kind of file by itself; their limits are two standard errors.
"""

from __future__ import annotations

import time
from collections import defaultdict
from math import sqrt
from typing import Any

import numpy as np
import pyarrow.parquet as pq

from dedup.common import bare_parameters, without_common
from dedup.config import Config
from dedup.corpus import Sketched, join_parts
from dedup.decisions import decide
from dedup.documents import SketchParameters
from dedup.engines.parts import PartSketches
from dedup.engines.sketching import SketchTask
from dedup.io.inputs import InputFile
from dedup.io.places import whole_of
from dedup.pipeline import needed_columns
from dedup.planning.sampling import LEAST_SLICES, WHOLE_BYTES, Slice, is_stream, sampled, whole
from dedup.planning.shares import duplicate_share
from dedup.resources.costs import memory_bytes, run_seconds, scratch_bytes
from dedup.resources.timing import Stages
from dedup.search import Search, banding_of, search, sketch_parameters
from dedup.spill.scratch import Scratch
from dedup.text.shingles import MAX_SLOTS

_CURVE = (0.5, 0.6, 0.7, 0.8, 0.85, 0.9, 0.95, 1.0)
_READ_BYTES = 1 << 20
_HEAD_ERROR = 0.05
"""Standard error at least of what is told from beginnings: they are no random sample, and codecs
that start without a history pack them less."""

Figure = dict[str, Any]
"""value, low, high, and the basis of it."""


def plan_files(files: list[InputFile], config: Config, scratch: str) -> dict[str, Any]:
    """Return the plan as JSON values; see `dedup.api.plan`."""
    columns = needed_columns(config)
    total = sum(file.size for file in files)
    is_whole = total <= WHOLE_BYTES
    slices = list(whole(files, columns) if is_whole else sampled(files, columns, scratch))
    parameters = sketch_parameters(config)
    first = parameters if config.ignore_common is None else bare_parameters(parameters)
    found = _sketched(slices, first)
    measured = found.seconds
    size = sum(part.num_bytes for part in found.parts)
    basis = _basis(slices, files, is_whole, size)

    def estimate(values: list[int]) -> Figure:
        if is_whole:
            return _exact(sum(values), basis)
        return _total(files, slices, values) | {"basis": basis}

    documents = estimate([len(part) for part in found.parts])
    if all(file.format == "parquet" and file.size for file in files):
        documents = _exact(_parquet_rows(files), "row counts in the files")
    text = estimate([part.num_bytes for part in found.parts])
    shingles = estimate([int(part.arrays["num_shingles"].sum()) for part in found.parts])
    corpus = join_parts(Sketched(files, found.parts, config), Scratch())
    weight = sum(one.weight for one in slices) / total if total else 1.0
    stages = Stages()
    start = time.perf_counter()
    if config.ignore_common is not None:
        corpus, _ = without_common(corpus, config, parameters, Scratch())
    groups = search(corpus, config, Scratch(), stages, keeps_rejected=False)
    removed_by = decide(corpus, groups, Scratch()).removed_by
    search_seconds = time.perf_counter() - start
    place = np.repeat(np.arange(len(slices)), [len(part) for part in found.parts])
    share = duplicate_share(removed_by, place, 1.0 if is_whole else min(1.0, weight))
    count = len(corpus)
    banding = banding_of(config)
    workers = config.num_workers if total > WHOLE_BYTES else 1
    growth = documents["value"] / max(1, count)
    search_seconds *= growth
    join = None
    if config.method == "exact":
        compare_seconds = stages.seconds["verify"] * growth
        join = _join(groups, growth, search_seconds - compare_seconds, compare_seconds)
        search_seconds = join["seconds"]["value"]
    id_bytes = corpus.columns["doc_id"].nbytes * growth
    bands = banding.bands if banding else 0
    return {
        "sample": {
            "bytes": size,
            "documents": count,
            "slices": len(slices),
            "share": 1.0 if is_whole else weight,
            "whole": is_whole,
        },
        "documents": documents,
        "tokens": estimate([int(part.arrays["num_tokens"].sum()) for part in found.parts]),
        "text_bytes": text,
        "shingles": shingles,
        "duplicate_share": {
            "value": share.estimate if is_whole or len(slices) >= LEAST_SLICES else None,
            "low": share.low,
            "high": share.high,
            "basis": "all documents compared" if is_whole else _SHARE_BASIS,
        },
        "banding": None
        if banding is None
        else {
            "bands": banding.bands,
            "rows": banding.rows,
            "basis": f"threshold {float(config.threshold):g}, recall {config.recall:g}",
            "curve": [
                [jaccard, banding.candidate_probability(jaccard)]
                for jaccard in sorted({*_CURVE, float(config.threshold)})
            ],
        },
        "join": join,
        "seconds": {
            "value": run_seconds(measured * text["value"] / max(1, size), search_seconds, workers),
            "basis": f"{size / 1e6 / max(measured, 1e-9):,.0f} MB/s of text a process "
            f"in the sample, {workers} at work",
        },
        "memory_bytes": {
            "value": memory_bytes(documents["value"], workers),
            "basis": f"documents, and {workers} {'process' if workers == 1 else 'processes'}",
        },
        "disk_bytes": {
            "value": scratch_bytes(documents["value"], shingles["value"], bands, round(id_bytes)),
            "basis": f"shingles, {bands} band keys a document, and ids; the results not counted",
        },
    }


def _join(groups: Search, growth: float, list_seconds: float, compare_seconds: float) -> Figure:
    """Return what an exact join costs: a sample sees but the square of its share of the pairs."""
    return {
        "pairs": round((groups.num_candidates or 0) * growth**2),
        "seconds": {
            "value": list_seconds + compare_seconds * growth,
            "basis": "pairs that share a rare shingle in the sample, by the square of its share",
        },
    }


_SHARE_BASIS = "families seen in the sample, by their chance to be seen"


class _Sketched:
    """The sketches of each slice, and the seconds that they took."""

    def __init__(self) -> None:
        self.parts: list[PartSketches] = []
        self.seconds = 0.0


def _sketched(slices: list[Slice], parameters: SketchParameters) -> _Sketched:
    found = _Sketched()
    for one in slices:
        task = SketchTask((one.part,), parameters, None, _READ_BYTES, MAX_SLOTS)
        if not found.parts:
            task.run()  # tables and modules are made at first use: no part of the speed
        start = time.perf_counter()
        part = task.run()
        found.seconds += time.perf_counter() - start
        if part is not None:  # it has no stem to write to
            found.parts.append(part)
    return found


def _exact(value: int, basis: str) -> Figure:
    return {"value": value, "low": value, "high": value, "basis": basis}


def _total(files: list[InputFile], slices: list[Slice], values: list[int]) -> Figure:
    """Return the total over all files of what was counted in the slices."""
    sizes: dict[tuple[str, str | None], int] = defaultdict(int)
    for file in files:
        sizes[file.format, file.codec] += file.size
    value = variance = left_out = 0.0
    for kind, size in sizes.items():
        mine = [i for i, one in enumerate(slices) if (one.file.format, one.file.codec) == kind]
        x = np.array([slices[i].weight for i in mine], np.float64)
        y = np.array([values[i] for i in mine], np.float64)
        weight = float(x.sum())
        if not weight:
            left_out += size
            continue
        ratio = float(y.sum()) / weight
        value += ratio * size
        number = len(mine)
        unseen = max(0.0, 1 - weight / size)
        if unseen > 1e-9 and number > 1:
            scatter = float(((y - ratio * x) ** 2).sum()) * number / (number - 1)
            student = 1 + 2.5 / number  # few slices: about the quantile of Student's t
            variance += (student * size / weight) ** 2 * scatter * unseen
        elif unseen > 1e-9:  # one slice says nothing of the scatter between slices
            variance += (ratio * size) ** 2 / 4
        if unseen > 1e-9 and is_stream(slices[mine[0]].file):
            variance += (_HEAD_ERROR * ratio * size) ** 2
    known = sum(sizes.values()) - left_out
    value *= sum(sizes.values()) / known if known else 1.0
    spread = 2 * sqrt(variance)
    least = sum(values)
    return {
        "value": round(value),
        "low": max(least, round(value - spread)),
        "high": round(value + spread),
    }


def _parquet_rows(files: list[InputFile]) -> int:
    return sum(pq.read_metadata(whole_of(file.path)).num_rows for file in files)


def _basis(slices: list[Slice], files: list[InputFile], is_whole: bool, size: int) -> str:
    if is_whole:
        return "counted: all of the input was read"
    where = f"{size / 1e6:,.1f} MB in {len(slices)} slices"
    if any(is_stream(file) for file in files):
        where += ", of compressed files and archives their beginnings"
    return where

"""Audit a finished run: its own sets from the evidence, or from its input, read again."""

from __future__ import annotations

import os
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dedup.config import Config
from dedup.errors import BadFileError, InputError
from dedup.io.inputs import Inputs, discover
from dedup.jobs.local import PathLike, limits_for, started_pool, temporary_folder
from dedup.jobs.run_input import check_same
from dedup.output.folder import CLUSTERS_FILE, EVIDENCE_DIR, of_vectors, read_run, table_in
from dedup.resources.failures import in_one_sentence

if TYPE_CHECKING:
    from dedup.corpus import Sketched
    from dedup.spill.scratch import Scratch

MOST = 200_000
"""Documents that are compared with all others at most, if not given."""


def audit(
    folder: PathLike, inputs: Sequence[PathLike] = (), *, seed: int = 0, most: int = MOST
) -> dict[str, Any]:
    """Measure a run's recall on its own corpus.

    Documents drawn at random are compared exactly with all others, without bands, until the 95 %
    interval is narrow enough; where an eighth of the documents are not enough for that, all are
    compared by an exact join.

    Parameters
    ----------
    folder : the output of a run.
    inputs : the input of that run, in its order; not needed with evidence.
    seed : of the sample.
    most : documents to draw at most. Up to eight times as many are joined instead.

    Returns
    -------
    JSON values. ``recall``: the found share of all pairs at the threshold, with its limits; a pair
    is found where both documents lie in one cluster, or `pairs.parquet` has it.
    ``recall_of_unlike``: the same of pairs whose sets differ; the others are found by their
    digests. ``left``: the share of all pairs that were missed, and both documents kept. Each is
    None where there is no such pair. ``pairs``: their numbers. ``measured``: the column of the
    similarity. ``missed_pairs``: up to 1,000 of
    those that were seen. ``refused_by_check``: how many pairs the run's own check refused; they
    count as missed. ``half_width``: the larger one of both recalls; ``target``: 0.02.

    Raises
    ------
    InputError : there is no such run, it has no evidence and `inputs` are not its input, it
        measured containment, which is joined exactly.
    """
    from dedup.common import bare_parameters, without_common
    from dedup.corpus import join_parts
    from dedup.evaluation.audit import SetAudit
    from dedup.output.evidence import open_evidence
    from dedup.search import sketch_parameters
    from dedup.spill.scratch import Scratch

    if most < 1:
        raise InputError(f"most is {most}; give a whole number of at least 1.")
    path, summary = read_run(folder)
    table_in(path, CLUSTERS_FILE)
    if of_vectors(summary):
        return _of_vectors(path, summary, inputs, seed, most)
    config = replace(Config(**summary["config"]), keep="first")
    if config.measure == "containment":
        raise InputError(
            f"the run in {folder} measured containment, which is joined exactly: it misses but "
            "what its summary counts as skipped."
        )
    parent = os.path.dirname(os.path.abspath(path))
    with ExitStack() as stack:
        place = stack.enter_context(temporary_folder(parent))
        stack.enter_context(in_one_sentence([place]))
        if inputs:
            found = discover(inputs)
            limits = limits_for(found, config)
            check_same(summary["input"].get("sources", []), found.files)
            scratch = Scratch(place, limits.memory)
            sketched = _sketched(found, config, scratch, stack)
        else:
            scratch = Scratch(place)
            if not (path / EVIDENCE_DIR).is_dir():
                raise InputError(
                    f"{folder} holds no evidence; give the run's input after it, or run again "
                    "with --keep-evidence."
                )
            sketched = open_evidence(path / EVIDENCE_DIR)
        corpus = join_parts(sketched, scratch)
        _check_count(path, summary, len(corpus))
        if config.ignore_common is not None:
            parameters = bare_parameters(sketch_parameters(config))
            corpus, _ = without_common(corpus, config, parameters, scratch)
        audited = SetAudit(corpus, config, path, scratch)
        refused = summary["search"].get("refused_by_check", 0)
        return audited.estimate(seed, most) | {"refused_by_check": refused}


def _check_count(folder: Path, summary: dict[str, Any], count: int) -> None:
    documents = summary["input"]["documents"]
    if count != documents:
        raise InputError(
            f"{folder} is of {documents:,} documents, and the input has {count:,}; give the input "
            "of that run."
        )


def _of_vectors(
    path: Path, summary: dict[str, Any], inputs: Sequence[PathLike], seed: int, most: int
) -> dict[str, Any]:
    """Audit a run on vectors, by exact comparison of some with all."""
    from dedup.spill.scratch import Scratch
    from dedup.vectors.audit import VectorAudit
    from dedup.vectors.config import VectorConfig
    from dedup.vectors.reading import files_of, read_vectors

    if not inputs:
        raise InputError(f"{path} keeps no vectors; give the run's input after it.")
    config = replace(VectorConfig(**summary["config"]), keep="first", id_column=None)
    sources = summary["input"].get("sources")
    if sources is not None:  # else of a table in memory: the number of vectors must do
        check_same(sources, files_of(inputs))
    corpus = read_vectors(list(inputs), config)
    _check_count(path, summary, len(corpus))
    audited = VectorAudit(corpus, config, path, Scratch())
    return audited.estimate(seed, most) | {"refused_by_check": 0}


def _sketched(found: Inputs, config: Config, scratch: Scratch, stack: ExitStack) -> Sketched:
    """Make the sets of all documents anew, and nothing that a search by bands would need."""
    from dedup.common import bare_parameters
    from dedup.corpus import Sketched
    from dedup.engines.local import LocalEngine
    from dedup.pipeline import needed_columns
    from dedup.search import sketch_parameters

    limits = limits_for(found, config)
    pool = stack.enter_context(started_pool(limits))
    bad: dict[int, BadFileError] | None = {} if config.skip_bad_files else None
    engine = LocalEngine(pool, processes=limits.processes, bad=bad)
    parameters = bare_parameters(sketch_parameters(config))
    parts = engine.sketch(found.files, needed_columns(config), parameters, scratch.folder, None)
    return Sketched(found.files, parts, config)

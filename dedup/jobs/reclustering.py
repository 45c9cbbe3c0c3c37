"""Decide again, by another threshold or policy, from what a run with ``--keep-evidence`` left."""

from __future__ import annotations

import os
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from dedup.errors import ConfigError, InputError
from dedup.io.places import local_folder
from dedup.jobs.filtering import write_removed
from dedup.jobs.run_input import input_of
from dedup.output.folder import EVIDENCE_DIR, check_replaceable, of_vectors, staged, summary_in
from dedup.resources.failures import in_one_sentence

if TYPE_CHECKING:
    from dedup.config import Config
    from dedup.corpus import Sketched
    from dedup.output.result import Result

OPTIONS = (
    "threshold",
    "keep",
    "keep_best",
    "linkage",
    "pairs",
    "min_tokens",
    "max_comparisons",
    "strict_ids",
    "memory",
)
"""The options that need no new sketches."""


def recluster(
    folder: str | os.PathLike[str],
    output: str | os.PathLike[str] | None = None,
    *,
    overwrite: bool = False,
    **options: Any,
) -> Result:
    """Decide again from the evidence of a run, without its input.

    The tables are those of a fresh run with the same bands: a pair at the new threshold is compared
    at least as surely as one at the former.

    Parameters
    ----------
    folder : the output of a run with evidence.
    output : folder for the new results; None replaces those of `folder`. The evidence stays with
        them, and goes on to stand for all thresholds from the run's own on.
    overwrite : replace an `output` that a run has written.
    **options : some of `OPTIONS`; the others stay as in the run.

    Raises
    ------
    ConfigError : an option needs new sketches, or the threshold is below that of the run.
    InputError : there is no evidence, or it has no such column.
    """
    unknown = sorted(set(options) - set(OPTIONS))
    if unknown:
        raise ConfigError(
            f"recluster cannot change {unknown[0]!r}, only {', '.join(OPTIONS)}; run anew for that."
        )
    from dedup.jobs.local import temporary_folder
    from dedup.output.evidence import open_evidence
    from dedup.output.summary import bad_file_warnings
    from dedup.pipeline import find_in
    from dedup.resources.limits import limits_of
    from dedup.resources.timing import Stages
    from dedup.spill.scratch import Scratch

    path, target = local_folder(folder), local_folder(folder if output is None else output)
    summary = summary_in(path)
    if summary is not None and of_vectors(summary):
        raise InputError(
            f"{path} is of vectors, whose runs keep no evidence; run anew with other options."
        )
    sketched = open_evidence(path / EVIDENCE_DIR)
    config = _changed(sketched, options)
    check_replaceable(target, overwrite or output is None)
    memory = limits_of(config).memory
    parent = os.path.dirname(os.path.abspath(target))
    with temporary_folder(parent) as scratch, in_one_sentence([scratch, target], memory):
        result = find_in(sketched, config, Scratch(scratch, memory), Stages())
        result.summary["reclustered"] = {"sketched_with": sketched.config.to_dict()}
        result.summary["input"] |= input_of(path)
        bad = result.summary["input"].get("bad_files", ())
        result.summary["warnings"] += bad_file_warnings(bad)
        with staged(target) as stage:
            result.write_into(stage, evidence=True)
            write_removed(result, stage)
    return result


def _changed(sketched: Sketched, options: dict[str, Any]) -> Config:
    from dedup.keeper import policy_column
    from dedup.search import banding_of

    config = replace(sketched.config, **options)
    least = sketched.config.threshold
    if config.threshold < least and banding_of(sketched.config) is not None:
        raise ConfigError(
            f"threshold is {float(config.threshold):g}, and the bands of that run were chosen for "
            f"{float(least):g}: give as much or more, or run anew."
        )
    column = policy_column(config.keep)
    for part in sketched.parts:
        names = part.columns.column_names
        if column is not None and len(part) and column not in names:
            raise InputError(
                f"the evidence has no column {column!r} for --keep {config.keep}, it has: "
                f"{', '.join(names)}; run anew for that."
            )
    return config

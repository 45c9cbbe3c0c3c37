"""A run of the Spark engine on files: from arguments to a folder of results."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import pyarrow.compute as pc

from dedup.check import Check
from dedup.config import Config
from dedup.engines.spark.copies import check_copies, pass_files
from dedup.engines.spark.files import parts_of, sketched_files
from dedup.engines.spark.output import HadoopOutput, LocalOutput, output_of
from dedup.engines.spark.plan import check_config, find
from dedup.engines.spark.session import scratch_folder, session
from dedup.engines.spark.stages import DRIVER_BYTES, Stages
from dedup.engines.spark.texts import Texts
from dedup.errors import ConfigError, DedupError
from dedup.ids import id_warnings
from dedup.io.filtered import FilteredCopies
from dedup.io.inputs import STDIN, discover, printable
from dedup.io.places import shown
from dedup.jobs.guard import refusal
from dedup.jobs.sources import Fingerprint, check_unchanged
from dedup.output.summary import unread_warning

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

PathLike = str | os.PathLike[str]


def run_files(
    inputs: Sequence[PathLike],
    output: PathLike | None,
    config: Config,
    *,
    folders: Mapping[str, PathLike],
    scratch: PathLike | None,
    partitions: int | None,
    overwrite: bool,
    check: Check | None,
) -> dict[str, Any]:
    """Find the near-duplicates in files, write the tables and copies, and return the summary.

    Parameters
    ----------
    folders : some of `dedup.io.filtered.KINDS` -> the folder of the copies.
    """
    check_config(config)
    found = discover(inputs)
    if any(file.path == STDIN for file in found.files):
        raise ConfigError("standard input is not for Spark; give files that all tasks reach.")
    check_copies([*folders], found.files)
    before = Fingerprint.of_all(found.files)
    copies = FilteredCopies(folders, found.files, overwrite=overwrite)
    spark = session(input_bytes=sum(file.size for file in found.files))
    target = None if output is None else output_of(spark, output, overwrite=overwrite)
    folder = scratch_folder(spark, None if scratch is None else os.fspath(scratch))
    stages = Stages(spark, folder, partitions)
    try:
        parts = parts_of(found.files, config, check)
        sketches, riding, facts = sketched_files(stages, found.files, parts, config, check)
        ids = stages.later(lambda: warnings_of_ids(stages, sketches, strict=config.strict_ids))
        result = find(stages, sketches, Texts(config), by_id=False, riding=riding, check=check)
        summary = result.summary
        summary["input"] |= facts
        summary["input"]["arguments"] = [printable(shown(given)) for given in inputs]
        if found.skipped:
            summary["input"]["skipped_files"] = dict(found.skipped)
        first = ids.result() + unread_warning(Counter(facts["unread"]))
        summary["warnings"] = first + summary["warnings"]
        refused = _refused(summary, config, target) if "kept" in folders else None
        with copies:
            if target is not None:
                kinds = [] if refused else [*folders]
                summary["input"]["sources"], counts = pass_files(
                    stages, found.files, parts, result, copies, kinds
                )
                if kinds:
                    summary["output"] = counts
            summary |= stages.facts()
            check_unchanged(before, Fingerprint.of_all(found.files))
            if target is not None:
                target.write(stages, result)
                if refused:
                    raise refused
                copies.commit()
    finally:
        stages.close()
    return summary


def _refused(
    summary: dict[str, Any], config: Config, target: LocalOutput | HadoopOutput | None
) -> DedupError | None:
    """Return the error of a run that would remove more than the user thinks possible.

    Raises
    ------
    DedupError : the same, where the tables would replace others.
    """
    if target is None:
        return None
    written = f"only the tables were written, to {target.name}"
    if target.is_there:
        written = f"nothing was written, and {target.name} is as it was"
    found = refusal(summary, config.max_removal, config.max_removal_host, written)
    if found is not None and target.is_there:
        raise found
    return found


def warnings_of_ids(stages: Stages, documents: DataFrame, *, strict: bool) -> list[str]:
    """Return warnings about null and duplicate ids, counted by 64 bits of hash.

    Raises
    ------
    InputError : there are some, and none may be.
    """
    from pyspark.sql import functions as F  # noqa: N812

    hashes = documents.select(
        F.when(F.col("doc_id").isNotNull(), F.xxhash64("doc_id")).alias("hash")
    )
    if 8 * stages.rows["sketches"] <= DRIVER_BYTES:
        here = hashes.toArrow()["hash"]
        total, nulls, distinct = len(here), here.null_count, pc.count_distinct(here).as_py()
    else:
        counts = hashes.agg(
            F.count("*"), F.count_if(F.col("hash").isNull()), F.count_distinct("hash")
        )
        total, nulls, distinct = counts.collect()[0]
    return id_warnings(nulls, total - nulls - distinct, strict=strict)

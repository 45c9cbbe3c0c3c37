"""A run of the Spark engine on files: from arguments to a folder of results."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from dedup.check import Check
from dedup.config import Config
from dedup.engines.spark.files import sketched_files
from dedup.engines.spark.output import output_of
from dedup.engines.spark.plan import check_config, find
from dedup.engines.spark.session import scratch_folder, session
from dedup.engines.spark.stages import Stages
from dedup.engines.spark.texts import Texts
from dedup.errors import ConfigError
from dedup.ids import id_warnings
from dedup.io.inputs import STDIN, discover, printable
from dedup.io.places import shown
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
    scratch: PathLike | None,
    partitions: int | None,
    overwrite: bool,
    check: Check | None,
) -> dict[str, Any]:
    """Find the near-duplicates in files, write the tables, and return the summary."""
    check_config(config)
    found = discover(inputs)
    if any(file.path == STDIN for file in found.files):
        raise ConfigError("standard input is not for Spark; give files that all tasks reach.")
    before = Fingerprint.of_all(found.files)
    spark = session()
    target = None if output is None else output_of(spark, output, overwrite=overwrite)
    folder = scratch_folder(spark, None if scratch is None else os.fspath(scratch))
    stages = Stages(spark, folder, partitions)
    try:
        sketches, riding, facts = sketched_files(stages, found.files, config, check)
        result = find(stages, sketches, Texts(config), by_id=False, riding=riding, check=check)
        summary = result.summary
        summary["input"] |= facts
        summary["input"]["arguments"] = [printable(shown(given)) for given in inputs]
        if found.skipped:
            summary["input"]["skipped_files"] = dict(found.skipped)
        first = _id_warnings(sketches, config) + unread_warning(Counter(facts["unread"]))
        summary["warnings"] = first + summary["warnings"]
        summary |= stages.facts()
        check_unchanged(before, Fingerprint.of_all(found.files))
        if target is not None:
            target.write(result)
    finally:
        stages.close()
    return summary


def _id_warnings(documents: DataFrame, config: Config) -> list[str]:
    """Return warnings about null and duplicate ids, counted by 64 bits of hash.

    Raises
    ------
    InputError : there are some, and `Config.strict_ids` is set.
    """
    from pyspark.sql import functions as F  # noqa: N812

    is_null = F.col("doc_id").isNull()
    hashes = F.when(~is_null, F.xxhash64("doc_id"))
    counts = documents.agg(F.count("*"), F.count_if(is_null), F.count_distinct(hashes))
    total, nulls, distinct = counts.collect()[0]
    return id_warnings(nulls, total - nulls - distinct, strict=config.strict_ids)

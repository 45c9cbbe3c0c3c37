"""The order of the stages on Spark: sketches, numbers, exact collapse, buckets, pairs, keepers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from dedup.check import Check
from dedup.config import Config
from dedup.engines.spark.collapse import collapsed
from dedup.engines.spark.decisions import decided
from dedup.engines.spark.numbering import check_policy, in_keeper_order, with_groups
from dedup.engines.spark.removal import removal
from dedup.engines.spark.search import Searching
from dedup.engines.spark.stages import Stages
from dedup.engines.spark.summary import summarise
from dedup.engines.spark.tables import (
    all_pairs_table,
    clusters_table,
    decided_pairs,
    removed_table,
)
from dedup.errors import ConfigError

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

_ONLY = {
    "method": "minhash",
    "measure": "jaccard",
    "ignore_common": None,
    "against": None,
    "skip_bad_files": False,
}
"""Options of which the Spark engine has one value."""


def check_config(config: Config) -> None:
    """Raise ConfigError for what this engine does not have."""
    for name, value in _ONLY.items():
        given = getattr(config, name)
        if given != value:
            raise ConfigError(
                f"{name} is {given!r}, which the Spark engine does not have; "
                f"leave it at {value!r}, or use the local engine."
            )
    check_policy(config.keep)


@dataclass(frozen=True)
class Found:
    """What a run found: its tables, and the summary.

    Attributes
    ----------
    removed : (doc_id, position, keeper_position) of each removed document.
    decisions : what became of every document; see `dedup.engines.spark.decisions`.
    """

    clusters: DataFrame
    pairs: DataFrame
    removed: DataFrame
    decisions: DataFrame
    summary: dict[str, Any]


def find(
    stages: Stages,
    sketches: DataFrame,
    config: Config,
    *,
    by_id: bool,
    riding: Sequence[str] = (),
    check: Check | None = None,
) -> Found:
    """Run all stages that follow the sketches.

    Parameters
    ----------
    sketches : numbered by ``place``; see `dedup.engines.spark.sketching`.
    by_id : whether the ids take the place of positions; else ``place`` is the position.
    riding : columns of the sketches for the clusters table.
    """
    from pyspark.sql import functions as F  # noqa: N812

    facts = with_groups(sketches.drop("keys", "set"), config)
    numbered = in_keeper_order(stages, facts, config, by_id=by_id)
    documents = collapsed(stages, numbered, config)
    units = documents.where("is_unit").select(
        "rank", "place", F.col("num_shingles").alias("size"), "group"
    )
    found = Searching(stages, units, sketches, config, check).run()
    decisions = decided(stages, documents, found.removals, found.labels, config.keep_best)
    clusters = stages.written("clusters", clusters_table(decisions, riding))
    if config.pairs == "all":
        rows = all_pairs_table(decisions, found.edges, config.max_comparisons)
    else:
        rows = decided_pairs(decisions)
    pairs = stages.written("pairs", rows)
    removed = stages.written("removed", removed_table(decisions))
    summary = summarise(decisions, found, clusters, pairs, config)
    if check is not None:
        summary["search"]["refused_by_check"] = found.num_refused
    summary["removal"] = removal(decisions, removed, sketches, config)
    return Found(clusters, pairs, removed, decisions, summary)

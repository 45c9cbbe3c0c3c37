"""The order of the stages on Spark: sketches, numbers, exact collapse, buckets, pairs, keepers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from dedup.check import Check
from dedup.config import Config
from dedup.engines.spark.collapse import collapsed
from dedup.engines.spark.decisions import decided
from dedup.engines.spark.kind import Kind
from dedup.engines.spark.numbering import check_policy, in_keeper_order
from dedup.engines.spark.search import Searching
from dedup.engines.spark.stages import Stages
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

    Clusters and removed documents, and the pairs that decided, are rows of what was written last.

    Attributes
    ----------
    removed : (doc_id, position, keeper_position) of each removed document.
    documents : all of them.
    decisions : what became of those that match others; see `dedup.engines.spark.decisions`.
    """

    clusters: DataFrame
    pairs: DataFrame
    removed: DataFrame
    documents: DataFrame
    decisions: DataFrame
    summary: dict[str, Any]


def find(
    stages: Stages,
    sketches: DataFrame,
    kind: Kind,
    *,
    by_id: bool,
    riding: Sequence[str] = (),
    check: Check | None = None,
) -> Found:
    """Run all stages that follow the sketches.

    Parameters
    ----------
    sketches : numbered by ``place``; see `dedup.engines.spark.sketching`.
    kind : what they are sketches of.
    by_id : whether the ids take the place of positions; else ``place`` is the position.
    riding : columns of the sketches for the clusters table.
    """
    config = kind.config
    facts = kind.facts(sketches, by_id=by_id)
    numbered = in_keeper_order(stages, facts, config.keep, by_id=by_id)
    keyed, equals = collapsed(stages, numbered, kind)
    documents = keyed.drop("keys")
    counts = stages.later(lambda: kind.counted(documents))
    found = Searching(stages, keyed.where("is_unit"), sketches, kind, check).run()
    decisions = decided(stages, documents, equals, found, kind)
    lost = stages.later(lambda: kind.lost(documents, decisions, sketches))
    result = stages.observed["equals"] | stages.observed["decisions"]
    if config.pairs == "all":
        pairs = stages.written("pairs", all_pairs_table(decisions, found.edges, kind))
        result["pairs"] = stages.rows["pairs"]
    else:
        pairs = decided_pairs(decisions, kind)
        result["pairs"] = result["matched"]
    summary = kind.summarise(documents, found, counts.result() | result)
    summary |= lost.result()
    if check is not None:
        summary["search"]["refused_by_check"] = found.num_refused
    clusters = clusters_table(decisions, kind, riding)
    return Found(clusters, pairs, removed_table(decisions), documents, decisions, summary)

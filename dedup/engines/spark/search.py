"""From sketched documents to verified pairs and keepers, in ranks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pyarrow as pa

from dedup.check import Check
from dedup.engines.spark.candidates import (
    BucketTable,
    Candidates,
    bucket_entries,
    candidate_pairs,
    pairs_of,
)
from dedup.engines.spark.checking import judged
from dedup.engines.spark.components import component_labels
from dedup.engines.spark.keepers import first_keepers, greedy_removals
from dedup.engines.spark.kind import Comparing, Kind
from dedup.engines.spark.rounds import late_pairs, star_rounds
from dedup.engines.spark.stages import Stages
from dedup.engines.spark.verification import Verified, contents_of, verified

if TYPE_CHECKING:
    from pyspark.sql import DataFrame


@dataclass(frozen=True)
class Search:
    """What the search found.

    Attributes
    ----------
    comparing : how the documents were compared.
    removals : (rank, keeper, common) of the units that are no keepers.
    labels : the same of the units that are not the first of their component, where wanted.
    edges : (left, right, common), the verified pairs that were found.
    skipped : `HOT_COLUMNS`; what caps left out.
    num_skipped : comparisons among that.
    num_candidates : distinct pairs that were compared.
    num_refused : verified pairs that the second check refused.
    """

    comparing: Comparing
    buckets: BucketTable
    removals: DataFrame
    labels: DataFrame | None
    edges: DataFrame
    skipped: DataFrame
    num_skipped: int
    num_candidates: int
    num_edges: int
    num_refused: int = 0


class Searching:
    """Runs the search.

    Parameters
    ----------
    units : the documents to compare, with ``rank``.
    sketches : of all documents, with what `check` asks for.
    """

    def __init__(
        self,
        stages: Stages,
        units: DataFrame,
        sketches: DataFrame,
        kind: Kind,
        check: Check | None,
    ) -> None:
        self._stages = stages
        self._units = units
        self._sketches = sketches
        self._kind = kind
        self._check = check
        self._comparing = kind.comparing(stages, units, sketches)
        self._num_refused = 0

    def run(self) -> Search:
        """Compare all candidates; where a cap cuts these short, keepers come from rounds."""
        stages, config = self._stages, self._kind.config
        buckets = bucket_entries(stages, self._comparing)
        listed = self._listed(buckets, "candidates")
        wants_all = config.pairs == "all" or config.linkage == "components"
        needs_rounds = not self._kind.walks_leaders and listed.num_skipped > 0
        skipped, num_skipped = listed.hot, listed.num_skipped
        num_candidates = stages.rows["candidates"]
        edges = None
        if wants_all or not needs_rounds:
            edges = self._compared("edges", listed.pairs, listed.here)
        if edges is None or needs_rounds:
            found = self._in_rounds(buckets)
            removals = found.removals
            if edges is None:
                edges = Verified(found.edges, found.num_edges)
                skipped, num_skipped = found.skipped, found.num_skipped
                num_candidates = found.num_candidates
            else:
                both = edges.edges.unionByName(found.edges).distinct()
                edges = Verified(stages.written("all_edges", both), stages.rows["all_edges"])
        elif self._kind.walks_leaders and not wants_all and buckets.num_hot:
            removals, edges, num_late = self._with_late_keepers(buckets, listed.hot, edges)
            num_candidates += num_late
        else:
            removals = greedy_removals(stages, "removals", edges)
        labels = component_labels(stages, edges) if config.linkage == "components" else None
        return Search(
            comparing=self._comparing,
            buckets=buckets,
            removals=removals,
            labels=labels,
            edges=edges.edges,
            skipped=skipped,
            num_skipped=num_skipped,
            num_candidates=num_candidates,
            num_edges=edges.count,
            num_refused=self._num_refused,
        )

    def _listed(self, buckets: BucketTable, name: str) -> Candidates:
        return candidate_pairs(self._stages, buckets, self._contents_of, self._comparing, name)

    def _contents_of(self, name: str, documents: DataFrame) -> DataFrame:
        return contents_of(self._stages, name, documents, self._units, self._comparing)

    def _compared(self, name: str, pairs: DataFrame, here: pa.Table | None = None) -> Verified:
        from pyspark.sql import functions as F  # noqa: N812

        stages = self._stages
        edges = verified(stages, name, pairs, here, self._units, self._comparing)
        if self._check is not None:
            edges = judged(edges, self._units, self._sketches, self._check, self._kind)
        else:
            edges = edges.withColumn("stands", F.lit(True))
        if here is not None:
            few = stages.settled(name, lambda: edges.toArrow()).here
            standing = few.filter(few["stands"]).drop_columns("stands")
            self._num_refused += len(few) - len(standing)
            return Verified(stages.table(standing), len(standing), standing)
        refused = {"refused": F.count_if(~F.col("stands"))}
        found = stages.written(name, edges, observe=refused)
        num_refused = stages.observed[name]["refused"]
        self._num_refused += num_refused
        count = stages.rows[name] - num_refused
        return Verified(found.where("stands").drop("stands"), count)

    def _with_late_keepers(
        self, buckets: BucketTable, hot: DataFrame, edges: Verified
    ) -> tuple[DataFrame, Verified, int]:
        """Settle edges, also with the keepers that followed a leader of a bucket who then fell.

        These are compared with all after them in the bucket, as `dedup.vectors.hot` says, and all
        is settled anew, until there are none.

        Returns
        -------
        The removals, all edges, and how many pairs were compared here.
        """
        from pyspark.sql import functions as F  # noqa: N812

        stages, number, num_pairs = self._stages, 0, 0
        waiting = hot.where(F.col("left").isNotNull())
        waiting = waiting.select("key", F.col("right").alias("rank")).distinct()
        others = buckets.rows.select("key", F.col("rank").alias("right"))
        while True:
            name = f"removals_{number}"
            removals = greedy_removals(stages, name, edges, f"settling_{number}_")
            late = waiting.join(removals, "rank", "left_anti")
            late = stages.written(f"late_keepers_{number}", late)
            if not stages.rows[f"late_keepers_{number}"]:
                break
            pairs = late.withColumnRenamed("rank", "left").join(others, "key")
            pairs = pairs.where("left < right").select("left", "right").distinct()
            pairs = stages.written(f"late_{number}", pairs)
            num_pairs += stages.rows[f"late_{number}"]
            more = self._compared(f"late_edges_{number}", pairs)
            if not more.count:
                break
            name = f"edges_{number}"
            both = stages.written(name, edges.edges.unionByName(more.edges).distinct())
            edges = Verified(both, stages.rows[name])
            waiting = waiting.join(late, ["key", "rank"], "left_anti")
            number += 1
        return removals, edges, num_pairs

    def _in_rounds(self, buckets: BucketTable) -> Search:
        stages = self._stages
        rounds = star_rounds(stages, buckets, self._compared)
        rest = self._listed(rounds.rest, "rest")
        compared = self._compared("rest_edges", rest.pairs, rest.here)
        edges = rounds.edges.unionByName(compared.edges)
        num_edges = rounds.num_edges + compared.count
        settled = greedy_removals(stages, "settled", Verified(edges, num_edges))
        most = self._kind.config.max_comparisons
        late = late_pairs(stages, buckets.rows, rounds, settled, most)
        late_compared = self._compared("late_edges", pairs_of(late).distinct())
        removals = stages.written("removals", first_keepers(settled, late_compared.edges))
        return Search(
            comparing=self._comparing,
            buckets=buckets,
            removals=removals,
            labels=None,
            edges=edges.unionByName(late_compared.edges),
            skipped=rest.hot.unionByName(late),
            num_skipped=rest.num_skipped + stages.observed["late"]["skipped"],
            num_candidates=rounds.num_pairs + stages.rows["rest"],
            num_edges=num_edges + late_compared.count,
        )

"""From sketched documents to verified pairs and keepers, in ranks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from dedup.check import Check
from dedup.engines.spark.candidates import Candidates, bucket_entries, candidate_pairs, pairs_of
from dedup.engines.spark.checking import judged
from dedup.engines.spark.components import component_labels
from dedup.engines.spark.keepers import first_keepers, greedy_removals
from dedup.engines.spark.kind import Comparing, Kind
from dedup.engines.spark.rounds import late_pairs, star_rounds
from dedup.engines.spark.stages import Stages
from dedup.engines.spark.verification import contents_of, verified

if TYPE_CHECKING:
    from pyspark.sql import DataFrame


@dataclass(frozen=True)
class Search:
    """What the search found.

    Attributes
    ----------
    buckets : see `bucket_entries`.
    comparing : how the documents were compared.
    removals : (rank, keeper, common) of the units that are no keepers.
    labels : the same of the units that are not the first of their component, where wanted.
    edges : (left, right, common), the verified pairs that were found.
    skipped : `HOT_COLUMNS`; what caps left out.
    num_candidates : distinct pairs that were compared.
    num_refused : verified pairs that the second check refused.
    """

    comparing: Comparing
    buckets: DataFrame
    removals: DataFrame
    labels: DataFrame | None
    edges: DataFrame
    skipped: DataFrame
    num_candidates: int
    num_edges: int
    num_refused: int = 0


class Searching:
    """Runs the search.

    Parameters
    ----------
    units : (rank, place, `Kind.sizes`, group) of the documents to compare.
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
        buckets = bucket_entries(stages, self._units, self._comparing)
        listed = self._listed(buckets, "candidates")
        wants_all = config.pairs == "all" or config.linkage == "components"
        needs_rounds = not self._kind.walks_leaders and listed.are_cut_short
        skipped, num_candidates = listed.hot, stages.rows["candidates"]
        edges = None
        if wants_all or not needs_rounds:
            edges = self._compared("edges", listed.pairs)
        if edges is None or needs_rounds:
            found = self._in_rounds(buckets)
            removals = found.removals
            if edges is None:
                edges, skipped = found.edges, found.skipped
                num_candidates = found.num_candidates
            else:
                edges = stages.written("all_edges", edges.unionByName(found.edges).distinct())
        else:
            removals = stages.written("removals", greedy_removals(stages, edges, edges.count()))
        num_edges = edges.count()
        labels = None
        if config.linkage == "components":
            labels = stages.written("labels", component_labels(stages, edges, num_edges))
        return Search(
            comparing=self._comparing,
            buckets=buckets,
            removals=removals,
            labels=labels,
            edges=edges,
            skipped=skipped,
            num_candidates=num_candidates,
            num_edges=num_edges,
            num_refused=self._num_refused,
        )

    def _listed(self, buckets: DataFrame, name: str) -> Candidates:
        return candidate_pairs(self._stages, buckets, self._contents_of, self._comparing, name)

    def _contents_of(self, name: str, documents: DataFrame) -> DataFrame:
        return contents_of(self._stages, name, documents, self._units, self._comparing)

    def _compared(self, name: str, pairs: DataFrame) -> DataFrame:
        edges = verified(pairs, self._contents_of(name, pairs), self._comparing)
        if self._check is None:
            return self._stages.written(name, edges)
        answers = judged(edges, self._units, self._sketches, self._check, self._kind)
        found = self._stages.written(name, answers)
        self._num_refused += found.where("not stands").count()
        return found.where("stands").drop("stands")

    def _in_rounds(self, buckets: DataFrame) -> Search:
        stages = self._stages
        rounds = star_rounds(stages, buckets, self._compared)
        rest = self._listed(rounds.rest, "rest")
        edges = rounds.edges.unionByName(self._compared("rest_edges", rest.pairs))
        settled = stages.written("settled", greedy_removals(stages, edges, edges.count()))
        most = self._kind.config.max_comparisons
        late = late_pairs(stages, buckets, rounds, settled, most)
        late_edges = self._compared("late_edges", pairs_of(late).distinct())
        removals = stages.written("removals", first_keepers(settled, late_edges))
        edges = edges.unionByName(late_edges)
        num_candidates = rounds.num_pairs + stages.rows["rest"]
        skipped = rest.hot.unionByName(late)
        return Search(self._comparing, buckets, removals, None, edges, skipped, num_candidates, 0)

"""What a run found of its own corpus: the truth is made here, document by document, without bands.

A pair is found where both documents lie in one cluster, or `pairs.parquet` has it. With the pairs
that decided and clusters of keepers, two near documents that were removed for different keepers, or
one that was removed for another than this one, were not found as a pair; what matters more is
whether both were kept, and that is counted apart.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
from numpy.typing import NDArray

from dedup.config import Config
from dedup.corpus import Corpus, Listed
from dedup.edges import Edges, verified_edges
from dedup.evaluation.recall import APART, FOUND, LEFT, MISSED, SQUARES, Sample, Share, Stratum
from dedup.lsh.buckets import pack_pairs
from dedup.lsh.exact import exact_pairs
from dedup.lsh.partners import partners
from dedup.output.folder import CLUSTERS_FILE, PAIRS_FILE
from dedup.output.schema import measure_column
from dedup.spill.scratch import Scratch
from dedup.text.hashing import Int64Array, UInt64Array
from dedup.text.shingles import distinct
from dedup.units import Units, units_of
from dedup.verify import Verifier

TARGET = 0.02
"""Half-width of the 95 % interval that is aimed at."""

_MISSED_KEPT = 1_000


@dataclass
class Answers:
    """What a run said of each unit, and of each pair.

    Attributes
    ----------
    copies : float64, by unit; how many documents have its set.
    cluster : int64, by unit; the cluster of its documents, one of its own where they are alone.
    listed : uint64, ascending; the pairs of units in the pairs table, packed (larger, smaller).
    kept : float64, by unit; how many of its documents are kept.
    """

    copies: NDArray[np.float64]
    cluster: Int64Array
    listed: UInt64Array
    kept: NDArray[np.float64]

    @staticmethod
    def read(folder: Path, units: Units) -> Answers:
        """Read the tables of a run.

        Parameters
        ----------
        units : in input order, so that a rank is a position.
        """
        unit_of_rank = np.full(len(units.lead), -1)
        unit_of_rank[units.ranks] = np.arange(len(units))
        unit_of = unit_of_rank[units.lead]
        has_unit = unit_of >= 0
        columns = ["position", "cluster_id", "is_removed"]
        clusters = pq.read_table(folder / CLUSTERS_FILE, columns=columns)
        position, cluster, removed = (column.to_numpy() for column in clusters.columns)
        cluster_of, kept = np.arange(len(unit_of)), np.ones(len(unit_of), np.bool_)
        cluster_of[position], kept[position] = cluster, ~removed
        pairs = pq.read_table(folder / PAIRS_FILE, columns=["left_position", "right_position"])
        a, b = (unit_of[column.to_numpy()] for column in pairs.columns)
        apart = (a != b) & (a >= 0) & (b >= 0)
        listed = pack_pairs(np.maximum(a, b)[apart], np.minimum(a, b)[apart])
        listed.sort()
        return Answers(
            copies=np.bincount(unit_of[has_unit], minlength=len(units)).astype(np.float64),
            cluster=cluster_of[units.documents],
            listed=distinct(listed),
            kept=np.bincount(unit_of[has_unit & kept], minlength=len(units)).astype(np.float64),
        )

    def found(self, one: Int64Array, other: Int64Array) -> NDArray[np.bool_]:
        """Tell which pairs of units the run found."""
        keys = pack_pairs(np.maximum(one, other), np.minimum(one, other))
        place = np.searchsorted(self.listed, keys)
        listed = np.append(self.listed, np.uint64(0))[place] == keys
        found: NDArray[np.bool_] = listed | (self.cluster[one] == self.cluster[other])
        return found

    def paired(self) -> NDArray[np.bool_]:
        """Tell which units the run found any other with."""
        members = np.unique(self.cluster, return_inverse=True)[1]
        paired = (np.bincount(members) > 1)[members]
        for side in (self.listed >> np.uint64(32), self.listed & np.uint64((1 << 32) - 1)):
            paired[side.view(np.int64)] = True
        return paired


class Audit(ABC):
    """A corpus and what a run said of it; what its pairs are, a kind of corpus tells.

    Parameters
    ----------
    units : in input order, so that a rank is a position.
    measure : of the run; `column` is that of the missed pairs.
    folder : the run's output.
    """

    census_share = 8
    """From such a part of the documents on, to join all is cheaper than to look for some."""

    census_most = 8
    """All are joined where they are at most so many times those that may be drawn."""

    def __init__(self, corpus: Listed, units: Units, measure: str, folder: Path) -> None:
        self._corpus = corpus
        self.units = units
        self.column = measure_column(measure)
        self.answers = Answers.read(folder, units)
        sizes = np.bincount(units.lead, minlength=len(corpus))
        self.num_copies = float((sizes * (sizes - 1) // 2).sum())
        self._missed: dict[tuple[int, int], float] = {}

    @abstractmethod
    def pairs_with(self, units: Int64Array) -> Iterator[Edges]:
        """Yield the near pairs of some units, ascending, with all others, these on the left."""

    @abstractmethod
    def all_pairs(self) -> Iterator[Edges]:
        """Yield all near pairs of units, each once."""

    @abstractmethod
    def values(self, pairs: Edges) -> NDArray[np.float64]:
        """Return how alike pairs are; float64, shape (pairs,)."""

    def estimate(self, seed: int, most: int) -> dict[str, Any]:
        """Return the figures of `dedup.audit`."""
        rng = np.random.default_rng(seed)
        paired = self.answers.paired()
        strata = [Stratum(rng.permutation(np.flatnonzero(chosen))) for chosen in (paired, ~paired)]
        self._missed = {}
        sample = Sample(strata, self.num_copies)
        count = len(self.units)
        sample.draw(self._look, TARGET, min(most, count // self.census_share))
        if sample.half_width > TARGET and count <= self.census_most * most:
            self._missed = {}
            sample.count_all(self._look_at_all())
        else:
            sample.draw(self._look, TARGET, most)
        return self._described(sample) | {"seed": seed}

    def _look(self, units: Int64Array) -> NDArray[np.float64]:
        counts = np.zeros((len(self.units), 4))
        for edges in self.pairs_with(np.sort(units)):
            self._count(counts, edges)
        return counts[units]

    def _look_at_all(self) -> NDArray[np.float64]:
        counts = np.zeros((len(self.units), 4))
        for edges in self.all_pairs():
            self._count(counts, edges)
            self._count(counts, Edges(edges.right, edges.left, edges.common))
        return counts

    def _count(self, counts: NDArray[np.float64], edges: Edges) -> None:
        """Add pairs to the counts of their left units, and note those that were missed."""
        answers = self.answers
        one, other = edges.left, edges.right
        weight = answers.copies[one] * answers.copies[other]
        found = answers.found(one, other)
        left = np.where(found, 0, answers.kept[one] * answers.kept[other])
        apart = np.where(found, 0, weight - left)
        kinds = ((FOUND, weight * found), (APART, apart), (LEFT, left), (SQUARES, weight**2))
        for kind, weights in kinds:
            counts[:, kind] += np.bincount(one, weights, len(counts))
        missed = edges.choose(~found)
        for a, b, value in zip(
            missed.left.tolist(), missed.right.tolist(), self.values(missed).tolist(), strict=True
        ):
            if len(self._missed) < _MISSED_KEPT or (min(a, b), max(a, b)) in self._missed:
                self._missed[min(a, b), max(a, b)] = value

    def _described(self, sample: Sample) -> dict[str, Any]:
        found, missed = sample.total(FOUND), sum(map(sample.total, MISSED))
        width = sample.half_width
        left = sample.share((LEFT,), (FOUND, APART), self.num_copies)
        return {
            "measured": self.column,
            "documents": len(self._corpus),
            "distinct_sets": len(self.units),
            "compared": sample.num_drawn,
            "pairs": {
                "found": found + self.num_copies,
                "missed": missed,
                "copies": self.num_copies,
                "are_counted": sample.num_drawn == len(self.units),
            },
            "recall": _limits(sample.recall(self.num_copies)),
            "recall_of_unlike": _limits(sample.recall()),
            "left": _limits(left),
            "half_width": width,
            "target": TARGET,
            "missed_pairs": self._missed_pairs(),
        }

    def _missed_pairs(self) -> list[dict[str, Any]]:
        """Return the missed pairs that were seen, the most alike first."""
        sign = 1 if self.column == "distance" else -1
        rows = sorted(self._missed.items(), key=lambda item: (sign * item[1], item[0]))
        ends = np.array([pair for pair, _ in rows], np.int64).reshape(-1, 2)
        positions = self.units.documents[ends]
        ids = [self._corpus.ids.take(column).to_pylist() for column in positions.T]
        kept = self.answers.kept[ends].min(axis=1) > 0
        return [
            {
                "left_id": left,
                "right_id": right,
                self.column: value,
                "left_position": a,
                "right_position": b,
                "both_kept": both,
            }
            for left, right, (_, value), (a, b), both in zip(
                ids[0], ids[1], rows, positions.tolist(), kept.tolist(), strict=True
            )
        ]


class SetAudit(Audit):
    """Of texts.

    Parameters
    ----------
    corpus : with the sets that the run compared.
    """

    def __init__(self, corpus: Corpus, config: Config, folder: Path, scratch: Scratch) -> None:
        units = units_of(corpus, config, np.arange(len(corpus)), scratch)
        super().__init__(corpus, units, config.measure, folder)
        self._scratch = scratch
        sets = corpus.sets.select(units.documents)
        self._verifier = Verifier(sets, config.threshold, keeps_rejected=False)

    def pairs_with(self, units: Int64Array) -> Iterator[Edges]:
        """Yield the near pairs of some units, ascending, with all others, these on the left."""
        return partners(self._verifier, units, self._scratch, self.units.group)

    def all_pairs(self) -> Iterator[Edges]:
        """Yield all near pairs of units, each once."""
        verifier = self._verifier
        pairs = exact_pairs(verifier.sets, verifier.threshold, self._scratch, self.units.group)
        return verified_edges(verifier, pairs)

    def values(self, pairs: Edges) -> NDArray[np.float64]:
        """Return the Jaccard similarities of pairs; float64, shape (pairs,)."""
        sizes = self._verifier.sets.sizes
        jaccard: NDArray[np.float64] = pairs.common / (
            sizes[pairs.left] + sizes[pairs.right] - pairs.common
        )
        return jaccard


def _limits(share: Share | None) -> dict[str, float] | None:
    if share is None:
        return None
    return {"value": share.value, "low": share.low, "high": share.high}

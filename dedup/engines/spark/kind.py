"""What the plan asks of the documents that it compares: texts and vectors each answer in their way.

The plan itself knows documents by their ranks, their digests, the keys of their buckets, and a
``content``, the bytes that an exact comparison takes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Protocol

import pyarrow as pa
from numpy.typing import NDArray

from dedup.lsh.hot_buckets import BucketPairs
from dedup.text.hashing import Int64Array

if TYPE_CHECKING:
    from pyspark.sql import Column, DataFrame

    from dedup.config import Config
    from dedup.engines.spark.search import Search
    from dedup.engines.spark.stages import Stages
    from dedup.vectors.config import VectorConfig
    from dedup.vectors.search import Hashing

Batches = Iterator[pa.RecordBatch]


class PairFilter(Protocol):
    """Rules out pairs of a bucket by what its entries carry."""

    def __call__(
        self, columns: dict[str, Int64Array], left: Int64Array, right: Int64Array
    ) -> NDArray[Any]:
        """Tell which pairs of rows may match; bool, shape (pairs,)."""
        ...


@dataclass(frozen=True)
class Comparing:
    """How documents are brought together and compared. What is called goes to the executors.

    Attributes
    ----------
    keyed : the documents to compare, with their keys and what else `entries` takes.
    contents : (place, content) of them.
    entries : makes the entries of buckets, rows of (key, rank) and the columns of `carried`, from
        `keyed`. A key stands for its table, or band, as well.
    carried : what entries carry for `may_match`, all bigint.
    may_match : rules out pairs of small buckets.
    hot_pairs : finds those of a large bucket, in pieces, from its members' contents in keeper
        order.
    compare : takes the contents of pairs and returns what they have in common, `BELOW` where they
        do not match; int64, or the bits of a float64.
    common_type : Spark's type of that.
    hashing : how vectors were hashed, for the summary.
    """

    keyed: DataFrame
    contents: DataFrame
    entries: Callable[[Batches], Batches]
    carried: tuple[str, ...]
    may_match: PairFilter
    hot_pairs: Callable[[list[pa.Array]], Iterator[BucketPairs]]
    compare: Callable[[pa.Array, pa.Array], Int64Array]
    common_type: str = "bigint"
    hashing: Hashing | None = None


class Kind(Protocol):
    """Texts, or vectors.

    Attributes
    ----------
    sizes : columns of a document that its measure hangs on.
    walks_leaders : whether large buckets are walked leader by leader; see `dedup.vectors.hot`. Else
        known keepers are compared in rounds where a cap cuts a bucket short.
    """

    sizes: ClassVar[tuple[str, ...]]
    walks_leaders: ClassVar[bool]

    @property
    def config(self) -> Config | VectorConfig:
        """The parameters of the run."""
        ...

    @property
    def measure(self) -> str:
        """The column that says how alike two documents are."""
        ...

    @property
    def has_groups(self) -> bool:
        """Whether only documents of one ``group`` are compared."""
        ...

    @property
    def keep_best(self) -> int:
        """How many documents of a cluster stay."""
        ...

    def facts(self, sketches: DataFrame, *, by_id: bool) -> DataFrame:
        """Return all that is known of documents but their contents, and ``group``."""
        ...

    def compared(self) -> Column:
        """Tell which documents may be equal to others."""
        ...

    def searched(self) -> Column:
        """Tell which of them have near-duplicates to look for."""
        ...

    def comparing(self, stages: Stages, units: DataFrame, sketches: DataFrame) -> Comparing:
        """Return how units are compared.

        Parameters
        ----------
        units : the documents to compare, with ``rank`` and `facts`.
        """
        ...

    def measured(self, common: str, left: str, right: str) -> Column:
        """Return the measure of pairs, from columns of theirs.

        Parameters
        ----------
        common : name of what they have in common.
        left, right : what the names of `sizes` begin with.
        """
        ...

    def counted(self, documents: DataFrame) -> dict[str, Any]:
        """Return what the summary says of documents, but for what becomes of them.

        Parameters
        ----------
        documents : with ``is_unit``.
        """
        ...

    def lost(
        self, documents: DataFrame, decisions: DataFrame, sketches: DataFrame
    ) -> dict[str, Any]:
        """Return what the summary says of where documents are removed.

        Parameters
        ----------
        decisions : what became of those that match others.
        """
        ...

    def summarise(
        self, documents: DataFrame, found: Search, counts: dict[str, Any]
    ) -> dict[str, Any]:
        """Return the summary, but for timing.

        Parameters
        ----------
        counts : what `counted` returned, and how many ``clusters``, ``clustered_documents``,
            ``removed`` and ``matched`` documents, and ``pairs`` there are; ``largest_cluster``, and
            ``largest_group``, of equal documents.
        """
        ...

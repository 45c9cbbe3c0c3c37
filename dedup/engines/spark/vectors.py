"""Vectors in the plan: hash tables of a chosen scheme, the gate, and exact distances."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import pyarrow as pa

from dedup.engines.spark.arrays import unpacked_rows
from dedup.engines.spark.kind import Comparing
from dedup.engines.spark.numbering import numbered
from dedup.engines.spark.stages import HASHES
from dedup.engines.spark.vector_kernels import (
    CompareVectors,
    Form,
    GateFilter,
    HashVectors,
    HotVectors,
    TableEntries,
)
from dedup.errors import InputError
from dedup.output.measures import EQUAL_SETS, UNKNOWN
from dedup.output.schema import measure_column
from dedup.text.hashing import Int64Array
from dedup.vectors.config import VectorConfig
from dedup.vectors.corpus import MIXED, NAMED, REASONS, refuse_bad
from dedup.vectors.search import Hashing, choose_hashing
from dedup.vectors.store import center_of, drawn

if TYPE_CHECKING:
    from pyspark.sql import Column, DataFrame

    from dedup.engines.spark.search import Search
    from dedup.engines.spark.stages import Stages


@dataclass(frozen=True)
class VectorKind:
    """Vectors; see `Kind`.

    Attributes
    ----------
    dtype : of the contents, float32 or float64.
    dim : values of a vector.
    bad : how many cannot be compared, by reason.
    """

    config: VectorConfig
    dtype: str
    dim: int
    bad: Counter[str]
    sizes: ClassVar[tuple[str, ...]] = ()
    walks_leaders: ClassVar[bool] = True
    has_groups: ClassVar[bool] = False
    keep_best: ClassVar[int] = 1

    @property
    def measure(self) -> str:
        """Return the column that says how alike two vectors are."""
        return measure_column(self.config.measure)

    def facts(self, sketches: DataFrame, *, by_id: bool) -> DataFrame:
        """Return all that is known of vectors but their values."""
        from pyspark.sql import functions as F  # noqa: N812

        found = sketches.withColumn("is_good", _reason(self.dim).isNull())
        for word in (0, 1):
            found = found.withColumn(f"text_{word}", F.col(f"digest_{word}"))
        return found.drop("content", "dim", "reason").withColumn(
            "group", F.lit(None).cast("bigint")
        )

    def compared(self) -> Column:
        """Tell which vectors can be compared."""
        from pyspark.sql import functions as F  # noqa: N812

        return F.col("is_good")

    def searched(self) -> Column:
        """Tell which have near-duplicates to look for: all that can be compared."""
        return self.compared()

    def comparing(self, stages: Stages, units: DataFrame, sketches: DataFrame) -> Comparing:
        """Choose the scheme, from the vectors that the local engine draws, and hash all."""
        form, hashing = self._chosen(stages, units, sketches)
        scheme, gate = hashing.scheme, hashing.gate
        good = sketches.where(_reason(self.dim).isNull()).select("place", "content")
        counts_votes = scheme.min_tables > 1
        columns = "place bigint, keys binary, gate binary"
        work = HashVectors(form, hashing, int(self.config.seed))
        hashed = good.mapInArrow(work, columns + (", content binary" if counts_votes else ""))
        hashed = stages.written("hashed", hashed, options=HASHES)
        words = tuple(f"gate_{number}" for number in range(gate.words))
        config = self.config
        wants_all = config.pairs == "all" or config.linkage == "components"
        return Comparing(
            keyed=units.select("rank", "place").join(hashed.drop("content"), "place"),
            contents=hashed.select("place", "content") if counts_votes else good,
            entries=TableEntries(scheme.num_tables),
            carried=(*words, *(("probe",) if scheme.num_probes else ())),
            may_match=GateFilter(gate.words, gate.most_unlike),
            hot_pairs=HotVectors(form, config.threshold, config.max_comparisons, wants_all),
            compare=CompareVectors(form, config.threshold, scheme.min_tables),
            common_type="double",
            hashing=hashing,
        )

    def _chosen(
        self, stages: Stages, units: DataFrame, sketches: DataFrame
    ) -> tuple[Form, Hashing]:
        """Choose as the local engine does: by the same units, of all in keeper order."""
        from pyspark.sql import functions as F  # noqa: N812

        ranked = numbered(stages, units.select("rank", "place"), [F.col("rank")], "unit")
        count = stages.rows["units"]
        sample = drawn_contents(stages, ranked, sketches, drawn(count))
        octets = [unpacked_rows(chunk) for chunk in sample.chunks if len(chunk)]
        width = self.dim * np.dtype(self.dtype).itemsize
        joined = np.concatenate([np.zeros((0, width), np.uint8), *octets])
        values = joined.view(self.dtype)
        form = Form(self.dtype, self.config.measure, center_of(values, self.config.measure))
        far = form.vectors(joined).paired_distances(np.arange(len(joined)))
        return form, choose_hashing(self.config, far, count, self.dim)

    def measured(self, common: str, left: str, right: str) -> Column:
        """Return the similarity, or distance, of pairs: what they have in common is just that."""
        from pyspark.sql import functions as F  # noqa: N812

        value = F.col(common)
        of_equals = 1.0 if self.config.measure == "cosine" else 0.0
        return F.when(value == EQUAL_SETS, F.lit(of_equals)).when(value != UNKNOWN, value)

    def counted(self, documents: DataFrame) -> dict[str, Any]:
        """Return how many vectors there are, and how many to look for near-duplicates of."""
        from pyspark.sql import functions as F  # noqa: N812

        from dedup.engines.spark.summary import one_row

        return one_row(documents, documents=F.count("*"), units=F.count_if("is_unit"))

    def lost(
        self, documents: DataFrame, decisions: DataFrame, sketches: DataFrame
    ) -> dict[str, Any]:
        """Return nothing: vectors have no hosts."""
        return {}

    def summarise(
        self, documents: DataFrame, found: Search, counts: dict[str, Any]
    ) -> dict[str, Any]:
        """Return the summary, but for timing."""
        from dedup.engines.spark.vector_summary import summarise

        return summarise(documents, found, counts, self)


def observed() -> dict[str, Column]:
    """Return what is to be known of the sketches of vectors."""
    from pyspark.sql import functions as F  # noqa: N812

    dim = F.when(F.col("dim") > 0, F.col("dim"))
    is_bad = F.col("reason").isNotNull() | (F.col("dim") == 0)
    return {"least": F.min(dim), "most": F.max(dim), "bad": F.count_if(is_bad)}


def vector_kind(
    stages: Stages, sketches: DataFrame, config: VectorConfig, dtype: str, *, by_id: bool
) -> VectorKind:
    """Find the dimension, that of most vectors, and what cannot be compared.

    Parameters
    ----------
    sketches : written as the stage ``sketches``, with `observed`.

    Raises
    ------
    InputError : there is no vector, or some are bad and `skip_bad` is not set.
    """
    seen = stages.observed["sketches"]
    if seen["most"] is None:
        raise InputError("the input holds no vector; give a table or files of some.")
    is_mixed = seen["least"] != seen["most"]
    dim = _commonest(sketches) if is_mixed else seen["most"]
    found = _bad(sketches, config, dim, by_id=by_id) if is_mixed or seen["bad"] else Counter()
    return VectorKind(config, dtype, dim, found)


def _commonest(sketches: DataFrame) -> int:
    """Return the dimension of most vectors, of equally many the smallest."""
    from pyspark.sql import functions as F  # noqa: N812

    dims = sketches.where(F.col("dim") > 0).groupBy("dim").agg(F.count("*").alias("rows"))
    dim: int = dims.orderBy(F.col("rows").desc(), "dim").limit(1).collect()[0].dim
    return dim


def _bad(sketches: DataFrame, config: VectorConfig, dim: int, *, by_id: bool) -> Counter[str]:
    """Count what cannot be compared, by reason; refuse it where it is not to be left out."""
    from pyspark.sql import functions as F  # noqa: N812

    name = F.col("doc_id") if by_id else F.col("place")
    bad = sketches.select(name.alias("name"), _reason(dim).alias("reason"))
    bad = bad.where(F.col("reason").isNotNull())
    counted = bad.groupBy("reason").agg(F.count("*").alias("rows")).collect()
    counts = {row.reason: row.rows for row in counted}
    found = Counter({reason: counts[reason] for reason in REASONS if reason in counts})
    if found and not config.skip_bad:
        first = next(iter(found))
        named = bad.where(F.col("reason") == first).orderBy("name").limit(NAMED).collect()
        names = [str(row.name) if by_id else f"{row.name:,}" for row in named]
        refuse_bad("ids" if by_id else "rows", names, found)
    return found


def _reason(dim: int) -> Column:
    """Return why a vector cannot be compared; null where it can."""
    from pyspark.sql import functions as F  # noqa: N812

    return F.when(F.col("dim") != dim, F.lit(MIXED)).otherwise(F.col("reason"))


def drawn_contents(
    stages: Stages, ranked: DataFrame, sketches: DataFrame, units: Int64Array
) -> pa.ChunkedArray:
    """Bring the contents of some thousand units to the driver, in the order given.

    Parameters
    ----------
    ranked : (unit, place) of all.
    units : int64; at most 4,096.
    """
    from pyspark.sql import functions as F  # noqa: N812

    wanted = stages.table(pa.table({"unit": units, "nth": np.arange(len(units))}))
    places = ranked.join(F.broadcast(wanted), "unit").select("place", "nth")
    found = sketches.select("place", "content").join(F.broadcast(places), "place")
    table = found.select("nth", "content").toArrow()
    return table.sort_by("nth").column("content")

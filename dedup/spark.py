"""Near-duplicates of a Spark DataFrame, by the same kernels and with the same answers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dedup.api import make_config
from dedup.engines.spark.session import check_extra, scratch_folder
from dedup.io.base import DECISION_COLUMNS
from dedup.vectors.config import VectorConfig

if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Sequence

    from pyspark.sql import Column, DataFrame

    from dedup.check import Check
    from dedup.config import Config
    from dedup.engines.spark.kind import Kind
    from dedup.engines.spark.plan import Found
    from dedup.engines.spark.stages import Stages
    from dedup.io.columns import Path

__all__ = ["SparkResult", "find_duplicates", "find_vectors", "run", "run_vectors"]

_ID, _DECIDED = "dedup id of the row", "dedup id of the decision"
"""Columns of `SparkResult.annotated` meanwhile."""


class SparkResult:
    """Clusters, pairs and what the run did.

    The tables are files in the run's scratch folder, until `close` or the end of a ``with`` block.

    Attributes
    ----------
    clusters : a row for each document of a cluster of two or more.
    pairs : each removed document with its keeper.
    summary : parameters, versions, counts of every stage, seconds; JSON values.
    """

    def __init__(self, data: DataFrame, id_path: Path, found: Found, stages: Stages) -> None:
        self._data = data
        self._id_path = id_path
        self._removed = found.removed
        self._stages = stages
        self.clusters: DataFrame = found.clusters
        self.pairs: DataFrame = found.pairs
        self.summary: dict[str, Any] = found.summary

    def kept(self) -> DataFrame:
        """Return the rows of the input that are kept."""
        return self._filtered("left_anti")

    def removed(self) -> DataFrame:
        """Return the rows of the input that are removed."""
        return self._filtered("left_semi")

    def annotated(self) -> DataFrame:
        """Return the rows of the input with the decisions added, as ``--annotated`` has them.

        ``cluster_id``, ``keeper_id`` and the similarity are null for what is alone. Columns of
        these names are replaced.
        """
        import pyarrow as pa
        from pyspark.sql import functions as F  # noqa: N812

        from dedup.engines.spark.sketching import column_at
        from dedup.output.schema import decisions_schema

        columns = decisions_schema(pa.null(), self.summary["search"]["measure"]).names
        added = self.clusters.select(F.col("doc_id").alias(_DECIDED), *columns)
        replaced = {*DECISION_COLUMNS, *columns}
        others = [name for name in self._data.columns if name not in replaced]
        rows = self._data.select(
            *(column_at((name,)) for name in others), column_at(self._id_path).alias(_ID)
        )
        found = rows.join(added, F.col(_ID) == F.col(_DECIDED), "left").drop(_ID, _DECIDED)
        return found.withColumns(
            {
                "is_keeper": F.coalesce("is_keeper", F.lit(True)),
                "is_removed": F.coalesce("is_removed", F.lit(False)),
            }
        )

    def _filtered(self, how: str) -> DataFrame:
        from dedup.engines.spark.sketching import column_at

        ids = self._removed.select("doc_id")
        return self._data.join(ids, column_at(self._id_path) == ids["doc_id"], how)

    def close(self) -> None:
        """Delete the scratch folder, and the tables with it."""
        self._stages.close()

    def __enter__(self) -> SparkResult:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def find_duplicates(
    df: DataFrame,
    *,
    text: str,
    id: str,
    scratch: str | None = None,
    partitions: int | None = None,
    check: Check | None = None,
    **options: Any,
) -> SparkResult:
    """Find the near-duplicates among the rows of a DataFrame.

    The tables are those of `dedup.find_duplicates` on the same rows in the order of their ids.

    Parameters
    ----------
    text, id : columns, nested ones as ``page.text``; several texts as ``"title,body"``. The id
        must tell all rows apart; it takes the place of the position, so ``keep="first"`` keeps the
        document of the least id.
    scratch : folder that driver and executors reach, for what is written meanwhile; needed on a
        cluster.
    partitions : of each shuffle; ``spark.sql.shuffle.partitions`` if not given, and fewer where
        there is little data.
    check : a function that looks at verified pairs as well, and may reject them; see `dedup.Check`.
    **options : the fields of `Config`, such as ``threshold=0.8``.

    Raises
    ------
    MissingExtraError : PySpark or pandas is not installed.
    ConfigError, InputError : each says what is wrong and what would mend it.
    """
    check_extra()
    from dedup.engines.spark.plan import check_config
    from dedup.engines.spark.sketching import sketched
    from dedup.engines.spark.texts import Texts

    config = make_config(text=text, id=id, **options)
    check_config(config)
    rows, id_path = sketched(df, config, check)
    return _found(df, id_path, rows, {}, lambda *_: Texts(config), scratch, partitions, check)


def find_vectors(
    df: DataFrame,
    *,
    vector: str = VectorConfig.vector,
    id: str,
    scratch: str | None = None,
    partitions: int | None = None,
    check: Check | None = None,
    **options: Any,
) -> SparkResult:
    """Find the near-duplicates among the vectors of a DataFrame.

    The tables are those of `dedup.vectors.find_duplicates` on the same rows in the order of their
    ids.

    Parameters
    ----------
    vector : column of arrays of numbers, of one size.
    id, scratch, partitions, check : as for `find_duplicates`.
    **options : the fields of `VectorConfig`, such as ``measure="cosine"`` and ``threshold=0.95``.

    Raises
    ------
    MissingExtraError : PySpark or pandas is not installed.
    ConfigError, InputError : each says what is wrong and what would mend it.
    """
    check_extra()
    from dedup.engines.spark.vector_sketches import sketched_vectors
    from dedup.engines.spark.vectors import observed, vector_kind
    from dedup.vectors import vector_config

    config = vector_config(vector=vector, id=id, **options)
    rows, dtype = sketched_vectors(df, config, check)

    def kind(stages: Stages, sketches: DataFrame) -> Kind:
        return vector_kind(stages, sketches, config, dtype, by_id=True)

    return _found(df, (id,), rows, observed(), kind, scratch, partitions, check)


def _found(
    df: DataFrame,
    id_path: Path,
    rows: DataFrame,
    observe: dict[str, Column],
    kind: Callable[[Stages, DataFrame], Kind],
    scratch: str | None,
    partitions: int | None,
    check: Check | None,
) -> SparkResult:
    """Run the plan on the sketches of a DataFrame."""
    from dedup.engines.spark.numbering import placed
    from dedup.engines.spark.plan import find
    from dedup.engines.spark.stages import HASHES, Stages

    spark = df.sparkSession
    stages = Stages(spark, scratch_folder(spark, scratch), partitions)
    try:
        sketches = placed(stages, stages.written("sketches", rows, observe, HASHES), "place")
        found = find(stages, sketches, kind(stages, sketches), by_id=True, check=check)
    except BaseException:
        stages.close()
        raise
    found.summary.update(stages.facts())
    return SparkResult(df, id_path, found, stages)


def run(
    inputs: Sequence[str | os.PathLike[str]],
    output: str | os.PathLike[str] | None,
    config: Config,
    *,
    kept: str | os.PathLike[str] | None = None,
    removed: str | os.PathLike[str] | None = None,
    annotated: str | os.PathLike[str] | None = None,
    scratch: str | os.PathLike[str] | None = None,
    partitions: int | None = None,
    overwrite: bool = False,
    check: Check | None = None,
) -> dict[str, Any]:
    """Find the near-duplicates in files and write the results, as ``dedup run --engine spark``.

    The active session does the work, else a new one. Each table is a folder of Parquet files;
    positions and ids are those of the local engine.

    Parameters
    ----------
    inputs : files, folders or globs that driver and executors find under the same path.
    output : folder, seen by all of them as well; None writes nothing.
    kept, removed, annotated : folders for filtered or annotated copies of the input, as those of
        `dedup.run`, byte for byte; a task writes the copies of a file. Not of web archives.
    scratch, partitions, check : as for `find_duplicates`.

    Returns
    -------
    The summary.
    """
    check_extra()
    from dedup.engines.spark.job import run_files

    folders = {"kept": kept, "removed": removed, "annotated": annotated}
    return run_files(
        inputs,
        output,
        config,
        folders={kind: folder for kind, folder in folders.items() if folder is not None},
        scratch=scratch,
        partitions=partitions,
        overwrite=overwrite,
        check=check,
    )


def run_vectors(
    inputs: Sequence[str | os.PathLike[str]],
    output: str | os.PathLike[str] | None,
    config: VectorConfig,
    *,
    scratch: str | os.PathLike[str] | None = None,
    partitions: int | None = None,
    overwrite: bool = False,
) -> dict[str, Any]:
    """Find the near-duplicates in files of vectors, as ``dedup vectors run --engine spark``.

    Parameters
    ----------
    inputs : Parquet, Arrow and ``.npy`` files that driver and executors find under the same path.
    output, scratch, partitions : as for `run`.

    Returns
    -------
    The summary.
    """
    check_extra()
    from dedup.engines.spark.vector_files import run_vector_files

    return run_vector_files(
        inputs, output, config, scratch=scratch, partitions=partitions, overwrite=overwrite
    )

"""The result of a run: its tables and summary, and the folder they are written to."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property, partial
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq

from dedup.corpus import Corpus, Listed, Sketched
from dedup.decisions import Decisions
from dedup.errors import ConfigError
from dedup.io.filtered import FileRecords, FilteredCopies
from dedup.io.records import RecordCheck
from dedup.io.revisits import COLUMNS as NAME_COLUMNS
from dedup.io.revisits import RemovedPages
from dedup.outcome import Outcome
from dedup.output.evidence import write_evidence
from dedup.output.folder import (
    AGAINST_FILE,
    CLUSTERS_FILE,
    EVIDENCE_DIR,
    PAIRS_FILE,
    SUMMARY_FILE,
    check_replaceable,
    staged,
)
from dedup.output.pairs import Pairs
from dedup.output.schema import clusters_schema
from dedup.output.tables import DecisionColumns, cluster_batches
from dedup.search import Search
from dedup.spill.scratch import Scratch

if TYPE_CHECKING:
    from dedup.index.against import Known


@dataclass(repr=False, kw_only=True)
class Tables:
    """Clusters and pairs of any search, and what it did.

    Attributes
    ----------
    summary : parameters, versions, counts of every stage, seconds; JSON values.
    decisions : what became of every document, by position.
    pair_rows : the rows of `pairs`, before they are made.
    """

    summary: dict[str, Any]
    decisions: Decisions
    corpus: Listed
    search: Outcome
    pair_rows: Pairs
    scratch: Scratch

    @cached_property
    def clusters(self) -> pa.Table:
        """A row for each document of a cluster of two or more: by cluster, keeper first."""
        return _whole(self._cluster_batches(), self._clusters_schema)

    @cached_property
    def pairs(self) -> pa.Table:
        """Verified pairs: those that decided, or all (``pairs="all"``)."""
        return _whole(self.pair_rows.batches(), self.pair_rows.schema)

    def __repr__(self) -> str:
        config, result = self.summary["config"], self.summary["result"]
        reached = "<=" if config["measure"] == "euclidean" else ">="
        return (
            f"<Result: {len(self.corpus):,} documents, {result['clusters']:,} clusters, "
            f"{result['removed']:,} duplicates ({result['removed_share']:.1%}) at "
            f"{config['measure']} {reached} {float(config['threshold']):g}>"
        )

    @property
    def decision_columns(self) -> pa.Table:
        """A row for each document: cluster_id, is_keeper, keeper_id, jaccard."""
        count = len(self.corpus)
        return self.rows_of_decisions(0, count).slice(0, count)

    @property
    def _clusters_schema(self) -> pa.Schema:
        return clusters_schema(self.corpus.ids.type, self.search.measure, self.corpus.riding)

    def _cluster_batches(self) -> Iterator[pa.Table]:
        return cluster_batches(self.corpus, self.search, self.decisions, self.scratch)

    def rows_of_decisions(self, first: int, stop: int) -> DecisionColumns:
        """Return the rows of `decision_columns` from one document to another."""
        measure = self.search.measure
        return DecisionColumns(self.corpus, measure, self.decisions, first, stop)

    def write_tables(self, stage: Path) -> None:
        """Write the tables and the summary into a folder that is there."""
        _write(self._cluster_batches(), self._clusters_schema, stage / CLUSTERS_FILE)
        _write(self.pair_rows.batches(), self.pair_rows.schema, stage / PAIRS_FILE)
        with open(stage / SUMMARY_FILE, "w", encoding="utf-8") as file:
            json.dump(self.summary, file, indent=2, ensure_ascii=False)
            file.write("\n")


@dataclass(repr=False, kw_only=True)
class Result(Tables):
    """The tables of a run on documents, its evidence, and copies of its input.

    Attributes
    ----------
    known : the documents that the reference of ``against`` has; None without one.
    """

    corpus: Corpus
    search: Search
    sketched: Sketched
    known: Known | None = None

    def _repr_html_(self) -> str:
        from dedup.report.notebook import result_html

        return result_html(self)

    def write(
        self, folder: str | os.PathLike[str], *, overwrite: bool = False, evidence: bool = False
    ) -> None:
        """Write the tables and the summary to a folder, complete or not at all.

        Parameters
        ----------
        overwrite : replace a folder that an earlier run has written, and no other.
        evidence : also write sets, band keys and the best rejected pairs to ``evidence/``.

        Raises
        ------
        OutputExistsError : the folder is there, and not to be replaced.
        """
        if evidence and self.known is not None:
            raise ConfigError(
                "evidence is wanted of a run with against, whose documents it does not hold; leave "
                "one of them out."
            )
        check_replaceable(folder, overwrite)
        with staged(folder) as stage:
            self.write_into(stage, evidence=evidence)

    def write_copies(self, copies: FilteredCopies) -> None:
        """Write filtered or annotated copies of the input, to be committed by the caller."""
        corpus = self.corpus
        edges = corpus.file_offsets.tolist()
        has_names = set(NAME_COLUMNS) <= {field.name for field in corpus.riding}
        removed_pages = RemovedPages(self._cluster_batches()) if has_names else None
        records = [
            FileRecords(
                parts,
                stop - start,
                partial(
                    RecordCheck,
                    file.name,
                    corpus.record_digests[start:stop],
                    removed=removed_pages,
                ),
            )
            for file, parts, (start, stop) in zip(
                corpus.files, corpus.parts, pairwise(edges), strict=True
            )
        ]
        self.summary["output"] = copies.write(
            records, self.decisions.removed, self.rows_of_decisions
        )

    def write_into(self, stage: Path, *, evidence: bool) -> None:
        """Write the files of the result into a folder that is there."""
        self.write_tables(stage)
        if self.known is not None:
            pq.write_table(self.known.table, stage / AGAINST_FILE, compression="zstd")
        if evidence:
            write_evidence(self.sketched, self.corpus, self.search, stage / EVIDENCE_DIR)


def _whole(batches: Iterator[pa.Table], schema: pa.Schema) -> pa.Table:
    return pa.concat_tables([schema.empty_table(), *batches]).combine_chunks()


def _write(batches: Iterator[pa.Table], schema: pa.Schema, path: Path) -> None:
    with pq.ParquetWriter(path, schema, compression="zstd") as writer:
        for batch in batches:
            writer.write_table(batch)

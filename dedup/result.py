"""The result of a run: its tables and summary, and the folder they are written to."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from dedup.corpus import Corpus
from dedup.evidence import write_evidence
from dedup.folder import (
    CLUSTERS_FILE,
    EVIDENCE_DIR,
    PAIRS_FILE,
    SUMMARY_FILE,
    check_replaceable,
    staged,
)
from dedup.io.filtered import FileRecords, FilteredCopies
from dedup.search import Search
from dedup.tables import Decisions, decisions_table


@dataclass
class Result:
    """Clusters, pairs and what the run did.

    Attributes
    ----------
    clusters : a row for each document of a cluster of two or more, sorted by cluster, keeper first.
    pairs : verified pairs: those that decided, or all (``pairs="all"``).
    summary : parameters, versions, counts of every stage, seconds; JSON values.
    decisions : what became of every document, by position.
    """

    clusters: pa.Table
    pairs: pa.Table
    summary: dict[str, Any]
    decisions: Decisions
    corpus: Corpus
    search: Search

    @cached_property
    def decision_columns(self) -> pa.Table:
        """A row for each document: cluster_id, is_keeper, keeper_id, jaccard."""
        return decisions_table(self.corpus, self.decisions)

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
        check_replaceable(folder, overwrite)
        with staged(folder) as stage:
            self.write_into(stage, evidence=evidence)

    def write_copies(self, copies: FilteredCopies) -> None:
        """Write filtered or annotated copies of the input, to be committed by the caller."""
        rows = np.diff(self.corpus.file_offsets).tolist()
        records = [
            FileRecords(parts, count) for parts, count in zip(self.corpus.parts, rows, strict=True)
        ]
        self.summary["output"] = copies.write(
            records, self.decisions.removed, self.decision_columns
        )

    def write_into(self, stage: Path, *, evidence: bool) -> None:
        """Write the files of the result into a folder that is there."""
        pq.write_table(self.clusters, stage / CLUSTERS_FILE, compression="zstd")
        pq.write_table(self.pairs, stage / PAIRS_FILE, compression="zstd")
        if evidence:
            write_evidence(self.corpus, self.search, self.summary, stage / EVIDENCE_DIR)
        with open(stage / SUMMARY_FILE, "w", encoding="utf-8") as file:
            json.dump(self.summary, file, indent=2, ensure_ascii=False)
            file.write("\n")

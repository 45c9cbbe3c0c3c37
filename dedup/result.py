"""The result of a run: its tables and summary, and the folder they are written to."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from dedup.corpus import Corpus
from dedup.errors import OutputExistsError
from dedup.evidence import write_evidence
from dedup.search import Search
from dedup.schema import CLUSTERS_FILE, EVIDENCE_DIR, PAIRS_FILE, SUMMARY_FILE, SUMMARY_FORMAT
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

    def write_into(self, stage: Path, *, evidence: bool) -> None:
        """Write the files of the result into a folder that is there."""
        pq.write_table(self.clusters, stage / CLUSTERS_FILE, compression="zstd")
        pq.write_table(self.pairs, stage / PAIRS_FILE, compression="zstd")
        if evidence:
            write_evidence(self.corpus, self.search, self.summary, stage / EVIDENCE_DIR)
        with open(stage / SUMMARY_FILE, "w", encoding="utf-8") as file:
            json.dump(self.summary, file, indent=2, ensure_ascii=False)
            file.write("\n")


def check_replaceable(folder: str | os.PathLike[str], overwrite: bool) -> None:
    """Raise OutputExistsError unless the folder may be written."""
    path = Path(folder)
    if not os.path.lexists(path) or (path.is_dir() and not any(path.iterdir())):
        return
    if not overwrite:
        raise OutputExistsError(f"output {path} is already there; give another, or --overwrite.")
    if not _is_ours(path):
        raise OutputExistsError(
            f"output {path} was not written by dedup, so --overwrite leaves it alone; give another."
        )


def _is_ours(path: Path) -> bool:
    try:
        with open(path / SUMMARY_FILE, encoding="utf-8") as file:
            return bool(json.load(file).get("format") == SUMMARY_FORMAT)
    except (OSError, ValueError, AttributeError):
        return False


@contextmanager
def staged(folder: str | os.PathLike[str]) -> Iterator[Path]:
    """Give a folder beside `folder` that takes its place when the block succeeds.

    Until then `folder` is what it was; after an error nothing of the stage stays.
    """
    path = Path(os.path.abspath(folder))
    path.parent.mkdir(parents=True, exist_ok=True)
    stage = path.with_name(f".{path.name}.{os.getpid()}.partial")
    stage.mkdir()
    try:
        yield stage
        if os.path.lexists(path):
            old = path.with_name(f".{path.name}.{os.getpid()}.old")
            path.rename(old)
            stage.rename(path)
            shutil.rmtree(old)
        else:
            stage.rename(path)
    finally:
        shutil.rmtree(stage, ignore_errors=True)

"""The tables of a run and a truth, joined: one number for each id, whatever its type."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from dedup.errors import FormatVersionError, InputError
from dedup.evaluation.truth import Truth
from dedup.io.values import unified
from dedup.lsh.buckets import pack_pairs, unpack_pairs
from dedup.output.folder import CLUSTERS_FILE, EVIDENCE_DIR, PAIRS_FILE, read_run
from dedup.output.schema import measure_column
from dedup.spill.scratch import Scratch
from dedup.text.hashing import Int64Array


@dataclass
class RunTables:
    """The tables of a run, and how many documents it had.

    Attributes
    ----------
    ids : of all documents, where evidence has them.
    """

    num_documents: int
    measure: str
    has_all_pairs: bool
    clusters: pa.Table
    pairs: pa.Table
    ids: pa.ChunkedArray | None

    @staticmethod
    def read(given: str | os.PathLike[str]) -> RunTables:
        """Read them from the output of a run."""
        folder, summary = read_run(given)
        measure = summary["config"]["measure"]
        names = ["left_id", "right_id", measure_column(measure)]
        try:
            clusters = pq.read_table(folder / CLUSTERS_FILE, columns=["doc_id", "cluster_id"])
            pairs = pq.read_table(folder / PAIRS_FILE, columns=names)
        except (OSError, ValueError) as error:  # ArrowInvalid is a ValueError
            raise InputError(f"{folder} has lost its tables ({error}); run anew.") from error
        return RunTables(
            num_documents=summary["input"]["documents"],
            measure=measure,
            has_all_pairs=summary["config"]["pairs"] == "all",
            clusters=clusters,
            pairs=pairs,
            ids=_all_ids(folder / EVIDENCE_DIR),
        )


def _all_ids(evidence: Path) -> pa.ChunkedArray | None:
    """Return the ids of all documents; None without evidence that this version can read."""
    from dedup.corpus import join_parts
    from dedup.output.evidence import open_evidence

    try:
        sketched = open_evidence(evidence)
    except (InputError, FormatVersionError):
        return None
    return join_parts(sketched, Scratch()).columns["doc_id"]


@dataclass
class Joined:
    """Run and truth with one number for each id.

    Attributes
    ----------
    first, second : int64; the truth's columns, -1 for null.
    cluster : int64, by number; the found cluster of each id, one of its own where it is alone.
    left, right, similarity : the pairs table, pairs of equal or null ids left out.
    in_run : bool, by number; None where it is not known which ids the run had.
    """

    first: Int64Array
    second: Int64Array
    cluster: Int64Array
    left: Int64Array
    right: Int64Array
    similarity: NDArray[np.float64]
    in_run: NDArray[np.bool_] | None
    warnings: list[str]

    @staticmethod
    def of(run: RunTables, truth: Truth) -> Joined:
        """Give each id of both a number, and say what is odd about the run's."""
        second = [truth.second] if truth.kind == "pairs" else []
        columns = [run.clusters["doc_id"], run.pairs["left_id"], run.pairs["right_id"]]
        columns += [truth.first, *second] + ([] if run.ids is None else [run.ids])
        (ids, left, right, first, *rest), count = _numbered(columns)
        last = rest[0] if second else _numbered([truth.second])[0][0]
        warnings = []
        num_twice = len(ids) - len(np.unique(ids[ids >= 0]))
        if num_twice:
            warnings.append(
                f"{num_twice:,} clustered documents have a null id or that of another; the first "
                "of each id stands for all"
            )
        cluster = np.arange(count) + run.num_documents  # cluster ids are positions
        by_id = run.clusters["cluster_id"].to_numpy()[::-1]
        cluster[ids[::-1][ids[::-1] >= 0]] = by_id[ids[::-1] >= 0]
        apart = (left != right) & (left >= 0) & (right >= 0)
        in_run = None
        if run.ids is not None:
            in_run = np.zeros(count, np.bool_)
            in_run[rest[-1][rest[-1] >= 0]] = True
        similarity = run.pairs[measure_column(run.measure)].to_numpy()
        if run.measure == "euclidean":  # a distance has no place among shares
            similarity = np.full(len(similarity), np.nan)
        return Joined(
            first,
            last,
            np.unique(cluster, return_inverse=True)[1].astype(np.int64),
            left[apart],
            right[apart],
            similarity[apart],
            in_run,
            warnings,
        )

    def known(self, rows: NDArray[np.bool_], what: str, *numbers: Int64Array) -> NDArray[np.bool_]:
        """Return the rows of the truth whose ids are not null, and ids of the run if that is known.

        All others are counted in a warning.
        """
        for column in numbers:
            rows = rows & (column >= 0)
        if not rows.all():
            self.warnings.append(f"{int((~rows).sum()):,} {what} of the truth have a null value")
        if self.in_run is not None:
            there = np.logical_and.reduce([self.in_run[column] for column in numbers])
            if (rows & ~there).any():
                self.warnings.append(
                    f"{int((rows & ~there).sum()):,} {what} of the truth have an id that the run "
                    "has not, and are left out"
                )
            rows = rows & there
        return rows


def once(
    a: Int64Array, b: Int64Array, values: NDArray[np.float64]
) -> tuple[NDArray[np.float64], Int64Array, Int64Array]:
    """Return each pair once, the smaller number on the right, and the first value of each."""
    packed, place = np.unique(pack_pairs(np.maximum(a, b), np.minimum(a, b)), return_index=True)
    high, low = unpack_pairs(packed)
    return values[place], high, low


def _numbered(columns: Sequence[pa.ChunkedArray]) -> tuple[list[Int64Array], int]:
    """Return a number for each distinct value of some columns, and how many; null is -1.

    Values of different types are compared as text, as `unified` writes them.
    """
    chunks = [chunk for column in columns for chunk in column.chunks]
    whole = pa.chunked_array(unified(chunks, is_id=True)) if chunks else pa.chunked_array([[]])
    encoded = whole.dictionary_encode().unify_dictionaries()
    codes = [chunk.indices.fill_null(-1).to_numpy().astype(np.int64) for chunk in encoded.chunks]
    joined = np.concatenate([np.zeros(0, np.int64), *codes])
    ends = np.cumsum([len(column) for column in columns])
    return np.split(joined, ends[:-1]), int(joined.max(initial=-1)) + 1

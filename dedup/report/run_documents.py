"""The documents of a finished run: found by id, with what became of them and what was compared.

Sets come from evidence, where there is any: they are what the run compared, even without common
shingles. Without it the texts are read from the input again and sketched anew.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from dedup.common import without_common
from dedup.corpus import FILE, Corpus, join_parts
from dedup.errors import InputError
from dedup.io.inputs import discover
from dedup.jobs.filtering import REMOVED_FILE
from dedup.lsh.parameters import Banding, choose_banding
from dedup.output.evidence import open_evidence
from dedup.output.folder import CLUSTERS_FILE, EVIDENCE_DIR, table_in
from dedup.output.stored_table import StoredTable
from dedup.report.comparison import Compared
from dedup.report.shingled import Text
from dedup.report.texts import Record, Texts
from dedup.search import sketch_parameters
from dedup.sketch.simhash import fingerprints
from dedup.spill.scratch import Scratch

_ROWS = 1 << 16
_SHOWN = 5


@dataclass(frozen=True)
class RunDocument:
    """A document, and what became of it.

    Attributes
    ----------
    source : the name of its file.
    cluster_id, cluster_size : None and 1 in no cluster.
    keeper : the position of the first keeper that it matches; None where it is one, or in no
        cluster, or where the folder does not tell.
    is_removed : whether that keeper removes it (`keep_best` spares some).
    group : what `within` compares it inside of; None for nothing.
    compared : None where neither evidence nor its text can be had.
    text : None where it cannot be had; `no_text` says why.
    """

    doc_id: Any
    position: int
    source: str
    cluster_id: int | None
    cluster_size: int
    keeper: int | None
    is_removed: bool
    group: str | None
    compared: Compared | None
    text: Text | None
    no_text: str = ""


class RunDocuments:
    """The documents of a run.

    Parameters
    ----------
    folder : the output of a run.
    inputs : the arguments of that run, where its files lie elsewhere now.
    scratch : place for what grows with the corpus.

    Attributes
    ----------
    summary, config : the run's.
    has_evidence : whether sets come from evidence.
    """

    def __init__(
        self,
        folder: str | os.PathLike[str],
        inputs: Sequence[str | os.PathLike[str]] | None,
        scratch: Scratch,
    ) -> None:
        self._scratch = scratch
        self._texts = Texts(folder, discover(inputs).files if inputs else ())
        self._folder = self._texts.folder
        self.summary, self.config = self._texts.summary, self._texts.config
        self.has_evidence = (self._folder / EVIDENCE_DIR).is_dir()

    @property
    def banding(self) -> Banding:
        """How signatures are cut: as in the run, or as its threshold and recall would have it."""
        stored = self.summary["banding"]
        if stored is None:
            return choose_banding(self.config.threshold, self.config.recall)
        return Banding(stored["bands"], stored["rows"])

    def position_of(self, given: str | int) -> int:
        """Return the position of a document, by its id, or by ``@`` and the position.

        Raises
        ------
        InputError : no document has the id, or several have.
        """
        name = str(given)
        number = re.fullmatch(r"@(\d+)", name)
        if number:
            if int(number[1]) < self.summary["input"]["documents"]:
                return int(number[1])
            raise InputError(
                f"there is no position {number[1]} in a run of "
                f"{self.summary['input']['documents']:,} documents; give a smaller one."
            )
        found = self._positions(name)
        if not found:
            reasons = "; ".join(self._texts.problems.values())
            raise InputError(
                f"the run in {self._folder} has no document {name!r}"
                f"{f' that can be found ({reasons})' if reasons else ''}; give an id, or @ and a "
                "position."
            )
        if len(found) > 1:
            shown = ", ".join(f"@{position}" for position in found[:_SHOWN])
            more = f" and {len(found) - _SHOWN:,} more" if len(found) > _SHOWN else ""
            raise InputError(
                f"{len(found):,} documents have the id {name!r}; give one of {shown}{more}."
            )
        return found[0]

    def describe(self, positions: Iterable[int]) -> dict[int, RunDocument]:
        """Return documents by position."""
        wanted = sorted(set(positions))
        rows = self._cluster_rows(wanted)
        removed = self._removed_by(wanted, rows)
        keepers = dict(removed)
        if self.config.linkage == "keeper":
            keepers |= {p: row["cluster_id"] for p, row in rows.items() if row["cluster_id"] != p}
        records = {record.position: record for record in self._texts.records(wanted)}
        return {
            position: self._document(
                position,
                rows.get(position),
                records.get(position),
                keepers.get(position),
                is_removed=position in removed,
            )
            for position in wanted
        }

    def _document(
        self,
        position: int,
        row: dict[str, Any] | None,
        record: Record | None,
        keeper: int | None,
        *,
        is_removed: bool,
    ) -> RunDocument:
        compared = None
        if self.has_evidence:
            compared = self._from_evidence(position)
        elif record is not None:
            compared = Compared.of(record.text, self.config)
        return RunDocument(
            doc_id=self._id(position, row, record),
            position=position,
            source=row["source"] if row else self._texts.source_of(position),
            cluster_id=row["cluster_id"] if row else None,
            cluster_size=row["cluster_size"] if row else 1,
            keeper=keeper,
            is_removed=is_removed,
            group=self._group(position, record),
            compared=compared,
            text=None if record is None else record.text,
            no_text="" if record is not None else self._texts.why_not(position),
        )

    def _id(self, position: int, row: dict[str, Any] | None, record: Record | None) -> Any:
        if row is not None:
            return row["doc_id"]
        if self.has_evidence:
            return self._corpus.ids.take(np.array([position]))[0].as_py()
        return position if record is None else record.columns.get("doc_id", position)

    def _group(self, position: int, record: Record | None) -> str | None:
        column = self.config.within
        if column is None:
            return None
        if self.has_evidence:
            groups = self._corpus.groups(column)
            number = int(groups.of_document[position])
            return groups.names[number] if number >= 0 else None
        columns = {} if record is None else record.columns
        if column == FILE and column not in columns:
            return self._texts.source_of(position)
        value = columns.get(column)
        return None if value is None else str(value)

    def _from_evidence(self, position: int) -> Compared:
        corpus, one = self._corpus, np.array([position])
        shingles = corpus.sets.gather(one)
        fingerprint = corpus.fingerprints[position]
        if self.config.method == "minhash":
            fingerprint = fingerprints(shingles, np.array([0, len(shingles)]))[0]
        return Compared(
            shingles=shingles,
            fingerprint=int(fingerprint),
            num_tokens=int(corpus.num_tokens[position]),
            has_text=bool(corpus.digests[position].any()),
        )

    @cached_property
    def _corpus(self) -> Corpus:
        sketched = open_evidence(self._folder / EVIDENCE_DIR)
        corpus = join_parts(sketched, self._scratch)
        if self.config.ignore_common is not None:
            parameters = sketch_parameters(sketched.config)
            corpus, _ = without_common(corpus, self.config, parameters, self._scratch)
        return corpus

    def _positions(self, name: str) -> list[int]:
        """Return the positions of an id."""
        if self.has_evidence:
            return _matches(self._corpus.columns["doc_id"], name)
        found: list[int] = []
        for batch in self._clusters(["doc_id", "position"]):
            found += batch["position"].to_numpy()[_matches(batch["doc_id"], name)].tolist()
        repeats = any("duplicate ids" in warning for warning in self.summary["warnings"])
        return self._in_input(name) if repeats or not found else found

    def _in_input(self, name: str) -> list[int]:
        """Look for an id in the input; those of crawled pages are told apart by file and offset."""
        found: list[int] = []
        for first, batch in self._texts.batches():
            columns = batch.columns
            if "doc_id" not in columns.column_names:
                place = int(name) - first if name.isdecimal() else -1
                found += [first + place] if 0 <= place < len(batch) else []
                continue
            rows = _matches(columns["doc_id"], name)
            if self.config.id_column is None and "offset" in columns.column_names:
                rows = rows[: 1 if not found else 0]
                place = pc.binary_join_element_wise(
                    columns["file"].cast(pa.string()), columns["offset"].cast(pa.string()), ":"
                )
                ids = columns["doc_id"].cast(pa.string())
                rows = [*rows, *_matches(pc.binary_join_element_wise(ids, place, " "), name)]
            found += [first + row for row in rows]
        return found

    def _cluster_rows(self, positions: Sequence[int]) -> dict[int, dict[str, Any]]:
        names = ["doc_id", "source", "position", "cluster_id", "cluster_size", "is_removed"]
        found = {}
        for batch in self._clusters(names):
            chosen = np.flatnonzero(np.isin(batch["position"].to_numpy(), positions))
            for row in batch.take(pa.array(chosen)).to_pylist():
                found[row["position"]] = row
        return found

    def _clusters(self, columns: list[str]) -> Iterable[pa.RecordBatch]:
        yield from StoredTable(table_in(self._folder, CLUSTERS_FILE)).iter_batches(_ROWS, columns)

    def _removed_by(
        self, positions: Sequence[int], rows: dict[int, dict[str, Any]]
    ) -> dict[int, int]:
        """Return the keepers of those documents that are removed."""
        path = self._folder / REMOVED_FILE
        if not path.exists():  # written from memory: only keepers with what they remove tell
            if self.config.linkage == "components":
                return {}
            return {p: row["cluster_id"] for p, row in rows.items() if row["is_removed"]}
        found: dict[int, int] = {}
        for batch in StoredTable(path).iter_batches(_ROWS, ["position", "keeper_position"]):
            position, keeper = (column.to_numpy() for column in batch.columns)
            chosen = np.isin(position, positions)
            found |= dict(zip(position[chosen].tolist(), keeper[chosen].tolist(), strict=True))
        return found


def _matches(ids: pa.Array | pa.ChunkedArray, name: str) -> list[int]:
    """Return the places of an id, written as text."""
    if pa.types.is_binary(ids.type) or pa.types.is_large_binary(ids.type):
        equal = pc.equal(ids, pa.scalar(os.fsencode(name), ids.type))
    elif pa.types.is_integer(ids.type):
        if not re.fullmatch(r"-?\d{1,18}", name):
            return []
        equal = pc.equal(ids, int(name))
    else:
        equal = pc.equal(ids.cast(pa.large_string()), name)
    return np.flatnonzero(np.asarray(equal.fill_null(False))).tolist()

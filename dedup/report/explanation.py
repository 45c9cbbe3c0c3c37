"""Two documents explained: what they have in common, what a run made of it, and the difference."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from fractions import Fraction
from typing import Any

import numpy as np

from dedup.config import Config
from dedup.errors import InputError
from dedup.io.formats import FORMATS
from dedup.io.inputs import discover
from dedup.jobs.local import temporary_folder
from dedup.lsh.parameters import Banding, choose_banding
from dedup.pipeline import needed_columns
from dedup.report.comparison import Compared, Comparison, compare
from dedup.report.difference import Difference, marked
from dedup.report.overview import json_id
from dedup.report.run_documents import RunDocument, RunDocuments
from dedup.report.shingled import ShingledText, Text
from dedup.report.texts import text_of
from dedup.report.verdict import Case, Verdict
from dedup.resources.limits import limits_of
from dedup.spill.scratch import Scratch
from dedup.text.hashing import UInt64Array

_EXAMPLES = 3


@dataclass(frozen=True)
class Explained:
    """One of the two documents.

    Attributes
    ----------
    name : its id, file, or what was given.
    position, source, cluster_id, keeper, is_removed : as in the run; None without one.
    tokens, shingles : how many it has (distinct shingles).
    examples : shingles that only this document has, as they stand in it.
    """

    name: Any
    tokens: int
    shingles: int
    position: int | None = None
    source: str | None = None
    cluster_id: int | None = None
    keeper: int | None = None
    is_removed: bool | None = None
    examples: tuple[str, ...] = ()


@dataclass(frozen=True)
class Explanation:
    """What `explain` found.

    Attributes
    ----------
    comparison : of their shingle sets.
    threshold, measure, method : by which they are, or would be, duplicates.
    verdict : why the run has them in one cluster or not; None without a run.
    examples : shingles that both have, as they stand in the left text.
    difference : None where a text cannot be had; `no_difference` says why.
    notes : what to know of these figures.
    """

    left: Explained
    right: Explained
    comparison: Comparison
    threshold: Fraction
    measure: str
    method: str
    verdict: Verdict | None
    examples: tuple[str, ...]
    difference: Difference | None
    no_difference: str = ""
    notes: tuple[str, ...] = ()

    @property
    def reaches(self) -> bool:
        """Whether the measure reaches the threshold, exactly."""
        return self.comparison.measured(self.measure) >= self.threshold

    def to_dict(self) -> dict[str, Any]:
        """Return JSON values; fractions as numbers, the difference as its segments."""
        found = self.comparison
        return {
            "left": asdict(self.left) | {"name": json_id(self.left.name)},
            "right": asdict(self.right) | {"name": json_id(self.right.name)},
            "jaccard": float(found.jaccard),
            "left_containment": float(found.left_containment),
            "right_containment": float(found.right_containment),
            "shared_shingles": found.shared,
            "shared_examples": list(self.examples),
            "estimated_jaccard": found.estimated_jaccard,
            "standard_error": found.standard_error,
            "hamming": found.hamming,
            "bands": found.bands,
            "rows": found.rows,
            "collisions": list(found.collisions),
            "candidate_probability": found.candidate_probability,
            "threshold": float(self.threshold),
            "measure": self.measure,
            "reaches": self.reaches,
            "verdict": None if self.verdict is None else asdict(self.verdict),
            "difference": None if self.difference is None else asdict(self.difference),
            "no_difference": self.no_difference,
            "notes": list(self.notes),
        }


def explain_texts(
    left: Text | os.PathLike[str], right: Text | os.PathLike[str], config: Config
) -> Explanation:
    """Explain two texts, or two files of one document each; see `dedup.explain`."""
    texts = [_read(one, config) if isinstance(one, os.PathLike) else one for one in (left, right)]
    names = [os.fspath(one) if isinstance(one, os.PathLike) else None for one in (left, right)]
    compared = [Compared.of(text, config) for text in texts]
    sides = [
        Explained(name or word, one.num_tokens, len(one.shingles))
        for name, word, one in zip(names, ("left", "right"), compared, strict=True)
    ]
    banding = choose_banding(config.threshold, config.recall)
    return _explained(sides, compare(compared[0], compared[1], banding), texts, config)


def explain_run(
    folder: str | os.PathLike[str],
    left: str | int,
    right: str | int,
    inputs: Sequence[str | os.PathLike[str]] | None = None,
) -> Explanation:
    """Explain two documents of a run; see `dedup.explain`."""
    with temporary_folder(None) as scratch:
        run = RunDocuments(folder, inputs, Scratch(scratch, limits_of(Config()).memory))
        positions = [run.position_of(one) for one in (left, right)]
        if positions[0] == positions[1]:
            raise InputError(f"{left!r} and {right!r} are one document; give two.")
        documents = run.describe(positions)
        others = {one.cluster_id for one in documents.values()}
        others |= {one.keeper for one in documents.values()}
        documents |= run.describe(n for n in others if n is not None and n not in documents)
        one, other = (documents[position] for position in positions)
        sides = [_side(one), _side(other)]
        comparison = compare(_known(one), _known(other), run.banding)
        case = Case(
            left=one,
            right=other,
            comparison=comparison,
            documents=documents,
            by_keeper=(
                _with_keeper(one, other, documents, run.banding),
                _with_keeper(other, one, documents, run.banding),
            ),
            config=run.config,
            summary=run.summary,
        )
        no_text = "; ".join(dict.fromkeys(text for text in (one.no_text, other.no_text) if text))
        notes = []
        if run.config.ignore_common is not None and not run.has_evidence:
            notes.append(
                "the run left out common shingles, which only evidence tells: these figures are of "
                "all shingles"
            )
        return _explained(
            sides,
            comparison,
            [one.text, other.text],
            run.config,
            verdict=case.verdict(),
            no_text=no_text,
            notes=tuple(notes),
        )


def _explained(
    sides: Sequence[Explained],
    comparison: Comparison,
    texts: Sequence[Text | None],
    config: Config,
    *,
    verdict: Verdict | None = None,
    no_text: str = "",
    notes: tuple[str, ...] = (),
) -> Explanation:
    left, right = sides
    examples: tuple[str, ...] = ()
    found = None
    if texts[0] is not None and texts[1] is not None:
        one, other = ShingledText(texts[0], config), ShingledText(texts[1], config)
        found = marked(one, other)
        shared = np.intersect1d(one.shingles, other.shingles, assume_unique=True)
        examples = tuple(one.examples(shared, _EXAMPLES))
        left, right = (
            replace(side, examples=tuple(text.examples(_alone(text, shared), _EXAMPLES)))
            for side, text in ((left, one), (right, other))
        )
    return Explanation(
        left=left,
        right=right,
        comparison=comparison,
        threshold=config.threshold,
        measure=config.measure,
        method=config.method,
        verdict=verdict,
        examples=examples,
        difference=found,
        no_difference=no_text,
        notes=notes,
    )


def _alone(text: ShingledText, shared: UInt64Array) -> UInt64Array:
    return np.setdiff1d(text.shingles, shared, assume_unique=True)


def _known(document: RunDocument) -> Compared:
    if document.compared is None:
        raise InputError(
            f"the text of {document.doc_id!r} cannot be had ({document.no_text}), and the run kept "
            "no evidence; name its input anew, or run again with --keep-evidence."
        )
    return document.compared


def _with_keeper(
    document: RunDocument,
    other: RunDocument,
    documents: dict[int, RunDocument],
    banding: Banding,
) -> Comparison | None:
    """Compare the other one with the keeper of a document."""
    keeper = documents.get(-1 if document.keeper is None else document.keeper)
    if keeper is None or keeper.compared is None or other.compared is None:
        return None
    return compare(keeper.compared, other.compared, banding)


def _side(document: RunDocument) -> Explained:
    compared = _known(document)
    return Explained(
        name=document.doc_id,
        tokens=compared.num_tokens,
        shingles=len(compared.shingles),
        position=document.position,
        source=document.source,
        cluster_id=document.cluster_id,
        keeper=document.keeper,
        is_removed=document.is_removed,
    )


def _read(path: os.PathLike[str], config: Config) -> Text:
    """Read the text of a file that holds one document."""
    if os.path.isdir(path):
        raise InputError(f"{path} is a folder; give a file of one document.")
    (file,) = discover([path]).files
    reader = FORMATS[file.format]
    found = []
    for part in reader.split(file, needed_columns(config), 1 << 24):
        for batch in reader.read(part, 1 << 20):
            found += [batch.text.slice(row, 1) for row in range(min(2, len(batch)))]
            if len(found) > 1:
                raise InputError(
                    f"{path} holds more than one document; run dedup on it, and explain two of its "
                    "ids with --run."
                )
    if not found:
        raise InputError(f"{path} holds no document; give a file of one.")
    return text_of(found[0])

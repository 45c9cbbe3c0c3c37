"""A search among vectors, from its input to its tables."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Any

from dedup.check import Check
from dedup.decisions import decide
from dedup.jobs.run_input import describe_files
from dedup.output.folder import check_replaceable, staged
from dedup.output.pairs import all_verified_pairs, decided_pairs
from dedup.output.result import Tables
from dedup.report.cells import printable
from dedup.resources.timing import Stages, peak_bytes
from dedup.spill.scratch import Scratch
from dedup.vectors.config import VectorConfig
from dedup.vectors.corpus import VectorCorpus
from dedup.vectors.inputs import paths_in
from dedup.vectors.reading import read_vectors
from dedup.vectors.search import VectorSearch, search_vectors
from dedup.vectors.summary import summarise_vectors


@dataclass(repr=False, kw_only=True)
class VectorResult(Tables):
    """The tables of a search among vectors."""

    corpus: VectorCorpus
    search: VectorSearch

    def write(self, folder: str | os.PathLike[str], *, overwrite: bool = False) -> None:
        """Write the tables and the summary to a folder, complete or not at all.

        Raises
        ------
        OutputExistsError : the folder is there, and not to be replaced.
        """
        check_replaceable(folder, overwrite)
        with staged(folder) as stage:
            self.write_tables(stage)


def find_vectors(data: Any, config: VectorConfig, check: Check | None = None) -> VectorResult:
    """Find the near-duplicates among vectors; see `dedup.vectors.find_duplicates`."""
    stages, scratch = Stages(), Scratch()
    with stages("read"):
        corpus = read_vectors(data, config, check.columns if check is not None else ())
    warnings = corpus.ids.check(config.strict_ids, scratch)
    found = search_vectors(corpus, config, scratch, stages, check)
    with stages("tables"):
        decisions = decide(corpus, found, scratch)
        if config.pairs == "all" and found.edges is not None:
            pairs = all_verified_pairs(corpus, found, found.edges, config.max_comparisons, scratch)
        else:
            pairs = decided_pairs(corpus, found, decisions, scratch)
        summary = summarise_vectors(corpus, found, decisions, config, pairs)
        paths = paths_in(data)
        if paths is not None:
            summary["input"]["arguments"] = [printable(os.fspath(path)) for path in paths]
            summary["input"]["sources"] = describe_files(corpus, {})
    if check is not None:
        summary["search"]["refused_by_check"] = found.num_refused
    summary["warnings"] = warnings + summary["warnings"]
    summary["seconds"] = stages.seconds | {"total": stages.total}
    summary["peak_bytes"] = peak_bytes()
    return VectorResult(
        summary=summary,
        decisions=decisions,
        corpus=corpus,
        search=found,
        pair_rows=pairs,
        scratch=scratch,
    )

"""The order of the stages: sources, sketches, search, tables, summary."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from typing import TYPE_CHECKING

from dedup.check import Check
from dedup.common import bare_parameters, common_warnings, without_common
from dedup.config import Config
from dedup.corpus import FILE, Sketched, join_parts
from dedup.decisions import decide
from dedup.engines.local import Engine
from dedup.engines.queue import Progress
from dedup.io.base import Columns
from dedup.io.inputs import InputFile
from dedup.keeper import policy_column
from dedup.output.pairs import all_verified_pairs, decided_pairs
from dedup.output.removal import removal
from dedup.output.result import Result
from dedup.output.summary import summarise
from dedup.resources.costs import check_memory
from dedup.resources.timing import Stages, peak_bytes
from dedup.search import search, sketch_parameters
from dedup.spill.scratch import Scratch

if TYPE_CHECKING:
    from dedup.index.index import Index


def needed_columns(config: Config, also: Sequence[str] = ()) -> Columns:
    """Return the columns that a run reads, those of a second check also."""
    within = None if config.within == FILE else config.within
    extra = (policy_column(config.keep), config.common_within, within, *also)
    return Columns(
        text=config.text_columns,
        id=config.id_column or "id",
        extra=tuple(dict.fromkeys(name for name in extra if name is not None)),
        id_optional=config.id_column is None,
        text_options=config.text_options,
        extract=config.extract,
    )


def find(
    files: list[InputFile],
    config: Config,
    engine: Engine,
    scratch: Scratch,
    progress: Progress | None,
    *,
    keeps_rejected: bool = True,
    check: Check | None = None,
) -> Result:
    """Run all stages over the files.

    Parameters
    ----------
    scratch : place for all that grows with the input.
    keeps_rejected : whether the evidence is wanted, which has the best rejected pairs.
    progress : called with the bytes of text that are done, and all of them (0 where unknown).
    """
    stages = Stages()
    parameters = sketch_parameters(config)
    with ExitStack() as stack:
        reference = None
        if config.against is not None:
            from dedup.index.against import check_options, opened_reference

            check_options(config, check)
            with stages("reference"):
                its = opened_reference(config.against, config, scratch.folder)
                reference = stack.enter_context(its)
        with stages("sketch"):
            first = parameters if config.ignore_common is None else bare_parameters(parameters)
            columns = needed_columns(config, check.columns if check else ())
            parts = engine.sketch(files, columns, first, scratch.folder, progress)
        if scratch.folder is not None:
            check_memory(sum(map(len, parts)), scratch.memory)
        return find_in(
            Sketched(files, parts, config),
            config,
            scratch,
            stages,
            keeps_rejected=keeps_rejected,
            check=check,
            reference=reference,
        )


def find_in(
    sketched: Sketched,
    config: Config,
    scratch: Scratch,
    stages: Stages,
    *,
    keeps_rejected: bool = True,
    check: Check | None = None,
    reference: Index | None = None,
) -> Result:
    """Run the stages that follow the sketches.

    Parameters
    ----------
    config : asks for no lower threshold than that of the sketches, and for the same sets.
    reference : documents that match one of these are removed first, and compared no more.
    """
    parameters = sketch_parameters(sketched.config)
    with stages("order"):
        corpus = join_parts(sketched, scratch)
    warnings = [] if len(corpus) else ["the input holds no document"]
    warnings += corpus.ids.check(config.strict_ids, scratch)
    ignored = None
    if config.ignore_common is not None:
        with stages("ignore_common"):
            corpus, ignored = without_common(corpus, config, parameters, scratch)
        warnings += common_warnings(ignored)
    known = None
    if reference is not None:
        from dedup.index.against import known_documents

        with stages("against"):
            known = known_documents(corpus, reference, config)
        corpus.known = known.mask
    found = search(corpus, config, scratch, stages, keeps_rejected=keeps_rejected, check=check)
    with stages("tables"):
        decisions = decide(corpus, found, scratch, config.keep_best, corpus.known)
        if config.pairs == "all" and found.edges is not None:
            pairs = all_verified_pairs(corpus, found, found.edges, config.max_comparisons, scratch)
        else:
            pairs = decided_pairs(corpus, found, decisions, scratch)
        removed = removal(corpus, decisions, config)
        summary = summarise(corpus, found, decisions, config, parameters.banding, pairs)
    summary["removal"] = removed
    if reference is not None and known is not None:
        summary["against"] = {
            "path": config.against,
            "documents": len(reference),
            "removed": len(known.table),
        }
    if check is not None:
        summary["search"]["refused_by_check"] = found.verifier.num_refused
    summary["ignored_shingles"] = ignored
    summary["warnings"] = warnings + summary["warnings"]
    summary["seconds"] = stages.seconds | {"total": stages.total}
    summary["peak_bytes"] = peak_bytes()
    return Result(
        summary=summary,
        decisions=decisions,
        corpus=corpus,
        search=found,
        pair_rows=pairs,
        sketched=sketched,
        scratch=scratch,
        known=known,
    )

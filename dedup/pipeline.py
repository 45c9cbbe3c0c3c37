"""The order of the stages: sources, sketches, search, tables, summary."""

from __future__ import annotations

from collections.abc import Sequence

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
    with stages("sketch"):
        first = parameters if config.ignore_common is None else bare_parameters(parameters)
        columns = needed_columns(config, check.columns if check else ())
        parts = engine.sketch(files, columns, first, scratch.folder, progress)
    if scratch.folder is not None:
        check_memory(sum(map(len, parts)), scratch.memory)
    sketched = Sketched(files, parts, config)
    return find_in(sketched, config, scratch, stages, keeps_rejected=keeps_rejected, check=check)


def find_in(
    sketched: Sketched,
    config: Config,
    scratch: Scratch,
    stages: Stages,
    *,
    keeps_rejected: bool = True,
    check: Check | None = None,
) -> Result:
    """Run the stages that follow the sketches.

    Parameters
    ----------
    config : asks for no lower threshold than that of the sketches, and for the same sets.
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
    found = search(corpus, config, scratch, stages, keeps_rejected=keeps_rejected, check=check)
    with stages("tables"):
        decisions = decide(corpus, found, scratch, config.keep_best)
        if config.pairs == "all" and found.edges is not None:
            pairs = all_verified_pairs(corpus, found, found.edges, config.max_comparisons, scratch)
        else:
            pairs = decided_pairs(corpus, found, decisions, scratch)
        removed = removal(corpus, decisions, config)
        summary = summarise(corpus, found, decisions, config, parameters.banding, pairs)
    summary["removal"] = removed
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
    )

"""From files to a folder of results, complete or not there, and continued after a crash.

Light at import, as all that runs before the workers are started.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from dedup.config import Config
from dedup.errors import ChangedInputError, ConfigError, DedupError, StorageError
from dedup.io.inputs import discover, printable
from dedup.io.places import exists, is_remote, place_of, shown
from dedup.jobs.filtering import write_removed
from dedup.jobs.guard import refusal
from dedup.jobs.local import (
    PathLike,
    Progress,
    Run,
    find_all,
    limits_for,
    started_pool,
    temporary_folder,
)
from dedup.jobs.reporting import REPORT_FILE, require_extra, write_page
from dedup.jobs.run_input import describe_input
from dedup.jobs.sources import Fingerprint
from dedup.jobs.workspace import Manifest, Workspace
from dedup.output.folder import check_replaceable, mend, staged
from dedup.resources.failures import check_writable, in_one_sentence
from dedup.version import __version__

if TYPE_CHECKING:
    from dedup.check import Check
    from dedup.output.result import Result


def run(
    inputs: Sequence[PathLike],
    output: PathLike | None,
    config: Config,
    *,
    kept: PathLike | None = None,
    removed: PathLike | None = None,
    annotated: PathLike | None = None,
    keep_evidence: bool = False,
    overwrite: bool = False,
    report: bool = False,
    scratch: PathLike | None = None,
    restart: bool = False,
    progress: Progress | None = None,
    check: Check | None = None,
) -> Result:
    """Find the near-duplicates in files and write the results.

    A call that died, was killed or failed is continued by the same call: what was sketched is not
    sketched again.

    Parameters
    ----------
    output : folder for the tables and the summary, a path or a URI; None writes nothing (a dry
        run).
    kept, removed, annotated : folders for filtered or annotated copies of the input, one for each
        file, in its own format and codec.
    keep_evidence, overwrite : see `Result.write`.
    report : also write ``report.html`` to `output` (see `write_report`); needs the extra.
    scratch : folder for what is thrown away at the end; beside the output if not given.
    restart : throw away what a call that died has left, instead of continuing it.
    check : a function that looks at verified pairs as well, and may reject them; see `dedup.Check`.

    Raises
    ------
    OutputExistsError : an output is already there.
    InputError : the input cannot be read, or changed meanwhile; each record that is copied is
        compared with the one that was read.
    DedupError : more than `Config.max_removal` of the documents would be removed from ``kept``, or
        more than `Config.max_removal_host` of a host's; then the tables are written, unless that
        would replace others. Or memory or disk are too small; or a call that died had other input
        or parameters.
    """
    outputs = {"kept": kept, "removed": removed, "annotated": annotated}
    folders = {kind: place_of(folder) for kind, folder in outputs.items() if folder is not None}
    output = None if output is None else place_of(output)
    if report:
        if output is None:
            raise ConfigError("report has no folder to stand in; give an output.")
        if is_remote(output):
            raise ConfigError(
                f"report needs results on this machine, and {output} is elsewhere; copy them here "
                "and use dedup report."
            )
        require_extra()
    if check is not None and keep_evidence:
        raise ConfigError(
            "keep_evidence is given with check, which evidence cannot hold; leave one of them out."
        )
    found = discover(inputs)
    limits = limits_for(found, config)
    before = Fingerprint.of_all(found.files, lenient=config.skip_bad_files)
    from dedup.io.filtered import FilteredCopies

    if output is None:
        FilteredCopies(folders, found.files, overwrite=overwrite)
    with ExitStack() as stack:
        if output is None:
            folder = stack.enter_context(temporary_folder(scratch))
            stack.enter_context(in_one_sentence([folder], limits.memory))
            pool = stack.enter_context(started_pool(limits))
            work = Run(found, before, config, limits, pool, folder, check=check)
            return find_all(work, progress)
        here = [place for place in (output, *folders.values()) if not is_remote(place)]
        for place in here:
            check_writable(os.path.dirname(os.path.abspath(place)) if place is output else place)
        space = stack.enter_context(Workspace(output, scratch))
        stack.enter_context(in_one_sentence([space.folder, *here], limits.memory))
        pool = stack.enter_context(started_pool(limits, (space.lock,)))
        manifest = space.begin(
            Manifest(_agreed(config, check), int(config.seed), before, limits.processes),
            restart=restart,
        )
        work = Run(
            found=found,
            before=before,
            config=replace(config, seed=manifest.seed),
            limits=limits,
            pool=pool,
            folder=space.parts,
            copies=[folder for folder in folders.values() if not is_remote(folder)],
            planned_processes=manifest.processes,
            continues=space.continued,
            keeps_rejected=keep_evidence,
            check=check,
        )
        try:
            mend(output)
            check_replaceable(output, overwrite or space.was_committing)
            copies = FilteredCopies(
                folders,
                found.files,
                overwrite=overwrite or space.was_committing,
                scratch=space.folder,
            )
            result = find_all(work, progress)
            result.summary["input"]["arguments"] = [printable(shown(given)) for given in inputs]
            result.summary["input"]["sources"] = describe_input(result)
            refused = _refused(result, config, output) if kept is not None else None
            if refused is not None and exists(output):
                raise refused
            with staged(output, space.folder) as stage, copies:
                if refused is None:
                    if any(map(is_remote, folders.values())):
                        space.committing()
                    result.write_copies(copies)
                result.write_into(stage, evidence=keep_evidence)
                write_removed(result, stage)
                work.check_input()
                space.committing()
                copies.commit()
        except StorageError:
            raise  # to ask the store about the input would take as long again
        except Exception as error:
            if isinstance(error, ChangedInputError) or work.is_input_changed():
                space.discard()
            work.check_input()  # a better reason than whatever it led to
            raise
    if report:
        write_page(output, found.files, os.path.join(output, REPORT_FILE))
    if refused is not None:
        raise refused
    return result


def _agreed(config: Config, check: Check | None) -> dict[str, Any]:
    """Return what a run that continues another must agree on with it: all that tables depend on.

    Memory and workers change no result, and the last options only refuse one.
    """
    from dedup.text.hashing import HASH_VERSION
    from dedup.text.unicode import VERSION

    free = ("memory", "workers", "max_removal", "max_removal_host", "strict_ids", "skip_bad_files")
    options = {name: value for name, value in config.to_dict().items() if name not in free}
    if config.seed_is_drawn:
        options["seed"] = "random"
    if check is not None:
        options["columns of the check"] = list(check.columns)
    return options | {
        "version of dedup": __version__,
        "version of the hashes": HASH_VERSION,
        "version of Unicode": VERSION,
    }


def _refused(result: Result, config: Config, output: str) -> DedupError | None:
    """Return the error of a run that would remove more than the user thinks possible."""
    written = f"only the tables were written, to {output}"
    if exists(output):
        written = f"nothing was written, and {output} is as it was"
    return refusal(result.summary, config.max_removal, config.max_removal_host, written)

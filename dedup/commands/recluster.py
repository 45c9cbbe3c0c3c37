"""``dedup recluster``: decide again from evidence."""

from __future__ import annotations

from typing import Any

import click

from dedup.commands.options import config_options
from dedup.jobs.reclustering import OPTIONS as RECLUSTER_OPTIONS
from dedup.jobs.reclustering import recluster as recluster_folder


@click.command()
@click.argument("folder", metavar="OUT")
@click.option("-o", "--output", metavar="DIR", help="Folder for the results; OUT if not given.")
@config_options(RECLUSTER_OPTIONS)
@click.option("--overwrite", is_flag=True, help="Replace the results of an earlier run in DIR.")
@click.option("-q", "--quiet", is_flag=True, help="Print nothing but errors.")
@click.option("-v", "--verbose", is_flag=True, help="Print every stage, and tracebacks of errors.")
def recluster(
    folder: str, output: str | None, overwrite: bool, quiet: bool, verbose: bool, **options: Any
) -> None:
    """Decide again by other options, from what a run with --keep-evidence left in OUT.

    The input is not read again. Options that are not given stay as in that run; the threshold may
    be raised, not lowered.
    """
    given = {name: value for name, value in options.items() if value is not None}
    result = recluster_folder(folder, output, overwrite=overwrite, **given)
    if not quiet:
        from dedup.terminal import print_summary

        print_summary(result.summary, output or folder, verbose=verbose)

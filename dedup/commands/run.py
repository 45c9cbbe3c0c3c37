"""``dedup run``: find the duplicates of files."""

from __future__ import annotations

import sys
from typing import Any

import click

from dedup.api import run as run_files
from dedup.commands.options import config_options
from dedup.config import Config
from dedup.jobs.guard import removal_tables

PARTLY_READ = 3
"""Exit code of a run that is done, but part of its input could not be read."""


@click.command()
@click.argument("inputs", nargs=-1, required=True, metavar="INPUT...")
@click.option("-o", "--output", metavar="DIR", help="Folder for the results.")
@config_options()
@click.option("--kept", metavar="DIR", help="Write the input without what is removed.")
@click.option("--removed", metavar="DIR", help="Write what is removed.")
@click.option("--annotated", metavar="DIR", help="Write the input with the decisions added.")
@click.option("--keep-evidence", is_flag=True, help="Keep sets, band keys and rejected pairs.")
@click.option("--report", is_flag=True, help="Write report.html too: what was found, to look at.")
@click.option("--overwrite", is_flag=True, help="Replace the results of an earlier run.")
@click.option("--scratch", metavar="DIR", help="Folder for temporary files, not beside the output.")
@click.option("--restart", is_flag=True, help="Begin anew what an earlier run has left unfinished.")
@click.option(
    "--engine",
    type=click.Choice(("local", "spark")),
    default="local",
    show_default=True,
    help="This machine, or the cluster of spark-submit (see docs/spark.md).",
)
@click.option("--dry-run", is_flag=True, help="Print what would be found and go; write nothing.")
@click.option("-q", "--quiet", is_flag=True, help="Print nothing but errors.")
@click.option("-v", "--verbose", is_flag=True, help="Print every stage, and tracebacks of errors.")
def run(
    inputs: tuple[str, ...],
    output: str | None,
    kept: str | None,
    removed: str | None,
    annotated: str | None,
    keep_evidence: bool,
    report: bool,
    overwrite: bool,
    scratch: str | None,
    restart: bool,
    engine: str,
    dry_run: bool,
    quiet: bool,
    verbose: bool,
    **options: Any,
) -> None:
    """Find the near-duplicates of INPUT and write clusters, pairs and a summary.

    INPUT are files, folders or globs: Parquet, Arrow, JSON Lines, CSV, TSV, text files and WARC,
    also compressed; - is standard input as JSON Lines. The exit code is 3 where all was done, but
    part of the input could not be read.
    """
    if output is None and not dry_run:
        raise click.UsageError("give a folder for the results with -o, or --dry-run.")
    if report and dry_run:
        raise click.UsageError("--report needs a folder for the results; leave out --dry-run.")
    from dedup.io.places import shown
    from dedup.io.remote import is_uri, shown_uri
    from dedup.terminal import ProgressBar, print_summary, show_log

    if verbose:
        show_log()
    if engine == "spark":
        local_only = {
            "--keep-evidence": (keep_evidence, "leave it out, or run on this machine"),
            "--report": (report, "use dedup report on the folder afterwards"),
            "--restart": (restart, "leave it out: what a run has left is never continued"),
        }
        for name, (value, cure) in local_only.items():
            if value:
                raise click.UsageError(f"{name} is not for --engine spark; {cure}.")
        from dedup.spark import run as run_on_spark

        summary = run_on_spark(
            inputs,
            None if dry_run else output,
            Config(**options),
            kept=kept,
            removed=removed,
            annotated=annotated,
            scratch=scratch,
            overwrite=overwrite,
        )
        place = shown_uri(output) if output is not None and is_uri(output) else output
    else:
        with ProgressBar(enabled=not quiet and sys.stderr.isatty()) as bar:
            summary = run_files(
                inputs,
                None if dry_run else output,
                Config(**options),
                kept=kept,
                removed=removed,
                annotated=annotated,
                keep_evidence=keep_evidence,
                overwrite=overwrite,
                report=report,
                scratch=scratch,
                restart=restart,
                progress=bar.update,
            ).summary
        place = None if output is None else shown(output)
    if not quiet:
        print_summary(summary, None if dry_run else place, verbose=verbose)
        if dry_run:
            click.echo(removal_tables(summary["removal"]))
    if summary["input"]["unread"]:
        click.get_current_context().exit(PARTLY_READ)

"""``dedup vectors``: near-duplicates among embedding vectors."""

from __future__ import annotations

from typing import Any

import click

from dedup.commands.options import config_options
from dedup.vectors.config import VectorConfig


@click.group()
def vectors() -> None:
    """Find near-duplicates among embedding vectors."""


@vectors.command("run")
@click.argument("inputs", nargs=-1, required=True, metavar="INPUT...")
@click.option("-o", "--output", required=True, metavar="DIR", help="Folder for the results.")
@config_options(of=VectorConfig)
@click.option("--kept", metavar="DIR", help="Write the input without what is removed.")
@click.option("--removed", metavar="DIR", help="Write what is removed.")
@click.option("--annotated", metavar="DIR", help="Write the input with the decisions added.")
@config_options(("max_removal",))
@click.option("--report", is_flag=True, help="Write report.html too: what was found, to look at.")
@click.option("--overwrite", is_flag=True, help="Replace the results of an earlier run.")
@click.option(
    "--engine",
    type=click.Choice(("local", "spark")),
    default="local",
    show_default=True,
    help="This machine, or the cluster of spark-submit (see docs/spark.md).",
)
@click.option("--scratch", metavar="DIR", help="Folder that all of a cluster reach; for spark.")
@click.option("-q", "--quiet", is_flag=True, help="Print nothing but errors.")
@click.option("-v", "--verbose", is_flag=True, help="Print every stage, and tracebacks of errors.")
def run(
    inputs: tuple[str, ...],
    output: str,
    kept: str | None,
    removed: str | None,
    annotated: str | None,
    max_removal: float | None,
    report: bool,
    overwrite: bool,
    engine: str,
    scratch: str | None,
    quiet: bool,
    verbose: bool,
    **options: Any,
) -> None:
    """Find the near-duplicates among the vectors of INPUT and write clusters, pairs and a summary.

    INPUT are files: Parquet or Arrow with a column of lists of numbers, or .npy with a row for each
    vector.
    """
    config = VectorConfig(**options)
    from dedup.jobs.reporting import require_extra, write_report
    from dedup.terminal import print_summary
    from dedup.vectors.run import run as run_files

    if engine == "local" and scratch is not None:
        raise click.UsageError("--scratch is for --engine spark; leave it out.")
    local_only = {
        "--kept": kept,
        "--removed": removed,
        "--annotated": annotated,
        "--max-removal": max_removal,
        "--report": report or None,
    }
    for name, value in local_only.items():
        if engine == "spark" and value is not None:
            raise click.UsageError(f"{name} is not for --engine spark; leave it out.")
    if report:
        require_extra()
        if config.measure == "euclidean":
            raise click.UsageError(
                "a report shows similarities, not distances; leave out --report."
            )
    if engine == "spark":
        from dedup.spark import run_vectors

        summary = run_vectors(inputs, output, config, scratch=scratch, overwrite=overwrite)
    else:
        result = run_files(
            inputs,
            output,
            config,
            kept=kept,
            removed=removed,
            annotated=annotated,
            max_removal=max_removal,
            overwrite=overwrite,
        )
        summary = result.summary
    if report:
        write_report(output)
    if not quiet:
        print_summary(summary, output, verbose=verbose)

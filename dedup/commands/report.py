"""``dedup report``: what a run found, as a page to look at."""

from __future__ import annotations

import click

from dedup.jobs.reporting import write_report


@click.command()
@click.argument("folder", metavar="OUT")
@click.argument("inputs", nargs=-1, metavar="[INPUT]...")
@click.option("-o", "--output", metavar="FILE", help="File to write, if not OUT/report.html.")
@click.option("--no-text", is_flag=True, help="Show no document's words; ids and URLs stay.")
@click.option("--overwrite", is_flag=True, help="Replace a FILE that is there.")
@click.option("-q", "--quiet", is_flag=True, help="Print nothing but errors.")
@click.option("-v", "--verbose", is_flag=True, help="Print tracebacks of errors.")
def report(
    folder: str,
    inputs: tuple[str, ...],
    output: str | None,
    no_text: bool,
    overwrite: bool,
    quiet: bool,
    verbose: bool,
) -> None:
    """Write what the run in OUT found as one HTML file that opens offline.

    Texts are read again from the run's input; give INPUT where its files have moved. Needs the
    extra report.
    """
    written = write_report(folder, inputs, output=output, no_text=no_text, overwrite=overwrite)
    if not quiet:
        click.echo(f"report in {written}")

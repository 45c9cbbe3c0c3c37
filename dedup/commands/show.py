"""``dedup show``: what a run found, in the terminal."""

from __future__ import annotations

import json
import shutil

import click


@click.command()
@click.argument("folder", metavar="OUT")
@click.option("--top", default=10, show_default=True, metavar="N", help="Clusters to show.")
@click.option("--json", "as_json", is_flag=True, help="Print the figures as JSON.")
@click.option("-v", "--verbose", is_flag=True, help="Print tracebacks of errors.")
def show(folder: str, top: int, as_json: bool, verbose: bool) -> None:
    """Print the summary and the largest clusters of the run in OUT.

    Reads nothing but OUT, and fits the width of the terminal.
    """
    from dedup.report.overview import show as show_folder
    from dedup.report.overview_lines import overview_lines

    overview = show_folder(folder, top)
    if as_json:
        click.echo(json.dumps(overview.to_dict(), indent=2))
        return
    for line in overview_lines(overview, shutil.get_terminal_size().columns):
        click.echo(line)

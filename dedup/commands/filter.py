"""``dedup filter``: filter the input by what an earlier run decided."""

from __future__ import annotations

import click

from dedup.commands.options import config_options
from dedup.io.places import shown
from dedup.jobs.filtering import filter_files


@click.command("filter")
@click.argument("folder", metavar="OUT")
@click.argument("inputs", nargs=-1, required=True, metavar="INPUT...")
@click.option("--kept", metavar="DIR", help="Write the input without what is removed.")
@click.option("--removed", metavar="DIR", help="Write what is removed.")
@click.option("--annotated", metavar="DIR", help="Write the input with the decisions added.")
@config_options(("max_removal", "max_removal_host"))
@click.option("--overwrite", is_flag=True, help="Replace copies that are there.")
@click.option("-q", "--quiet", is_flag=True, help="Print nothing but errors.")
@click.option("-v", "--verbose", is_flag=True, help="Print tracebacks of errors.")
def filter_command(
    folder: str,
    inputs: tuple[str, ...],
    kept: str | None,
    removed: str | None,
    annotated: str | None,
    max_removal: float | None,
    max_removal_host: float | None,
    overwrite: bool,
    quiet: bool,
    verbose: bool,
) -> None:
    """Filter INPUT by what the run in OUT decided, without reading its texts again.

    INPUT must be what the run had, in the same order; a file that changed is refused. What is not
    given of the limits stays as in the run.
    """
    folders = {"kept": kept, "removed": removed, "annotated": annotated}
    if not any(folders.values()):
        raise click.UsageError("give a folder with --kept, --removed or --annotated.")
    written = filter_files(
        folder,
        inputs,
        **folders,
        max_removal=max_removal,
        max_removal_host=max_removal_host,
        overwrite=overwrite,
    )
    for kind, count in written.items():
        if not quiet:
            click.echo(f"{kind:<18}{count:>12,}  in {shown(str(folders[kind]))}")

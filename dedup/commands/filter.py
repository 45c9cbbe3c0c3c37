"""``dedup filter``: filter the input by what an earlier run decided."""

from __future__ import annotations

import click

from dedup.io.places import shown
from dedup.jobs.filtering import filter_files


@click.command("filter")
@click.argument("folder", metavar="OUT")
@click.argument("inputs", nargs=-1, required=True, metavar="INPUT...")
@click.option("--kept", metavar="DIR", help="Write the input without what is removed.")
@click.option("--removed", metavar="DIR", help="Write what is removed.")
@click.option("--overwrite", is_flag=True, help="Replace copies that are there.")
@click.option("-q", "--quiet", is_flag=True, help="Print nothing but errors.")
@click.option("-v", "--verbose", is_flag=True, help="Print tracebacks of errors.")
def filter_command(
    folder: str,
    inputs: tuple[str, ...],
    kept: str | None,
    removed: str | None,
    overwrite: bool,
    quiet: bool,
    verbose: bool,
) -> None:
    """Filter INPUT by what the run in OUT decided, without reading its texts again.

    INPUT must be what the run had, in the same order; a file that changed is refused.
    """
    if kept is None and removed is None:
        raise click.UsageError("give a folder with --kept or --removed.")
    written = filter_files(folder, inputs, kept=kept, removed=removed, overwrite=overwrite)
    for kind, count in written.items():
        if not quiet:
            folder = shown(str(kept if kind == "kept" else removed))
            click.echo(f"{kind:<18}{count:>12,}  in {folder}")

"""The commands that an index has whatever it holds: remove, stats, compact, verify."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import click

from dedup.errors import InputError

if TYPE_CHECKING:
    from dedup.index.base import StoredIndex

output_option = click.option(
    "-o",
    "--output",
    metavar="FILE",
    help="Where to write the rows: Parquet if it ends so, or JSON Lines.",
)
verbose_option = click.option("-v", "--verbose", is_flag=True, help="Print tracebacks of errors.")


def upkeep(opened: Callable[[str], StoredIndex[Any, Any, Any]]) -> list[click.Command]:
    """Return the commands.

    Parameters
    ----------
    opened : opens the index at a path.
    """

    @click.command()
    @click.argument("path", metavar="PATH")
    @click.argument("ids", nargs=-1, metavar="ID...")
    @click.option(
        "--ids", "listed", type=click.File(), metavar="FILE", help="Ids, one a line; - is stdin."
    )
    @verbose_option
    def remove(path: str, ids: tuple[str, ...], listed: Any, verbose: bool) -> None:
        """Remove what has these ids."""
        wanted = [*ids, *(line.rstrip("\n") for line in listed or ())]
        if not wanted:
            raise click.UsageError("give the ids to remove, or --ids FILE.")
        found = opened(path)
        click.echo(f"{found.remove(wanted):,} {found.manifest.holds} removed")

    @click.command()
    @click.argument("path", metavar="PATH")
    @click.option("--json", "as_json", is_flag=True, help="Print JSON.")
    @verbose_option
    def stats(path: str, as_json: bool, verbose: bool) -> None:
        """Print counts and sizes."""
        found = opened(path).stats()
        if as_json:
            click.echo(json.dumps(found, indent=2))
            return
        config = found.pop("config")
        rows = found | config
        width = 1 + max(map(len, rows))
        for name, value in rows.items():
            is_count = type(value) is int and name != "seed"
            shown = f"{value:,}" if is_count else str(value)
            click.echo(f"{name:<{width}}{shown:>16}")

    @click.command()
    @click.argument("path", metavar="PATH")
    @verbose_option
    def compact(path: str, verbose: bool) -> None:
        """Make one segment of all, without what was removed; no answer changes."""
        found = opened(path)
        found.compact()
        click.echo(f"{len(found):,} {found.manifest.holds} in {found.stats()['bytes']:,} bytes")

    @click.command()
    @click.argument("path", metavar="PATH")
    @verbose_option
    def verify(path: str, verbose: bool) -> None:
        """Read every byte; name what is damaged, with exit code 1."""
        found = opened(path)
        problems = found.verify()
        if problems:
            raise InputError(f"{path} is damaged: {'; '.join(problems)}; restore it from a copy.")
        click.echo(f"{path} is sound: {found.stats()['bytes']:,} bytes read")

    return [remove, stats, compact, verify]

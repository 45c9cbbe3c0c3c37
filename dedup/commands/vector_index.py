"""``dedup vectors index`` and ``dedup vectors query``: vectors against everything seen before."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

import click

from dedup.commands.options import config_options
from dedup.commands.upkeep import output_option, upkeep, verbose_option
from dedup.index.options import STORES
from dedup.vectors.config import VectorConfig
from dedup.vectors.index.options import OPTIONS, READING_OPTIONS

if TYPE_CHECKING:
    from dedup.vectors.index.index import VectorIndex

_KINDS = ("new", "identical", "near")
_skip_bad = click.option(
    "--skip-bad", is_flag=True, help="Leave out vectors that cannot be compared, and count them."
)


@click.group()
def index() -> None:
    """Keep an index of vectors; dedup vectors query asks it."""


@index.command()
@click.argument("path", metavar="PATH")
@click.argument("sample", nargs=-1, required=True, metavar="SAMPLE...")
@click.option(
    "--store",
    type=click.Choice(STORES),
    default="new",
    show_default=True,
    help="Store the vectors that match nothing before them, or all.",
)
@config_options(OPTIONS, of=VectorConfig)
@verbose_option
def create(path: str, sample: tuple[str, ...], store: str, verbose: bool, **options: Any) -> None:
    """Make an index without vectors; its options are fixed then.

    SAMPLE are files of some thousands of such vectors as will come: their dimension is the index's,
    and the cheapest hash functions are chosen by how alike they are. They are not added.
    """
    from dedup.vectors.index.index import VectorIndex

    given = {name: value for name, value in options.items() if value is not None}
    manifest = VectorIndex.create(path, list(sample), store=store, **given).manifest
    scheme = manifest.scheme
    click.echo(
        f"{path} is made: {scheme.num_tables} tables of {scheme.num_functions} functions, which "
        f"find a pair at the threshold with probability {scheme.recall:.3f}"
    )


@index.command()
@click.argument("path", metavar="PATH")
@click.argument("inputs", nargs=-1, required=True, metavar="INPUT...")
@config_options(READING_OPTIONS, of=VectorConfig)
@_skip_bad
@output_option
@click.option("-q", "--quiet", is_flag=True, help="Print nothing but errors.")
@verbose_option
def add(
    path: str,
    inputs: tuple[str, ...],
    skip_bad: bool,
    output: str | None,
    quiet: bool,
    verbose: bool,
    **names: Any,
) -> None:
    """Add the vectors of INPUT, all or none, and count what is new.

    With -o, a row for each vector: its id, what it is (new, identical or near), the stored vector
    that it matches, and their similarity or distance.
    """
    from dedup.index.table_file import TableFile

    counts: Counter[str | None] = Counter(dict.fromkeys(_KINDS, 0))
    opened = _opened(path)
    found = opened.batches(list(inputs), opened.reading(skip_bad=skip_bad, **names))
    with TableFile(output) as file:
        for table in opened.adding(found):
            counts.update(table["match"].to_pylist())
            file.write(table)
    if not quiet:
        click.echo(f"{'vectors':<12}{counts.total():>12,}")
        for name, count in counts.items():
            click.echo(f"{name or 'left out':<12}{count:>12,}")


@click.command()
@click.argument("path", metavar="PATH")
@click.argument("queries", nargs=-1, required=True, metavar="QUERIES...")
@config_options(READING_OPTIONS, of=VectorConfig)
@click.option(
    "--top",
    type=click.IntRange(1),
    default=10,
    show_default=True,
    metavar="N",
    help="Nearest stored vectors of each.",
)
@click.option(
    "--limit",
    type=click.IntRange(0),
    metavar="C",
    help="Stored vectors to compare a vector with, those that share most buckets; twice the tables "
    "if not given, 0 for all.",
)
@click.option(
    "--probes",
    type=click.IntRange(0),
    default=0,
    show_default=True,
    metavar="N",
    help="Neighbouring buckets of each table that are looked up too, the likeliest first.",
)
@_skip_bad
@output_option
@verbose_option
def query(
    path: str,
    queries: tuple[str, ...],
    top: int,
    limit: int | None,
    probes: int,
    skip_bad: bool,
    output: str | None,
    verbose: bool,
    **names: Any,
) -> None:
    """Print the stored vectors nearest to those of QUERIES, however far; nothing changes."""
    from dedup.index.table_file import TableFile

    opened = _opened(path)
    found = opened.batches(list(queries), opened.reading(skip_bad=skip_bad, **names))
    with TableFile(output or "-") as file:
        for table in opened.querying(found, top, limit, probes):
            file.write(table)


def _opened(path: str) -> VectorIndex:
    from dedup.vectors.index.index import VectorIndex

    return VectorIndex.open(path)


for command in upkeep(_opened):
    index.add_command(command)

"""``dedup index``: what came today against everything seen before."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import click

from dedup.commands.options import config_options
from dedup.commands.upkeep import output_option, upkeep, verbose_option
from dedup.index.options import OPTIONS, READING_OPTIONS, STORES

if TYPE_CHECKING:
    from dedup.index.incoming import Batches
    from dedup.index.index import Index

_PROBLEMS_SHOWN = 5


@click.group()
def index() -> None:
    """Keep an index of documents: what came today against everything seen before."""


@index.command()
@click.argument("path", metavar="PATH")
@click.option(
    "--store",
    type=click.Choice(STORES),
    default="new",
    show_default=True,
    help="Store the documents that match nothing before them, or all, which clusters need.",
)
@config_options(OPTIONS)
@verbose_option
def create(path: str, store: str, verbose: bool, **options: Any) -> None:
    """Make an index without documents; its options are fixed then."""
    from dedup.index.index import Index

    made = Index.create(path, store=store, **_given(options))
    manifest = made.manifest
    click.echo(f"{path} is made: {manifest.bands} bands of {manifest.rows} rows")


@index.command()
@click.argument("path", metavar="PATH")
@click.argument("inputs", nargs=-1, required=True, metavar="INPUT...")
@config_options(READING_OPTIONS)
@output_option
@click.option("-q", "--quiet", is_flag=True, help="Print nothing but errors.")
@verbose_option
def add(
    path: str, inputs: tuple[str, ...], output: str | None, quiet: bool, verbose: bool, **names: Any
) -> None:
    """Add the documents of INPUT, all or none, and count what is new.

    With -o, a row for each document: its id, what it is (new, identical, equal or near), the
    stored document that it matches, and their Jaccard similarity.
    """
    from dedup.index.table_file import TableFile

    counts: Counter[str] = Counter(dict.fromkeys(("new", "identical", "equal", "near"), 0))
    with _reading(path, inputs, names) as (opened, found), TableFile(output) as file:
        for table in opened.adding(found):
            counts.update(table["match"].to_pylist())
            file.write(table)
    if not quiet:
        click.echo(f"{'documents':<12}{counts.total():>12,}")
        for name, count in counts.items():
            click.echo(f"{name:<12}{count:>12,}")


@index.command()
@click.argument("path", metavar="PATH")
@click.argument("inputs", nargs=-1, required=True, metavar="INPUT...")
@config_options(READING_OPTIONS)
@click.option("--top", type=click.IntRange(1), metavar="N", help="Best matches of a document.")
@click.option(
    "--limit",
    type=click.IntRange(1),
    metavar="N",
    help="Stored documents to compare a document with, the first ones; all if not given.",
)
@output_option
@verbose_option
def query(
    path: str,
    inputs: tuple[str, ...],
    top: int | None,
    limit: int | None,
    output: str | None,
    verbose: bool,
    **names: Any,
) -> None:
    """Print the stored documents that the documents of INPUT match; nothing changes."""
    from dedup.index.table_file import TableFile

    with _reading(path, inputs, names) as (opened, found), TableFile(output or "-") as file:
        for table in opened.querying(found, top, limit):
            file.write(table)


@index.command()
@click.argument("path", metavar="PATH")
@click.option(
    "--linkage",
    type=click.Choice(("keeper", "components")),
    default="keeper",
    show_default=True,
    help="Clusters of a keeper and its duplicates, or connected components.",
)
@output_option
@verbose_option
def clusters(path: str, linkage: str, output: str | None, verbose: bool) -> None:
    """Print the clusters of all that was added, in an index that stores all."""
    from dedup.index.table_file import TableFile

    with TableFile(output or "-") as file:
        file.write(_opened(path).clusters(linkage))


def _opened(path: str) -> Index:
    from dedup.index.index import Index

    return Index.open(path)


for command in upkeep(_opened):
    index.add_command(command)


@contextmanager
def _reading(
    path: str, inputs: tuple[str, ...], names: dict[str, Any]
) -> Iterator[tuple[Index, Batches]]:
    """Give the index and the batches of the input; then say what was wrong with them."""
    from dedup.corpus import described_problems
    from dedup.engines.parts import PartRecords
    from dedup.index.incoming import file_batches
    from dedup.io.inputs import discover
    from dedup.jobs.local import temporary_folder
    from dedup.report.cells import printable

    opened = _opened(path)
    files = discover(inputs).files
    records: list[PartRecords] = []
    with temporary_folder(None) as scratch:
        yield opened, file_batches(files, opened.columns(**names), scratch, records)
    problems, counts, _ = described_problems(files, records)
    for problem in problems[:_PROBLEMS_SHOWN]:
        click.echo(f"Warning: {printable(problem)}.", err=True)
    if counts.total() > _PROBLEMS_SHOWN:
        click.echo(f"Warning: {counts.total():,} such problems in all.", err=True)


def _given(options: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in options.items() if value is not None}

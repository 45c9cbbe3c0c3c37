"""``dedup explain``: how alike two documents are, and why they were clustered or not."""

from __future__ import annotations

import json
import os
import shutil
import sys
from pathlib import Path
from typing import Any

import click

from dedup.api import explain as explain_documents
from dedup.commands.options import config_options

OPTIONS = (
    "threshold",
    "measure",
    "ngram",
    "unit",
    "strip_accents",
    "join_words",
    "fold_digits",
    "recall",
    "method",
    "max_hamming",
    "simhash_weights",
    "text_column",
    "extract",
    "seed",
)
"""The options that count for two documents without a run."""


@click.command()
@click.argument("left", metavar="A")
@click.argument("right", metavar="B")
@click.option("--run", "folder", metavar="OUT", help="A and B are ids (or @position) of this run.")
@click.option("--input", "inputs", multiple=True, metavar="INPUT", help="Where its input is now.")
@click.option("--text", "as_text", is_flag=True, help="A and B are the texts themselves.")
@config_options(OPTIONS)
@click.option("--json", "as_json", is_flag=True, help="Print the figures as JSON.")
@click.option("--plain", is_flag=True, help="Print no colours.")
@click.option("-v", "--verbose", is_flag=True, help="Print tracebacks of errors.")
def explain(
    left: str,
    right: str,
    folder: str | None,
    inputs: tuple[str, ...],
    as_text: bool,
    as_json: bool,
    plain: bool,
    verbose: bool,
    **options: Any,
) -> None:
    """Say how alike A and B are, and why a run has them in one cluster or not.

    A and B are files of one document each; with --run, ids of documents; with --text, texts. The
    options that change what is compared are those of the run, or else those given.
    """
    if as_text and folder is not None:
        raise click.UsageError("give --run for ids or --text for texts, not both.")
    if inputs and folder is None:
        raise click.UsageError("--input is where the input of --run is now; give --run, too.")
    given: list[Any] = [left, right]
    if as_text:  # an argument that is no UTF-8 comes with lone surrogates
        given = [os.fsencode(one).decode("utf-8", "replace") for one in given]
    elif folder is None:
        given = [Path(one) for one in given]
    chosen = {name: value for name, value in options.items() if value is not None}
    found = explain_documents(*given, run=folder, inputs=inputs or None, **chosen)
    if as_json:
        click.echo(json.dumps(found.to_dict(), indent=2))
        return
    from dedup.report.explanation_lines import explanation_lines

    colours = not plain and sys.stdout.isatty() and not os.environ.get("NO_COLOR")
    for line in explanation_lines(found, shutil.get_terminal_size().columns, colours=colours):
        click.echo(line, color=colours)

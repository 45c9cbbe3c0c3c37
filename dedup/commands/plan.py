"""``dedup plan``: what a run would find and need."""

from __future__ import annotations

import json
from typing import Any

import click

from dedup.api import plan as plan_files
from dedup.commands.options import config_options
from dedup.config import Config


@click.command()
@click.argument("inputs", nargs=-1, required=True, metavar="INPUT...")
@config_options()
@click.option("--json", "as_json", is_flag=True, help="Print the figures as JSON.")
@click.option("-v", "--verbose", is_flag=True, help="Print tracebacks of errors.")
def plan(inputs: tuple[str, ...], as_json: bool, verbose: bool, **options: Any) -> None:
    """Say what a run over INPUT would find and need, from a sample of it.

    INPUT and options are those of dedup run; standard input cannot be sampled.
    """
    found = plan_files(inputs, Config(**options))
    if as_json:
        click.echo(json.dumps(found, indent=2))
        return
    from dedup.planning.text import print_plan

    print_plan(found)

"""``dedup eval``: a finished run against a truth."""

from __future__ import annotations

import json
from typing import Any

import click

from dedup.api import evaluate
from dedup.report.cells import printable


@click.command("eval")
@click.argument("folder", metavar="OUT")
@click.option("--truth", required=True, metavar="FILE", help="Pairs of duplicates, or labels.")
@click.option("--pairs", metavar="A,B", help="Columns of FILE with the two ids of each pair.")
@click.option("--labels", metavar="ID,LABEL", help="Columns of FILE with ids and cluster labels.")
@click.option("--json", "as_json", is_flag=True, help="Print the figures as JSON.")
@click.option("-v", "--verbose", is_flag=True, help="Print tracebacks of errors.")
def eval_command(
    folder: str, truth: str, pairs: str | None, labels: str | None, as_json: bool, verbose: bool
) -> None:
    """Say how far the run in OUT agrees with a truth.

    FILE is Parquet, Arrow, JSON Lines, CSV or TSV, with a pair of ids or an id and a label in each
    row; columns of common names are found by themselves.
    """
    found = evaluate(folder, truth, pairs=_names(pairs), labels=_names(labels))
    if as_json:
        click.echo(json.dumps(found, indent=2, ensure_ascii=False))
        return
    _print(found)
    for warning in found["warnings"]:
        click.echo(f"Warning: {printable(warning)}.", err=True)


def _names(given: str | None) -> list[str] | None:
    return None if given is None else [name.strip() for name in given.split(",")]


def _print(found: dict[str, Any]) -> None:
    truth = found["truth"]
    click.echo(f"{'documents':<18}{found['documents']:>12,}")
    basis = f"by {truth['kind']} of {printable(truth['name'])}"
    click.echo(f"{'true pairs':<18}{truth['pairs']:>12,}  {basis}")
    click.echo(f"{'':<18}{'precision':>12}{'recall':>10}{'F1':>10}")
    clusters, pairs = found["clusters"], found["pairs"]
    _ratios("in one cluster", clusters, f"{clusters['found']:,} pairs")
    _ratios("in pairs.parquet", pairs, f"{pairs['found']:,} pairs")
    _ratios("B-cubed", found["b_cubed"])
    click.echo(f"{'adjusted Rand':<18}{found['adjusted_rand_index']:>12.4f}")
    where = {"clusters": "in one cluster", "pairs": "in pairs.parquet"}[found["by_similarity_of"]]
    click.echo(f"{found['measure']:<18}{'right':>12}{'wrong':>10}{'missed':>10}  {where}")
    for band in found["by_similarity"]:
        name = "not measured" if band["low"] is None else f"{band['low']:.2f}-{band['high']:.2f}"
        if band["low"] == 1:
            name = "1.00"
        counts = (band[kind] for kind in ("right", "wrong", "missed"))
        click.echo(f"{'  ' + name:<18}" + "{:>12,}{:>10,}{:>10,}".format(*counts))
    click.echo("documents, as text-dedup counts them")
    for name, value in found["text_dedup"].items():
        click.echo(f"  {name.replace('_', ' '):<28}{value:.4f}")


def _ratios(name: str, ratios: dict[str, Any], note: str = "") -> None:
    values = (ratios["precision"], ratios["recall"], ratios["f1"])
    texts = ["" if value is None else f"{value:.4f}" for value in values]
    click.echo(f"{name:<18}{texts[0]:>12}{texts[1]:>10}{texts[2]:>10}  {note}".rstrip())

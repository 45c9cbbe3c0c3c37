"""The plan on the terminal: a line for each figure, and the S-curve as bars."""

from __future__ import annotations

from typing import Any

import click

_BAR = 40


def print_plan(plan: dict[str, Any]) -> None:
    """Print a plan, each figure with its limits and its basis."""
    _line("documents", *_count(plan["documents"]))
    _line("tokens", *_count(plan["tokens"]))
    share = plan["duplicate_share"]
    note = _limits(share, "{:.1%}")
    value = "not told" if share["value"] is None else f"{share['value']:.1%}"
    _line("duplicates", value, note, share["basis"])
    seconds, memory, disk = plan["seconds"], plan["memory_bytes"], plan["disk_bytes"]
    _line("time", f"{seconds['value']:,.1f} s", "", seconds["basis"])
    _line("memory", f"{memory['value'] / 1e6:,.0f} MB", "", memory["basis"])
    _line("disk", f"{disk['value'] / 1e6:,.0f} MB", "", disk["basis"])
    join = plan["join"]
    if join is not None:
        cost = f"{join['seconds']['value']:,.1f} s of the time"
        _line("exact join", f"{join['pairs']:,} pairs", cost, join["seconds"]["basis"])
    banding = plan["banding"]
    if banding is None:
        return
    of = f"{banding['bands']} of {banding['rows']} rows"
    _line("bands", of, "", banding["basis"])
    click.echo("a pair of Jaccard similarity ... is compared with probability")
    for jaccard, probability in banding["curve"]:
        bar = "#" * round(_BAR * probability)
        click.echo(f"  {jaccard:<8.4g}{probability:>8.4f}  {bar}".rstrip())


def _count(figure: dict[str, Any]) -> tuple[str, str, str]:
    return f"{figure['value']:,}", _limits(figure, "{:,}"), figure["basis"]


def _limits(figure: dict[str, Any], form: str) -> str:
    if figure["low"] == figure["high"]:
        return ""
    return f"{form.format(figure['low'])} to {form.format(figure['high'])}"


def _line(name: str, value: str, limits: str, basis: str) -> None:
    note = "; ".join(part for part in (limits, basis) if part)
    click.echo(f"{name:<12}{value:>18}  {note}")

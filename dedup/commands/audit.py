"""``dedup audit``: a run's recall, measured on its own corpus."""

from __future__ import annotations

import json
from typing import Any

import click

from dedup.jobs.auditing import MOST
from dedup.jobs.auditing import audit as audit_folder
from dedup.report.cells import fitted, printable

_SHOWN = 10
_ID_CELLS = 100


@click.command()
@click.argument("folder", metavar="OUT")
@click.argument("inputs", nargs=-1, metavar="[INPUT...]")
@click.option("--seed", type=click.INT, default=0, show_default=True, help="Seed of the sample.")
@click.option(
    "--most",
    type=click.IntRange(1),
    default=MOST,
    show_default=True,
    help="Documents to compare with all others at most.",
)
@click.option("--json", "as_json", is_flag=True, help="Print the figures as JSON.")
@click.option("-v", "--verbose", is_flag=True, help="Print tracebacks of errors.")
def audit(
    folder: str, inputs: tuple[str, ...], seed: int, most: int, as_json: bool, verbose: bool
) -> None:
    """Measure what the run in OUT found of the pairs at its threshold.

    Documents drawn at random are compared exactly with all others. INPUT is that of the run; a run
    with --keep-evidence needs none.
    """
    found = audit_folder(folder, inputs, seed=seed, most=most)
    if as_json:
        click.echo(json.dumps(found, indent=2, ensure_ascii=False))
        return
    _print(found)


def _print(found: dict[str, Any]) -> None:
    pairs = found["pairs"]
    about = "" if pairs["are_counted"] else "about "
    sets = "sets" if found["measured"] == "jaccard" else "vectors"
    of = f"documents of {found['distinct_sets']:,} with different {sets}"
    click.echo(f"{'compared':<18}{found['compared']:>12,}  {of}, with all others")
    for name in ("found", "missed"):
        note = f"pairs, {pairs['copies']:,.0f} of equal {sets}" if name == "found" else "pairs"
        click.echo(f"{name:<18}{about + format(pairs[name], ',.0f'):>12}  {note}")
    _share("recall", found["recall"])
    _share(f"  of unlike {sets}", found["recall_of_unlike"])
    _share("left", found["left"], "pairs missed, and both documents kept")
    if found["half_width"] > found["target"]:
        click.echo(
            f"Warning: the limits are {found['half_width']:.3f} to each side, more than "
            f"{found['target']:g}: too few pairs were seen; raise --most.",
            err=True,
        )
    if found["refused_by_check"]:
        click.echo(
            f"Warning: {found['refused_by_check']:,} pairs were refused by the run's own check, "
            "and count as missed.",
            err=True,
        )
    missed = found["missed_pairs"]
    if missed:
        click.echo(
            f"missed pairs of different {sets}, {min(_SHOWN, len(missed))} of {len(missed):,} seen:"
        )
    for row in missed[:_SHOWN]:
        note = "both kept" if row["both_kept"] else "one removed for another"
        # Ids come from the web: one may hold what moves or recolours a terminal.
        left, right = (
            fitted(printable(str(row[f"{side}_id"])), _ID_CELLS) for side in ("left", "right")
        )
        click.echo(f"  {row[found['measured']]:.4f}  {left}  {right}  {note}")


def _share(name: str, share: dict[str, float] | None, note: str = "") -> None:
    if share is None:
        click.echo(f"{name:<18}{'no pair':>12}")
        return
    is_known = share["low"] == share["high"]
    limits = "counted" if is_known else f"{share['low']:.4f} to {share['high']:.4f}"
    notes = "; ".join(part for part in (limits, note) if part)
    click.echo(f"{name:<18}{share['value']:>12.4f}  {notes}")

"""The command: parse, one public call, print.

Options come from `dedup.config.Config`; nothing heavy is imported before a command runs.
"""

from __future__ import annotations

import json
import os
import sys
import traceback
from collections.abc import Callable, Sequence
from dataclasses import Field, fields
from fractions import Fraction
from typing import Any

import click

from dedup.api import plan as plan_files
from dedup.api import run as run_files
from dedup.config import Config
from dedup.errors import DedupError
from dedup.jobs.filtering import filter_files
from dedup.jobs.reclustering import OPTIONS as RECLUSTER_OPTIONS
from dedup.jobs.reclustering import recluster
from dedup.version import __version__

_ABORTED = 130


def _config_options(
    names: Sequence[str] | None = None,
) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Add an option for each field of Config: its name, default, help and checks are there.

    Parameters
    ----------
    names : only these, without a default: what is not given stays as it is.
    """

    def decorate(command: Callable[..., None]) -> Callable[..., None]:
        for option in reversed(fields(Config)):
            if names is None:
                command = _config_option(option, option.default)(command)
            elif option.name in names:
                command = _config_option(option, None)(command)
        return command

    return decorate


def _config_option(option: Field[Any], default: Any) -> Callable[..., Any]:
    name = "--" + option.name.replace("_", "-")
    choices = option.metadata["choices"]
    help_ = option.metadata["help"]
    if isinstance(option.default, bool):
        return click.option(name, is_flag=True, default=default, help=help_)
    return click.option(
        name,
        type=click.Choice(choices) if choices else _TYPES.get(str(option.type), click.STRING),
        default=str(float(default)) if isinstance(default, Fraction) else default,
        show_default=default is not None,
        metavar=option.metadata["metavar"] or None,
        help=help_,
    )


_TYPES: dict[str, click.ParamType[Any]] = {
    "int": click.INT,
    "int | None": click.INT,
    "float": click.FLOAT,
    "float | None": click.FLOAT,
}


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__, prog_name="dedup")
def cli() -> None:
    """Find near-duplicate documents: every pair verified, clustered, and explained."""


@cli.command()
@click.argument("inputs", nargs=-1, required=True, metavar="INPUT...")
@click.option("-o", "--output", metavar="DIR", help="Folder for the results.")
@_config_options()
@click.option("--kept", metavar="DIR", help="Write the input without what is removed.")
@click.option("--removed", metavar="DIR", help="Write what is removed.")
@click.option("--annotated", metavar="DIR", help="Write the input with the decisions added.")
@click.option("--keep-evidence", is_flag=True, help="Keep sets, band keys and rejected pairs.")
@click.option("--overwrite", is_flag=True, help="Replace the results of an earlier run.")
@click.option("--scratch", metavar="DIR", help="Folder for temporary files, not beside the output.")
@click.option("--restart", is_flag=True, help="Begin anew what an earlier run has left unfinished.")
@click.option("--dry-run", is_flag=True, help="Print what would be found; write nothing.")
@click.option("-q", "--quiet", is_flag=True, help="Print nothing but errors.")
@click.option("-v", "--verbose", is_flag=True, help="Print every stage, and tracebacks of errors.")
def run(
    inputs: tuple[str, ...],
    output: str | None,
    kept: str | None,
    removed: str | None,
    annotated: str | None,
    keep_evidence: bool,
    overwrite: bool,
    scratch: str | None,
    restart: bool,
    dry_run: bool,
    quiet: bool,
    verbose: bool,
    **options: Any,
) -> None:
    """Find the near-duplicates of INPUT and write clusters, pairs and a summary.

    INPUT are files, folders or globs: Parquet, Arrow, JSON Lines, CSV, TSV, text files and WARC,
    also compressed; - is standard input as JSON Lines.
    """
    if output is None and not dry_run:
        raise click.UsageError("give a folder for the results with -o, or --dry-run.")
    from dedup.terminal import ProgressBar, print_summary, show_log

    if verbose:
        show_log()
    with ProgressBar(enabled=not quiet and sys.stderr.isatty()) as bar:
        result = run_files(
            inputs,
            None if dry_run else output,
            Config(**options),
            kept=kept,
            removed=removed,
            annotated=annotated,
            keep_evidence=keep_evidence,
            overwrite=overwrite,
            scratch=scratch,
            restart=restart,
            progress=bar.update,
        )
    if not quiet:
        print_summary(result.summary, None if dry_run else output, verbose=verbose)


@cli.command("recluster")
@click.argument("folder", metavar="OUT")
@click.option("-o", "--output", metavar="DIR", help="Folder for the results; OUT if not given.")
@_config_options(RECLUSTER_OPTIONS)
@click.option("--overwrite", is_flag=True, help="Replace the results of an earlier run in DIR.")
@click.option("-q", "--quiet", is_flag=True, help="Print nothing but errors.")
@click.option("-v", "--verbose", is_flag=True, help="Print every stage, and tracebacks of errors.")
def recluster_command(
    folder: str, output: str | None, overwrite: bool, quiet: bool, verbose: bool, **options: Any
) -> None:
    """Decide again by other options, from what a run with --keep-evidence left in OUT.

    The input is not read again. Options that are not given stay as in that run; the threshold may
    be raised, not lowered.
    """
    given = {name: value for name, value in options.items() if value is not None}
    result = recluster(folder, output, overwrite=overwrite, **given)
    if not quiet:
        from dedup.terminal import print_summary

        print_summary(result.summary, output or folder, verbose=verbose)


@cli.command("filter")
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
            click.echo(f"{kind:<18}{count:>12,}  in {kept if kind == 'kept' else removed}")


@cli.command()
@click.argument("inputs", nargs=-1, required=True, metavar="INPUT...")
@_config_options()
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


def main() -> None:
    """Run the command; exit 0 done, 1 an error with one sentence, 2 usage, 130 interrupted."""
    try:
        cli.main(standalone_mode=False)
        sys.stdout.flush()
        sys.stderr.flush()
        # The results are there: to free all arrays first would take a tenth of the time.
        os._exit(0)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except DedupError as error:
        if {"-v", "--verbose"} & set(sys.argv):
            traceback.print_exc()
        click.echo(f"Error: {error}", err=True)
        _echo_notes(error)
        sys.exit(1)
    except (click.Abort, KeyboardInterrupt) as error:
        click.echo("Interrupted: nothing was written.", err=True)
        _echo_notes(error)
        if error.__cause__ is not None:  # click's own error hides the interrupt
            _echo_notes(error.__cause__)
        sys.exit(_ABORTED)
    except BrokenPipeError:
        sys.exit(1)


def _echo_notes(error: BaseException) -> None:
    """Print what is known beside an error, such as what can be continued."""
    for note in getattr(error, "__notes__", ()):
        click.echo(note[:1].upper() + note[1:], err=True)

"""The command line: its commands, and how errors become one sentence and an exit code.

Nothing heavy is imported before a command runs.
"""

from __future__ import annotations

import os
import sys
import traceback

import click

from dedup.commands.audit import audit
from dedup.commands.eval import eval_command
from dedup.commands.explain import explain
from dedup.commands.filter import filter_command
from dedup.commands.index import index
from dedup.commands.plan import plan
from dedup.commands.recluster import recluster
from dedup.commands.report import report
from dedup.commands.run import run
from dedup.commands.serve import serve
from dedup.commands.show import show
from dedup.commands.vector_index import index as vector_index
from dedup.commands.vector_index import query as vector_query
from dedup.commands.vectors import vectors
from dedup.errors import DedupError
from dedup.version import __version__

_ABORTED = 130


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__, prog_name="dedup")
def cli() -> None:
    """Find near-duplicate documents: every pair verified, clustered, and explained."""


for command in (
    run,
    recluster,
    filter_command,
    plan,
    show,
    explain,
    report,
    eval_command,
    audit,
    index,
    serve,
    vectors,
):
    cli.add_command(command)
vectors.add_command(vector_index)
vectors.add_command(vector_query)


def main() -> None:
    """Run the command.

    Exit code: 0 done, 1 an error with one sentence, 2 usage, 3 done but for what of the input could
    not be read, 130 interrupted.
    """
    try:
        code = cli.main(standalone_mode=False) or 0
        sys.stdout.flush()
        sys.stderr.flush()
        # The results are there: to free all arrays first would take a tenth of the time.
        os._exit(code)
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

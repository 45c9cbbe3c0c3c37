"""A report of a run, from the folder that it left.

Light at import.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path

from dedup.errors import MissingExtraError, OutputExistsError
from dedup.io.inputs import InputFile, discover
from dedup.io.places import local_folder
from dedup.resources.failures import in_one_sentence

REPORT_FILE = "report.html"


def write_report(
    folder: str | os.PathLike[str],
    inputs: Sequence[str | os.PathLike[str]] = (),
    *,
    output: str | os.PathLike[str] | None = None,
    no_text: bool = False,
    overwrite: bool = False,
) -> Path:
    """Write what a run found as one HTML file, to be opened offline.

    Parameters
    ----------
    folder : the output of a run.
    inputs : the arguments of the run, in its order, where its files have moved, or lie in a store
        that wants credentials.
    output : the file to write; ``report.html`` in `folder` if not given, replaced if there.
    no_text : show no document's words. Ids, URLs, hosts and names of files stay.
    overwrite : replace an `output` that is there.

    Returns
    -------
    The path of the report.

    Raises
    ------
    InputError : no run has written the folder.
    MissingExtraError : the extra ``report`` is not installed.
    OutputExistsError : the file is there, and not to be replaced.
    """
    path = local_folder(folder)
    target = Path(output) if output is not None else path / REPORT_FILE
    if output is not None and os.path.lexists(target) and not overwrite:
        raise OutputExistsError(
            f"report {target} is already there; give another file, or --overwrite."
        )
    require_extra()
    write_page(path, discover(inputs).files if inputs else (), target, no_text=no_text)
    return target


def write_page(
    folder: str | os.PathLike[str],
    files: Sequence[InputFile],
    place: str | os.PathLike[str],
    *,
    no_text: bool = False,
) -> None:
    """Write the report of a run; see `dedup.report.build.report_of`. It is whole, or not there."""
    from dedup.report.build import report_of

    page, target = report_of(folder, files, no_text=no_text), Path(place)
    stage = target.with_name(f".{target.name}.{os.getpid()}.partial")
    with in_one_sentence([target.parent]):
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            stage.write_text(page, encoding="utf-8", newline="\n")
            os.replace(stage, target)
        finally:
            stage.unlink(missing_ok=True)


def require_extra() -> None:
    """Raise MissingExtraError unless the extra ``report`` is installed."""
    for module in ("jinja2", "plotly"):
        if find_spec(module) is None:
            raise MissingExtraError(
                f"a report needs the extra 'report' ({module} is missing); "
                "install it with: pip install 'dedup-lsh[report]'"
            )

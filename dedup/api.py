"""The public functions: find, drop, run from files to a folder, and plan a run.

Light at import, as all that runs before the workers are started.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

from dedup.config import Config
from dedup.errors import ConfigError, InputError
from dedup.io.inputs import STDIN, InputFile, Inputs, discover
from dedup.jobs.local import (
    PathLike,
    Progress,
    Run,
    find_all,
    limits_for,
    started_pool,
    temporary_folder,
)
from dedup.jobs.run import run
from dedup.jobs.sources import Fingerprint
from dedup.resources.failures import in_one_sentence

if TYPE_CHECKING:
    import pyarrow as pa

    from dedup.check import Check
    from dedup.output.result import Result
    from dedup.report.explanation import Explanation

__all__ = [
    "drop_duplicates",
    "evaluate",
    "explain",
    "find_duplicates",
    "make_config",
    "plan",
    "run",
]


def find_duplicates(
    data: Any,
    *,
    text: str = Config.text_column,
    id: str | None = Config.id_column,
    progress: Progress | None = None,
    check: Check | None = None,
    **options: Any,
) -> Result:
    """Find the near-duplicates among documents.

    Parameters
    ----------
    data : a pyarrow Table, RecordBatch, RecordBatchReader or Dataset, anything with
        ``__arrow_c_stream__`` (polars, pandas, DuckDB), or paths: one or a list of files, folders,
        globs.
    text, id : columns of the text and of the ids; several texts as ``"title,body"``, a nested
        field as ``"page.text"``. Lists of strings or integers are your own tokens.
        The id defaults to a column ``id``, else to positions.
    progress : called with bytes done and bytes in all.
    check : a function that looks at verified pairs as well, and may reject them; see `dedup.Check`.
    **options : the fields of `Config`, such as ``threshold=0.8``.

    Raises
    ------
    ConfigError, InputError : each says what is wrong and what would mend it.
    """
    config = make_config(text=text, id=id, **options)
    with ExitStack() as stack:
        folder = stack.enter_context(temporary_folder(None))
        stack.enter_context(in_one_sentence([folder]))
        paths = _paths(data)
        if paths is not None:
            found = discover(paths)
            if any(file.path == STDIN for file in found.files):
                raise InputError("standard input is for the command; give a path or a table here.")
        else:
            found = _stored(data, config, folder, check)
        limits = limits_for(found, config)
        pool = stack.enter_context(started_pool(limits))
        before = Fingerprint.of_all(found.files, lenient=config.skip_bad_files)
        work = Run(found, before, config, limits, pool, folder, check=check)
        return find_all(work, progress)


def drop_duplicates(data: Any, **options: Any) -> pa.Table:
    """Return the documents that are kept, as a pyarrow Table in their own order.

    Parameters
    ----------
    data : as for `find_duplicates`, but not paths: those are filtered file by file, by `run`.
    **options : as for `find_duplicates`.
    """
    import pyarrow as pa

    if _paths(data) is not None:
        raise InputError("drop_duplicates takes a table; for files use dedup.run(..., kept=DIR).")
    table = _as_table(data)
    result = find_duplicates(table, **options)
    return _filtered(table, pa.array(~result.decisions.removed))


def plan(inputs: Sequence[PathLike], config: Config) -> dict[str, Any]:
    """Say what a run over the files would find and need, from a sample of them.

    Returns
    -------
    JSON values: ``documents``, ``tokens``, ``text_bytes``, ``shingles`` and ``duplicate_share``
    (value, low, high), ``banding`` with its S-curve, ``seconds``, ``memory_bytes`` and
    ``disk_bytes``, each with its ``basis``. Input of up to 8 MB is read whole, and its figures are
    counts.

    Raises
    ------
    ConfigError, InputError : as for `run`; standard input cannot be sampled.
    """
    found = discover(inputs)
    if any(file.path == STDIN for file in found.files):
        raise InputError("standard input can be read only once; give files to plan for.")
    from dedup.planning.plan import plan_files

    with temporary_folder(None) as folder:
        return plan_files(found.files, config, folder)


def evaluate(
    folder: PathLike,
    truth: Any,
    *,
    pairs: Sequence[str] | None = None,
    labels: Sequence[str] | None = None,
) -> dict[str, Any]:
    """Say how far a run agrees with a truth.

    A truth of *labels* says of each of its documents to which cluster it belongs; documents of the
    run that it does not name are left out. A truth of *pairs* names all pairs of duplicates among
    all documents of the run; its clusters are the connected components of its pairs.

    Parameters
    ----------
    folder : the output of a run.
    truth : a file (Parquet, Arrow, JSON Lines, CSV, TSV) or a table, with two columns of ids, or
        one of ids and one of labels. Ids of different types are compared as text.
    pairs, labels : the names of these two columns, where they cannot be told.

    Returns
    -------
    JSON values. ``clusters``: a pair is found where both documents lie in one cluster. ``pairs``: a
    pair is found where `pairs.parquet` has it; its recall is None where the run wrote only the
    pairs that decided. ``adjusted_rand_index`` and ``b_cubed`` compare the clusters.
    ``by_similarity``: right, wrong and missed pairs by the run's measure, for ``by_similarity_of``:
    ``pairs`` where all were written, else ``clusters``. ``text_dedup``: see
    `dedup.evaluation.agreement.document_classes`.

    Raises
    ------
    InputError : there is no such run, the truth cannot be read, or it contradicts itself.
    ConfigError : `pairs` or `labels` make no sense.
    """
    from dedup.evaluation.evaluate import evaluate_folder

    is_path = isinstance(truth, str | os.PathLike)
    return evaluate_folder(
        folder, truth if is_path else _as_table(truth), pairs=pairs, labels=labels
    )


def explain(
    left: Any,
    right: Any,
    *,
    run: PathLike | None = None,
    inputs: Sequence[PathLike] | None = None,
    **options: Any,
) -> Explanation:
    """Say how alike two documents are, and why a run has them in one cluster or not.

    Parameters
    ----------
    left, right : with `run` two ids, or ``"@7"`` for the document at position 7. Else two texts (or
        lists of tokens), or paths (`pathlib.Path`) of files of one document each.
    run : the output folder of a run. Its evidence is used where there is any, and its input is
        read again, for the difference, where it is unchanged.
    inputs : the arguments of that run, where its files lie elsewhere now.
    **options : the fields of `Config`; with `run` they are the run's.

    Raises
    ------
    ConfigError : options are given with `run`.
    InputError : no document has the id, or several have; a text cannot be had.
    """
    from dedup.report.explanation import explain_run, explain_texts

    if run is None:
        return explain_texts(left, right, make_config(**options))
    if options:
        raise ConfigError(
            f"{next(iter(options))} is given with run, which has options of its own; leave it out."
        )
    return explain_run(run, left, right, inputs)


def make_config(*, text: str | None = None, id: str | None = None, **options: Any) -> Config:
    """Return the Config of keyword options; an unknown one is a ConfigError."""
    unknown = sorted(set(options) - set(Config.names()))
    if unknown:
        raise ConfigError(
            f"there is no option {unknown[0]!r}; the options are {', '.join(Config.names())}."
        )
    if text is not None:
        options.setdefault("text_column", text)
    if id is not None:
        options.setdefault("id_column", id)
    return Config(**options)


def _paths(data: Any) -> list[PathLike] | None:
    """Return the paths that `data` names, None where it is a table."""
    if isinstance(data, (str, os.PathLike)):
        return [data]
    if isinstance(data, (list, tuple)) and all(isinstance(p, (str, os.PathLike)) for p in data):
        return list(data)
    return None


def _stored(data: Any, config: Config, scratch: str, check: Check | None) -> Inputs:
    """Write the needed columns of a table to scratch, where workers memory-map them."""
    from dedup.io.arrow import stored
    from dedup.io.columns import Selection
    from dedup.pipeline import needed_columns

    batches, schema = _as_batches(data)
    file = InputFile(0, 0, "", "table", "arrow")
    selection = Selection(schema, needed_columns(config, check.columns if check else ()), file)
    names = list(dict.fromkeys(path[0] for path in selection.paths()))
    chosen = schema.empty_table().select(names).schema
    path = os.path.join(scratch, "table.arrow")
    return Inputs([stored((b.select(names) for b in batches), chosen, path, "table")], Counter())


def _as_batches(data: Any) -> tuple[Iterator[pa.RecordBatch], pa.Schema]:
    """Return the record batches of anything tabular, and their schema."""
    import pyarrow as pa
    import pyarrow.dataset as ds

    if isinstance(data, ds.Dataset):
        return data.to_batches(), data.schema
    if isinstance(data, pa.RecordBatch):
        return iter([data]), data.schema
    if isinstance(data, pa.Table):
        return iter(data.to_batches()), data.schema
    if isinstance(data, pa.RecordBatchReader) or hasattr(data, "__arrow_c_stream__"):
        reader = pa.RecordBatchReader.from_stream(data)
        return iter(reader), reader.schema
    if hasattr(data, "fetch_record_batch"):  # a DuckDB relation older than the C stream
        reader = data.fetch_record_batch()
        return iter(reader), reader.schema
    raise InputError(
        f"{type(data).__name__} is no input; give a pyarrow Table, RecordBatchReader or Dataset, "
        "an object with __arrow_c_stream__, or paths."
    )


def _as_table(data: Any) -> pa.Table:
    import pyarrow as pa

    if isinstance(data, pa.Table):
        return data
    batches, schema = _as_batches(data)
    return pa.Table.from_batches(batches, schema)


def _filtered(table: pa.Table, mask: pa.BooleanArray) -> pa.Table:
    """Return the chosen rows; Arrow can't yet choose among views, so these go by way of a copy."""
    import pyarrow as pa

    views = {"string_view": pa.large_string(), "binary_view": pa.large_binary()}
    plain = [field.with_type(views.get(str(field.type), field.type)) for field in table.schema]
    return table.cast(pa.schema(plain)).filter(mask).cast(table.schema)

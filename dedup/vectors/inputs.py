"""What an input of vectors is: its files, and the columns to read of them, checked."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.types as pt
from numpy.typing import NDArray

from dedup.errors import InputError
from dedup.io.inputs import InputFile
from dedup.keeper import policy_column
from dedup.vectors.config import VectorConfig

_SUFFIXES = (".parquet", ".pq", ".arrow", ".feather", ".npy")
_SHOWN = 20


def files_of(paths: Sequence[str | os.PathLike[str]]) -> list[InputFile]:
    """Return files of vectors as the input of a run."""
    return [
        InputFile(
            number,
            number,
            os.fspath(path),
            Path(path).name,
            "vectors",
            size=os.stat(path).st_size if os.path.exists(path) else 0,
        )
        for number, path in enumerate(paths)
    ]


def paths_in(data: Any) -> list[Any] | None:
    """Return the paths that an input consists of; None for one in memory."""
    if isinstance(data, str | os.PathLike):
        return [data]
    is_list = isinstance(data, list | tuple) and len(data) > 0
    if is_list and all(isinstance(path, str | os.PathLike) for path in data):
        return list(data)
    return None


def check_path(path: Path) -> None:
    """Raise InputError where there is no file of vectors."""
    if path.suffix not in _SUFFIXES:
        raise InputError(f"{path} is no file of vectors; give one of {', '.join(_SUFFIXES)}.")
    if not path.is_file():
        raise InputError(f"there is no file {path}; check the path.")


@contextmanager
def readable(path: Path) -> Iterator[None]:
    """Raise InputError for whatever reading a file fails by."""
    try:
        yield
    except (OSError, ValueError, pa.ArrowInvalid) as error:
        if isinstance(error, InputError):
            raise
        raise InputError(f"{path} cannot be read ({error}); check that it is whole.") from error


def check_array(array: NDArray[Any], name: str, config: VectorConfig, more: Sequence[str]) -> None:
    """Raise InputError where an array is none of vectors, or columns are wanted."""
    if array.ndim != 2 or array.dtype.kind not in "fiu" or not array.shape[1]:
        raise InputError(
            f"{name} has shape {array.shape} of {array.dtype}; give numbers in two dimensions, "
            "a row for each vector."
        )
    for wanted in (config.id_column, policy_column(config.keep), *more):
        if wanted is not None:
            raise InputError(f"{name} has no column {wanted!r}; give a table, or leave it out.")


def wanted_columns(
    schema: pa.Schema, name: str, config: VectorConfig, more: Sequence[str]
) -> list[str]:
    """Return the names of the columns to read.

    Raises
    ------
    InputError : one is not there, or holds no vectors.
    """
    wanted = [config.vector, policy_column(config.keep), config.id_column, *more]
    for column in wanted:
        if column is not None and column not in schema.names:
            raise InputError(
                f"{name} has no column {column!r}, but {', '.join(schema.names[:_SHOWN])}; "
                "name one of these."
            )
    if config.id_column is None and "id" in schema.names:
        wanted.append("id")
    kind = schema.field(config.vector).type
    is_list = pt.is_list(kind) or pt.is_large_list(kind) or pt.is_fixed_size_list(kind)
    if not is_list or not (pt.is_floating(kind.value_type) or pt.is_integer(kind.value_type)):
        raise InputError(
            f"the column {config.vector!r} of {name} is of type {kind}; give lists of numbers, "
            "of one size."
        )
    return list(dict.fromkeys(column for column in wanted if column is not None))

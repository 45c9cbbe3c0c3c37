"""Vectors from numpy arrays, Arrow tables, Parquet and Arrow files, and ``.npy``."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.ipc as ipc
import pyarrow.parquet as pq
import pyarrow.types as pt
from numpy.typing import NDArray

from dedup.errors import InputError
from dedup.io.inputs import InputFile
from dedup.io.parquet import BUFFER_BYTES
from dedup.io.values import join_tables
from dedup.keeper import policy_column
from dedup.text.hashing import Int64Array
from dedup.vectors.config import VectorConfig
from dedup.vectors.corpus import MIXED, NULL, VectorCorpus, checked, digests_of
from dedup.vectors.lists import floats, matrix_of

_RELEASED_BYTES = 1 << 26
_SUFFIXES = (".parquet", ".pq", ".arrow", ".feather", ".npy")


@dataclass
class _Source:
    """One file or table: its vectors, and the columns beside them."""

    name: str
    vectors: list[NDArray[Any]] = field(default_factory=list)
    columns: list[pa.Table] = field(default_factory=list)
    null: list[Int64Array] = field(default_factory=list)
    mixed: list[Int64Array] = field(default_factory=list)
    rows: int = 0

    def taken(self) -> list[NDArray[Any]]:
        """Hand the vectors over, and hold them no longer."""
        vectors, self.vectors = self.vectors, []
        return vectors


def read_vectors(data: Any, config: VectorConfig, more: Sequence[str] = ()) -> VectorCorpus:
    """Read vectors.

    Parameters
    ----------
    data : a numpy array of shape (vectors, dim), a pyarrow Table or anything with
        ``__arrow_c_stream__``, or paths: one or a list of Parquet, Arrow and ``.npy`` files.
    more : further columns that are wanted.

    Raises
    ------
    InputError : there are none, or some cannot be compared and `skip_bad` is not set.
    """
    paths = paths_in(data)
    dim: list[int] = []
    if paths is None:
        sources = [_of_memory(data, config, dim, more)]
    else:
        sources = [_of_file(Path(path), config, dim, more) for path in paths]
    values = _joined([piece for source in sources for piece in source.taken() if len(piece)])
    offsets = np.concatenate([[0], np.cumsum([source.rows for source in sources])])
    bad = {
        reason: np.concatenate(
            [
                np.zeros(0, np.int64),
                *(
                    rows + first
                    for source, first in zip(sources, offsets.tolist(), strict=False)
                    for rows in getattr(source, name)
                ),
            ]
        )
        for reason, name in ((NULL, "null"), (MIXED, "mixed"))
    }
    norms, is_good, reasons = checked(values, bad, config.measure, skip_bad=config.skip_bad)
    files = [InputFile(0, 0, sources[0].name, sources[0].name, "vectors")]
    return VectorCorpus(
        files=files if paths is None else files_of(paths),
        file_offsets=offsets,
        text_digests=digests_of(values),
        columns=_columns(sources, len(values)),
        values=values,
        norms=norms,
        is_good=is_good,
        bad=reasons,
        has_ids=any("doc_id" in one.columns[0].column_names for one in sources if one.columns),
    )


def _joined(pieces: list[NDArray[Any]]) -> NDArray[Any]:
    """Put the pieces together; each is let go when it is copied, so that they take memory once.

    A single one is taken as it is: a mapped file, and no memory, where that was one.
    """
    if not pieces:
        raise InputError("the input holds no vector; give a table, an array or files of some.")
    if len(pieces) == 1 and pieces[0].flags.c_contiguous and pieces[0].flags.writeable:
        return np.asarray(pieces[0])
    kind = np.float64 if any(piece.dtype == np.float64 for piece in pieces) else np.float32
    values = np.empty((sum(map(len, pieces)), pieces[0].shape[1]), kind)
    stop, pool = len(values), _Pool()
    while pieces:
        start = stop - len(pieces[-1])
        values[start:stop] = pieces.pop()
        pool.used(values[start:stop].nbytes)
        stop = start
    return values


class _Pool:
    """Arrow's memory, which it would keep for itself when it is free: as much again, and more."""

    def __init__(self) -> None:
        self._bytes = 0

    def used(self, num_bytes: int) -> None:
        """Give back what is free, after so many bytes more now and then."""
        self._bytes += num_bytes
        if self._bytes >= _RELEASED_BYTES:
            self._bytes = 0
            pa.default_memory_pool().release_unused()


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


def _of_memory(data: Any, config: VectorConfig, dim: list[int], more: Sequence[str]) -> _Source:
    if isinstance(data, np.ndarray):  # of which bad vectors are zeroed: not in the user's own
        return _of_array(data.copy(), "array", config, dim, more)
    if isinstance(data, pa.RecordBatch):
        data = pa.Table.from_batches([data])
    if not isinstance(data, pa.Table):
        if not hasattr(data, "__arrow_c_stream__"):
            raise InputError(
                f"{type(data).__name__} holds no vectors; give a numpy array, a pyarrow Table, "
                "an object with __arrow_c_stream__, or paths."
            )
        data = pa.RecordBatchReader.from_stream(data).read_all()
    return _of_batches(data.to_batches(), data.schema, "table", config, dim, more)


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


def _of_file(path: Path, config: VectorConfig, dim: list[int], more: Sequence[str]) -> _Source:
    check_path(path)
    with readable(path):
        if path.suffix == ".npy":
            # Mapped, and what is changed of it goes to memory, not to the file.
            array = np.load(path, mmap_mode="c", allow_pickle=False)
            return _of_array(array, path.name, config, dim, more)
        if path.suffix in (".parquet", ".pq"):
            with pq.ParquetFile(path, buffer_size=BUFFER_BYTES, pre_buffer=False) as file:
                names = wanted_columns(file.schema_arrow, path.name, config, more)
                batches = file.iter_batches(columns=names)
                return _of_batches(batches, file.schema_arrow, path.name, config, dim, more)
        with ipc.open_file(path) as reader:
            found = (reader.get_batch(number) for number in range(reader.num_record_batches))
            return _of_batches(found, reader.schema, path.name, config, dim, more)


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


def _of_array(
    array: NDArray[Any], name: str, config: VectorConfig, dim: list[int], more: Sequence[str]
) -> _Source:
    check_array(array, name, config, more)
    source = _Source(name, rows=len(array))
    _check_dim(array.shape[1], dim, name)
    source.vectors.append(floats(array))
    return source


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


_SHOWN = 20


def _of_batches(
    batches: Iterator[pa.RecordBatch] | Sequence[pa.RecordBatch],
    schema: pa.Schema,
    name: str,
    config: VectorConfig,
    dim: list[int],
    more: Sequence[str],
) -> _Source:
    names = wanted_columns(schema, name, config, more)
    source = _Source(name)
    id_name = config.id_column or ("id" if "id" in names else None)
    policy = policy_column(config.keep)
    pool = _Pool()
    for batch in batches:
        pool.used(batch.nbytes)
        _add_lists(source, batch[config.vector], dim)
        columns = {name: batch[name] for name in (policy, *more) if name is not None}
        if id_name is not None:
            columns["doc_id"] = batch[id_name]
        source.columns.append(pa.table(columns) if columns else pa.table({}))
        source.rows += len(batch)
    return source


def _add_lists(source: _Source, lists: pa.Array, dim: list[int]) -> None:
    """Take the vectors of one batch; zeros stand for those that are null or of another size."""
    if not dim:
        sizes = pc.list_value_length(lists).fill_null(-1).to_numpy(zero_copy_only=False)
        known = sizes[sizes > 0]
        if not len(known):
            raise InputError(f"no vector of {source.name} has a value; give others.")
        dim.append(int(np.bincount(known).argmax()))
    values, is_null, is_mixed = matrix_of(lists, dim[0])
    source.vectors.append(values)
    source.null.append(np.flatnonzero(is_null) + source.rows)
    source.mixed.append(np.flatnonzero(is_mixed) + source.rows)


def _check_dim(found: int, dim: list[int], name: str) -> None:
    if not dim:
        dim.append(found)
    if found != dim[0]:
        raise InputError(
            f"{name} has vectors of {found} dimensions, and those before it {dim[0]}; give vectors "
            "of one model."
        )


def _columns(sources: list[_Source], total: int) -> pa.Table:
    """Join the columns; doc_id is the position where a source has none."""
    tables = []
    first = 0
    for source in sources:
        if source.columns and source.columns[0].num_columns:
            table = pa.concat_tables(source.columns)
        else:
            table = pa.table({})
        if "doc_id" not in table.column_names:
            positions = pa.array(np.arange(first, first + source.rows))
            others = {name: table[name] for name in table.column_names}
            table = pa.table({"doc_id": positions, **others})
        tables.append((table, source.rows))
        first += source.rows
    return join_tables(tables) if total else pa.table({"doc_id": pa.nulls(0, pa.int64())})

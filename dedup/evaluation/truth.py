"""A truth to measure a run by: pairs of documents, or a label of each document, from a file."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any

import pyarrow as pa
import pyarrow.types as pt

from dedup.errors import ConfigError, InputError
from dedup.io.codecs import DamagedError, unpacked
from dedup.io.columns import plain_type
from dedup.io.formats import format_of
from dedup.io.values import column_of, numbers

PAIR_NAMES = (
    ("left_id", "right_id"),
    ("left", "right"),
    ("id1", "id2"),
    ("id_1", "id_2"),
    ("id_a", "id_b"),
    ("a", "b"),
)
"""Names of the two columns of a truth of pairs that are known unasked."""

ID_NAMES = ("doc_id", "id", "document_id", "document")
LABEL_NAMES = ("label", "cluster", "cluster_id", "group", "group_id")
"""Names of the columns of a truth of labels that are known unasked, in any combination."""


@dataclass(frozen=True)
class Truth:
    """What is true of a corpus.

    Attributes
    ----------
    kind : ``pairs`` or ``labels``.
    columns : the names of the two columns.
    first, second : the ids of each pair; or ids, and the label of each.
    table : all columns of the file.
    """

    name: str
    kind: str
    columns: tuple[str, str]
    table: pa.Table

    @property
    def first(self) -> pa.ChunkedArray:
        """The ids, or those of the left documents."""
        return _plain(self.table[self.columns[0]])

    @property
    def second(self) -> pa.ChunkedArray:
        """The labels, or the ids of the right documents."""
        return _plain(self.table[self.columns[1]])

    def similarity(self, name: str) -> pa.ChunkedArray | None:
        """Return the column of this name as float64, if there is one of numbers."""
        if self.kind != "pairs" or name not in self.table.column_names:
            return None
        column = self.table[name]
        if pt.is_string(column.type) or pt.is_large_string(column.type):
            column = numbers(column)
        if column is None or not (pt.is_integer(column.type) or pt.is_floating(column.type)):
            return None
        return column.cast(pa.float64())


def read_truth(
    source: str | os.PathLike[str] | pa.Table,
    pairs: Sequence[str] | None = None,
    labels: Sequence[str] | None = None,
) -> Truth:
    """Read a truth, and find its columns by their names where they are not given.

    Parameters
    ----------
    source : Parquet, Arrow, JSON Lines, CSV or TSV; or a table.
    pairs : the names of the two columns of ids, where it holds pairs.
    labels : the names of the columns of ids and of labels, where it holds these.

    Raises
    ------
    InputError : the file cannot be read, or it is not clear which columns are meant.
    ConfigError : `pairs` or `labels` are not two names, or both are given.
    """
    if pairs is not None and labels is not None:
        raise ConfigError("the truth is either pairs or labels; give the columns of one of them.")
    if isinstance(source, pa.Table):
        table, name = source, "the table"
    else:
        name = os.path.basename(os.fspath(source))
        table = _read(os.fspath(source), name)
    kind = "labels" if labels is not None else "pairs"
    given = labels if labels is not None else pairs
    if given is None:
        kind, given = _found(table.column_names, name)
    if len(given) != 2 or given[0] == given[1]:
        raise ConfigError(f"{kind} is {','.join(given)!r}; give the names of two columns as A,B.")
    for column in given:
        if column not in table.column_names:
            raise InputError(
                f"{name} has no column {column!r}; it has: {', '.join(table.column_names)}."
            )
        if pt.is_nested(plain_type(table[column].type)):
            raise InputError(
                f"{name}: the column {column!r} is of the nested type {table[column].type}; give "
                "one of single values."
            )
    return Truth(name, kind, (given[0], given[1]), table)


def _found(names: Sequence[str], name: str) -> tuple[str, tuple[str, str]]:
    """Return the kind of a truth and its columns, by their names."""
    options = [("pairs", pair) for pair in PAIR_NAMES if set(pair) <= set(names)]
    by_label = product(ID_NAMES, LABEL_NAMES)
    options += [("labels", pair) for pair in by_label if set(pair) <= set(names)]
    if len(options) == 1:
        return options[0]
    has = f"{name} has the columns {', '.join(names) or '(none)'}: "
    cure = "; name them with --pairs LEFT,RIGHT or --labels ID,LABEL."
    if options:
        some = " or ".join(f"{kind} ({a}, {b})" for kind, (a, b) in options)
        raise InputError(f"{has}they may be {some}{cure}")
    raise InputError(
        f"{has}none are known as pairs (left_id, right_id) or labels (id, label){cure}"
    )


def _read(path: str, name: str) -> pa.Table:
    known = format_of(path)
    reader = _READERS.get(known[0]) if known is not None else None
    if known is None or reader is None:
        raise InputError(
            f"the truth {name} is of no known format; give .parquet, .arrow, .jsonl, .csv or .tsv."
        )
    try:
        return reader(path, known[1])
    except (OSError, ValueError, DamagedError) as error:  # ArrowInvalid is a ValueError
        detail = " ".join(str(error).split())
        raise InputError(
            f"the truth {name} cannot be read as {known[0]} ({detail}); repair it."
        ) from error


def _parquet(path: str, _: str | None) -> pa.Table:
    import pyarrow.parquet as pq

    return pq.read_table(path)


def _arrow(path: str, _: str | None) -> pa.Table:
    import pyarrow.feather as feather

    return feather.read_table(path)


def _csv(path: str, codec: str | None) -> pa.Table:
    """Read all columns as strings: an id such as 007 is no number."""
    import pyarrow.csv as csv

    delimiter = "\t" if ".tsv" in os.path.basename(path).lower() else ","
    parse = csv.ParseOptions(delimiter=delimiter, newlines_in_values=True)
    with pa.input_stream(path, compression=codec) as stream:
        names = csv.open_csv(stream, parse_options=parse).schema.names
    convert = csv.ConvertOptions(
        column_types=dict.fromkeys(names, pa.string()), strings_can_be_null=True, null_values=[""]
    )
    with pa.input_stream(path, compression=codec) as stream:
        return csv.read_csv(stream, parse_options=parse, convert_options=convert)


def _jsonl(path: str, codec: str | None) -> pa.Table:
    """Read records whose values may be of several types."""
    lines = b"".join(unpacked(path, codec)).splitlines()
    rows: list[dict[str, Any]] = [json.loads(line) for line in lines if line.strip()]
    if not all(isinstance(row, dict) for row in rows):
        raise ValueError("a line is no object")
    names = dict.fromkeys(name for row in rows for name in row)
    columns = {n: column_of([row.get(n) for row in rows], is_id=n != "jaccard") for n in names}
    return pa.table(columns)


_READERS = {"parquet": _parquet, "arrow": _arrow, "csv": _csv, "jsonl": _jsonl}


def _plain(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """Return the column without dictionary or view."""
    if pt.is_dictionary(column.type):
        column = column.cast(column.type.value_type)
    kind = plain_type(column.type)
    return column if kind == column.type else column.cast(kind)

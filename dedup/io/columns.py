"""Columns out of Arrow data: found by name, nested too, and brought to the few plain types.

Text that is already string, large_string, binary or large_binary passes through without a copy.
A list of strings or of integers is taken for the user's own tokens.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.types as pt

from dedup.errors import InputError
from dedup.io.base import DECISION_COLUMNS, Batch, Columns, InputFile, Problem, missing_column
from dedup.io.token_lists import holds_tokens, token_lists

__all__ = [
    "Path",
    "Selection",
    "check_token_lists",
    "column_names",
    "decided_schema",
    "empty_file_batch",
    "find",
    "plain_type",
    "select",
    "with_decisions",
]

Path = tuple[str, ...]
"""Steps from a top-level column to a nested field."""

TEXT_TYPES = (pt.is_string, pt.is_large_string, pt.is_binary, pt.is_large_binary)
VIEWS = {"string_view": pa.large_string(), "binary_view": pa.large_binary()}


class Selection:
    """Where the asked columns lie in one schema, checked once, then applied to each batch.

    Parameters
    ----------
    schema : of the file.
    columns : as asked for.
    file : for messages.

    Raises
    ------
    InputError : a column is not there (the message lists those that are), or is of a type that
        cannot be used (the message names it).
    """

    def __init__(self, schema: pa.Schema, columns: Columns, file: InputFile) -> None:
        self.text = [_required(schema, name, "text", file) for name in columns.text]
        id_path = find(schema, columns.id) if columns.id is not None else None
        if columns.id is not None and id_path is None and not columns.id_optional:
            raise missing_column(file, columns.id, column_names(schema), "id")
        self.others: dict[str, Path] = {} if id_path is None else {"doc_id": id_path}
        for name in columns.extra:
            self.others[name] = _required(schema, name, "extra", file)
        for path in self.text:
            kind = plain_type(_type_at(schema, path))
            if holds_tokens(kind):
                check_token_lists(".".join(path), columns, file)
            elif not (pt.is_null(kind) or any(is_text(kind) for is_text in TEXT_TYPES)):
                raise InputError(
                    f"{file.name}: the text column {'.'.join(path)!r} is of type {kind}; give a "
                    "column of strings or bytes, or of lists of tokens, with --text-column."
                )
        for name, path in self.others.items():
            if pt.is_nested(plain_type(_type_at(schema, path))):
                raise InputError(
                    f"{file.name}: the column {'.'.join(path)!r}, asked for as {name}, is of the "
                    f"nested type {_type_at(schema, path)}; give a column of single values."
                )
        self._file = file
        self.columns = columns if id_path is not None else replace(columns, id=None)
        """As found: without an id where there is none."""

    def paths(self) -> list[Path]:
        """Return the paths of all asked columns, each once."""
        return list(dict.fromkeys([*self.text, *self.others.values()]))

    def text_of(self, batch: pa.RecordBatch) -> pa.Array:
        """Return the text of a batch: one column, or several joined by a newline."""
        arrays = [self._text(select(batch, path)) for path in self.text]
        return arrays[0] if len(arrays) == 1 else _joined(arrays)

    def _text(self, array: pa.Array) -> pa.Array:
        array = _plain(array)
        if holds_tokens(array.type):
            try:
                return token_lists(array)
            except pa.ArrowInvalid as error:
                raise InputError(
                    f"{self._file.name}: a token of {'.'.join(self.text[0])!r} is no 64-bit "
                    f"integer ({error}); give token ids below 2**63, or strings."
                ) from error
        return array.cast(pa.large_string()) if pt.is_null(array.type) else array

    def others_of(self, batch: pa.RecordBatch) -> pa.Table:
        """Return ``doc_id`` and the extra columns of a batch."""
        return pa.table({name: _plain(select(batch, path)) for name, path in self.others.items()})


def find(schema: pa.Schema | pa.StructType, name: str) -> Path | None:
    """Return the path of a column by its name, or by its dotted path into structs; else None."""
    names = schema.names
    if name in names:
        return (name,)
    for i, letter in enumerate(name):
        if letter == "." and name[:i] in names:
            kind = schema.field(names.index(name[:i])).type
            rest = find(kind, name[i + 1 :]) if pt.is_struct(kind) else None
            if rest is not None:
                return (name[:i], *rest)
    return None


def column_names(schema: pa.Schema | pa.StructType) -> list[str]:
    """Return the names of all columns, those inside structs dotted."""
    names: list[str] = []
    for field in schema:
        if pt.is_struct(field.type):
            names += [f"{field.name}.{inner}" for inner in column_names(field.type)]
        else:
            names.append(field.name)
    return names


def select(batch: pa.RecordBatch | pa.Table, path: Path) -> pa.Array:
    """Return the column at a path; a null struct gives null fields."""
    array = batch.column(batch.schema.names.index(path[0]))
    return pc.struct_field(array, list(path[1:])) if len(path) > 1 else array


def plain_type(kind: pa.DataType) -> pa.DataType:
    """Return the type without extension, dictionary and view."""
    if isinstance(kind, pa.BaseExtensionType):
        return plain_type(kind.storage_type)
    if pt.is_dictionary(kind):
        return plain_type(kind.value_type)
    if pt.is_fixed_size_binary(kind):
        return pa.binary()
    return VIEWS.get(str(kind), kind)


def empty_file_batch() -> Batch:
    """Return the batch of a file of 0 bytes: no record, and a problem that says so."""
    return Batch(pa.array([], pa.large_string()), pa.table({}), [Problem("empty file")])


def with_decisions(batch: pa.RecordBatch, decisions: pa.Table) -> pa.RecordBatch:
    """Return the batch with the columns of `decisions` (a row for each of its rows) at its end."""
    replaced = {*DECISION_COLUMNS, *decisions.column_names}
    kept = [i for i, name in enumerate(batch.schema.names) if name not in replaced]
    arrays = [batch.column(i) for i in kept]
    arrays += [column.combine_chunks() for column in decisions.columns]
    return pa.RecordBatch.from_arrays(arrays, schema=decided_schema(batch.schema, decisions.schema))


def decided_schema(schema: pa.Schema, decisions: pa.Schema | None) -> pa.Schema:
    """Return the schema with the decision columns at its end, in place of any of their names."""
    if decisions is None:
        return schema
    replaced = {*DECISION_COLUMNS, *decisions.names}
    fields = [field for field in schema if field.name not in replaced]
    return pa.schema([*fields, *decisions], metadata=schema.metadata)


def _required(schema: pa.Schema, name: str, what: str, file: InputFile) -> Path:
    path = find(schema, name)
    if path is None:
        raise missing_column(file, name, column_names(schema), what)
    return path


def check_token_lists(name: str, columns: Columns, file: InputFile) -> None:
    """Raise InputError if lists of tokens cannot stand for the text of these columns."""
    if len(columns.text) > 1:
        raise InputError(
            f"{file.name}: the column {name!r} holds lists of tokens, which cannot be joined with "
            "other columns; give it alone, or columns of text."
        )
    if columns.text_options:
        options = ", ".join("--" + option.replace("_", "-") for option in columns.text_options)
        raise InputError(
            f"{file.name}: the column {name!r} holds lists of tokens, which are taken as they "
            f"are; leave out {options}, or give a column of text."
        )


def _type_at(schema: pa.Schema, path: Path) -> pa.DataType:
    kind = schema.field(schema.names.index(path[0])).type
    for step in path[1:]:
        kind = kind.field(step).type
    return kind


def _plain(array: pa.Array) -> pa.Array:
    if isinstance(array, pa.ExtensionArray):
        return _plain(array.storage)
    if pt.is_dictionary(array.type):
        return _plain(array.dictionary_decode())
    kind = plain_type(array.type)
    return array if kind == array.type else array.cast(kind)


def _joined(arrays: Sequence[pa.Array]) -> pa.Array:
    """Join texts row by row with newlines; nulls are left out, and all null gives null."""
    bytes_too = any(pt.is_binary(array.type) or pt.is_large_binary(array.type) for array in arrays)
    kind = pa.large_binary() if bytes_too else pa.large_string()
    same = [array.cast(kind) for array in arrays]
    missing = same[0].is_null()
    for array in same[1:]:
        missing = pc.and_(missing, array.is_null())
    # Where all are null, "skip" would drop the row itself.
    first = pc.if_else(missing, pa.scalar("", kind), same[0])
    joined = pc.binary_join_element_wise(
        first, *same[1:], pa.scalar("\n", kind), null_handling="skip"
    )
    return pc.if_else(missing, pa.scalar(None, kind), joined)

"""The texts of JSON Lines as Arrow arrays: strings, or lists of the user's own tokens."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import pyarrow as pa

from dedup.io.values import text_array, utf8

__all__ = ["Tokens", "json_texts", "tokens_of"]

Tokens = list[str] | list[int]

TEXT, STRINGS, INTEGERS = "text", "strings", "integers"


def tokens_of(values: list[object]) -> Tokens | str:
    """Return a JSON list as tokens without its nulls; or say what it is, if that is no tokens."""
    tokens = [value for value in values if value is not None]
    if all(isinstance(token, str) for token in tokens):
        return tokens  # type: ignore[return-value]
    if not all(type(token) is int for token in tokens):
        return "a list of neither strings nor integers"
    if all(-(2**63) <= token < 2**63 for token in tokens):  # type: ignore[operator]
        return tokens  # type: ignore[return-value]
    return "a list with an integer beyond 64 bits"


def json_texts(
    texts: Sequence[str | Tokens | None],
) -> tuple[list[tuple[int, pa.Array]], list[int]]:
    """Return runs of one kind as arrays, each with its first row, and the rows of invalid UTF-8.

    Every array is as `dedup.io.base.Batch.text`; a null belongs to the run before it.
    """
    arrays: list[tuple[int, pa.Array]] = []
    invalid: list[int] = []
    for start, stop, kind in _runs(texts):
        run = texts[start:stop]
        if kind == TEXT:
            array, rows = text_array(run)  # type: ignore[arg-type]
            invalid += [start + row for row in rows]
        elif kind == INTEGERS:
            array = pa.array(run, pa.large_list(pa.int64()))
        else:
            raw = [None if words is None else [utf8(str(word)) for word in words] for words in run]
            array = pa.array(raw, pa.large_list(pa.large_binary()))
        arrays.append((start, array))
    return arrays, invalid


def _runs(texts: Sequence[str | Tokens | None]) -> Iterator[tuple[int, int, str]]:
    start, current = 0, None
    for row, text in enumerate(texts):
        if text is None:
            continue
        if isinstance(text, str):
            kind = TEXT
        else:
            kind = INTEGERS if text and isinstance(text[0], int) else STRINGS
        if current not in (None, kind):
            yield start, row, str(current)
            start = row
        current = kind
    yield start, len(texts), current or TEXT

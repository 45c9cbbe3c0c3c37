"""Digests of records: whether a copy is made of the very records that were decided upon.

A decision belongs to a position, and a position means nothing in a file that changed, or that was
counted in another way. So each record is digested as it is read (a line, the body and id of a page,
the text of a row), and again as it is copied, where the two must agree.
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import xxhash
from numpy.typing import NDArray

from dedup.errors import ChangedInputError

if TYPE_CHECKING:
    from dedup.io.revisits import RemovedPages

__all__ = ["RecordCheck", "one_digest", "record_digest", "token_digests", "whole_digest"]

record_digest = xxhash.xxh3_64_intdigest
"""bytes -> XXH3, 64 bits: of a record that is read as bytes."""

_TOGETHER = 1 << 16

Digests = NDArray[np.uint64]


class RecordCheck:
    """Takes the records of one file in order, and compares them with those that were read before.

    Parameters
    ----------
    name : of the file.
    digests : uint64, shape (records,); what is known of them.
    known : bool, shape (records,); of which it is known; of all, if not given.
    whole : what `whole_digest` must give of all of them; it stands for those that are not known.
    removed : the pages that are removed, of all files.

    Raises
    ------
    ChangedInputError : by any method: a record is another one, or there are more or fewer.
    """

    def __init__(
        self,
        name: str,
        digests: Digests,
        known: NDArray[np.bool_] | None = None,
        whole: str | None = None,
        removed: RemovedPages | None = None,
    ) -> None:
        self._name = name
        self._digests = digests
        self._known = known
        self._whole = whole
        self._removed = removed
        self._found = xxhash.xxh3_64()
        self._waiting: list[int] = []
        self._count = 0

    def add(self, record: bytes) -> None:
        """Take a record as bytes."""
        if self._count + len(self._waiting) >= len(self._digests):
            raise self._changed("it has more records")
        self._waiting.append(record_digest(record))
        if len(self._waiting) >= _TOGETHER:
            self._flush()

    def add_digests(self, digests: Digests) -> None:
        """Take the digests of some records."""
        start = self._count
        stop = start + len(digests)
        if stop > len(self._digests):
            raise self._changed("it has more records")
        is_other = digests != self._digests[start:stop]
        if self._known is not None:
            is_other &= self._known[start:stop]
        if is_other.any():
            raise self._changed(f"its record {start + int(is_other.argmax())} is another one")
        self._found.update(np.ascontiguousarray(digests).data)
        self._count = stop

    def add_texts(self, text: pa.Array) -> None:
        """Take the texts, or tokens, of some rows."""
        given = token_digests(text)
        self.add_digests(_text_digests(text) if given is None else given)

    def finish(self) -> None:
        """Check that these were all."""
        self._flush()
        if self._count < len(self._digests):
            raise self._changed("it has fewer records")
        if self._whole is not None and self._found.hexdigest() != self._whole:
            raise self._changed("one of its kept records is another one")

    def is_removed(self, names: Iterable[str]) -> bool:
        """Tell whether one of the names is that of a removed page."""
        return self._removed is not None and self._removed.has_any(names)

    def _flush(self) -> None:
        waiting, self._waiting = self._waiting, []
        self.add_digests(np.array(waiting, np.uint64))

    def _changed(self, what: str) -> ChangedInputError:
        return ChangedInputError(
            f"{self._name} is not what the run read ({what}), so that its decisions do not fit; "
            "run anew."
        )


def one_digest(record: bytes) -> Digests:
    """Return the digest of the one record of a file."""
    return np.array([record_digest(record)], np.uint64)


def whole_digest(digests: Digests) -> str:
    """Return XXH3, 64 bits, of the digests of all records of a file."""
    return xxhash.xxh3_64_hexdigest(np.ascontiguousarray(digests).data)


def token_digests(text: pa.Array) -> Digests | None:
    """Return the digests of rows of the user's own tokens; None where the rows are text.

    Those of text are the first half of the digests that the sketches have anyway.
    """
    if not pa.types.is_large_list(text.type):
        return None
    bounds = text.offsets.to_numpy()
    tokens = text.values
    if pa.types.is_integer(tokens.type):
        words = tokens.to_numpy()
        return np.array([record_digest(words[a:b].data) for a, b in pairwise(bounds)], np.uint64)
    edges, data = _pieces(tokens)
    sizes = np.diff(edges)  # so that ["ab"] is not ["a", "b"]
    return np.array(
        [
            record_digest(data[edges[a] : edges[b]], record_digest(sizes[a:b].data))
            for a, b in pairwise(bounds)
        ],
        np.uint64,
    )


def _text_digests(text: pa.Array) -> Digests:
    """Return the first half of XXH3, 128 bits, of each text; null is empty."""
    if text.null_count:
        text = pc.fill_null(text, pa.scalar(b"", text.type))
    edges, data = _pieces(text)
    digest = xxhash.xxh3_128_digest
    joined = b"".join([digest(data[a:b]) for a, b in pairwise(edges.tolist())])
    return np.frombuffer(joined, np.uint64)[::2]


def _pieces(text: pa.Array) -> tuple[NDArray[np.int64], memoryview]:
    """Return where each string starts, and the last one ends, in the bytes of all."""
    octets = text.cast(pa.large_binary())
    _, offsets, data = octets.buffers()
    if not len(octets):
        return np.zeros(1, np.int64), memoryview(b"")
    edges = np.frombuffer(offsets, np.int64)[octets.offset : octets.offset + len(octets) + 1]
    return edges, memoryview(data or b"")

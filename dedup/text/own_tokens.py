"""The user's own tokens: lists of strings or of integers (token ids) in the place of text.

They are hashed as they are. A string is its bytes, with no folding: the tokens of a text, given as
lists, hash as the text does. An integer is its value, in whatever width it was stored. An empty
list has no token, and is a duplicate of nothing.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import xxhash

from dedup.text.hashing import HashConstants, Int64Array, UInt8Array, UInt64Array
from dedup.text.tokens import WORD_BYTES, hash_tokens, mix_words


@dataclass(frozen=True)
class OwnTokens:
    """The token lists of documents.

    Attributes
    ----------
    bounds : int64, shape (documents + 1,); document i has tokens bounds[i] up to bounds[i+1].
    integers : int64, the tokens; None where they are strings.
    data, offsets : uint8 and int64; string token i is data[offsets[i]:offsets[i+1]].
    """

    bounds: Int64Array
    integers: Int64Array | None
    data: UInt8Array
    offsets: Int64Array

    @classmethod
    def of(cls, lists: pa.LargeListArray) -> OwnTokens:
        """Take apart an Arrow array of large_list<int64> or large_list<large_binary>.

        A null is an empty list; the tokens themselves are never null.
        """
        counts = np.diff(lists.offsets.to_numpy())
        counts[lists.is_null().to_numpy(zero_copy_only=False)] = 0
        bounds = np.concatenate([[0], np.cumsum(counts)])
        values = lists.flatten()
        nothing = np.zeros(0, np.uint8)
        if pa.types.is_int64(values.type):
            return cls(bounds, values.to_numpy(), nothing, np.zeros(1, np.int64))
        _, offset_buffer, data_buffer = values.buffers()
        if not len(values):
            return cls(bounds, None, nothing, np.zeros(1, np.int64))
        offsets = np.frombuffer(offset_buffer, np.int64)
        offsets = offsets[values.offset : values.offset + len(values) + 1]
        data = nothing if data_buffer is None else np.frombuffer(data_buffer, np.uint8)
        return cls(bounds, None, data, offsets)

    @property
    def ends(self) -> Int64Array:
        """int64, shape (documents + 1,): the bytes up to each document, a blank after each token.

        That is the size of the text that these could be the tokens of.
        """
        if self.integers is not None:
            return self.bounds * WORD_BYTES
        sizes: Int64Array = self.offsets[self.bounds] + self.bounds
        return sizes

    def hashes(self, first: int, last: int, constants: HashConstants) -> UInt64Array:
        """Hash the tokens of the documents from `first` up to `last`, in order."""
        begin, end = int(self.bounds[first]), int(self.bounds[last])
        if self.integers is None:
            return _hash_strings(self.data, self.offsets[begin : end + 1], constants)
        factor, factor2, start = constants.token
        hashes = self.integers[begin:end].view(np.uint64) ^ start
        mix_words(hashes, factor, factor2)
        return hashes


def _hash_strings(data: UInt8Array, offsets: Int64Array, constants: HashConstants) -> UInt64Array:
    low, high = int(offsets[0]), int(offsets[-1])
    padded = np.zeros(high - low + WORD_BYTES, np.uint8)
    padded[: high - low] = data[low:high]
    offsets = offsets - low
    hashes = hash_tokens(padded, offsets[:-1], np.diff(offsets), constants)
    # A word tells the length of a token that holds no byte 0; the others go by XXH3.
    zeros = np.flatnonzero(padded[: high - low] == 0)
    seed = int(constants.token[2])
    for token in np.unique(np.searchsorted(offsets, zeros, side="right") - 1).tolist():
        raw = padded[offsets[token] : offsets[token + 1]].tobytes()
        hashes[token] = xxhash.xxh3_64_intdigest(raw, seed)
    return hashes

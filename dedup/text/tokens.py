"""Text to token hashes: one pass over the bytes of a batch, no Python per token.

ASCII is folded by a byte table (lower case; every separator becomes byte 0). Code points above 127
are canonicalised and classified by `dedup.text.canonical`, which writes byte 0 over separators
and names the places where unspaced scripts are cut. From there on all text takes one path.
"""

from __future__ import annotations

import numpy as np
import xxhash

from dedup.text.canonical import canonical_utf8, classify
from dedup.text.hashing import HashConstants, Int64Array, UInt8Array, UInt64Array

MAX_TOKEN_WORDS = 8
"""Tokens of more than this many 8-byte words are hashed by XXH3: no loop over a 1 MB token."""

_WORD_BYTES = 8


def _fold_table() -> bytes:
    table = bytearray(range(256))
    for code in range(128):
        char = chr(code)
        table[code] = ord(char.lower()) if char.isalnum() or char == "_" else 0
    return bytes(table)


_FOLD = _fold_table()


def token_hashes(
    data: UInt8Array, offsets: Int64Array, constants: HashConstants
) -> tuple[UInt64Array, Int64Array, int]:
    """Hash every token of a batch of documents.

    Parameters
    ----------
    data : uint8; the documents' UTF-8 bytes, one after the other (invalid UTF-8 counts as U+FFFD).
    offsets : int64, shape (documents + 1,); document i is data[offsets[i]:offsets[i+1]].

    Returns
    -------
    hashes : uint64, one for each token in text order; a function of the token and the seed alone.
    bounds : int64, shape (documents + 1,); document i has tokens bounds[i] up to bounds[i+1].
    num_invalid : documents with invalid UTF-8.
    """
    data, offsets, num_invalid = canonical_utf8(data, offsets)
    first, last = int(offsets[0]), int(offsets[-1])
    offsets = offsets - first
    size = last - first
    folded_bytes = bytearray(data[first:last]).translate(_FOLD)
    folded_bytes += bytes(_WORD_BYTES)  # the gather below reads whole words
    folded = np.frombuffer(folded_bytes, np.uint8)
    ascii_only = size == 0 or int(data[first:last].max()) < 128
    cuts = None if ascii_only else classify(folded[:size], offsets)
    starts, ends = _token_edges(folded[:size], offsets, cuts)
    hashes = _hash_tokens(folded, starts, ends - starts, constants)
    return hashes, np.searchsorted(starts, offsets), num_invalid


def _token_edges(
    folded: UInt8Array, offsets: Int64Array, cuts: Int64Array | None
) -> tuple[Int64Array, Int64Array]:
    """Return the byte positions where tokens start and end."""
    size = len(folded)
    inside = np.zeros(size + 2, np.bool_)
    np.not_equal(folded, 0, out=inside[1:-1])
    edges = np.flatnonzero(inside[1:] != inside[:-1])
    forced = offsets[:-1][offsets[1:] > offsets[:-1]]  # once, where empty documents lie between
    if cuts is not None:
        forced = np.union1d(forced, cuts)
    # A forced edge between two word characters ends one token and starts the next.
    forced = forced[inside[forced] & inside[forced + 1]]
    if len(forced):
        edges = np.concatenate([edges, np.repeat(forced, 2)])
        edges.sort(kind="stable")  # two sorted runs: one merge
    return edges[0::2], edges[1::2]


def _hash_tokens(
    folded: UInt8Array, starts: Int64Array, lengths: Int64Array, constants: HashConstants
) -> UInt64Array:
    """Hash tokens 8 bytes at a time; the last word is shifted, which drops what follows it.

    Tokens hold no byte 0, so the shifted word also tells the token's length.
    """
    factor, factor2, start = constants.token
    words = np.lib.stride_tricks.as_strided(
        folded[:_WORD_BYTES].view(np.uint64),
        shape=(len(folded) - _WORD_BYTES + 1,),
        strides=(1,),
        writeable=False,
    )
    hashes = words[starts]
    shifts = lengths * -8
    shifts += 64
    np.maximum(shifts, 0, out=shifts)
    hashes <<= shifts.view(np.uint64)
    hashes ^= start
    _mix(hashes, factor, factor2)
    rest = np.flatnonzero(lengths > _WORD_BYTES)
    if not len(rest):
        return hashes
    length = lengths[rest]
    if int(length.max()) > MAX_TOKEN_WORDS * _WORD_BYTES:
        rest, length = _hash_huge_tokens(hashes, folded, starts, rest, length, int(start))
    position = starts[rest]
    state = hashes[rest]
    done = _WORD_BYTES
    while len(rest):
        word = words[position + done]
        shifts = 64 - 8 * (length - done)
        np.maximum(shifts, 0, out=shifts)
        word <<= shifts.view(np.uint64)
        state ^= word
        _mix(state, factor, factor2)
        hashes[rest] = state
        done += _WORD_BYTES
        more = length > done
        rest, position, length, state = rest[more], position[more], length[more], state[more]
    return hashes


def _hash_huge_tokens(
    hashes: UInt64Array,
    folded: UInt8Array,
    starts: Int64Array,
    rest: Int64Array,
    length: Int64Array,
    seed: int,
) -> tuple[Int64Array, Int64Array]:
    """Hash the tokens over the limit by XXH3 and return the others of `rest`."""
    huge = length > MAX_TOKEN_WORDS * _WORD_BYTES
    for token in rest[huge].tolist():
        begin = int(starts[token])
        end = begin + int(length[np.searchsorted(rest, token)])
        hashes[token] = xxhash.xxh3_64_intdigest(folded[begin:end].tobytes(), seed)
    return rest[~huge], length[~huge]


def _mix(values: UInt64Array, factor: np.uint64, factor2: np.uint64) -> None:
    """Multiply, fold the high half down, multiply again, fold again; in place."""
    values *= factor
    values ^= values >> np.uint64(32)
    values *= factor2
    values ^= values >> np.uint64(29)

"""Text to token hashes: one pass over the bytes of a batch, no Python per token.

Text is folded first (`dedup.text.folding`): canonical, in lower case, byte 0 for every separator,
and with the places where unspaced scripts are cut. From there on all text takes one path.
Options of text (`dedup.text.options`) change it between the two steps, where any are asked for.
"""

from __future__ import annotations

import numpy as np
import xxhash

from dedup.text.canonical import canonical_utf8
from dedup.text.characters import character_edges
from dedup.text.folding import PADDING, Folded, fold, fold_canonical
from dedup.text.hashing import HashConstants, Int64Array, UInt8Array, UInt64Array
from dedup.text.options import CHAR, DEFAULT, TextOptions, changed
from dedup.text.utf8 import BoolArray

MAX_TOKEN_WORDS = 8
"""Tokens of more than this many 8-byte words are hashed by XXH3: no loop over a 1 MB token."""

WORD_BYTES = 8
"""Tokens are hashed in words of this many bytes."""

_COPIED_BYTES = 1 << 20

_BLOCK_TOKENS = 1 << 15
"""Tokens at a time: what is made of them fits the cache."""


def token_hashes(
    data: UInt8Array,
    offsets: Int64Array,
    constants: HashConstants,
    options: TextOptions = DEFAULT,
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
    if options.change_text:
        data, offsets, num_invalid = canonical_utf8(data, offsets)
        folded = fold_canonical(*changed(data, offsets, options))
    else:
        folded = fold(data, offsets)
        num_invalid = folded.num_invalid
    starts, ends = token_edges(folded, options)
    hashes = hash_tokens(folded.data, starts, ends - starts, constants)
    return hashes, np.searchsorted(starts, folded.offsets), num_invalid


def token_edges(folded: Folded, options: TextOptions = DEFAULT) -> tuple[Int64Array, Int64Array]:
    """Return the byte positions where tokens start and end; may write to the text, see the unit."""
    words = folded.data[:-PADDING]
    if options.unit == CHAR:
        return character_edges(words, folded.offsets)
    return _word_edges(words, folded.offsets, folded.cuts)


def _word_edges(
    folded: UInt8Array, offsets: Int64Array, cuts: BoolArray | None
) -> tuple[Int64Array, Int64Array]:
    """Return the byte positions where words start and end."""
    size = len(folded)
    inside = np.zeros(size + 2, np.bool_)
    np.not_equal(folded, 0, out=inside[1:-1])
    changes = inside[1:] != inside[:-1]
    if cuts is None:
        edges = np.flatnonzero(changes)
        forced = offsets[:-1][offsets[1:] > offsets[:-1]]  # once, where empty documents lie between
        # A forced edge between two word characters ends one token and starts the next.
        forced = forced[inside[forced] & inside[forced + 1]]
        if len(forced):
            edges = np.concatenate([edges, np.repeat(forced, 2)])
            edges.sort(kind="stable")  # two sorted runs: one merge
        return edges[0::2], edges[1::2]
    changes |= cuts
    changes[offsets] = True
    return np.flatnonzero(changes & inside[1:]), np.flatnonzero(changes & inside[:-1])


def hash_tokens(
    folded: UInt8Array, starts: Int64Array, lengths: Int64Array, constants: HashConstants
) -> UInt64Array:
    """Hash tokens 8 bytes at a time; the last word is shifted, which drops what follows it.

    Tokens hold no byte 0, so the shifted word also tells the token's length.

    Parameters
    ----------
    folded : uint8; the bytes of the tokens, and 8 more after the last.
    starts, lengths : int64; of the tokens, in bytes.
    """
    words = np.lib.stride_tricks.as_strided(
        folded[:WORD_BYTES].view(np.uint64),
        shape=(len(folded) - WORD_BYTES + 1,),
        strides=(1,),
        writeable=False,
    )
    if len(words) <= _COPIED_BYTES and len(starts) * 8 > len(words):
        words = words.copy()  # 8 times the text, but aligned: a look-up costs a fifth
    hashes = np.empty(len(starts), np.uint64)
    for first in range(0, len(starts), _BLOCK_TOKENS):
        block = slice(first, first + _BLOCK_TOKENS)
        hashes[block] = _hash_block(words, folded, starts[block], lengths[block], constants)
    return hashes


def _hash_block(
    words: UInt64Array,
    folded: UInt8Array,
    starts: Int64Array,
    lengths: Int64Array,
    constants: HashConstants,
) -> UInt64Array:
    factor, factor2, start = constants.token
    hashes = words.take(starts) if words.flags.aligned else words[starts]
    shifts = lengths * -8
    shifts += 64
    longest = int(lengths.max())
    if longest > WORD_BYTES:
        np.maximum(shifts, 0, out=shifts)
    hashes <<= shifts.view(np.uint64)
    hashes ^= start
    mix_words(hashes, factor, factor2)
    if longest <= WORD_BYTES:
        return hashes
    rest = np.flatnonzero(lengths > WORD_BYTES)
    length = lengths[rest]
    if longest > MAX_TOKEN_WORDS * WORD_BYTES:
        rest, length = _hash_huge_tokens(hashes, folded, starts, rest, length, int(start))
    position = starts[rest]
    state = hashes[rest]
    done = WORD_BYTES
    while len(rest):
        word = words[position + done]
        shifts = 64 - 8 * (length - done)
        np.maximum(shifts, 0, out=shifts)
        word <<= shifts.view(np.uint64)
        state ^= word
        mix_words(state, factor, factor2)
        hashes[rest] = state
        done += WORD_BYTES
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
    huge = length > MAX_TOKEN_WORDS * WORD_BYTES
    for token in rest[huge].tolist():
        begin = int(starts[token])
        end = begin + int(length[np.searchsorted(rest, token)])
        hashes[token] = xxhash.xxh3_64_intdigest(folded[begin:end].tobytes(), seed)
    return rest[~huge], length[~huge]


def mix_words(values: UInt64Array, factor: np.uint64, factor2: np.uint64) -> None:
    """Multiply, fold the high half down, multiply again, fold again; in place."""
    values *= factor
    values ^= values >> np.uint64(32)
    values *= factor2
    values ^= values >> np.uint64(29)

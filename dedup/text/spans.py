"""Where each token stands in the text it was read from.

The kernels make tokens of a canonical copy of the text and forget where they came from. To show a
reader what two documents share, the way back is needed. A text is cut into pieces that canonicalise
by themselves (a character and what may merge with it), and each byte of the canonical text keeps
the number of its piece. The tokens are the kernels' own, with the same hashes.

Slower than the kernels (60 ns a character of ASCII, some 300 of other text), for texts that are
looked at.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import pyarrow as pa

from dedup.text.canonical import canonical
from dedup.text.folding import fold_canonical
from dedup.text.hashing import HashConstants, Int64Array, UInt8Array, UInt64Array
from dedup.text.options import DEFAULT, TextOptions, inner_separators, without_accents, zero_digits
from dedup.text.own_tokens import OwnTokens
from dedup.text.tokens import hash_tokens, token_edges
from dedup.text.unicode import KEEP, REPLACE, tables


@dataclass(frozen=True)
class TokenSpans:
    """A text and its tokens.

    Attributes
    ----------
    text : the text as it was read; what is no UTF-8 stands as U+FFFD.
    hashes : uint64, shape (tokens,); as `dedup.text.tokens.token_hashes` has them.
    starts, ends : int64, shape (tokens,); token i is the canonical form of text[starts[i]:ends[i]].
        Both ascend. Tokens overlap where one character makes several, as the four of U+337F.
    """

    text: str
    hashes: UInt64Array
    starts: Int64Array
    ends: Int64Array


def token_spans(text: str, constants: HashConstants, options: TextOptions = DEFAULT) -> TokenSpans:
    """Find the tokens of a text, without lone surrogates."""
    data, origins, bounds = _canonical_pieces(text, options)
    whole = np.array([0, len(data)])
    if options.join_words:
        kept = ~inner_separators(data, whole)
        data, origins = data[kept], origins[kept]
    if options.fold_digits:
        data, gone = zero_digits(data)
        data, origins = data[~gone], origins[~gone]
    folded = fold_canonical(data, np.array([0, len(data)]))
    starts, ends = token_edges(folded, options)
    hashes = hash_tokens(folded.data, starts, ends - starts, constants)
    return TokenSpans(text, hashes, bounds[origins[starts]], bounds[origins[ends - 1] + 1])


def own_token_spans(tokens: Sequence[str] | Sequence[int], constants: HashConstants) -> TokenSpans:
    """Return the user's own tokens as a text, with a blank between two of them."""
    words = [str(token) for token in tokens]
    integers = bool(tokens) and isinstance(tokens[0], int)
    values = tokens if integers else [word.encode("utf-8", "replace") for word in words]
    lists = pa.array([values], pa.large_list(pa.int64() if integers else pa.large_binary()))
    sizes = np.array([len(word) for word in words], np.int64)
    ends = np.cumsum(sizes + 1) - 1
    hashes = OwnTokens.of(lists).hashes(0, 1, constants)
    return TokenSpans(" ".join(words), hashes, ends - sizes, ends)


def _canonical_pieces(text: str, options: TextOptions) -> tuple[UInt8Array, Int64Array, Int64Array]:
    """Return canonical text, with the number of the piece that each of its bytes comes from.

    Returns
    -------
    data : uint8; canonical UTF-8, without accents where the options say so.
    origins : int64, of the same shape.
    bounds : int64, shape (pieces + 1,); piece i is text[bounds[i]:bounds[i+1]].
    """
    if text.isascii():
        data = np.frombuffer(text.lower().encode(), np.uint8)
        return data, np.arange(len(data)), np.arange(len(data) + 1)
    codes = np.frombuffer(text.encode("utf-32-le"), np.uint32)
    bounds = np.append(np.flatnonzero(_stands_alone(codes)), len(codes))
    if bounds[0]:
        bounds = np.concatenate([[0], bounds])
    pieces = [text[start:stop] for start, stop in pairwise(bounds.tolist())]
    forms = {piece: _form(piece, options) for piece in set(pieces)}
    encoded = [forms[piece] for piece in pieces]
    sizes = np.fromiter(map(len, encoded), np.int64, len(encoded))
    data = np.frombuffer(b"".join(encoded), np.uint8)
    return data, np.repeat(np.arange(len(sizes)), sizes), bounds


def _stands_alone(codes: np.ndarray[tuple[int], np.dtype[np.uint32]]) -> np.ndarray:
    """Tell which characters neither merge with what stands before them nor vanish."""
    table = tables()
    actions = table.actions.take(codes)
    vanish = np.diff(table.form_starts).take(table.form_index.take(codes)) == 0
    found: np.ndarray = (actions == KEEP) | ((actions == REPLACE) & ~vanish)
    return found


def _form(piece: str, options: TextOptions) -> bytes:
    form = canonical(piece)
    return (without_accents(form) if options.strip_accents else form).encode()

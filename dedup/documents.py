"""Texts to sketches: the kernels of text and sketch in their order, batch by batch."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from dedup.lsh.parameters import Banding
from dedup.resources.memory import keep_freed_memory
from dedup.set_sketches import sketch_sets
from dedup.sketch.digest import NO_DIGEST, digests, text_digest
from dedup.sketch.weights import frequency_weights, packed
from dedup.spill.chunks import chunks
from dedup.text.canonical import canonical
from dedup.text.characters import BLANK
from dedup.text.hashing import (
    HASH_BITS,
    HashConstants,
    Int64Array,
    UInt8Array,
    UInt64Array,
    hash_constants,
)
from dedup.text.options import CHAR, DEFAULT, TextOptions, without_accents
from dedup.text.own_tokens import OwnTokens
from dedup.text.shingles import HASH_MASK, MAX_SLOTS, counted_shingle_sets, shingle_sets
from dedup.text.tokens import WORD_BYTES, hash_tokens, token_hashes
from dedup.text.utf8 import between

BATCH_BYTES = 1 << 18
"""Text of a batch: with its scratch arrays (about 8 bytes a byte) it fits the L2 cache."""

_SEGMENT_BYTES = 1 << 20
_BLANK = np.array([BLANK] + [0] * WORD_BYTES, np.uint8)


@dataclass(frozen=True)
class SketchParameters:
    """What a document's sketch depends on, beside its text.

    Attributes
    ----------
    banding : bands and rows of the signature; None where no band keys are wanted.
    fingerprints : whether SimHash fingerprints are wanted.
    text : what is done to the text before it is cut into tokens.
    weighted : whether fingerprints count shingles by their frequency in the text. Where they are
        left to be made later (`fingerprints` is False), the weights stand above the hashes in
        `Sketches.sets`: see `dedup.sketch.weights`.
    """

    ngram: int
    seed: int
    banding: Banding | None
    fingerprints: bool
    text: TextOptions = DEFAULT
    weighted: bool = False


@dataclass
class Sketches:
    """The sketches of consecutive documents.

    Attributes
    ----------
    sets : uint64; sorted distinct shingle hashes, document after document.
    num_shingles, num_tokens, num_chars : int64, shape (documents,).
    keys : uint64, shape (documents, bands).
    fingerprints : uint64, shape (documents,); zero where not wanted.
    digests : uint64, shape (documents, 2); of the set, or of the canonical text of a document
        without tokens; zero where the text is null or blank: a duplicate of nothing.
    text_digests : uint64, shape (documents, 2); of the exact text, or of the hashes of the user's
        own tokens.
    num_invalid : documents with invalid UTF-8.
    """

    sets: UInt64Array
    num_shingles: Int64Array
    num_tokens: Int64Array
    num_chars: Int64Array
    keys: UInt64Array
    fingerprints: UInt64Array
    digests: UInt64Array
    text_digests: UInt64Array
    num_invalid: int


def sketch_texts(
    text: pa.Array, parameters: SketchParameters, batch_documents: int = MAX_SLOTS
) -> Iterator[Sketches]:
    """Sketch the documents of an Arrow array, batch by batch.

    A document's sketch does not depend on its neighbours or on the size of the batches.

    Parameters
    ----------
    text : string, large_string, binary or large_binary; or the user's own tokens, as
        large_list<large_binary> or large_list<int64>. Null is no text.
    batch_documents : most documents of a batch, at most `MAX_SLOTS`.
    """
    keep_freed_memory()
    if pa.types.is_large_list(text.type):
        yield from _sketch_own_tokens(OwnTokens.of(text), parameters, batch_documents)
        return
    if text.null_count:
        text = pc.fill_null(text, pa.scalar(b"", text.type))
    data, offsets = _buffers(text)
    constants = hash_constants(parameters.seed, parameters.ngram)
    for first, last in chunks(offsets, BATCH_BYTES, batch_documents):
        yield _sketch_batch(data, offsets[first : last + 1], parameters, constants)


def _buffers(text: pa.Array) -> tuple[UInt8Array, Int64Array]:
    """Return the bytes and offsets of an Arrow array without copying its text."""
    wide = pa.types.is_large_string(text.type) or pa.types.is_large_binary(text.type)
    _, offset_buffer, data_buffer = text.buffers()
    if not len(text) or data_buffer is None:
        return np.zeros(0, np.uint8), np.zeros(len(text) + 1, np.int64)
    stored = np.frombuffer(offset_buffer, np.int64 if wide else np.int32)
    offsets = stored[text.offset : text.offset + len(text) + 1].astype(np.int64)
    return np.frombuffer(data_buffer, np.uint8), offsets


@dataclass(frozen=True)
class _Tokens:
    """The tokens of a batch of documents, and what else its sketches hold of the text.

    `alone` has the digests of the documents that have none of a set, by their place in the batch.
    """

    hashes: UInt64Array
    bounds: Int64Array
    num_chars: Int64Array
    text_digests: UInt64Array
    num_invalid: int
    alone: dict[int, bytes]


def _sketch_batch(
    data: UInt8Array, offsets: Int64Array, parameters: SketchParameters, constants: HashConstants
) -> Sketches:
    data = data[offsets[0] : offsets[-1]]
    offsets = offsets - offsets[0]
    hashes, bounds, num_invalid = _tokens(data, offsets, constants, parameters.text)
    alone = {}
    for document in np.flatnonzero(bounds[1:] == bounds[:-1]).tolist():
        raw = data[offsets[document] : offsets[document + 1]].tobytes()
        alone[document] = _tokenless_digest(raw, parameters.text)
    tokens = _Tokens(
        hashes=hashes,
        bounds=bounds,
        num_chars=_char_counts(data, offsets),
        text_digests=digests(data, offsets),
        num_invalid=num_invalid,
        alone=alone,
    )
    return _sketch(tokens, parameters, constants)


def _sketch_own_tokens(
    own: OwnTokens, parameters: SketchParameters, batch_documents: int
) -> Iterator[Sketches]:
    constants = hash_constants(parameters.seed, parameters.ngram)
    for first, last in chunks(own.ends, BATCH_BYTES, batch_documents):
        hashes = own.hashes(first, last, constants)
        bounds = own.bounds[first : last + 1] - own.bounds[first]
        counts = np.diff(bounds)
        tokens = _Tokens(
            hashes=hashes,
            bounds=bounds,
            num_chars=counts,
            text_digests=digests(hashes, bounds),
            num_invalid=0,
            alone=dict.fromkeys(np.flatnonzero(counts == 0).tolist(), NO_DIGEST),
        )
        yield _sketch(tokens, parameters, constants)


def _sketch(tokens: _Tokens, parameters: SketchParameters, constants: HashConstants) -> Sketches:
    hashes, bounds = tokens.hashes, tokens.bounds
    num_documents = len(bounds) - 1
    weights = None
    if parameters.weighted:
        composite, counts = counted_shingle_sets(hashes, bounds, constants)
        weights = frequency_weights(counts)
    else:
        composite = shingle_sets(hashes, bounds, constants)
    slots = np.arange(num_documents + 1, dtype=np.uint64) << np.uint64(HASH_BITS)
    set_bounds = np.searchsorted(composite, slots)
    sets = composite & HASH_MASK
    found = sketch_sets(
        composite, sets, set_bounds, parameters.banding, parameters.fingerprints, weights
    )
    set_digests = found.digests
    if tokens.alone:
        set_digests = set_digests.copy()
        for document, digest in tokens.alone.items():
            set_digests[document] = np.frombuffer(digest, np.uint64)
    if weights is not None and not parameters.fingerprints:
        sets = packed(sets, weights)
    return Sketches(
        sets=sets,
        num_shingles=np.diff(set_bounds),
        num_tokens=np.diff(bounds),
        num_chars=tokens.num_chars,
        keys=found.keys,
        fingerprints=found.fingerprints,
        digests=set_digests,
        text_digests=tokens.text_digests,
        num_invalid=tokens.num_invalid,
    )


def _tokens(
    data: UInt8Array,
    offsets: Int64Array,
    constants: HashConstants,
    options: TextOptions = DEFAULT,
) -> tuple[UInt64Array, Int64Array, int]:
    """Hash the tokens of a batch; a document beyond the batch's size goes in segments."""
    if len(data) <= _SEGMENT_BYTES or len(offsets) > 2:
        return token_hashes(data, offsets, constants, options)
    edges = _segment_edges(data, at_ideographs=options.unit != CHAR)
    found = [
        token_hashes(data[a:b], np.array([0, b - a]), constants, options)
        for a, b in pairwise(edges)
    ]
    pieces = [part for part, _, _ in found if len(part)]
    if options.unit == CHAR:  # a blank was cut off at each border
        blank = hash_tokens(_BLANK, np.zeros(1, np.int64), np.ones(1, np.int64), constants)
        pieces = [piece for part in pieces for piece in (blank, part)][1:]
    hashes = np.concatenate([np.zeros(0, np.uint64), *pieces])
    return hashes, np.array([0, len(hashes)]), int(any(invalid for _, _, invalid in found))


def _segment_edges(data: UInt8Array, at_ideographs: bool = False) -> list[int]:
    """Cut a long text where it cannot matter: between an ASCII blank and an ASCII character.

    Or before a Han character, where asked for: it merges with nothing and is a token by itself.
    """
    edges = [0]
    while len(data) - edges[-1] > _SEGMENT_BYTES:
        at = edges[-1] + _SEGMENT_BYTES
        while at < len(data):
            window = data[at - 1 : at + _SEGMENT_BYTES]
            safe = (window[:-1] <= 0x20) & (window[1:] < 0x80)
            if at_ideographs:
                safe |= between(window[1:], 0xE5, 0xE9)  # U+5000..U+9FFF
            places = np.flatnonzero(safe)
            if len(places):
                at += int(places[0])
                break
            at += _SEGMENT_BYTES
        if at >= len(data):
            break
        edges.append(at)
    return [*edges, len(data)]


def _tokenless_digest(raw: bytes, options: TextOptions) -> bytes:
    """Digest the canonical text of a document without tokens; blank text has no digest.

    Of the options of text, only stripped accents can change a text without word characters.
    """
    text = canonical(raw.decode("utf-8", "replace"))
    if options.strip_accents:
        text = without_accents(text)
    return NO_DIGEST if not text or text.isspace() else text_digest(text)


def _char_counts(data: UInt8Array, offsets: Int64Array) -> Int64Array:
    """Count code points: the bytes that continue none, 64 of them at a time."""
    if not len(data) or int(data.max()) < 0x80:
        return np.diff(offsets)
    words = np.zeros(len(data) // 64 + 1, np.uint64)
    bits = np.packbits(data.view(np.int8) >= -64, bitorder="little")  # not 0x80..0xBF
    words.view(np.uint8)[: len(bits)] = bits
    before = np.concatenate([[0], np.cumsum(np.bitwise_count(words), dtype=np.int64)])
    places = offsets >> 6
    below = (np.uint64(1) << (offsets & 63).astype(np.uint64)) - np.uint64(1)
    ranks: Int64Array = before[places] + np.bitwise_count(words[places] & below)
    return np.diff(ranks)

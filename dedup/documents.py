"""Texts to sketches: the kernels of text and sketch in their order, batch by batch."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from dedup.lsh.bands import band_keys
from dedup.lsh.parameters import Banding
from dedup.sketch.digest import NO_DIGEST, digests, text_digest
from dedup.sketch.minhash import signatures
from dedup.sketch.simhash import fingerprints
from dedup.text.canonical import canonical
from dedup.text.hashing import (
    HASH_BITS,
    HashConstants,
    Int64Array,
    UInt8Array,
    UInt64Array,
    hash_constants,
)
from dedup.text.shingles import HASH_MASK, MAX_SLOTS, shingle_sets
from dedup.text.tokens import token_hashes

BATCH_BYTES = 1 << 18
"""Text of a batch: with its scratch arrays (about 8 bytes a byte) it fits the L2 cache."""

_SEGMENT_BYTES = 1 << 20


@dataclass(frozen=True)
class SketchParameters:
    """What a document's sketch depends on, beside its text.

    Attributes
    ----------
    banding : bands and rows of the signature; None where no band keys are wanted.
    fingerprints : whether SimHash fingerprints are wanted.
    """

    ngram: int
    seed: int
    banding: Banding | None
    fingerprints: bool


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
    text_digests : uint64, shape (documents, 2); of the exact text.
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
    text : string, large_string, binary or large_binary; null is no text.
    batch_documents : most documents of a batch, at most `MAX_SLOTS`.
    """
    if text.null_count:
        text = pc.fill_null(text, pa.scalar(b"", text.type))
    data, offsets = _buffers(text)
    constants = hash_constants(parameters.seed, parameters.ngram)
    first, total = 0, len(text)
    while first < total:
        last = int(np.searchsorted(offsets, offsets[first] + BATCH_BYTES, side="right")) - 1
        last = min(max(last, first + 1), first + batch_documents)
        yield _sketch_batch(data, offsets[first : last + 1], parameters, constants)
        first = last


def _buffers(text: pa.Array) -> tuple[UInt8Array, Int64Array]:
    """Return the bytes and offsets of an Arrow array without copying its text."""
    wide = pa.types.is_large_string(text.type) or pa.types.is_large_binary(text.type)
    _, offset_buffer, data_buffer = text.buffers()
    if not len(text) or data_buffer is None:
        return np.zeros(0, np.uint8), np.zeros(len(text) + 1, np.int64)
    stored = np.frombuffer(offset_buffer, np.int64 if wide else np.int32)
    offsets = stored[text.offset : text.offset + len(text) + 1].astype(np.int64)
    return np.frombuffer(data_buffer, np.uint8), offsets


def _sketch_batch(
    data: UInt8Array, offsets: Int64Array, parameters: SketchParameters, constants: HashConstants
) -> Sketches:
    num_documents = len(offsets) - 1
    data = data[offsets[0] : offsets[-1]]
    offsets = offsets - offsets[0]
    hashes, bounds, num_invalid = _tokens(data, offsets, constants)
    composite = shingle_sets(hashes, bounds, constants)
    slots = np.arange(num_documents + 1, dtype=np.uint64) << np.uint64(HASH_BITS)
    set_bounds = np.searchsorted(composite, slots)
    sets = composite & HASH_MASK
    if parameters.banding is None:
        keys = np.zeros((num_documents, 0), np.uint64)
    else:
        banding = parameters.banding
        table = signatures(composite, num_documents, banding.num_hashes)
        keys = band_keys(table, banding.bands, banding.rows)
    wanted = parameters.fingerprints
    prints = fingerprints(sets, set_bounds) if wanted else np.zeros(num_documents, np.uint64)
    set_digests = digests(sets, set_bounds)
    num_tokens = np.diff(bounds)
    without = np.flatnonzero(num_tokens == 0)
    if len(without):
        set_digests = set_digests.copy()
        for document in without.tolist():
            raw = data[offsets[document] : offsets[document + 1]].tobytes()
            set_digests[document] = np.frombuffer(_tokenless_digest(raw), np.uint64)
    return Sketches(
        sets=sets,
        num_shingles=np.diff(set_bounds),
        num_tokens=num_tokens,
        num_chars=_char_counts(data, offsets),
        keys=keys,
        fingerprints=prints,
        digests=set_digests,
        text_digests=digests(data, offsets),
        num_invalid=num_invalid,
    )


def _tokens(
    data: UInt8Array, offsets: Int64Array, constants: HashConstants
) -> tuple[UInt64Array, Int64Array, int]:
    """Hash the tokens of a batch; a document beyond the batch's size goes in segments."""
    if len(data) <= _SEGMENT_BYTES or len(offsets) > 2:
        return token_hashes(data, offsets, constants)
    edges = _segment_edges(data)
    found = [token_hashes(data[a:b], np.array([0, b - a]), constants) for a, b in pairwise(edges)]
    hashes = np.concatenate([part for part, _, _ in found])
    return hashes, np.array([0, len(hashes)]), int(any(invalid for _, _, invalid in found))


def _segment_edges(data: UInt8Array) -> list[int]:
    """Cut a long text where it cannot matter: between an ASCII blank and an ASCII character."""
    edges = [0]
    while len(data) - edges[-1] > _SEGMENT_BYTES:
        at = edges[-1] + _SEGMENT_BYTES
        while at < len(data):
            window = data[at - 1 : at + _SEGMENT_BYTES]
            safe = (window[:-1] <= 0x20) & (window[1:] < 0x80)
            places = np.flatnonzero(safe)
            if len(places):
                at += int(places[0])
                break
            at += _SEGMENT_BYTES
        if at >= len(data):
            break
        edges.append(at)
    return [*edges, len(data)]


def _tokenless_digest(raw: bytes) -> bytes:
    """Digest the canonical text of a document without tokens; blank text has no digest."""
    text = canonical(raw.decode("utf-8", "replace"))
    return NO_DIGEST if not text or text.isspace() else text_digest(text)


def _char_counts(data: UInt8Array, offsets: Int64Array) -> Int64Array:
    """Count code points: the bytes that continue none."""
    if not len(data) or int(data.max()) < 0x80:
        return np.diff(offsets)
    total = np.concatenate([[0], np.cumsum((data & 0xC0) != 0x80)])
    return np.diff(total[offsets])

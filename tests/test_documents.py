"""Texts to sketches: the same whatever the batches, the Arrow type and the segments."""
# ruff: noqa: RUF001 (letters that look like others are the subject here)

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations, pairwise

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dedup import documents as module
from dedup.documents import BATCH_BYTES, Sketches, SketchParameters, sketch_texts
from dedup.lsh.bands import band_keys
from dedup.lsh.parameters import Banding
from dedup.sketch.digest import digests
from dedup.sketch.minhash import signatures
from dedup.sketch.simhash import fingerprints
from dedup.text.hashing import hash_constants
from dedup.text.shingles import MAX_SLOTS
from tests import reference
from tests.batches import batch_sets, batch_tokens, layout, mixed_text, mixed_texts
from tests.random_sets import joined
from tests.text.texts import broken_utf8, texts

BANDING = Banding(bands=17, rows=6)
EVERYTHING = SketchParameters(ngram=5, seed=0, banding=BANDING, fingerprints=True)
SEGMENT_BYTES = module._SEGMENT_BYTES

# Without tokens: equal where their canonical text is, blank ones equal to nothing.
TOKENLESS = ["", " ", "\n\t", "\u3000", "\u00ad\u200d", "!!!", "！！！", "???", "! ! !", "\0", "👍"]


def sketch(
    text: Sequence[str | bytes | None] | pa.Array,
    parameters: SketchParameters = EVERYTHING,
    batch_documents: int = MAX_SLOTS,
) -> Sketches:
    """Return the sketches of all documents as those of one batch."""
    array = text if isinstance(text, pa.Array) else pa.array(text, pa.string())
    parts = list(sketch_texts(array, parameters, batch_documents))

    def all_of(name: str) -> np.ndarray:
        return np.concatenate([getattr(part, name) for part in parts])

    arrays = ("sets", "num_shingles", "num_tokens", "num_chars", "keys", "fingerprints")
    found = {name: all_of(name) for name in (*arrays, "digests", "text_digests")}
    return Sketches(**found, num_invalid=sum(part.num_invalid for part in parts))


def assert_same(left: Sketches, right: Sketches) -> None:
    for name, value in vars(left).items():
        np.testing.assert_array_equal(value, getattr(right, name), err_msg=name)


@pytest.fixture(scope="module")
def corpus() -> list[str]:
    return [*mixed_texts(300, seed=2), *TOKENLESS]


def test_a_sketch_is_what_its_kernels_say(corpus: list[str]) -> None:
    raw = [text.encode() for text in corpus]
    sets = batch_sets(raw)
    found = sketch(corpus)
    values, bounds = joined(sets)
    np.testing.assert_array_equal(found.sets, values)
    assert found.num_shingles.tolist() == [len(each) for each in sets]
    assert found.num_tokens.tolist() == [len(reference.tokens(text)) for text in corpus]
    assert found.num_chars.tolist() == [len(text) for text in corpus]
    slots = np.repeat(np.arange(len(sets), dtype=np.uint64), np.diff(bounds))
    table = signatures(values | slots << np.uint64(52), len(sets), BANDING.num_hashes)
    np.testing.assert_array_equal(found.keys, band_keys(table, BANDING.bands, BANDING.rows))
    np.testing.assert_array_equal(found.fingerprints, fingerprints(values, bounds))
    np.testing.assert_array_equal(found.text_digests, digests(*layout(raw)))
    assert found.num_invalid == 0


def test_digests_are_equal_exactly_where_sets_are(corpus: list[str]) -> None:
    corpus = [*corpus, *(text.upper() for text in corpus[:50])]
    found = [digest.tobytes() for digest in sketch(corpus).digests]
    meant = []
    for place, text in enumerate(corpus):
        shingles = reference.shingles(text, 5)
        canonical = reference.canonical_text(text)
        blank = not canonical.strip()
        meant.append(frozenset(shingles) or (f"blank {place}" if blank else canonical))
        assert (found[place] == bytes(16)) == (blank and not shingles)
    for left, right in combinations(range(len(corpus)), 2):
        if found[left] != bytes(16):
            assert (found[left] == found[right]) == (meant[left] == meant[right])
    assert len(set(meant)) < len(meant) - 30


@pytest.mark.parametrize("size", [1, 7, 100])
def test_sketches_do_not_depend_on_the_batch(corpus: list[str], size: int) -> None:
    assert_same(sketch(corpus, batch_documents=size), sketch(corpus))


def test_batches_end_at_their_bytes_and_documents() -> None:
    lengths = [BATCH_BYTES - 1, 1, 1, 0, 3 * BATCH_BYTES, 0, 5, BATCH_BYTES, 10]
    array = pa.array(["x" * length for length in lengths])
    sizes = [len(part.num_tokens) for part in sketch_texts(array, EVERYTHING)]
    assert sizes == [2, 2, 1, 2, 1, 1]
    many = pa.array(["a"] * (2 * MAX_SLOTS + 1))
    assert [len(p.num_tokens) for p in sketch_texts(many, EVERYTHING)] == [MAX_SLOTS, MAX_SLOTS, 1]
    assert list(sketch_texts(pa.array([], pa.string()), EVERYTHING)) == []


@pytest.mark.parametrize(
    "type_", [pa.string(), pa.large_string(), pa.binary(), pa.large_binary()], ids=str
)
def test_every_arrow_type_and_slice_gives_the_same(corpus: list[str], type_: pa.DataType) -> None:
    raw = [text.encode() for text in corpus]
    values: list[str] | list[bytes] = raw if "binary" in str(type_) else corpus
    array = pa.array(values, type_)
    assert_same(sketch(array), sketch(corpus))
    assert_same(sketch(array.slice(33, 100)), sketch(corpus[33:133]))


def test_null_is_as_empty_text() -> None:
    text = ["some words", None, "", None]
    assert_same(sketch(text), sketch([each or "" for each in text]))
    assert_same(sketch(pa.array([None, None], pa.binary())), sketch(["", ""]))
    sliced = pa.array(["first", None, "third", None]).slice(1, 2)
    assert_same(sketch(sliced), sketch(["", "third"]))


def test_what_is_not_wanted_is_not_made(corpus: list[str]) -> None:
    bare = sketch(corpus, SketchParameters(ngram=5, seed=0, banding=None, fingerprints=False))
    assert bare.keys.shape == (len(corpus), 0)
    assert not bare.fingerprints.any()
    np.testing.assert_array_equal(bare.sets, sketch(corpus).sets)


def test_invalid_utf8_is_counted_and_compared_as_replacement_characters() -> None:
    raw = [b"caf\xe9 ole", b"fine", b"\xff\xfe", b"\xff\xff"]
    found = sketch(pa.array(raw, pa.binary()))
    replaced = sketch([each.decode("utf-8", "replace") for each in raw])
    assert found.num_invalid == 3
    np.testing.assert_array_equal(found.sets, replaced.sets)
    np.testing.assert_array_equal(found.digests, replaced.digests)
    # The text itself is digested byte for byte: these two are equal, not identical.
    assert found.digests[2].tolist() == found.digests[3].tolist()
    assert found.text_digests[2].tolist() != found.text_digests[3].tolist()


def huge_texts() -> dict[str, bytes]:
    """Return texts above one segment, hard to cut in several ways."""
    words = mixed_text(40_000, seed=4)
    size = SEGMENT_BYTES
    return {
        "mixed": (words * 3).encode(),
        "ascii": " ".join(map(str, range(400_000))).encode(),
        "no blank at all": ("汉字ประเทศไทย한국어" * 40_000).encode(),
        "one token": b"a" * (2 * size + 5),
        "no blank for two segments": b"a b " + b"x" * (2 * size) + b" tail of words here " * 70_000,
        "a blank before the edge": b"w" * (size - 1) + b" " + b"v" * size,
        "a blank at the edge": b"w" * size + b" " + b"v" * size,
        "a blank after the edge": b"w" * (size + 1) + b" " + b"v" * size,
        "marks after blanks": b"w" * (size - 1) + (" \u0301x" * size).encode(),
        "blanks before letters beyond ascii": (" äöü" * (size // 4)).encode(),
        "control characters": b"one\0two\x1fthree\x7ffour" * (size // 10),
        "invalid": (b"caf\xe9 \xe6\xb1 ole \xff" * (size // 8)) + b" end",
        "exactly one segment": b"abc " * (size // 4),
        "one byte more": b"abc " * (size // 4) + b"x",
    }


HUGE = huge_texts()


@pytest.mark.parametrize("name", HUGE)
def test_a_huge_document_in_segments_is_as_in_one_piece(name: str) -> None:
    raw = HUGE[name]
    assert len(raw) >= SEGMENT_BYTES
    bare = SketchParameters(ngram=5, seed=0, banding=None, fingerprints=False)
    found = sketch(pa.array([b"before it", raw, b"after it"], pa.binary()), bare)
    # One batch of several documents is never segmented.
    sets = batch_sets([b"before it", raw, b"after it"])
    assert found.num_shingles.tolist() == [len(each) for each in sets]
    np.testing.assert_array_equal(found.sets, joined(sets)[0])
    assert found.num_tokens[1] == len(batch_tokens([b"", raw])[1])
    assert found.num_invalid == (name == "invalid")


def test_segments_are_of_their_size_and_cut_between_blank_and_ascii() -> None:
    raw = HUGE["mixed"]
    edges = module._segment_edges(np.frombuffer(raw, np.uint8))
    assert edges[0] == 0
    assert edges[-1] == len(raw)
    assert len(edges) > 3
    for start, stop in pairwise(edges[:-1]):
        assert SEGMENT_BYTES <= stop - start < 2 * SEGMENT_BYTES
        assert raw[stop - 1] <= 0x20
        assert raw[stop] < 0x80


@given(st.lists(st.one_of(texts.map(str.encode), broken_utf8()), min_size=1), st.integers(1, 20))
@settings(max_examples=300)
def test_any_text_in_tiny_segments_is_as_in_one_piece(pieces: list[bytes], size: int) -> None:
    raw = b" ".join(pieces)
    data, offsets = layout([raw])
    constants = hash_constants(0, 5)
    whole = module._tokens(data, offsets, constants)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "_SEGMENT_BYTES", size)
        found = module._tokens(data, offsets, constants)
    for one, other in zip(found, whole, strict=True):
        np.testing.assert_array_equal(one, other)

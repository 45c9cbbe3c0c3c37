"""The kernels of vectors on Arrow batches: keys, gate, products of matrices, exact values.

A content is the bytes of a vector, and where votes are counted those of its keys behind.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from dedup.engines.spark.arrays import numbers, packed_rows, rows, unpacked_rows
from dedup.engines.spark.kind import Batches
from dedup.lsh.hot_buckets import BucketPairs, CappedBucket
from dedup.spill.scratch import Scratch
from dedup.text.hashing import Int64Array, UInt64Array
from dedup.vectors.families.base import Float32Array
from dedup.vectors.hot import HotBuckets
from dedup.vectors.search import Hashing
from dedup.vectors.store import Vectors, VectorVerifier, norms_of
from dedup.vectors.tables import hash_vectors
from dedup.verify import BELOW


@dataclass(frozen=True)
class Form:
    """How contents are read.

    Attributes
    ----------
    dtype : of the values, float32 or float64.
    center : float32, shape (dim,); see `Vectors`.
    """

    dtype: str
    measure: str
    center: Float32Array

    def vectors(self, octets: NDArray[np.uint8]) -> Vectors:
        """Return the vectors of contents, a row of bytes each."""
        width = len(self.center) * np.dtype(self.dtype).itemsize
        values = np.ascontiguousarray(octets[:, :width]).view(self.dtype)
        places = np.arange(len(values))
        return Vectors(values, places, norms_of(values), self.measure, self.center)

    def keys(self, octets: NDArray[np.uint8]) -> NDArray[np.uint32]:
        """Return the keys behind the vectors; uint32, shape (contents, tables)."""
        width = len(self.center) * np.dtype(self.dtype).itemsize
        return np.ascontiguousarray(octets[:, width:]).view(np.uint32)


@dataclass(frozen=True)
class HashVectors:
    """Hashes vectors as the local engine does."""

    form: Form
    hashing: Hashing
    seed: int

    def __call__(self, batches: Batches) -> Batches:
        """Yield (place, keys, gate) of (place, content) rows; with the content, where votes count.

        The keys are uint32, (1 + probes) * tables of them.
        """
        for batch in batches:
            if not batch.num_rows:
                continue
            octets = unpacked_rows(batch.column("content"))
            family, scheme, gate = self.hashing
            vectors = self.form.vectors(octets)
            keys = hash_vectors(vectors, family, scheme, gate, self.seed, Scratch())
            tables = keys.tables.reshape(-1, len(vectors)).T
            found = {
                "place": batch.column("place"),
                "keys": packed_rows(tables),
                "gate": packed_rows(keys.gate.T),
            }
            if scheme.min_tables > 1:
                behind = np.ascontiguousarray(tables).view(np.uint8)
                found["content"] = packed_rows(np.concatenate([octets, behind], axis=1))
            yield rows(found)


@dataclass(frozen=True)
class TableEntries:
    """Makes the entries of tables: a key, the rank, the gate's bits, and whether it is a probe.

    Attributes
    ----------
    num_tables : entries of a vector beyond these stand in neighbouring buckets.
    """

    num_tables: int

    def __call__(self, batches: Batches) -> Batches:
        """Yield entries of (rank, keys, gate) rows."""
        for batch in batches:
            if not batch.num_rows:
                continue
            tables = unpacked_rows(batch.column("keys")).view(np.uint32)
            gate = unpacked_rows(batch.column("gate")).view(np.int64)
            times = tables.shape[1]
            table = np.arange(times, dtype=np.uint64) % np.uint64(self.num_tables)
            found = {
                "key": ((table << np.uint64(32)) | tables).reshape(-1),
                "rank": np.repeat(numbers(batch, "rank"), times),
            }
            for number, word in enumerate(gate.T):
                found[f"gate_{number}"] = np.repeat(word, times)
            if times > self.num_tables:
                probe = np.arange(times) // self.num_tables > 0
                found["probe"] = np.tile(probe.astype(np.int64), len(gate))
            yield rows(found)


@dataclass(frozen=True)
class GateFilter:
    """Rules out pairs that the gate stops, and those that stand in a bucket by probes alone."""

    words: int
    most_unlike: int

    def __call__(
        self, columns: dict[str, Int64Array], left: Int64Array, right: Int64Array
    ) -> NDArray[Any]:
        """Tell which pairs of rows pass."""
        differs = np.zeros(len(left), np.uint16)
        for number in range(self.words):
            word = columns[f"gate_{number}"].view(np.uint64)
            differs += np.bitwise_count(word[left] ^ word[right])
        passed: NDArray[np.bool_] = (differs <= self.most_unlike) & (
            columns["rank"][left] != columns["rank"][right]
        )
        if "probe" in columns:
            passed &= (columns["probe"][left] & columns["probe"][right]) == 0
        return passed


@dataclass(frozen=True)
class HotVectors:
    """Pairs of a large bucket by products of matrices; see `dedup.vectors.hot`.

    Attributes
    ----------
    wants_all : whether all pairs are wanted, and not those of leaders alone.
    """

    form: Form
    threshold: Fraction
    max_comparisons: int
    wants_all: bool

    def __call__(self, contents: list[pa.Array]) -> Iterator[BucketPairs]:
        """Yield the pairs of the members with these contents, and what the cap left out."""
        if not contents:
            return
        octets = np.concatenate([unpacked_rows(content) for content in contents])
        verifier = VectorVerifier(self.form.vectors(octets), self.threshold)
        bucket = HotBuckets(verifier, self.max_comparisons)
        bucket.add(np.arange(len(octets), dtype=np.uint32), np.array([len(octets)]))
        for pairs in bucket.all_pairs() if self.wants_all else bucket.leader_pairs():
            yield BucketPairs(pairs)
        skipped = bucket.skipped
        if len(skipped.documents):
            looked_at = len(octets) - len(skipped.documents)
            none: UInt64Array = np.zeros(0, np.uint64)
            capped = [CappedBucket(0, len(octets), looked_at)]
            yield BucketPairs(none, skipped.num_comparisons, skipped.documents, capped)


@dataclass(frozen=True)
class CompareVectors:
    """Gives the cosines, or distances, of pairs, in float64."""

    form: Form
    threshold: Fraction
    min_tables: int

    def __call__(self, left: pa.Array, right: pa.Array) -> Int64Array:
        """Return their bits, `BELOW` beyond the threshold, or where too few tables are shared."""
        octets = np.concatenate([unpacked_rows(left), unpacked_rows(right)])
        places = np.arange(len(left))
        verifier = VectorVerifier(self.form.vectors(octets), self.threshold)
        common = verifier.compare(places, places + len(left))
        if self.min_tables > 1:
            keys = self.form.keys(octets)
            shared = (keys[: len(left)] == keys[len(left) :]).sum(axis=1)
            common[shared < self.min_tables] = BELOW
        return common

"""The plan of text-dedup's Spark script, written anew with its published parameters.

250 permutations, bands and rows that weigh false positives and false negatives alike at the
threshold; documents that share a band are joined to the first of them; the answer is the connected
components of these edges, by alternating large and small stars, and nothing is verified.
"""

import hashlib
import re
from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pyspark import RDD
from pyspark.sql import functions as F  # noqa: N812

from benchmarks.peers.spark import documents, given_work, local_session, write_pairs

PERMUTATIONS, WORDS, SEED = 250, 5, 42
PRIME, MASK = np.uint64((1 << 61) - 1), np.uint64((1 << 32) - 1)
NOT_WORDS = re.compile(r"\W", re.UNICODE)

Edge = tuple[int, int]


def balanced_bands(threshold: float) -> tuple[int, int]:
    """Return the bands and rows of least false positive and false negative area."""
    similarity = (np.arange(1000) + 0.5) / 1000
    below = similarity < threshold
    best = (np.inf, 0, 0)
    for bands in range(1, PERMUTATIONS + 1):
        for rows in range(1, PERMUTATIONS // bands + 1):
            chance = 1 - (1 - similarity**rows) ** bands
            wrong = np.where(below, chance, 1 - chance).mean()
            best = min(best, (wrong, bands, rows))
    return best[1], best[2]


def band_keys(
    text: str, bands: int, rows: int, factors: NDArray[np.uint64], terms: NDArray[np.uint64]
) -> Iterator[tuple[int, bytes]]:
    """Yield the key of each band of a document; none of one with too few words."""
    words = [word for word in NOT_WORDS.split(text.lower()) if word]
    shingles = {" ".join(words[at : at + WORDS]) for at in range(len(words) - WORDS + 1)}
    if not shingles:
        return
    digests = b"".join(hashlib.sha1(shingle.encode()).digest()[:4] for shingle in shingles)
    hashes = np.frombuffer(digests, np.uint32).astype(np.uint64)
    permuted = ((hashes[:, None] * factors + terms) % PRIME) & MASK
    least = permuted.min(axis=0)
    for band in range(bands):
        yield band, least[band * rows : (band + 1) * rows].tobytes()


def star_of(members: Iterable[int]) -> list[Edge]:
    """Join the documents of a bucket to the first of them."""
    found = sorted(set(members))
    return [(other, found[0]) for other in found[1:]]


def large_star(group: tuple[int, Iterable[int]]) -> list[Edge]:
    """Join the larger neighbours of a document to the least of itself and all neighbours."""
    document, others = group[0], list(group[1])
    least = min(document, *others)
    return [(other, least) for other in others if other > document]


def small_star(group: tuple[int, Iterable[int]]) -> list[Edge]:
    """Join a document, and its smaller neighbours, to the least of these."""
    document, others = group[0], [other for other in group[1] if other <= group[0]]
    least = min(document, *others)
    return [(other, least) for other in (*others, document) if other != least]


def components(edges: RDD[Edge]) -> RDD[Edge]:
    """Return (document, first of its component) of all but the first ones."""
    while True:
        both = edges.flatMap(lambda edge: [edge, (edge[1], edge[0])])
        large = both.groupByKey().flatMap(large_star).distinct().cache()
        downward = large.map(lambda edge: (max(edge), min(edge)))
        small = downward.groupByKey().flatMap(small_star).distinct().cache()
        if not edges.subtract(small).union(small.subtract(edges)).collect():
            return small
        edges = small


def main() -> None:
    """Find the components, and write all pairs inside them."""
    work = given_work()
    spark = local_session()
    bands, rows = balanced_bands(work.threshold)
    rng = np.random.RandomState(SEED)
    factors = rng.randint(1, int(PRIME), PERMUTATIONS, np.uint64)
    terms = rng.randint(0, int(PRIME), PERMUTATIONS, np.uint64)

    def keys(row: Any) -> list[tuple[tuple[int, bytes], int]]:
        return [(key, row.number) for key in band_keys(row.text or "", bands, rows, factors, terms)]

    # The script numbers documents so, too; they are the same in every reading of the files.
    numbered = documents(spark, work).withColumn("number", F.monotonically_increasing_id())
    records = numbered.repartition(16).rdd
    buckets = records.flatMap(keys).groupByKey()
    edges = buckets.flatMap(lambda group: star_of(group[1])).distinct().cache()
    found = components(edges)
    firsts = found.map(lambda edge: (edge[1], edge[1])).distinct()
    members = spark.createDataFrame(found.union(firsts), "number bigint, first bigint")
    named = members.join(numbered.select("number", "id"), "number")
    left = named.select("first", F.col("id").alias("left_id"))
    right = named.select("first", F.col("id").alias("right_id"))
    pairs = left.join(right, "first").where("left_id < right_id")
    write_pairs(pairs.select("left_id", "right_id"), work)


if __name__ == "__main__":
    main()

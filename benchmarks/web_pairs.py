"""Which of the web's documents are near-duplicates, from how they were made, and what a run missed.

A pair can be near only inside a family: an original and the copies made from it. Families are few,
so their members are composed once more and every pair in them is compared exactly. A shingle is the
number that its five words are in base 7,131, which fits 64 bits: no hashing, nothing of the package
that is measured.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from benchmarks.score import Bin, recall_bins
from benchmarks.web_documents import NUM_WORDS, Numbers, WebDocuments

NGRAM = 5
LEAST_JACCARD = 0.7  # of the pairs that are written: those below 0.8 are decoys
SLICE = 1 << 20  # documents that are asked at once whether they are copies
MEMBERS = 8_192  # documents that are compared at once, and the rest of their last family


def families(web: WebDocuments, count: int) -> tuple[Numbers, Numbers]:
    """Return the members of all families among the first ``count`` documents.

    Returns
    -------
    originals : int64, shape (members,), ascending; the family of each member.
    members : int64, shape (members,), ascending within a family, the original first.
    """
    copies = np.concatenate(
        [
            numbers[web.is_copy(numbers)]
            for start in range(0, count, SLICE)
            for numbers in (np.arange(start, min(count, start + SLICE)),)
        ]
    )
    sources = web.sources(copies)
    originals = np.unique(sources)
    families, members = np.append(originals, sources), np.append(originals, copies)
    order = np.lexsort((members, families))
    return families[order], members[order]


def shingle_sets(web: WebDocuments, numbers: Numbers) -> tuple[Numbers, Numbers]:
    """Return the sets of shingles of documents.

    Returns
    -------
    shingles : int64, sorted and distinct in each set; equal numbers are equal shingles.
    borders : int64, shape (documents + 1,); where each set starts.
    """
    ranks, _, borders = web.words(web.recipe(numbers))
    shingles = np.zeros(len(ranks) - NGRAM + 1, dtype=np.uint64)
    for offset in range(NGRAM):
        shingles *= np.uint64(NUM_WORDS)
        shingles += ranks[offset : offset + len(shingles)]
    owner = np.repeat(np.arange(len(numbers)), np.diff(borders))
    whole = owner[: len(shingles)] == owner[NGRAM - 1 :]
    names, places = np.unique(shingles[whole], return_inverse=True)
    entries = np.unique(owner[: len(shingles)][whole] * len(names) + places)
    ends = np.searchsorted(entries, np.arange(len(numbers) + 1) * len(names))
    return entries % len(names), ends


def common_shingles(sets: tuple[Numbers, Numbers], left: Numbers, right: Numbers) -> Numbers:
    """Return how many shingles each pair of sets shares, int64, shape (pairs,)."""
    shingles, borders = sets
    width = int(shingles.max()) + 1
    entries = []
    for side in (left, right):
        sizes = borders[side + 1] - borders[side]
        ends = np.cumsum(sizes)
        places = np.repeat(borders[side] - (ends - sizes), sizes) + np.arange(ends[-1])
        entries.append(np.repeat(np.arange(len(side)) * width, sizes) + shingles[places])
    # Each set has a shingle once: what stands there twice, both have.
    merged = np.sort(np.concatenate(entries))
    twice = merged[1:][merged[1:] == merged[:-1]]
    return np.bincount(twice // width, minlength=len(left))


def near_pairs(web: WebDocuments, count: int) -> Iterator[pa.Table]:
    """Yield the pairs of the first ``count`` documents, family after family, in parts."""
    originals, members = families(web, count)
    start = 0
    while start < len(members):
        last = min(start + MEMBERS, len(members)) - 1
        end = int(np.searchsorted(originals, originals[last], side="right"))
        family, numbers = originals[start:end], members[start:end]
        sets = shingle_sets(web, numbers)
        sizes = np.diff(sets[1])
        # A family stands together: pair those at distance 1, 2... up to the largest one.
        left = np.arange(len(numbers) - 1)
        for distance in range(1, len(numbers)):
            left = left[left + distance < len(numbers)]
            left = left[family[left] == family[left + distance]]
            if len(left) == 0:
                break
            right = left + distance
            common = common_shingles(sets, left, right)
            jaccard = common / (sizes[left] + sizes[right] - common)
            near = jaccard >= LEAST_JACCARD
            columns = {"left": numbers[left], "right": numbers[right], "jaccard": jaccard}
            yield pa.table({name: column[near] for name, column in columns.items()})
        start = end


def write_pairs(web: WebDocuments, count: int, path: Path) -> None:
    """Write the pairs at Jaccard 0.7 at least as Parquet (left, right, jaccard), left < right."""
    schema = pa.schema({"left": pa.int64(), "right": pa.int64(), "jaccard": pa.float64()})
    unfinished = path.with_suffix(".unfinished")
    with pq.ParquetWriter(unfinished, schema) as file:
        file.write_table(pa.concat_tables([schema.empty_table(), *near_pairs(web, count)]))
    unfinished.replace(path)


@dataclass(frozen=True)
class Answer:
    """How good the clusters of a run are.

    Attributes
    ----------
    true_pairs : pairs at the threshold at least.
    recall : share of them of which not both documents were kept.
    bins : the same by Jaccard.
    removed : documents.
    unfounded : those of them whose keeper is no true pair with them.
    """

    true_pairs: int
    recall: float
    bins: list[Bin]
    removed: int
    unfounded: int


def score(truth: Path, clusters: Path, count: int, threshold: float = 0.8) -> Answer:
    """Score the clusters of a run on the first ``count`` documents, in order.

    Both documents of a true pair may well lie in different clusters, each with a keeper that comes
    before them. What may not be is that both are kept.
    """
    pairs = pq.read_table(truth)
    true = pc.and_(pc.greater_equal(pairs["jaccard"], threshold), pc.less(pairs["right"], count))
    left, right, jaccard = (column.to_numpy() for column in pairs.filter(true).columns)
    rows = pq.read_table(clusters, columns=["position", "cluster_id", "is_keeper"])
    rows = rows.filter(pc.invert(rows["is_keeper"]))
    position, keeper = rows["position"].to_numpy(), rows["cluster_id"].to_numpy()
    removed = np.zeros(count, dtype=np.bool_)
    removed[position] = True
    found = removed[left] | removed[right]
    known = np.isin(
        np.minimum(position, keeper) * count + np.maximum(position, keeper), left * count + right
    )
    return Answer(
        true_pairs=len(left),
        recall=float(found.mean()) if len(found) else 1.0,
        bins=recall_bins(jaccard, found, threshold),
        removed=len(position),
        unfounded=int((~known).sum()),
    )

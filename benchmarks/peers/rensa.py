"""rensa: full R-MinHash in batch calls, its LSH index, its estimate for the threshold.

The sampled "rho" calls are left out: they look at some 15 tokens of a long document. The batch call
takes shingles as Python strings and hashes them in Rust; a faster call that takes hashes would need
them made first.
"""

from collections.abc import Iterator, Sequence

from rensa import RMinHash, RMinHashLSH

from benchmarks.peers.process import Positions, Work, bands_of_128, main
from benchmarks.shingles import shingles

NUM_PERM = 128
SEED = 42
BATCH = 1000


def sketches(texts: Sequence[str]) -> list[RMinHash]:
    """Return the signatures of some documents; batches keep the shingles from filling memory."""
    made: list[RMinHash] = []
    for start in range(0, len(texts), BATCH):
        sets = [shingles(text) for text in texts[start : start + BATCH]]
        made += RMinHash.from_token_sets(sets, NUM_PERM, SEED)
    return made


def similar(signatures: list[RMinHash], threshold: float) -> Iterator[Positions]:
    """Yield the pairs that share a band and whose estimate reaches the threshold."""
    bands, rows = bands_of_128(threshold)
    index = RMinHashLSH(threshold, bands * rows, bands)
    index.insert_pairs(enumerate(signatures))
    for left, neighbours in enumerate(index.query_all(signatures)):
        for right in neighbours:
            if left < right and signatures[left].jaccard(signatures[right]) >= threshold:
                yield left, right


def find_pairs(work: Work) -> Iterator[Positions]:
    """Shingle, sketch and search in one process, whose Rust part uses all cores."""
    yield from similar(sketches(work.texts()), work.threshold)


if __name__ == "__main__":
    main(find_pairs)

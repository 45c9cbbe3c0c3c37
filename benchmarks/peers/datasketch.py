"""datasketch: MinHash in bulk and MinHashLSH, shingles and signatures by a process for each core.

xxh3 stands for its default SHA-1, as its documentation advises for speed. Its default bands at 0.8
(9 of 13 rows) find two in five of the pairs at the threshold, so the bands are given, and its
estimate filters.
"""

from collections.abc import Iterator, Sequence

from datasketch import MinHash, MinHashLSH
from xxhash import xxh3_64_intdigest

from benchmarks.peers.process import Positions, Work, bands_of_128, in_parallel, main
from benchmarks.shingles import shingles

NUM_PERM = 128


def hash32(token: bytes) -> int:
    """Hash a shingle to 32 bits, which its default scheme wants."""
    return xxh3_64_intdigest(token) & 0xFFFFFFFF


def sketches(texts: Sequence[str]) -> list[MinHash]:
    """Return the signatures of some documents."""
    sets = ([s.encode() for s in set(shingles(text))] for text in texts)
    made: list[MinHash] = MinHash.bulk(sets, num_perm=NUM_PERM, hashfunc=hash32)
    return made


def find_pairs(work: Work) -> Iterator[Positions]:
    """Sketch in parallel, then query and insert one after the other."""
    signatures = in_parallel(work, sketches)
    index = MinHashLSH(
        threshold=work.threshold, num_perm=NUM_PERM, params=bands_of_128(work.threshold)
    )
    for left, signature in enumerate(signatures):
        # Query before insert: each pair is met once.
        for right in index.query(signature):
            if signature.jaccard(signatures[right]) >= work.threshold:
                yield right, left
        index.insert(left, signature, check_duplication=False)


if __name__ == "__main__":
    main(find_pairs)

"""rensa helped along: the shingles, which cost it most, are made by a process for each core.

Every process reads its own part and sends signatures back; sketching and search are as in
``rensa``.
"""

from collections.abc import Iterator

from benchmarks.peers.process import Positions, Work, in_parallel, main
from benchmarks.peers.rensa import similar, sketches


def find_pairs(work: Work) -> Iterator[Positions]:
    """Sketch in parallel, then search."""
    yield from similar(in_parallel(work, sketches), work.threshold)


if __name__ == "__main__":
    main(find_pairs)

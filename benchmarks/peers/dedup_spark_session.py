"""dedup on Spark in the very session of the other peers, whose Java is Spark's own choice."""

from benchmarks.peers.dedup_spark import find_pairs
from benchmarks.peers.spark import given_work, local_session


def main() -> None:
    """Find the pairs."""
    local_session()
    find_pairs(given_work())


if __name__ == "__main__":
    main()

"""dedup on Spark: ``dedup run --engine spark --pairs all``, in the session of the other peers."""

import shutil
from fractions import Fraction

import dedup
import dedup.spark
from benchmarks.peers.spark import given_work, local_session


def main() -> None:
    """Find the pairs; the output folder is the peer's answer."""
    work = given_work()
    local_session()
    config = dedup.Config(
        threshold=Fraction(str(work.threshold)),
        pairs="all",
        text_column=work.text_column,
        id_column=work.id_column,
    )
    shutil.rmtree(work.out)
    dedup.spark.run([work.corpus], work.out, config)


if __name__ == "__main__":
    main()

"""dedup on Spark: ``dedup run --engine spark --pairs all``, which starts a session by itself."""

import os
import shutil
from fractions import Fraction

import dedup
import dedup.spark
from benchmarks.peers.process import Work
from benchmarks.peers.spark import SETTINGS, given_work


def main() -> None:
    """Find the pairs; the output folder is the peer's answer."""
    settings = " ".join(f"--conf {name}={value}" for name, value in SETTINGS.items())
    os.environ["PYSPARK_SUBMIT_ARGS"] = f"{settings} pyspark-shell"
    find_pairs(given_work())


def find_pairs(work: Work) -> None:
    """Find the pairs in the active session, else in a new one."""
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

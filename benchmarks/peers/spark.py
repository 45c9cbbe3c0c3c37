"""What the peers on Spark share: one session on all cores of this machine, with one memory."""

import os
import sys
from pathlib import Path

from pyspark.sql import DataFrame, SparkSession

from benchmarks.peers.process import Work

SETTINGS = {
    "spark.driver.memory": "6g",
    "spark.driver.host": "127.0.0.1",
    "spark.log.level": "ERROR",
    "spark.sql.shuffle.partitions": "16",
    "spark.ui.enabled": "false",
    "spark.ui.showConsoleProgress": "false",
}


def local_session() -> SparkSession:
    """Start Spark in this process, on all cores."""
    os.environ["PYSPARK_PYTHON"] = sys.executable
    builder = SparkSession.builder.master("local[*]")
    for name, value in SETTINGS.items():
        builder = builder.config(name, value)
    return builder.getOrCreate()


def given_work() -> Work:
    """Return the task of the arguments of ``Peer.command``; its folder is made."""
    corpus, out, text_column, id_column, threshold = sys.argv[1:]
    work = Work(Path(corpus), Path(out), text_column, id_column, float(threshold))
    work.out.mkdir(parents=True)
    return work


def documents(spark: SparkSession, work: Work) -> DataFrame:
    """Read the corpus as (id, text)."""
    found = spark.read.parquet(os.fspath(work.corpus.absolute()))
    return found.selectExpr(f"`{work.id_column}` AS id", f"`{work.text_column}` AS text")


def write_pairs(pairs: DataFrame, work: Work) -> None:
    """Write (left_id, right_id) pairs as the peer's answer."""
    pairs.write.parquet(os.fspath((work.out / "pairs.parquet").absolute()))

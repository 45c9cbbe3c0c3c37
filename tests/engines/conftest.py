"""A Spark session for the tests that need one; where there is no Java they are skipped aloud."""

from __future__ import annotations

import gc
import shutil
import warnings
from collections.abc import Iterator
from typing import Any

import pytest

SETTINGS = {
    "spark.driver.memory": "1g",
    "spark.driver.host": "127.0.0.1",
    "spark.driver.maxResultSize": "64m",
    "spark.ui.enabled": "false",
    "spark.log.level": "ERROR",
}

QUICK = {
    "spark.sql.shuffle.partitions": "3",
    "spark.default.parallelism": "2",
    "spark.sql.execution.arrow.maxRecordsPerBatch": "97",
    # On small data, compiling takes most of the time.
    "spark.driver.extraJavaOptions": "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC",
    "spark.sql.codegen.wholeStage": "false",
    "spark.sql.codegen.factoryMode": "NO_CODEGEN",
}
"""For many small jobs in one session."""


def need_java() -> None:
    """Skip a test, visibly, where there is no Java."""
    if shutil.which("java") is None:
        pytest.skip("no Java on this machine: Spark was not tested (Debian: default-jre-headless)")


def started(master: str, **settings: str) -> Any:
    """Return a session of our own on a master, as `session` makes it."""
    need_java()
    from pyspark.sql import SparkSession

    from dedup.engines.spark.session import session

    builder = SparkSession.builder.master(master)
    for name, value in (SETTINGS | QUICK | settings).items():
        builder = builder.config(name, value)
    return session(builder)


def stopped(spark: Any) -> None:
    """Stop a session, with the sockets that it leaves open to the garbage collector."""
    spark.stop()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        gc.collect()


@pytest.fixture(scope="session")
def spark() -> Iterator[Any]:
    found = started("local[2]")
    yield found
    stopped(found)

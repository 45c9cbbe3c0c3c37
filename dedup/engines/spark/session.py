"""Sessions of Spark: the user's own, or one that is made with this Python for its workers."""

from __future__ import annotations

import os
import sys
import tempfile
from contextlib import contextmanager, nullcontext
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from dedup.errors import ConfigError, MissingExtraError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pyspark.sql import SparkSession

SHORT_BYTES = 1 << 30
"""Input of a short run. Java's optimising compiler took 12 of 39 core-seconds on Reuters, which is
done in a quarter less time without it. On ten times as much, 1.2 GB of Parquet, it pays."""


def check_extra() -> None:
    """Raise MissingExtraError where PySpark, or what its Arrow functions need, is absent."""
    absent = [name for name in ("pyspark", "pandas") if find_spec(name) is None]
    if absent:
        raise MissingExtraError(
            f"the Spark engine needs {' and '.join(absent)}; "
            "install it with: pip install 'dedup-lsh[spark]'"
        )


def session(
    builder: SparkSession.Builder | None = None, input_bytes: int | None = None
) -> SparkSession:
    """Return the active session, else a new one that takes its settings from ``spark-submit``.

    Its workers run this very Python, unless ``PYSPARK_PYTHON`` names another: what Spark itself
    takes, `python3`, need not have dedup.

    Parameters
    ----------
    builder : with further settings.
    input_bytes : of the files to be read. For a short run Java, where it is started here, compiles
        without its optimising compiler.
    """
    check_extra()
    from pyspark.sql import SparkSession

    active = SparkSession.getActiveSession()
    if active is not None:
        return active
    python = os.environ.setdefault("PYSPARK_PYTHON", sys.executable)
    if builder is None:
        builder = SparkSession.builder.appName("dedup")
    is_short = input_bytes is not None and input_bytes < SHORT_BYTES
    with _java_options("-XX:TieredStopAtLevel=1") if is_short else nullcontext():
        return builder.config("spark.pyspark.python", python).getOrCreate()


@contextmanager
def _java_options(options: str) -> Iterator[None]:
    """Start Java with options of our own; those that the user gives come after, and win."""
    given = os.environ.get("SPARK_SUBMIT_OPTS")
    os.environ["SPARK_SUBMIT_OPTS"] = f"{options} {given or ''}".strip()
    try:
        yield
    finally:
        if given is None:
            del os.environ["SPARK_SUBMIT_OPTS"]
        else:
            os.environ["SPARK_SUBMIT_OPTS"] = given


def scratch_folder(spark: SparkSession, given: str | None) -> str:
    """Return a folder that the driver and all executors see, for what a run writes meanwhile.

    Raises
    ------
    ConfigError : none is given, and there is more than this machine; or the session is remote.
    """
    if type(spark).__module__.startswith("pyspark.sql.connect"):
        raise ConfigError(
            "the session is one of Spark Connect, which cannot delete what a run writes meanwhile; "
            "run it in the driver, by spark-submit or in a notebook of the cluster."
        )
    if given is not None:
        return given.rstrip("/") + f"/dedup-{os.urandom(8).hex()}"
    if not (spark.conf.get("spark.master", None) or "").startswith("local"):
        raise ConfigError(
            "scratch is not given; on a cluster give a folder that all executors reach, "
            "such as hdfs:///tmp or s3a://bucket/tmp."
        )
    return tempfile.mkdtemp(prefix="dedup-spark-")


def remove_folder(spark: SparkSession, folder: str) -> None:
    """Delete a folder wherever Hadoop's file systems reach."""
    files, path = reached(spark, folder)
    files.delete(path, True)


def folder_bytes(spark: SparkSession, folder: str) -> int:
    """Return the bytes of all files in a folder."""
    files, path = reached(spark, folder)
    return int(files.getContentSummary(path).getLength())


def reached(spark: SparkSession, folder: str) -> tuple[Any, Any]:
    """Return Hadoop's file system of a folder, and its path there."""
    jvm: Any = spark.sparkContext._jvm
    path = jvm.org.apache.hadoop.fs.Path(folder)
    return path.getFileSystem(spark.sparkContext._jsc.hadoopConfiguration()), path

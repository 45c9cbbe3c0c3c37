"""Sessions of Spark: the user's own, or one that is made with this Python for its workers."""

from __future__ import annotations

import os
import sys
import tempfile
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from dedup.errors import ConfigError, MissingExtraError

if TYPE_CHECKING:
    from pyspark.sql import SparkSession


def check_extra() -> None:
    """Raise MissingExtraError where PySpark, or what its Arrow functions need, is absent."""
    absent = [name for name in ("pyspark", "pandas") if find_spec(name) is None]
    if absent:
        raise MissingExtraError(
            f"the Spark engine needs {' and '.join(absent)}; "
            "install it with: pip install 'dedup-lsh[spark]'"
        )


def session(builder: SparkSession.Builder | None = None) -> SparkSession:
    """Return the active session, else a new one that takes its settings from ``spark-submit``.

    Its workers run this very Python, unless ``PYSPARK_PYTHON`` names another: what Spark itself
    takes, `python3`, need not have dedup.

    Parameters
    ----------
    builder : with further settings.
    """
    check_extra()
    from pyspark.sql import SparkSession

    active = SparkSession.getActiveSession()
    if active is not None:
        return active
    python = os.environ.setdefault("PYSPARK_PYTHON", sys.executable)
    if builder is None:
        builder = SparkSession.builder.appName("dedup")
    return builder.config("spark.pyspark.python", python).getOrCreate()


def scratch_folder(spark: SparkSession, given: str | None) -> str:
    """Return a folder that the driver and all executors see, for what a run writes meanwhile.

    Raises
    ------
    ConfigError : none is given, and there is more than this machine.
    """
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
    jvm: Any = spark.sparkContext._jvm
    path = jvm.org.apache.hadoop.fs.Path(folder)
    path.getFileSystem(spark.sparkContext._jsc.hadoopConfiguration()).delete(path, True)

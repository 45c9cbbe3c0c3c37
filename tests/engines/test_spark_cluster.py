"""The command under spark-submit, on executors that are JVMs of their own, of which one may die.

Files go in and come out as for a user; the tables are those of the local engine. The driver has
1 GB and takes 64 MB of results at the most.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import dedup
from benchmarks.skew_worlds import WORLDS
from benchmarks.tenfold import write_tenfold
from tests.engines.conftest import SETTINGS, need_java
from tests.engines.test_spark_files import SAMPLE, same_output
from tests.test_corpora import CORPORA

pytestmark = pytest.mark.slow

CLUSTER = "local-cluster[2,1,2048]"
SKEWED = ("copies of one page", "pages of one template, pairs planted")
TENFOLD = "reuters, ten times over"
SECONDS = 3_000


def submitted(
    data: Path,
    out: Path,
    scratch: Path,
    partitions: int,
    *options: str,
    words: tuple[str, ...] = ("run",),
) -> subprocess.Popen[str]:
    """Start a run as its users do."""
    pyspark = pytest.importorskip("pyspark")
    need_java()
    home = Path(pyspark.__file__).parent
    settings = SETTINGS | {
        "spark.sql.shuffle.partitions": str(partitions),
        "spark.sql.adaptive.coalescePartitions.enabled": "false",
        "spark.ui.showConsoleProgress": "false",
    }
    given = [word for name, value in settings.items() for word in ("--conf", f"{name}={value}")]
    root = Path(__file__).parents[2]
    command = [home / "bin" / "spark-submit", "--master", CLUSTER, *given, root / "cli.py", *words]
    where = ["-o", out, "--scratch", scratch, "--engine", "spark"]
    return subprocess.Popen(
        [os.fspath(word) for word in (*command, data, *where, *options)],
        env=os.environ
        | {
            "SPARK_HOME": os.fspath(home),
            "PYSPARK_PYTHON": sys.executable,
            "PYTHONPATH": os.fspath(root),  # executors have other folders, and run what is tested
        },
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )


def finished(run: subprocess.Popen[str], *, meanwhile: Callable[[], None] | None = None) -> None:
    """Wait for a run that must succeed; its processes go with it, whatever happens."""
    try:
        if meanwhile is not None:
            meanwhile()
        printed, _ = run.communicate(timeout=SECONDS)
    finally:
        if run.poll() is None:
            os.killpg(run.pid, signal.SIGTERM)
    assert run.returncode == 0, printed[-5_000:]


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], tuple[Path, dedup.Result]]:
    """Give a corpus by its name, with the local engine's result."""
    known: dict[str, tuple[Path, dedup.Result]] = {}

    def found(name: str) -> tuple[Path, dedup.Result]:
        if name not in known:
            path = SAMPLE if name == "sample crawl" else CORPORA / f"{name}.parquet"
            if name in SKEWED:
                make, size = WORLDS[name]
                path = tmp_path_factory.mktemp("skewed") / "texts.parquet"
                texts = pa.table({"text": make(size).texts})
                pq.write_table(texts, path, row_group_size=10_000)
            elif not CORPORA.exists():
                pytest.skip(f"no corpora at {CORPORA}")
            elif name == TENFOLD:
                path = tmp_path_factory.mktemp("tenfold") / "texts.parquet"
                write_tenfold(CORPORA / "reuters.parquet", path)
            known[name] = path, dedup.find_duplicates(path)
            assert known[name][1].summary["search"]["skipped_comparisons"] == 0
        return known[name]

    return found


@pytest.mark.parametrize("partitions", [1, 7, 64])
@pytest.mark.parametrize("name", ["sample crawl", "wiki-versions", "reuters"])
def test_tables_whatever_the_partitions(
    name: str,
    partitions: int,
    tmp_path: Path,
    corpus: Callable[[str], tuple[Path, dedup.Result]],
) -> None:
    data, expected = corpus(name)
    finished(submitted(data, tmp_path / "out", tmp_path, partitions))
    summary = same_output(tmp_path / "out", expected)
    assert summary["result"]["removed"] == expected.summary["result"]["removed"] > 100


@pytest.mark.parametrize("name", [TENFOLD, *SKEWED])
def test_tables_of_large_corpora(
    name: str, tmp_path: Path, corpus: Callable[[str], tuple[Path, dedup.Result]]
) -> None:
    data, expected = corpus(name)
    finished(submitted(data, tmp_path / "out", tmp_path, 7))
    same_output(tmp_path / "out", expected)


@pytest.mark.parametrize("stage", ["sketches", "buckets", "files"])
def test_an_executor_that_is_killed_changes_nothing(
    stage: str, tmp_path: Path, corpus: Callable[[str], tuple[Path, dedup.Result]]
) -> None:
    data, expected = corpus("wiki-versions")
    if stage == "files":  # two of them, so that each executor writes copies
        data = two_files(data, tmp_path / "data")
        expected = dedup.find_duplicates(data)
    scratch, kept = tmp_path / "scratch", tmp_path / "kept"
    run = submitted(data, tmp_path / "out", scratch, 7, "--kept", os.fspath(kept))

    def kill() -> None:
        before = list(scratch.glob(f"dedup-*/{stage}"))
        while not before:  # the stage's tasks write below it
            if run.poll() is not None:
                printed, _ = run.communicate()
                pytest.fail(f"the run ended before an executor could be killed: {printed[-3_000:]}")
            time.sleep(0.02)
            before = list(scratch.glob(f"dedup-*/{stage}"))
        victim = executors(run.pid)[0]
        os.kill(victim, signal.SIGKILL)
        assert not (before[0] / "_SUCCESS").exists(), "the stage was over already"

    finished(run, meanwhile=kill)
    same_output(tmp_path / "out", expected)
    dedup.run([data], tmp_path / "local", dedup.Config(), kept=tmp_path / "wanted")
    files = [file for file in kept.iterdir() if not file.name.startswith(".")]
    for file in (tmp_path / "wanted").iterdir():
        assert (kept / file.name).read_bytes() == file.read_bytes()
        files.remove(kept / file.name)
    assert not files


def two_files(corpus: Path, folder: Path) -> Path:
    """Cut a corpus in two."""
    folder.mkdir()
    table = pq.read_table(corpus)
    half = len(table) // 2
    for number, some in enumerate((table[:half], table[half:])):
        pq.write_table(some, folder / f"{number}.parquet", row_group_size=2_000)
    return folder


def executors(session: int) -> list[int]:
    """Return the process ids of the executors of a run, which is a session of its own."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            words = (folder / "cmdline").read_bytes().split(b"\0")
            pid = int(folder.name)
            if os.getsid(pid) == session and b"--executor-id" in words:
                found.append(pid)
        except OSError:
            continue
    return found

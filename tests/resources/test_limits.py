"""Memory: what a run may use, how many processes fit, and what is said where it is too little."""

from __future__ import annotations

import errno
import os
import resource
import subprocess
import sys
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import dedup
from dedup.config import Config
from dedup.engines.pool import WorkerPool
from dedup.jobs import local
from dedup.resources import limits
from dedup.resources.limits import LEAST_BYTES, PARENT_BYTES, WORKER_BYTES, cgroup_bytes, limits_of
from dedup.resources.sizes import parse_bytes, shown_bytes
from tests.worlds import world

ROOT = Path(__file__).parents[2]
MEMORY = "384MiB"


class Hungry:
    """A task that needs more memory than there is."""

    def run(self) -> None:
        np.empty(1 << 60, np.uint8)


class Blocked:
    """A task that finds the disk full."""

    def run(self) -> None:
        raise OSError(errno.ENOSPC, "No space left on device", "a file")


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("2GiB", 2 << 30),
        ("2gib", 2 << 30),
        ("2Gi", 2 << 30),
        ("500MB", 500_000_000),
        ("1.5 GB", 1_500_000_000),
        ("4g", 4_000_000_000),
        ("1TiB", 1 << 40),
        ("1024", 1024),
        (1024, 1024),
        ("12 kB", 12_000),
    ],
)
def test_sizes_as_people_write_them(text: str | int, size: int) -> None:
    assert parse_bytes("memory", text) == size


@pytest.mark.parametrize("text", ["", "much", "-1GB", "2 GB RAM", "GB", "1e9", "3PB", 1.5e9, True])
def test_no_sizes(text: object) -> None:
    with pytest.raises(dedup.ConfigError, match="2GiB"):
        Config(memory=text if text != 1.5e9 else "1.5e9")  # type: ignore[arg-type]


def test_sizes_as_people_read_them() -> None:
    sizes = (0, 999, 1000, 1536, 20_000_000, 5_100_000_000, 2 * 10**15)
    shown = ["0 bytes", "999 bytes", "1.0 kB", "1.5 kB", "20 MB", "5.1 GB", "2000.0 TB"]
    assert [shown_bytes(size) for size in sizes] == shown


@pytest.fixture
def no_group(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "cgroup_bytes", lambda: None)


@pytest.mark.usefixtures("no_group")
@pytest.mark.parametrize(
    ("memory", "processes"),
    [
        (LEAST_BYTES, 1),
        (PARENT_BYTES + WORKER_BYTES - 1, 1),
        (PARENT_BYTES + WORKER_BYTES, 2),
        (PARENT_BYTES + 5 * WORKER_BYTES, 6),
        (1 << 40, 8),
    ],
)
def test_as_many_processes_as_fit(memory: int, processes: int) -> None:
    assert limits_of(Config(memory=memory, workers=8)) == (memory, processes)


@pytest.mark.usefixtures("no_group")
def test_half_of_the_machine_if_not_given() -> None:
    machine = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    assert limits_of(Config()).memory == max(LEAST_BYTES, machine // 2)


@pytest.mark.usefixtures("no_group")
def test_too_little_is_refused_with_what_would_do() -> None:
    with pytest.raises(dedup.ConfigError, match=f"memory is 100MB; give at least {MEMORY}"):
        dedup.find_duplicates(pa.table({"text": ["a"]}), memory="100MB")


def test_a_container_with_less_than_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "cgroup_bytes", lambda: 1 << 30)
    assert limits_of(Config(memory="8GiB")).memory == int(0.9 * (1 << 30))
    assert limits_of(Config()).memory == 1 << 29
    monkeypatch.setattr(limits, "cgroup_bytes", lambda: 200 << 20)
    with pytest.raises(dedup.ConfigError, match="this container has 210 MB of memory"):
        limits_of(Config())


def write(root: Path, files: dict[str, str]) -> str:
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return str(root)


def test_control_groups_of_both_versions(tmp_path: Path) -> None:
    none = write(tmp_path / "0", {"proc/self/cgroup": "0::/a/b\n", "sys/fs/cgroup/x": ""})
    assert cgroup_bytes(none) is None
    assert cgroup_bytes(str(tmp_path / "nowhere")) is None
    second = {
        "proc/self/cgroup": "0::/a/b\n",
        "sys/fs/cgroup/a/b/memory.max": "max\n",
        "sys/fs/cgroup/a/memory.max": "3000000\n",
        "sys/fs/cgroup/memory.max": "4000000\n",
    }
    assert cgroup_bytes(write(tmp_path / "2", second)) == 3_000_000
    inside = {"proc/self/cgroup": "0::/\n", "sys/fs/cgroup/memory.max": "5000000\n"}
    assert cgroup_bytes(write(tmp_path / "inside", inside)) == 5_000_000
    first = {
        "proc/self/cgroup": "5:cpu:/a\n4:memory,other:/a\n0::/\n",
        "sys/fs/cgroup/memory/a/memory.limit_in_bytes": "2000000\n",
        "sys/fs/cgroup/memory/memory.limit_in_bytes": "9223372036854771712\n",
    }
    assert cgroup_bytes(write(tmp_path / "1", first)) == 2_000_000


def test_memory_changes_no_result(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(local, "SMALL_BYTES", 0)
    pq.write_table(pa.table({"text": world(400, seed=3)}), tmp_path / "a.parquet")
    small, large = (
        dedup.find_duplicates(tmp_path / "a.parquet", memory=memory, workers=2)
        for memory in (MEMORY, "4GiB")
    )
    assert small.clusters.equals(large.clusters)
    assert small.pairs.equals(large.pairs)
    assert small.summary["limits"] == {"memory_bytes": LEAST_BYTES, "processes": 1}
    assert small.summary["config"]["memory"] == MEMORY


@pytest.mark.skipif(sys.platform != "linux", reason="address limits are Linux's")
@pytest.mark.parametrize("kilobytes", [1_500_000, 6_000_000])
def test_a_limit_on_addresses_is_respected_or_refused(tmp_path: Path, kilobytes: int) -> None:
    pq.write_table(pa.table({"text": world(400, seed=3)}), tmp_path / "a.parquet")
    limit = kilobytes << 10
    done = subprocess.run(
        [
            *(sys.executable, str(ROOT / "cli.py"), "run", str(tmp_path / "a.parquet")),
            *("-o", str(tmp_path / "out")),
        ],
        capture_output=True,
        text=True,
        timeout=60,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_AS, (limit, limit)),
    )
    if kilobytes < 2_000_000:
        assert done.returncode == 1
        assert done.stderr.startswith("Error: ulimit -v leaves each process 1.5 GB of addresses")
        assert done.stderr.count("\n") == 1
        assert [path.name for path in tmp_path.iterdir()] == ["a.parquet"]
    else:
        assert done.returncode == 0, done.stderr


def test_a_worker_says_what_the_system_refused() -> None:
    with WorkerPool(1) as pool:
        with pytest.raises(MemoryError, match="EiB"):
            pool.workers[0].call(Hungry())
        with pytest.raises(OSError, match="No space left") as caught:
            pool.workers[0].call(Blocked())
    assert caught.value.errno == errno.ENOSPC


@pytest.mark.parametrize(
    "error",
    [MemoryError(), np.zeros(0), pa.ArrowMemoryError("malloc of size 64 failed")],
    ids=["python", "numpy", "arrow"],
)
def test_memory_that_runs_out_is_one_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: object
) -> None:
    import dedup.pipeline

    def fail(*_: object, **__: object) -> None:
        if isinstance(error, MemoryError):
            raise error
        np.empty(1 << 60, np.uint8)

    monkeypatch.setattr(dedup.pipeline, "search", fail)
    pq.write_table(pa.table({"text": ["a b c"]}), tmp_path / "a.parquet")
    for output in (None, tmp_path / "out"):
        with pytest.raises(dedup.DedupError, match=r"^memory ran out.* --memory") as caught:
            dedup.run([tmp_path / "a.parquet"], output, Config(memory="1GiB"))
        assert "\n" not in str(caught.value)
    assert [path.name for path in tmp_path.iterdir()] == ["a.parquet"]

"""How much memory a run may use, and how many processes that is enough for.

The bound is on the anonymous memory of all processes together; mapped files are page cache, which
the system takes back when it needs to. Light: workers are started before anything heavy is loaded.
"""

from __future__ import annotations

import os
import resource
from pathlib import Path
from typing import NamedTuple

from dedup.config import Config
from dedup.errors import ConfigError
from dedup.resources.sizes import parse_bytes, shown_bytes

PARENT_BYTES = 288 << 20
"""What this process uses while it sketches: 200 MiB for Parquet, 235 for JSON Lines."""
WORKER_BYTES = 224 << 20
"""What each worker uses: 160 MiB for Parquet, 190 for JSON Lines."""
LEAST_BYTES = 384 << 20
"""Below this one process alone may not hold what is sorted and compared at a time."""

_ADDRESSES = 2 << 30
"""Addresses that numpy, Arrow and their threads reserve in a process, beside what they use."""
_CGROUP_SHARE = 0.9
"""Of the limit of a container: the rest is for the page cache and the system's own tables."""


class Limits(NamedTuple):
    """What a run may use.

    Attributes
    ----------
    memory : bytes, of all processes together.
    processes : this one and its workers.
    """

    memory: int
    processes: int


def limits_of(config: Config) -> Limits:
    """Return what a run may use on this machine.

    Raises
    ------
    ConfigError : the memory given, or what the machine or a limit leaves, is too little.
    """
    group = cgroup_bytes()
    machine = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    if config.memory is None:
        memory = max(min(machine, group or machine) // 2, LEAST_BYTES)
    else:
        memory = parse_bytes("memory", config.memory)
        if memory < LEAST_BYTES:
            raise ConfigError(
                f"memory is {config.memory}; give at least {LEAST_BYTES >> 20}MiB, which one "
                "process needs."
            )
    if group is not None:
        memory = min(memory, int(group * _CGROUP_SHARE))
        if memory < LEAST_BYTES:
            raise ConfigError(
                f"this container has {shown_bytes(group)} of memory; give it at least "
                f"{int(LEAST_BYTES / _CGROUP_SHARE) >> 20} MiB."
            )
    addresses, _ = resource.getrlimit(resource.RLIMIT_AS)
    if addresses != resource.RLIM_INFINITY:
        memory = min(memory, addresses - _ADDRESSES)
        if memory < LEAST_BYTES:
            raise ConfigError(
                f"ulimit -v leaves each process {shown_bytes(addresses)} of addresses; raise it to "
                f"{(LEAST_BYTES + _ADDRESSES) >> 10} or more, or bound the run by --memory alone."
            )
    fitting = 1 + max(0, memory - PARENT_BYTES) // WORKER_BYTES
    return Limits(memory, min(config.num_workers, fitting))


def cgroup_bytes(root: str = "/") -> int | None:
    """Return the least memory limit of our control groups (v1 or v2), None if there is none.

    Parameters
    ----------
    root : where /proc and /sys are.
    """
    try:
        lines = Path(root, "proc/self/cgroup").read_text(encoding="utf-8").splitlines()
    except OSError:
        return None
    found = []
    for line in lines:
        _, controllers, group = line.split(":", 2)
        if not controllers:
            base, name = Path(root, "sys/fs/cgroup"), "memory.max"
        elif "memory" in controllers.split(","):
            base, name = Path(root, "sys/fs/cgroup/memory"), "memory.limit_in_bytes"
        else:
            continue
        # A group is bound by those above it too; seen from inside, its own path may not be there.
        inner = Path(group.lstrip("/"))
        for folder in (inner, *inner.parents):
            try:
                text = (base / folder / name).read_text(encoding="utf-8").strip()
            except OSError:
                continue
            if text.isdecimal() and int(text) < 1 << 60:  # v1 says none by a huge number
                found.append(int(text))
    return min(found, default=None)

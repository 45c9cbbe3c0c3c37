"""Runs a command and measures it: wall and CPU seconds, and the peaks of its memory and disk.

Memory is the summed PSS of the command's session, so shared pages count once, read every 50 ms; and
the same without the pages that files back, which are the page cache. Reading PSS stops a process
for milliseconds, tens of them where it is large, and takes a core for a while; so a run is either
timed or sampled, except a long one, of which readings take one part in a hundred. Disk is what a
folder's files occupy, read twice a second; a file without a name is not seen.
"""

import os
import platform
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

QUICK_SECONDS = 30.0  # from here on the sampling is slower
QUICK_PAUSE, SLOW_PAUSE = 0.05, 0.2
DISK_PAUSE = 0.5
CPU_PAUSE = 0.2


@dataclass(frozen=True)
class Run:
    """What one run took.

    Attributes
    ----------
    wall_seconds : from start to the end of the command.
    cpu_seconds : user and system time of the command and the children it waited for; or of its
        session, read five times a second, where that is more: nobody waits for Spark's workers.
    peak_bytes : the largest sum of PSS that was seen; None for a run that was not sampled.
    exit_code : of the command; negative is a signal, as when the time limit ended it.
    others_share : share of the machine's cores that everything else used meanwhile, 0 to 1.
    peak_unbacked_bytes : as ``peak_bytes``, but without the pages that files back.
    peak_disk_bytes : the most that was used of the folder's disk beyond what was used at first, by
        whomever; None without a folder.
    """

    wall_seconds: float
    cpu_seconds: float
    peak_bytes: int | None
    exit_code: int
    others_share: float
    peak_unbacked_bytes: int | None = None
    peak_disk_bytes: int | None = None


@dataclass
class Sampler:
    """Reads the memory of a session and the disk under a folder, and keeps the peaks.

    Parameters
    ----------
    session : the id of its first process.
    folder : the one that the session writes to; None reads no disk.
    pause : seconds between two readings of memory; None is 50 ms, or 20 times what the last one
        took; and later 200 ms, or 100 times that.
    strangers : processes known to be of other sessions; those that are met are added.
    """

    session: int
    folder: Path | None
    pause: float | None
    strangers: set[int]
    memory: int = 0
    unbacked: int = 0
    disk: int = 0
    used_before: int | None = None
    next_memory: float = 0.0
    next_disk: float = 0.0

    def read(self, elapsed: float) -> None:
        """Read what is due so many seconds after the start."""
        if elapsed >= self.next_memory:
            start = time.perf_counter()
            total, backed = session_pss(self.session, self.strangers)
            took = time.perf_counter() - start
            self.memory = max(self.memory, total)
            self.unbacked = max(self.unbacked, total - backed)
            is_long = elapsed >= QUICK_SECONDS
            pause = max(SLOW_PAUSE, 100 * took) if is_long else max(QUICK_PAUSE, 20 * took)
            self.next_memory = elapsed + (self.pause or pause)
        if elapsed >= self.next_disk:
            self.read_disk(elapsed)

    def read_disk(self, elapsed: float) -> None:
        """Read how much more of the folder's disk is used than at first."""
        if self.folder is not None:
            used = used_bytes(self.folder)
            self.used_before = used if self.used_before is None else self.used_before
            self.disk = max(self.disk, used - self.used_before)
            self.next_disk = elapsed + DISK_PAUSE


def run(
    command: Sequence[str],
    environment: Mapping[str, str],
    log: Path,
    sample: bool,
    limit: float,
    folder: Path | None = None,
    pause: float | None = None,
) -> Run:
    """Run a command to its end or to the time limit, with its output in ``log``.

    Parameters
    ----------
    sample : whether memory is read, and the disk under ``folder`` if there is one.
    pause : seconds between two readings; see `Sampler`.
    """
    with log.open("wb") as output:
        start = time.perf_counter()
        process = subprocess.Popen(
            command,
            env=dict(environment),
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        try:
            strangers = set(numbers_in_proc()) - {process.pid}
            sampler = Sampler(process.pid, folder, pause, strangers) if sample else None
            return watch(process, start, sampler, limit, strangers)
        finally:
            end_session(process)


def watch(
    process: subprocess.Popen[bytes],
    start: float,
    sampler: Sampler | None,
    limit: float,
    strangers: set[int],
) -> Run:
    """Wait for the process, sampling it meanwhile if asked to."""
    busy = busy_seconds()
    seconds: dict[int, float] = {}
    next_reading = 0.0
    while True:
        # Without sampling this is all that happens every 2 ms, the grain of the timing; five times
        # a second the CPU time of the session is read too.
        done, status, usage = os.wait4(process.pid, os.WNOHANG)
        elapsed = time.perf_counter() - start
        if done:
            process.returncode = os.waitstatus_to_exitcode(status)
            busy = busy_seconds() - busy
            cpu = max(usage.ru_utime + usage.ru_stime, sum(seconds.values()))
            others = (busy - cpu) / (elapsed * (os.cpu_count() or 1))
            took = Run(elapsed, cpu, None, process.returncode, max(0.0, others))
            if sampler is None:
                return took
            sampler.read_disk(elapsed)
            return replace(
                took,
                peak_bytes=sampler.memory,
                peak_unbacked_bytes=sampler.unbacked,
                peak_disk_bytes=None if sampler.folder is None else sampler.disk,
            )
        if elapsed >= next_reading:
            seconds |= session_seconds(process.pid, strangers)
            next_reading = elapsed + CPU_PAUSE
        if elapsed > limit:
            os.killpg(process.pid, signal.SIGKILL)
        if sampler is not None:
            sampler.read(elapsed)
        time.sleep(0.002)


def machine() -> dict[str, Any]:
    """Describe where the figures come from."""
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    model = next(
        (line.partition(": ")[2] for line in lines if line.startswith("model name")),
        platform.machine(),
    )
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return {
        "cpu": model,
        "cores": os.cpu_count(),
        "memory_bytes": memory,
        "python": platform.python_version(),
    }


def end_session(process: subprocess.Popen[bytes]) -> None:
    """Kill what is left: the command itself after an interrupt, children it left behind."""
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except ProcessLookupError:
        return
    process.wait()


def busy_seconds() -> float:
    """Return the CPU seconds that all processes, and the host's other guests, have had so far."""
    user, nice, system, _idle, _wait, irq, soft, steal = Path("/proc/stat").read_text().split()[1:9]
    return sum(map(int, (user, nice, system, irq, soft, steal))) / os.sysconf("SC_CLK_TCK")


def numbers_in_proc() -> list[int]:
    """Return the ids of all processes."""
    return [int(name) for name in os.listdir("/proc") if name.isdigit()]


def fields_of(pid: int) -> list[str]:
    """Return what the system says of a process after its name; nothing where it is gone."""
    try:
        # The name may hold spaces. Then: state, parent, group, session.
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return []


def members(session: int, strangers: set[int]) -> dict[int, list[str]]:
    """Return the processes of a session, with their fields.

    Parameters
    ----------
    session : the id of its first process.
    strangers : processes known to be of other sessions; those that are met are added.
    """
    found = {}
    for pid in set(numbers_in_proc()) - strangers:
        fields = fields_of(pid)
        if fields and int(fields[3]) == session:
            found[pid] = fields
        elif fields:
            strangers.add(pid)
    return found


def session_seconds(session: int, strangers: set[int]) -> dict[int, float]:
    """Return the CPU seconds of each process of a session, as `members` takes it."""
    tick = os.sysconf("SC_CLK_TCK")
    found = members(session, strangers)
    return {pid: (int(of[11]) + int(of[12])) / tick for pid, of in found.items()}


def session_pss(session: int, strangers: set[int]) -> tuple[int, int]:
    """Return the summed PSS of the processes of a session, and what of it files back, in bytes."""
    total, backed = 0, 0
    for pid in members(session, strangers):
        try:
            for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
                if line.startswith("Pss:"):
                    total += 1024 * int(line.split()[1])
                elif line.startswith("Pss_File:"):
                    backed += 1024 * int(line.split()[1])
        except (FileNotFoundError, ProcessLookupError, PermissionError):
            continue
    return total, backed


def used_bytes(folder: Path) -> int:
    """Return what is used of the disk that a folder lies on: by files without a name too."""
    disk = os.statvfs(folder)
    return (disk.f_blocks - disk.f_bfree) * disk.f_frsize

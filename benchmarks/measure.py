"""Runs a command and measures it: wall and CPU seconds, and the peaks of its memory and disk.

Memory is the summed PSS of the command's session, so shared pages count once, read every 50 ms; and
the same without the pages that files back, which are the page cache. Reading PSS stops a process
for milliseconds and takes a core for a while; so a run is either timed or sampled, except a long
one, where reading five times a second costs less than 1 %. Disk is what a folder's files occupy,
read twice a second; a file without a name is not seen.
"""

import ctypes
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
ORPHANS_PAUSE = 3.0  # at most, at the end
_PR_SET_CHILD_SUBREAPER = 36  # of <linux/prctl.h>


@dataclass(frozen=True)
class Run:
    """What one run took.

    Attributes
    ----------
    wall_seconds : from start to the end of the command.
    cpu_seconds : user and system time of the command, of the children it waited for, and of those
        that it left behind.
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
    pause : seconds between two readings of memory; None is 50 ms, and later 200 ms.
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
            total, backed = session_pss(self.session, self.strangers)
            self.memory = max(self.memory, total)
            self.unbacked = max(self.unbacked, total - backed)
            pause = QUICK_PAUSE if elapsed < QUICK_SECONDS else SLOW_PAUSE
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
    pause : seconds between two readings; None is 50 ms, and 200 ms after half a minute.
    """
    adopt_orphans()
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
            return watch(process, start, sampler, limit)
        finally:
            end_session(process)


def watch(
    process: subprocess.Popen[bytes], start: float, sampler: Sampler | None, limit: float
) -> Run:
    """Wait for the process, sampling it meanwhile if asked to."""
    busy = busy_seconds()
    while True:
        # Without sampling nothing but this happens every 2 ms, the grain of the timing.
        done, status, usage = os.wait4(process.pid, os.WNOHANG)
        elapsed = time.perf_counter() - start
        if done:
            process.returncode = os.waitstatus_to_exitcode(status)
            busy = busy_seconds() - busy
            cpu = usage.ru_utime + usage.ru_stime + seconds_left_behind(process.pid)
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


def adopt_orphans() -> None:
    """Become the parent of processes whose own has ended, so that their CPU time can be read."""
    ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def seconds_left_behind(session: int) -> float:
    """Wait a moment for what a command left behind, and return its CPU seconds.

    Spark's JVM lives a little longer than the Python that started it, and did most of the work.
    """
    seconds, end = 0.0, time.monotonic() + ORPHANS_PAUSE
    while True:
        living = [pid for pid in numbers_in_proc() if session_of(pid) == session]
        for pid in living:
            try:
                done, _, usage = os.wait4(pid, os.WNOHANG)
            except ChildProcessError:  # another one waits for it
                continue
            if done:
                seconds += usage.ru_utime + usage.ru_stime
        if not living or time.monotonic() > end:
            return seconds
        time.sleep(0.01)


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


def session_of(pid: int) -> int | None:
    """Return the session of a process; None where there is none any more."""
    try:
        # After the command's name, which may hold spaces: state, parent, group, session.
        return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[3])
    except (FileNotFoundError, ProcessLookupError):
        return None


def session_pss(session: int, strangers: set[int]) -> tuple[int, int]:
    """Return the summed PSS of the processes of a session, and what of it files back, in bytes.

    Parameters
    ----------
    session : the id of its first process.
    strangers : processes known to be of other sessions; those that are met are added.
    """
    total, backed = 0, 0
    for pid in numbers_in_proc():
        if pid in strangers:
            continue
        if session_of(pid) != session:
            strangers.add(pid)
            continue
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

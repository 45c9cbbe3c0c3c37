"""Runs a command and measures it: wall seconds, CPU seconds, the peak memory of all its processes.

Memory is the summed PSS of the command's session, so shared pages count once, read every 50 ms.
Reading PSS stops a process for milliseconds and takes a core for a while; so a run is either timed
or sampled, except a long one, where reading five times a second costs less than 1 %.
"""

import os
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

QUICK_SECONDS = 30.0  # from here on the sampling is slower


@dataclass(frozen=True)
class Run:
    """What one run took.

    Attributes
    ----------
    wall_seconds : from start to the end of the command.
    cpu_seconds : user and system time of the command and the children it waited for.
    peak_bytes : the largest sum of PSS that was seen; None for a run that was not sampled.
    exit_code : of the command; negative is a signal, as when the time limit ended it.
    others_share : share of the machine's cores that everything else used meanwhile, 0 to 1.
    """

    wall_seconds: float
    cpu_seconds: float
    peak_bytes: int | None
    exit_code: int
    others_share: float


def run(
    command: Sequence[str], environment: Mapping[str, str], log: Path, sample: bool, limit: float
) -> Run:
    """Run a command to its end or to the time limit, with its output in ``log``."""
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
            return watch(process, start, sample, limit)
        finally:
            end_session(process)


def watch(process: subprocess.Popen[bytes], start: float, sample: bool, limit: float) -> Run:
    """Wait for the process, reading the memory of its session meanwhile if asked to."""
    peak, strangers = 0, set(numbers_in_proc()) - {process.pid}
    busy = busy_seconds()
    while True:
        # Without sampling nothing but this wait happens: 2 ms is the grain of the timing.
        done, status, usage = os.wait4(process.pid, os.WNOHANG)
        elapsed = time.perf_counter() - start
        if done:
            process.returncode = os.waitstatus_to_exitcode(status)
            cpu = usage.ru_utime + usage.ru_stime
            others = (busy_seconds() - busy - cpu) / (elapsed * (os.cpu_count() or 1))
            peak_bytes = peak if sample else None
            return Run(elapsed, cpu, peak_bytes, process.returncode, max(0.0, others))
        if elapsed > limit:
            os.killpg(process.pid, signal.SIGKILL)
        if sample:
            peak = max(peak, session_pss(process.pid, strangers))
            time.sleep(0.05 if elapsed < QUICK_SECONDS else 0.2)
        else:
            time.sleep(0.002)


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


def session_pss(session: int, strangers: set[int]) -> int:
    """Return the summed PSS of the processes of a session, in bytes.

    Parameters
    ----------
    session : the id of its first process.
    strangers : processes known to be of other sessions; those that are met are added.
    """
    total = 0
    for pid in numbers_in_proc():
        if pid in strangers:
            continue
        try:
            # After the command's name, which may hold spaces: state, parent, group, session.
            if int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[3]) != session:
                strangers.add(pid)
                continue
            for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
                if line.startswith("Pss:"):
                    total += 1024 * int(line.split()[1])
        except (FileNotFoundError, ProcessLookupError, PermissionError):
            continue
    return total

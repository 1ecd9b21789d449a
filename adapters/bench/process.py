"""Other processes, as /proc tells of them: what they cost, what they hold, where they may run."""

import os
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

NANOSECONDS = 1e9
# Fields of /proc/PID/stat behind the command's closing bracket: cutime and cstime, in ticks (proc(5)).
_REAPED = slice(13, 15)


def cpu_seconds(pid: int) -> float:
    """Return the seconds that a process has spent on a processor, all threads, user and system.

    From /proc/PID/task/*/schedstat, in nanoseconds: the ticks of /proc/PID/stat are too coarse here.
    """
    tasks = Path(f"/proc/{pid}/task").iterdir()
    return (
        sum(int((task / "schedstat").read_text(encoding="ascii").split()[0]) for task in tasks) / NANOSECONDS
    )


def reaped_seconds(pid: int) -> float:
    """Return the CPU seconds of the children that a process has had and buried."""
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    return sum(map(int, fields[_REAPED])) / os.sysconf("SC_CLK_TCK")


def family(pid: int) -> Sequence[int]:
    """Return a process and all that descend from it."""
    found = [pid]
    for each in found:
        # One that has just ended has no children any more.
        with suppress(FileNotFoundError, ProcessLookupError):
            text = Path(f"/proc/{each}/task/{each}/children").read_text(encoding="ascii")
            found.extend(int(child) for child in text.split())
    return found


def command_line(pid: int) -> str:
    """Return what a process was started as, empty when it is gone."""
    with suppress(FileNotFoundError, ProcessLookupError):
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode()
    return ""


def resident_bytes(pid: int) -> tuple[int, int]:
    """Return what a process holds in memory: RSS, and PSS (what it shares counts as its share)."""
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="ascii").splitlines()
    sizes = {line.split(":")[0]: int(line.split()[1]) * 1024 for line in lines[1:]}
    return sizes["Rss"], sizes["Pss"]


def pin(pids: Iterable[int], core: int) -> None:
    """Keep processes on one core, all threads, where the machine has it."""
    if core in os.sched_getaffinity(0):
        _keep(pids, {core})


def unpin(pids: Iterable[int]) -> None:
    """Let processes run on every core that we may run on, all threads."""
    _keep(pids, os.sched_getaffinity(0))


def _keep(pids: Iterable[int], cores: set[int]) -> None:
    for pid in pids:
        # A database connection may end meanwhile.
        with suppress(FileNotFoundError, ProcessLookupError):
            for task in Path(f"/proc/{pid}/task").iterdir():
                os.sched_setaffinity(int(task.name), cores)


@contextmanager
def urgent(pids: Iterable[int]) -> Iterator[None]:
    """Let processes run as soon as they can, before all that shares their core, if we may.

    A generator that waits for its core measures its own wait. sched(7): SCHED_FIFO needs CAP_SYS_NICE.
    """
    changed = []
    with suppress(PermissionError):
        for pid in pids:
            os.sched_setscheduler(pid, os.SCHED_FIFO, os.sched_param(1))
            changed.append(pid)
    try:
        yield
    finally:
        for pid in changed:
            with suppress(ProcessLookupError):
                os.sched_setscheduler(pid, os.SCHED_OTHER, os.sched_param(0))

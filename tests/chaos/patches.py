"""What chaos changes inside a real node's processes, from outside: the clock, the boot, what is synced.

A `sitecustomize` on PYTHONPATH calls `install` before anything else runs. The product has no hook for it.
"""

import asyncio
import datetime as dt
import mmap
import os
import struct
import sys
import time
from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import Any, Self

_DIRECTORY = "POSDATA_TEST_CHAOS"
_SITECUSTOMIZE = "from tests.chaos.patches import install\n\ninstall()\n"
_OFFSET = struct.Struct("<d")
_LENGTH = struct.Struct("<I")
# Small, so that a run turns many of them over.
SEGMENT_OCTETS = 128 * 1024


class Levers:
    """The harness's side: what the node's processes read, and what they left to read."""

    def __init__(self, directory: Path) -> None:
        directory.mkdir(parents=True)
        self._directory = directory
        self._clock = directory / "clock"
        self._clock.write_bytes(_OFFSET.pack(0.0))
        self.boot = 0
        self.reboot()
        (directory / "synced").mkdir()
        (directory / "sitecustomize.py").write_text(_SITECUSTOMIZE)
        repository = Path(__file__).parents[2]
        self.environment = {
            "PYTHONPATH": os.pathsep.join((str(directory), str(repository))),
            _DIRECTORY: str(directory),
        }

    def jump(self, seconds: float) -> None:
        """Put every process's clock so far from the machine's own."""
        with self._clock.open("r+b") as stream:
            stream.write(_OFFSET.pack(seconds))

    def reboot(self) -> None:
        """Give the machine another boot_id."""
        self.boot += 1
        (self._directory / "boot_id").write_text(f"boot {self.boot}")

    def synced(self, segment: Path) -> int:
        """Return up to where a segment is known to have been brought to the disk."""
        mark = self._directory / "synced" / _mark_name(segment)
        return int(mark.read_text()) if mark.exists() else 0


def _mark_name(segment: Path) -> str:
    return "-".join(segment.parts[-3:])


def install() -> None:
    """Patch the process that is starting."""
    if _DIRECTORY not in os.environ:
        return
    directory = Path(os.environ[_DIRECTORY])
    _patch_clock(directory / "clock")
    _patch_sync(directory / "synced")
    from adapters.files import journal_reader, journal_writer

    journal_reader.boot_id = (directory / "boot_id").read_text
    journal_writer.JournalWriter.__init__.__defaults__ = (SEGMENT_OCTETS,)


def _patch_clock(file: Path) -> None:
    """Move time.time, time.time_ns and the datetime of our own modules by what stands in a file."""
    with file.open("rb") as stream:
        clock = mmap.mmap(stream.fileno(), _OFFSET.size, access=mmap.ACCESS_READ)
    seconds, nanoseconds, run = time.time, time.time_ns, asyncio.run

    def offset() -> float:
        return float(_OFFSET.unpack_from(clock)[0])

    class Moved(dt.datetime):
        @classmethod
        def now(cls, tz: dt.tzinfo | None = None) -> Self:
            return super().now(tz) + dt.timedelta(seconds=offset())

    @wraps(run)
    def moved_run(*arguments: Any, **named: Any) -> Any:
        for name, module in list(sys.modules.items()):
            ours = name.partition(".")[0] in {"__main__", "adapters"}
            if ours and getattr(module, "datetime", None) is dt.datetime:
                module.datetime = Moved  # type: ignore[attr-defined]
        return run(*arguments, **named)

    time.time = lambda: seconds() + offset()
    time.time_ns = lambda: nanoseconds() + int(offset() * 1e9)
    asyncio.run = moved_run


def _patch_sync(marks: Path) -> None:
    """Note for each segment up to which frame's end it has been brought to the disk."""
    fdatasync = os.fdatasync
    written: dict[str, int] = {}

    def noting(descriptor: int) -> None:
        path = str(Path(f"/proc/self/fd/{descriptor}").readlink())
        if not path.endswith(".segment"):
            fdatasync(descriptor)
            return
        upto = written[path] = frames_end(lambda at: os.pread(descriptor, 4, at), written.get(path, 0))
        fdatasync(descriptor)
        new = marks / f"{os.getpid()}.new"
        new.write_text(str(upto))
        new.replace(marks / _mark_name(Path(path)))

    os.fdatasync = noting  # type: ignore[assignment]


def frames_end(read: Callable[[int], bytes], at: int) -> int:
    """Return where the frames from `at` on end; `read` gives four octets at an offset."""
    while len(octets := read(at)) == _LENGTH.size and (length := _LENGTH.unpack(octets)[0]):
        at += length
    return at

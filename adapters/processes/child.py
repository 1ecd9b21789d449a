"""What a child process is told at birth, and its line to the supervisor."""

import asyncio
import ctypes
import gc
import logging
import os
import signal
import socket
import sys
from collections.abc import Callable, Coroutine
from contextlib import suppress
from pathlib import Path
from typing import Any, TextIO, cast

import structlog
from pydantic import BaseModel, ConfigDict

from adapters.processes.messages import Message, ToChild, to_child
from engine.settings import Settings

MAX_DATAGRAM = 65536
MESSAGES_A_TURN = 64
SWITCH_S = 0.0001
# Looking through all that was loaded at the start would stop everything for 0.15 s, and find nothing.
SELDOM_ALL = (700, 10, 1000)
_PR_SET_PDEATHSIG = 1

log = structlog.get_logger()


class Spec(BaseModel):
    """A child's orders, read from its standard input (the settings may hold a password)."""

    model_config = ConfigDict(frozen=True)

    role: str
    settings: Settings
    supervisor_fd: int
    control_socket: str
    worker: int = 0
    bypass: bool = False
    ranges: str | None = None
    log_level: str = "info"
    listen_fd: int | None = None

    @property
    def data_dir(self) -> Path:
        """The node's data directory."""
        return Path(self.settings.node.data_dir)

    def encoded(self) -> bytes:
        """Return the spec as the child reads it."""
        return self.model_dump_json(by_alias=True).encode()


def born(process: str) -> Spec:
    """Begin a child process: it dies with its parent, and logs under its name. Return its spec."""
    die_with_parent(signal.SIGTERM)
    ignore_terminal_signals()
    spec = Spec.model_validate_json(sys.stdin.buffer.read())
    configure_logging(spec.log_level)
    structlog.contextvars.bind_contextvars(process=process, pid=os.getpid())
    return spec


def share_interpreter() -> None:
    """Let a thread that works on journals, plans or markets keep leases and requests waiting for 0.1 ms."""
    sys.setswitchinterval(SWITCH_S)


def keep_loaded(thresholds: tuple[int, int, int]) -> None:
    """Look through what was loaded at the start for the last time, and from now on as seldom as told."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(*thresholds)


def die_with_parent(signal_number: int) -> None:
    """Ask the kernel for a signal when the supervisor dies (Linux prctl)."""
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal_number)


async def work_until(stop: asyncio.Event, *work: Coroutine[Any, Any, None]) -> None:
    """Do endless work until told to stop; where it ends before, so does the process, for the next one."""
    tasks = [asyncio.ensure_future(each) for each in work]
    stopped = asyncio.ensure_future(stop.wait())
    done, _ = await asyncio.wait({stopped, *tasks}, return_when=asyncio.FIRST_COMPLETED)
    for task in {stopped, *tasks}:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    if not stop.is_set():
        log.error("alarm_internal_error", exc_info=done.pop().exception())
        sys.exit(1)


class _LogStream:
    """Standard error for the log: a line that nobody can take (a full disk) is lost, and ends nothing."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        """Write a text, or part of it, or nothing."""
        with suppress(OSError):
            self._stream.write(text)
        return len(text)

    def flush(self) -> None:
        """Bring out what can be."""
        with suppress(OSError):
            self._stream.flush()


def configure_logging(level: str = "info") -> None:
    """Write structured logs of a level and above to standard error, one JSON document a line.

    Warnings of the libraries, which use `logging`, come out in the same form.
    """
    stream = cast("TextIO", _LogStream(sys.stderr))
    stamp = structlog.processors.TimeStamper(fmt="iso")
    structlog.configure(
        wrapper_class=structlog.make_filtering_bound_logger(level),
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            stamp,
            structlog.processors.format_exc_info,
            structlog.processors.JSONRenderer(),
        ],
        logger_factory=structlog.WriteLoggerFactory(file=stream),
    )
    foreign = logging.StreamHandler(stream)
    foreign.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[
                structlog.contextvars.merge_contextvars,
                structlog.stdlib.add_log_level,
                structlog.stdlib.add_logger_name,
                stamp,
            ],
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                structlog.processors.format_exc_info,
                structlog.processors.JSONRenderer(),
            ],
        )
    )
    least = max(logging.WARNING, logging.getLevelNamesMapping()[level.upper()])
    logging.basicConfig(handlers=[foreign], level=least)


class SupervisorLine:
    """The datagram line to the supervisor: messages both ways, connections with their descriptors in."""

    def __init__(
        self,
        descriptor: int,
        heard: Callable[[ToChild, list[int]], None],
        lost: Callable[[], None],
    ) -> None:
        self._socket = socket.socket(fileno=descriptor)
        self._socket.setblocking(False)
        self._heard = heard
        self._lost = lost
        self._loop = asyncio.get_running_loop()
        self._loop.add_reader(self._socket, self._read)

    def say(self, message: Message) -> None:
        """Send a message; one that the supervisor has no room for is dropped (it is told again)."""
        try:
            self._socket.send(message.encoded())
        except BlockingIOError:
            return
        except OSError:
            self._gone()

    def close(self) -> None:
        """Stop listening."""
        self._loop.remove_reader(self._socket)

    def _read(self) -> None:
        """Take what waits: a busy worker's turn comes seldom, and connections come many at a time."""
        for _ in range(MESSAGES_A_TURN):
            try:
                octets, descriptors, _, _ = socket.recv_fds(self._socket, MAX_DATAGRAM, 1)
            except BlockingIOError:
                return
            except OSError:
                octets, descriptors = b"", []
            if not octets:
                self._gone()
                return
            self._heard(to_child.validate_json(octets), descriptors)

    def _gone(self) -> None:
        self._loop.remove_reader(self._socket)
        self._lost()


def ignore_terminal_signals() -> None:
    """Leave Ctrl-C to the supervisor, which drains its children in order."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def close_quietly(descriptors: list[int]) -> None:
    """Close descriptors that nobody wants."""
    for descriptor in descriptors:
        os.close(descriptor)

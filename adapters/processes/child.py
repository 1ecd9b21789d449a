"""What a child process is told at birth, and its line to the supervisor."""

import asyncio
import ctypes
import logging
import os
import signal
import socket
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import TextIO, cast

import structlog
from pydantic import BaseModel, ConfigDict

from adapters.processes.messages import Message, ToChild, to_child
from engine.settings import Settings

MAX_DATAGRAM = 65536
MESSAGES_A_TURN = 64
_PR_SET_PDEATHSIG = 1


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


def read_spec() -> Spec:
    """Read the spec from standard input."""
    return Spec.model_validate_json(sys.stdin.buffer.read())


def die_with_parent(signal_number: int) -> None:
    """Ask the kernel for a signal when the supervisor dies (Linux prctl)."""
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal_number)


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

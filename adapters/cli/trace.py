"""`posdata trace`: the PDUs of live sessions as lines or a pcap file, numbers masked; needs no database."""

import asyncio
import os
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from enum import StrEnum
from pathlib import Path
from typing import Annotated, BinaryIO, Protocol

import typer

from adapters.cli.console import CommandError, ExitCode, complain
from adapters.cli.control_line import ANSWER_S, RETRY_S, Line, no_answer, open_line
from adapters.cli.options import DEFAULT_CONFIG, ConfigFile, settings_at
from adapters.processes.messages import AskTrace, Traced, TraceEnded, TraceRefused, trace_answer
from adapters.trace.pcap import PcapFrames, file_header
from adapters.trace.readable import lines
from adapters.trace.record import Captured, Ends

MOST_SECONDS = 3600
# Whoever may read the file may read numbers when --clear was given, and texts at any rate.
_FILE_MODE = 0o600


class TraceFormat(StrEnum):
    """How a trace is written."""

    HEX = "hex"
    PCAP = "pcap"


class Taker(Protocol):
    """Whom a trace is followed for; `dropped` is set at its end."""

    dropped: int

    def take(self, traced: Traced) -> None:
        """Take in what was captured."""


class _Writer(Protocol):
    """Writes PDUs in one format."""

    def begin(self) -> None:
        """Write what goes before the first PDU."""

    def write(self, captured: Captured, ends: Ends) -> None:
        """Write one PDU on the leg with these ends."""


def trace_command(
    *,
    system_id: Annotated[str, typer.Option("--system-id", metavar="X", help="whose sessions")],
    seconds: Annotated[
        float, typer.Option("--seconds", min=0.1, max=MOST_SECONDS, metavar="N", help="how long")
    ] = 10,
    form: Annotated[TraceFormat, typer.Option("--format", help="hex or pcap")] = TraceFormat.HEX,
    output: Annotated[Path | None, typer.Option("--output", metavar="FILE", help="where to")] = None,
    clear: Annotated[bool, typer.Option("--clear", help="numbers and texts as they are")] = False,
    config: ConfigFile = DEFAULT_CONFIG,
) -> None:
    """Capture the PDUs of a system_id's sessions on this node, on both legs; each use is logged."""
    if form is TraceFormat.PCAP and output is None:
        raise CommandError(ExitCode.USAGE, "posdata: --format pcap needs --output FILE")
    data_dir = Path(settings_at(config).node.data_dir)
    ask = AskTrace(system_id=system_id, seconds=seconds, clear=clear)
    with ExitStack() as stack:
        stream = sys.stdout.buffer if output is None else stack.enter_context(_opened(output))
        trace = _Trace(_Pcap(stream) if form is TraceFormat.PCAP else _Hex(stream))
        asyncio.run(follow(data_dir, ask, trace))
    complain(_summary(trace, system_id))
    if not trace.sessions:
        raise CommandError(ExitCode.NO)


def _opened(path: Path) -> BinaryIO:
    """Open a file for its owner alone. Raises `CommandError`."""
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, _FILE_MODE)
    except OSError as error:
        raise CommandError(ExitCode.USAGE, f"posdata: {path}: {error.strerror}") from None
    return os.fdopen(descriptor, "wb")


def _summary(trace: "_Trace", system_id: str) -> Iterator[str]:
    if trace.sessions:
        yield f"posdata: {trace.pdus} PDUs of {len(trace.sessions)} sessions"
    else:
        yield f"posdata: no session of system_id '{system_id}' had anything to show"
    if trace.dropped:
        yield f"posdata: {trace.dropped} more PDUs were dropped: the trace could not keep up"


class _Hex:
    """Lines for a person."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream

    def begin(self) -> None:
        pass  # lines need no head

    def write(self, captured: Captured, ends: Ends) -> None:
        del ends
        self._stream.write("".join(f"{line}\n" for line in lines(captured)).encode("ascii"))
        self._stream.flush()


class _Pcap:
    """Frames for Wireshark."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        self._frames = PcapFrames()

    def begin(self) -> None:
        self._stream.write(file_header())

    def write(self, captured: Captured, ends: Ends) -> None:
        self._stream.write(self._frames.frames(captured, ends))
        self._stream.flush()


class _Trace:
    """What has come so far."""

    def __init__(self, writer: _Writer) -> None:
        self.pdus = 0
        self.dropped = 0
        self.sessions: set[str] = set()
        self._writer = writer
        self._ends: dict[tuple[str, bool], Ends] = {}
        writer.begin()

    def take(self, traced: Traced) -> None:
        """Write what was captured."""
        for leg in traced.legs:
            self._ends[leg.session, leg.platform] = leg.ends
        for captured in traced.pdus:
            self.pdus += 1
            self.sessions.add(captured.session)
            self._writer.write(captured, self._ends[captured.session, captured.stream.on_platform_leg])


async def follow(data_dir: Path, ask: AskTrace, trace: Taker) -> None:
    """Take the trace until it is over. Raises `CommandError`."""
    reader, writer = await _line(data_dir)
    writer.write(ask.encoded())
    try:
        async with asyncio.timeout(ask.seconds + ANSWER_S):
            while octets := await reader.readline():
                match trace_answer.validate_json(octets):
                    case Traced() as traced:
                        trace.take(traced)
                    case TraceEnded() as ended:
                        trace.dropped = ended.dropped
                        return
                    case TraceRefused() as refused:
                        line = (
                            f"posdata: {refused.user} is tracing for {refused.seconds:.0f} s more; try then"
                        )
                        raise CommandError(ExitCode.NO, line)
    except ConnectionError:
        pass  # the same as an end
    except TimeoutError:
        raise no_answer(data_dir) from None
    finally:
        writer.close()
    raise CommandError(
        ExitCode.UNREACHABLE, "posdata: the node ended the trace early; what had come is written"
    )


async def _line(data_dir: Path) -> Line:
    """Connect to control, again while it is being replaced. Raises `CommandError`."""
    try:
        async with asyncio.timeout(ANSWER_S):
            while True:
                if (line := await open_line(data_dir)) is not None:
                    return line
                await asyncio.sleep(RETRY_S)
    except TimeoutError:
        raise no_answer(data_dir) from None

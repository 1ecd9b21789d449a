"""What the sockets of both legs need from the kernel, and from asyncio."""

import asyncio
import socket
from typing import Protocol, cast

TCP_USER_TIMEOUT_MS = 30_000
# What the kernel may hold of one connection each way (it takes twice as much, for its own part): left to
# itself it lets megabytes gather for a peer that does not read. Enough for 1,000 notifications a second
# over 100 ms.
KERNEL_OCTETS = 64 * 1024
# The most that is read of one connection before the others have their turn: about 150 notifications,
# 3 ms. With asyncio's own 256 KiB twenty peers that send all they can keep the rest waiting for seconds.
READ_OCTETS = 16 * 1024


class _Reads(Protocol):
    """A transport of asyncio's selector loop; a test looks whether it still reads as much as it is told."""

    max_size: int


def tune(sock: socket.socket) -> None:
    """Set what both legs need: no Nagle delay, keep-alive, a bound on what is held and how long."""
    if sock.family in (socket.AF_INET, socket.AF_INET6):
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, TCP_USER_TIMEOUT_MS)
        for each in (socket.SO_SNDBUF, socket.SO_RCVBUF):
            sock.setsockopt(socket.SOL_SOCKET, each, KERNEL_OCTETS)


def take_turns(transport: asyncio.BaseTransport) -> None:
    """Let a TCP transport read READ_OCTETS at most before others have their turn."""
    cast("_Reads", transport).max_size = READ_OCTETS

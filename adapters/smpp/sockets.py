"""What the sockets of both legs need from the kernel."""

import socket

TCP_USER_TIMEOUT_MS = 30_000


def tune(sock: socket.socket) -> None:
    """Set what both legs need: no Nagle delay, keep-alive, a bound on unacknowledged data."""
    if sock.family in (socket.AF_INET, socket.AF_INET6):
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, TCP_USER_TIMEOUT_MS)

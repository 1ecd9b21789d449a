"""What a node tells systemd: that it is ready, reloads, stops, lives (sd_notify(3), without a library)."""

import os
import socket
import time
from collections.abc import Mapping


class Notifier:
    """Speaks to the socket in NOTIFY_SOCKET; silent where there is none.

    `beat` says that the node lives, often enough for WATCHDOG_USEC (half of it), if systemd asked
    this process for it.
    """

    def __init__(self, environ: Mapping[str, str] = os.environ) -> None:
        self._address = environ.get("NOTIFY_SOCKET", "")
        if self._address.startswith("@"):
            self._address = "\0" + self._address[1:]
        microseconds = environ.get("WATCHDOG_USEC", "")
        asked = environ.get("WATCHDOG_PID", str(os.getpid())) == str(os.getpid())
        self._every_s = int(microseconds) / 2e6 if microseconds.isdigit() and asked else None
        self._beaten_at = 0.0

    def ready(self) -> None:
        """Say that the node takes traffic, or that a reload is over."""
        self._say("READY=1\nSTATUS=takes traffic")

    def reloading(self) -> None:
        """Say that a reload begins."""
        self._say(f"RELOADING=1\nMONOTONIC_USEC={time.monotonic_ns() // 1000}")

    def stopping(self) -> None:
        """Say that the drain begins."""
        self._say("STOPPING=1\nSTATUS=drains")

    def beat(self, now: float) -> None:
        """Say that the node lives, when it is due at this monotonic second."""
        if self._every_s is not None and now - self._beaten_at >= self._every_s:
            self._beaten_at = now
            self._say("WATCHDOG=1")

    def _say(self, words: str) -> None:
        if not self._address:
            return
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as to:
            to.setblocking(False)
            try:
                to.sendto(words.encode(), self._address)
            except OSError:
                return  # systemd is away or busy: it asks for the next beat, or ends us

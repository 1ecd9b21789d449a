"""A tap on one leg: it stands between the leg and its transport while a trace runs, and is gone after.

What it hands on it does not change, and the leg knows nothing of it. It sits above TLS.
"""

import asyncio
from collections.abc import Callable
from typing import Any, cast

from adapters.smpp.legs import PlatformLeg, SmscLeg

Taken = Callable[[bytes], None]


class _TappedTransport(asyncio.Transport):
    """The transport of a leg, told what is written."""

    def __init__(self, inner: asyncio.Transport, went: Taken) -> None:
        super().__init__()
        self._inner = inner
        self._went = went

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self._went(bytes(data))
        self._inner.write(data)

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        return self._inner.get_extra_info(name, default)

    def can_write_eof(self) -> bool:
        return self._inner.can_write_eof()

    def write_eof(self) -> None:
        self._inner.write_eof()

    def close(self) -> None:
        self._inner.close()

    def abort(self) -> None:
        self._inner.abort()

    def is_closing(self) -> bool:
        return self._inner.is_closing()

    def pause_reading(self) -> None:
        self._inner.pause_reading()

    def resume_reading(self) -> None:
        self._inner.resume_reading()

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        self._inner.set_write_buffer_limits(high, low)

    def get_write_buffer_size(self) -> int:
        return self._inner.get_write_buffer_size()


class Tap(asyncio.Protocol):
    """One leg's tap: `came` and `went` get what it receives and sends; neither may raise.

    `put_in` taps a leg that is connected. Else the tap is connected in the leg's stead and `joined`
    is called with the transport.
    """

    def __init__(
        self,
        leg: PlatformLeg | SmscLeg,
        came: Taken,
        went: Taken,
        joined: Callable[[asyncio.Transport], None],
    ) -> None:
        self._leg = leg
        self._came = came
        self._went = went
        self._joined = joined
        self._inner: asyncio.Transport | None = None
        self._out = False

    def put_in(self) -> None:
        """Stand between the leg and its transport from now on."""
        self._inner = inner = self._leg.transport
        inner.set_protocol(self)
        self._leg.transport = _TappedTransport(inner, self._went)
        self._joined(inner)

    def take_out(self) -> None:
        """Give the leg its transport back."""
        self._out = True
        if self._inner is not None:
            self._inner.set_protocol(self._leg)
            self._leg.transport = self._inner

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Join the leg."""
        inner = cast("asyncio.Transport", transport)
        if self._out:  # the trace was over before the handshake was
            inner.set_protocol(self._leg)
            self._leg.connection_made(inner)
            return
        self._inner = inner
        self._joined(inner)
        self._leg.connection_made(_TappedTransport(inner, self._went))

    def data_received(self, data: bytes) -> None:
        """Take what came, hand it on."""
        self._came(data)
        self._leg.data_received(data)

    def eof_received(self) -> bool:
        """Hand on."""
        return self._leg.eof_received()

    def connection_lost(self, exc: Exception | None) -> None:
        """Hand on."""
        self._leg.connection_lost(exc)

    def pause_writing(self) -> None:
        """Hand on."""
        self._leg.pause_writing()

    def resume_writing(self) -> None:
        """Hand on."""
        self._leg.resume_writing()

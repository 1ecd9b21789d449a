"""The sockets of a relayed session: one platform leg and one SMSC leg, which tell their link what comes."""

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING, cast

from adapters.smpp.sockets import take_turns, tune
from adapters.smpp.turns import BULK_OCTETS, Reading, in_turn

if TYPE_CHECKING:
    from adapters.smpp.link import Link

# Above this much unsent towards one leg, the other is not read.
WRITE_HIGH_OCTETS = 64 * 1024


class Leg(asyncio.Protocol):
    """One TCP leg: hands octets and endings to its link."""

    transport: asyncio.Transport
    reading: Reading

    def __init__(self, link: "Link") -> None:
        self.link = link
        self.lost = False
        self.at_eof = False
        self.finished = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)
        self.transport.set_write_buffer_limits(high=WRITE_HIGH_OCTETS)
        tune(self.transport.get_extra_info("socket"))
        take_turns(self.transport)
        self.reading = Reading(self.transport)

    def send(self, octets: bytes) -> None:
        """Write octets; after a FIN of ours there is nobody to read them."""
        if not self.lost and not self.finished:
            self.transport.write(octets)

    def finish(self) -> None:
        """Send FIN after what is buffered; the other direction stays open until its peer's FIN."""
        if self.lost:
            return
        if not self.finished:
            self.finished = True
            with suppress(OSError):  # it was reset meanwhile: connection_lost is on its way
                self.transport.write_eof()
        if self.at_eof:
            self.transport.close()

    def hold(self, *, hold: bool) -> None:
        """Stop or resume reading it."""
        if not self.lost:
            self.reading.hold(hold=hold)

    def abort(self) -> None:
        """End the leg now."""
        if not self.lost:
            self.transport.abort()


class PlatformLeg(Leg):
    """The leg to the missed-call platform, accepted."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        self.link.platform_joined(self)

    def data_received(self, data: bytes) -> None:
        self.link.platform_said(data)
        if len(data) >= BULK_OCTETS:
            self.reading.wait()

    def eof_received(self) -> bool:
        self.at_eof = True
        in_turn(self.link.platform_finished)
        return True

    def connection_lost(self, exc: Exception | None) -> None:
        self.lost = True
        in_turn(self._gone)

    def _gone(self) -> None:
        self.link.platform_finished()
        self.link.leg_lost()

    def pause_writing(self) -> None:
        self.link.hold_smsc(hold=True)

    def resume_writing(self) -> None:
        self.link.hold_smsc(hold=False)


class SmscLeg(Leg):
    """The leg to the SMSC, dialled."""

    @property
    def ends_whole(self) -> bool:
        """Tell whether our end may make the peer drop what it has to say: close_notify (RFC 5246 §7.2.1)."""
        return self.transport.get_extra_info("ssl_object") is not None

    def data_received(self, data: bytes) -> None:
        self.link.smsc_said(data)
        if len(data) >= BULK_OCTETS:
            self.reading.wait()

    def eof_received(self) -> bool:
        self.at_eof = True
        in_turn(self.link.smsc_finished)
        return True

    def connection_lost(self, exc: Exception | None) -> None:
        self.lost = True
        in_turn(self._gone)

    def _gone(self) -> None:
        self.link.smsc_finished()
        self.link.leg_lost()

    def pause_writing(self) -> None:
        self.link.hold_platform(hold=True)

    def resume_writing(self) -> None:
        self.link.hold_platform(hold=False)

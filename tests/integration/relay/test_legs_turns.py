"""A peer that sends all it can leaves the others their turn."""

import asyncio
from functools import partial

from adapters.smpp.legs import PlatformLeg
from adapters.smpp.sockets import READ_OCTETS


class _Greedy:
    """A link that counts how much is handed to it at a time."""

    def __init__(self) -> None:
        self.sizes: list[int] = []
        self.over = asyncio.Event()

    def platform_joined(self, leg: PlatformLeg) -> None:
        """Keep the leg."""
        self.leg = leg

    def platform_said(self, data: bytes) -> None:
        """Count."""
        self.sizes.append(len(data))

    def platform_finished(self) -> None:
        """Close too."""
        self.leg.finish()

    def leg_lost(self) -> None:
        """Note the end."""
        self.over.set()


async def test_a_leg_reads_a_bounded_piece_at_a_time() -> None:
    """Megabytes that wait are handed on in pieces of READ_OCTETS at most, all of them."""
    link = _Greedy()
    loop = asyncio.get_running_loop()
    server = await loop.create_server(partial(PlatformLeg, link), "127.0.0.1", 0)  # type: ignore[arg-type]
    _, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
    writer.write(bytes(2_000_000))
    writer.write_eof()
    await asyncio.wait_for(link.over.wait(), 60)
    assert sum(link.sizes) == 2_000_000
    assert max(link.sizes) == READ_OCTETS
    writer.close()
    server.close()

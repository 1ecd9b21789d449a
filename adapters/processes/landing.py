"""Control's duty towards short links: where each leads in the end is looked at once its text is submitted."""

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime

from adapters.http.landing import Lander
from adapters.postgres.links import PostgresLinks
from adapters.postgres.pool import Pool
from engine.settings import Settings

LOOK_S = 2.0
AT_A_TIME = 10


class Landings:
    """The last hosts of links; addresses that are not public are never dialled."""

    def __init__(self, settings: Callable[[], Settings]) -> None:
        self._settings = settings

    async def run(self, pool: Pool) -> None:
        """Look until cancelled."""
        async with Lander(allow_private=lambda: False) as lander:
            while True:
                if self._settings().links.resolve:
                    await look(pool, lander)
                await asyncio.sleep(LOOK_S)


async def look(pool: Pool, lander: Lander) -> None:
    """Follow what waits and keep where it leads. Raises what the database raises."""
    links = PostgresLinks(pool)
    waiting = await links.not_landed(AT_A_TIME)
    found = await asyncio.gather(*(lander.follow(target) for target in waiting.values()))
    for code, landing in zip(waiting, found, strict=True):
        await links.land(code, landing.host, landing.fault, datetime.now(UTC))

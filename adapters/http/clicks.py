"""Clicks on short links: who clicked is looked at and not kept; counts are written each second."""

import asyncio
import re
from collections.abc import Mapping

from adapters.postgres.links import Clicks, PostgresLinks
from adapters.postgres.pool import DATABASE_FAULTS, Pool, close_pool, open_pool

FLUSH_S = 1.0

PEOPLE, BOTS, PREFETCHES = range(3)

_PROGRAM = re.compile(
    r"bot\b|bot[/-]|crawl|spider|slurp|preview|facebookexternalhit|whatsapp|telegram|skypeuripreview|discord"
    r"|headless|phantomjs|lighthouse|monitor|uptime|scan|^curl|^wget|^python|^java/|^go-http|okhttp|libwww"
    r"|httpclient|^apache|^ruby|axios|node-fetch",
    re.IGNORECASE,
)
_AHEAD = ("prefetch", "prerender", "preview")
_PURPOSES = ("Sec-Purpose", "Purpose", "X-Purpose", "X-Moz")


def kind_of(method: str, headers: Mapping[str, str]) -> int:
    """Tell people, programs and browsers that look ahead apart, by method and headers."""
    purposes = ";".join(headers.get(name, "") for name in _PURPOSES).lower()
    if method == "HEAD" or any(word in purposes for word in _AHEAD):
        return PREFETCHES
    agent = headers.get("User-Agent", "")
    return BOTS if not agent.strip() or _PROGRAM.search(agent) else PEOPLE


class ClickCounter:
    """Clicks that are not in the database yet, by code and hour."""

    def __init__(self) -> None:
        self._waiting: dict[tuple[str, int], list[int]] = {}
        self._writing: asyncio.Task[None] | None = None

    def add(self, code: str, hour: int, kind: int) -> None:
        """Count one click."""
        self._waiting.setdefault((code, hour), [0, 0, 0])[kind] += 1

    async def run(self, pool: Pool) -> None:
        """Write what there is each second, until cancelled; a write under way is finished all the same."""
        while True:
            await asyncio.sleep(FLUSH_S)
            await self.flush(pool)

    async def flush(self, pool: Pool) -> None:
        """Write what there is. What can't be written waits; raises what the database raises."""
        if self._writing is not None and not self._writing.done():
            await asyncio.shield(self._writing)
        if self._waiting:
            self._writing = asyncio.create_task(self._write(pool))
            await asyncio.shield(self._writing)

    async def settle_up(self, dsn: str) -> None:
        """Write what is left at the end, if the database is there."""
        if self._writing is not None:
            await asyncio.gather(self._writing, return_exceptions=True)
        if not self._waiting:
            return
        pool = await open_pool(dsn, max_size=1)
        try:
            await self.flush(pool)
        finally:
            await close_pool(pool)

    async def _write(self, pool: Pool) -> None:
        taken, self._waiting = self._waiting, {}
        try:
            await PostgresLinks(pool).count(
                [Clicks(code, hour, *numbers) for (code, hour), numbers in taken.items()]
            )
        except DATABASE_FAULTS:
            for key, numbers in taken.items():
                held = self._waiting.setdefault(key, [0, 0, 0])
                for kind, number in enumerate(numbers):
                    held[kind] += number
            raise

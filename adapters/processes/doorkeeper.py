"""Who may connect to which route, by address, and how many were turned away."""

import time
from collections import Counter
from collections.abc import Iterable

import structlog

from engine.relay_settings import Route
from engine.sources import SourceList

TOLD_EVERY_S = 1.0

log = structlog.get_logger()


class Doorkeeper:
    """The source lists of all routes; `refused` counts by route what they kept out.

    `too_many` is told of each connection that found the node full.
    """

    def __init__(self, routes: Iterable[Route]) -> None:
        self.refused: Counter[str] = Counter()
        self._sources = {route.name: SourceList(route.source) for route in routes}
        self._last: dict[str, str] = {}
        self._told: Counter[str] = Counter()
        self._full: Counter[str] = Counter()
        self._told_at = float("-inf")

    def admits(self, route: str, address: str) -> bool:
        """Tell whether a peer may connect; one that may not is counted."""
        if self._sources[route].admits(address):
            return True
        self.refused[route] += 1
        self._last[route] = address
        return False

    def too_many(self, route: str, peer: str) -> None:
        """Count a connection beyond `relay.max_sessions`, which the caller closes."""
        self._full[route] += 1
        self._last[route] = peer

    def tell(self) -> None:
        """Log what was refused since the last time, at most once a second: a flood must not fill the disk."""
        now = time.monotonic()
        if not self._last or now - self._told_at < TOLD_EVERY_S:
            return
        for route, peer in self._last.items():
            if times := self.refused[route] - self._told[route]:
                log.warning("source_refused", route=route, peer=peer, times=times, total=self.refused[route])
            if times := self._full[route]:
                log.error("alarm_too_many_sessions", route=route, peer=peer, times=times)
        self._told = self.refused.copy()
        self._full.clear()
        self._last.clear()
        self._told_at = now

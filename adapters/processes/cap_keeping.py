"""Control's duty towards caps: what counts ads is there, whole and of this key, before a plan needs it."""

import asyncio
import secrets
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import structlog

from adapters.files.cap_file import make_cap_file
from adapters.files.hash_key import HashKeyError, load_hash_key
from adapters.valkey.connection import Opening, StoreError, open_store
from engine.endpoint import Endpoint
from engine.people import WideHash
from engine.settings import Settings
from inventory.books import ServingCampaign

STORE_FILE = "caps.store"
"""In `node.data_dir`: the id of the counts that the nodes' store had when it was last looked at."""

LOOK_EVERY_S = 10.0

log = structlog.get_logger()


class CapKeeping:
    """Makes the table once, when the first campaign serves whose ads are counted by subscriber.

    A store that nodes share is looked at again and again: it may lose its counts. Only the first plan waits
    for it.
    """

    def __init__(self, settings: Settings, data_dir: Path) -> None:
        self._settings = settings
        self._data_dir = data_dir
        self._needed = False
        self._made = False
        self._due = 0.0
        self._opening: asyncio.Task[None] | None = None

    def hear(self, serving: Sequence[ServingCampaign]) -> None:
        """Hear that other campaigns serve now or later than before, or changed ones."""
        self._needed = any(self._counts(each) for each in serving)

    async def look(self) -> None:
        """Make what is needed now; what goes wrong is alarmed, and tried again."""
        if self._made or not self._needed:
            return
        shared = self._settings.caps.shared
        if shared is None:
            self._made = await self._tried(self._make)
        elif (self._opening is None or self._opening.done()) and time.monotonic() >= self._due:
            first = self._opening is None
            self._opening = asyncio.create_task(self._open(shared))
            if first:
                await self._opening

    async def _open(self, shared: Endpoint) -> None:
        await self._tried(lambda: self._begin(shared))
        self._due = time.monotonic() + LOOK_EVERY_S

    async def _tried(self, make: Callable[[], None]) -> bool:
        try:
            await asyncio.to_thread(make)
        except (OSError, HashKeyError, StoreError) as error:
            log.error("alarm_caps", trouble="unusable", error=str(error))
            return False
        return True

    def _counts(self, each: ServingCampaign) -> bool:
        campaign = each.campaign
        own = campaign.frequency_caps or campaign.spacing_minutes or campaign.exclude_brands
        return bool(own or self._settings.policy.frequency_caps)

    def _people(self) -> WideHash:
        return WideHash(load_hash_key(self._settings.privacy.hash_key_file, self._data_dir))

    def _make(self) -> None:
        if make_cap_file(self._data_dir, self._settings.caps.size_mb, self._people()):
            log.warning("caps_begun_anew", reason="the table was made with another key, or damaged")

    def _begin(self, shared: Endpoint) -> None:
        """Begin counts in a store that has none; a node that knows others takes those for lost."""
        path = self._data_dir / STORE_FILE
        known = path.read_text(encoding="ascii", errors="replace") if path.exists() else ""
        connection, found = open_store(Opening(shared, self._people().check, known, secrets.token_hex(8)))
        connection.close()
        if found != known:
            new = path.with_name(f"{STORE_FILE}.new")
            new.write_text(found, encoding="ascii")
            new.replace(path)
            if known:
                log.warning("caps_begun_anew", reason="the store has lost what it had counted")

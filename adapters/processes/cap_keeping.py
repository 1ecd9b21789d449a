"""Control's duty towards caps: the table is there, whole and of this key, before a plan needs it."""

import asyncio
from collections.abc import Sequence
from pathlib import Path

import structlog

from adapters.files.cap_file import make_cap_file
from adapters.files.hash_key import HashKeyError, load_hash_key
from engine.people import WideHash
from engine.settings import Settings
from inventory.books import ServingCampaign

log = structlog.get_logger()


class CapKeeping:
    """Makes the table once, when the first campaign serves whose ads are counted by subscriber."""

    def __init__(self, settings: Settings, data_dir: Path) -> None:
        self._settings = settings
        self._data_dir = data_dir
        self._made = settings.caps.store != "local"

    async def look(self, serving: Sequence[ServingCampaign]) -> None:
        """Make the table if it is needed now; what goes wrong is alarmed, and tried again."""
        if self._made or not any(self._counts(each) for each in serving):
            return
        try:
            await asyncio.to_thread(self._make)
        except (OSError, HashKeyError) as error:
            log.error("alarm_caps", trouble="unusable", error=str(error))
        else:
            self._made = True

    def _counts(self, each: ServingCampaign) -> bool:
        campaign = each.campaign
        own = campaign.frequency_caps or campaign.spacing_minutes or campaign.exclude_brands
        return bool(own or self._settings.policy.frequency_caps)

    def _make(self) -> None:
        people = WideHash(load_hash_key(self._settings.privacy.hash_key_file, self._data_dir))
        if make_cap_file(self._data_dir, self._settings.caps.size_mb, people):
            log.warning("caps_begun_anew", reason="the table was made with another key, or damaged")

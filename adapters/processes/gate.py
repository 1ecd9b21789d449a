"""Why no notification gets an ad at the moment, told to every inserter of a worker."""

import time
from collections.abc import Mapping
from pathlib import Path

from adapters.files.node_status import ads_are_off
from engine.inserter import Inserter
from engine.reasons import Reason
from engine.settings import Settings


class Gate:
    """One worker's gate.

    Its owners set `settings` (those in force), `ads_on` (the switches), `leased` (the books have told
    what is held), `registered` (the register was told, and is up to date), `heard_at` (monotonic second of
    control's last word) and `draining`, then `tell`.
    """

    def __init__(self, settings: Settings, data_dir: Path, inserters: Mapping[str, Inserter]) -> None:
        self.settings = settings
        self.ads_on = True
        self.leased = settings.relay.mode == "observe"
        self.registered = False
        self.heard_at = time.monotonic()
        self.draining = False
        self._data_dir = data_dir
        self._inserters = inserters
        self._switched_off = ads_are_off(data_dir)

    def look(self) -> None:
        """Look whether the file that keeps ads off is there, and tell."""
        self._switched_off = ads_are_off(self._data_dir)
        self.tell()

    def tell(self) -> None:
        """Let notifications ask for an ad, or say why not, from the next one on."""
        self.shut(self.reason())

    def shut(self, reason: Reason | None) -> None:
        """Give every notification this reason, until the next `tell`."""
        for inserter in self._inserters.values():
            inserter.gate = reason

    def reason(self) -> Reason | None:
        """Return why no notification gets an ad at the moment, if so."""
        if self.draining:
            return Reason.DRAINING
        if self._switched_off or not self.ads_on or not self.settings.ads.enabled:
            return Reason.ADS_OFF
        if (
            not self.leased
            or not self.registered
            or any(inserter.decision is None for inserter in self._inserters.values())
        ):
            return Reason.STARTING
        if time.monotonic() - self.heard_at > self.settings.ads.max_deaf_s:
            return Reason.DEAF
        return None

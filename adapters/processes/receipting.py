"""A worker's duty towards receipts: one key, one profile, one object a route, what must be said of them."""

from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path

import structlog

from adapters.files.hash_key import HashKeyError, load_hash_key
from adapters.processes.messages import AsksMore, Message
from adapters.smpp.route_receipts import ReceiptProfile, RouteReceipts
from engine.inserter import Inserter
from engine.people import PeopleHash
from engine.receipts import RouteHash
from engine.recorder import Recorder
from engine.settings import Settings

log = structlog.get_logger()


def count_people(settings: Settings, data_dir: Path, inserters: Iterable[Inserter]) -> None:
    """Let inserters hash whom ads reach; without a key nobody is counted, and `Receipting` alarms."""
    if settings.relay.mode == "insert":
        with suppress(HashKeyError):
            people = PeopleHash(load_hash_key(settings.privacy.hash_key_file, data_dir))
            for inserter in inserters:
                inserter.people = people


class Receipting:
    """One worker's receipts by route; none where nothing is inserted, or when there is no key.

    Without a key receipts pass and are not counted, and none are asked for.
    """

    def __init__(
        self, settings: Settings, data_dir: Path, recorder: Recorder, alarm: Callable[[Exception], None]
    ) -> None:
        self.profile = ReceiptProfile(requests=False, failures=False)
        self.routes: dict[str, RouteReceipts] = {}
        self._recorder = recorder
        self._told = False
        self._lost = 0
        if settings.relay.mode != "insert":
            return
        try:
            key = load_hash_key(settings.privacy.hash_key_file, data_dir)
        except HashKeyError as error:
            log.error("alarm_hash_key", error=str(error))
            return
        forms = settings.receipts.message_id
        for route in settings.relay.routes:
            route_hash = RouteHash(key, route.name)
            self.routes[route.name] = RouteReceipts(
                route_hash, recorder, self.profile, alarm, forms.text, forms.tlv
            )
        self.take_settings(settings)

    def take_settings(self, settings: Settings) -> None:
        """Begin anew with the profile of these settings."""
        self._told = False
        self.profile.requests = settings.receipts.request == "always" and bool(self.routes)
        self.profile.failures = settings.receipts.platform_expects == "failures"

    def stop(self) -> None:
        """Ask for none and swallow none until other settings come: another worker was asked for more."""
        self.profile.requests = False
        self._told = True

    def look(self, say: Callable[[Message], object], *, always: bool) -> None:
        """Say what happened since the last look; `always` is what the settings ask for."""
        if always and not self.profile.requests and self.routes and not self._told:
            log.error("alarm_receipts_asked", submits=self.profile.more)
            say(AsksMore())
            self._told = True
        if self._recorder.lost != self._lost:
            log.error("alarm_receipts_lost", receipts=self._recorder.lost - self._lost)
            self._lost = self._recorder.lost

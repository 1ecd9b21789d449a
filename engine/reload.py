"""Settings read anew while a node runs: what differs, what takes effect at once, what waits for a restart."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import reduce
from typing import Any

from pydantic import BaseModel

from engine.settings import Settings

LIVE_KEYS = (
    "ads.enabled",
    "ads.max_deaf_s",
    "ads.only_subscribers",
    "ads.share",
    "ads.test_subscribers",
    "leases.horizon_s",
    "policy.allow_unreviewed",
    "policy.exclude_callers",
    "policy.extra_approval",
    "policy.lead_time_hours",
    "policy.quiet_hours",
    "receipts.platform_expects",
    "receipts.request",
    "relay.max_sessions",
    "relay.notifications.replaceable",
    "relay.notifications.service_types",
    "relay.notifications.system_ids",
    "relay.response_timeout_s",
    "relay.retry_bare_on",
)
"""What a running node takes over; every other key is read at its start only."""

_HIDDEN = "***"
# Values that are shown whole, though they have keys of their own.
_WHOLE = frozenset(("policy.quiet_hours", "relay.tls"))


@dataclass(frozen=True, slots=True)
class Change:
    """One key whose value differs, as it may be shown: no password, no subscriber's number."""

    key: str
    old: Any
    new: Any
    live: bool


def difference(old: Settings, new: Settings) -> Sequence[Change]:
    """Return what differs, in the order of the settings."""
    before, after = dict(_leaves(_document(old))), dict(_leaves(_document(new)))
    return [
        Change(key, _shown(key, before.get(key)), _shown(key, after.get(key)), key in LIVE_KEYS)
        for key in dict.fromkeys((*before, *after))
        if before.get(key) != after.get(key)
    ]


def merged(old: Settings, new: Settings) -> Settings:
    """Return the old settings with the live keys of the new ones."""
    settings = old
    for key in LIVE_KEYS:
        parts = key.split(".")
        settings = _replaced(settings, parts, reduce(getattr, parts, new))
    return settings


def _replaced(section: Any, parts: Sequence[str], value: object) -> Any:
    head, rest = parts[0], parts[1:]
    changed = _replaced(getattr(section, head), rest, value) if rest else value
    model: BaseModel = section
    return model.model_copy(update={head: changed})


def _document(settings: Settings) -> Mapping[str, Any]:
    return settings.model_dump(mode="json", by_alias=True)


def _leaves(document: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for name, value in document.items():
        key = prefix + name
        if isinstance(value, dict) and key not in _WHOLE:
            yield from _leaves(value, f"{key}.")
        else:
            yield key, value


def _shown(key: str, value: Any) -> Any:
    if key == "database":
        return value if value == "embedded" else _HIDDEN
    if key in {"ads.only_subscribers", "ads.test_subscribers", "esme.handsets"} and value is not None:
        return f"{len(value)} subscribers"
    return value

"""What differs between two settings, what a running node takes over, and what is not shown."""

import re
from functools import reduce
from pathlib import Path
from typing import Any

import pytest

from engine.reload import LIVE_KEYS, Change, difference, merged
from engine.settings import Settings, parse_settings

OTHER: dict[str, Any] = {
    "node": {"name": "relay-2"},
    "database": "postgresql://posdata:s3cr3t@db.example/posdata",
    "ads": {
        "enabled": False,
        "max_deaf_s": 9,
        "only_subscribers": ["5501234567"],
        "share": 0.5,
        "test_subscribers": ["5501234567"],
    },
    "leases": {"horizon_s": 5},
    "policy": {
        "allow_unreviewed": True,
        "exclude_callers": (),
        "extra_approval": ["alcohol"],
        "lead_time_hours": 1,
        "quiet_hours": None,
    },
    "receipts": {"platform_expects": "failures", "request": "always"},
    "relay": {
        "max_sessions": 7,
        "response_timeout_s": 3,
        "retry_bare_on": [0x400],
        "workers": 2,
        "notifications": {"replaceable": "insert", "service_types": ["CMT"], "system_ids": ["mcn"]},
    },
}


def test_the_same_settings_do_not_differ() -> None:
    """Nothing changed, nothing said; and merging changes nothing."""
    assert difference(Settings(), parse_settings({})) == []
    assert merged(Settings(), parse_settings({})) == Settings()


def test_every_live_key_is_taken_over_and_no_other() -> None:
    """Merged settings have the new values of live keys, and the old ones of the rest."""
    new = parse_settings(OTHER)
    both = merged(Settings(), new)
    for key in LIVE_KEYS:
        assert reduce(getattr, key.split("."), both) == reduce(getattr, key.split("."), new)
    assert {change.key for change in difference(both, new)} == {"node.name", "database", "relay.workers"}
    assert {change.key for change in difference(Settings(), both)} == set(LIVE_KEYS)


def test_changes_say_old_and_new_and_whether_they_take_effect() -> None:
    """A whole window for quiet hours; a list as it is."""
    changes = {change.key: change for change in difference(Settings(), parse_settings(OTHER))}
    assert changes["policy.quiet_hours"] == Change(
        "policy.quiet_hours", {"from": "21:00", "to": "09:00"}, None, live=True
    )
    assert changes["relay.workers"] == Change("relay.workers", 1, 2, live=False)
    assert changes["relay.notifications.system_ids"].new == ["mcn"]


def test_neither_passwords_nor_numbers_are_shown() -> None:
    """A DSN is three stars, a trial list its length."""
    changes = {change.key: change for change in difference(Settings(), parse_settings(OTHER))}
    assert (changes["database"].old, changes["database"].new) == ("embedded", "***")
    assert changes["ads.only_subscribers"].new == "1 subscribers"
    assert "s3cr3t" not in str(changes)


@pytest.mark.parametrize("key", LIVE_KEYS)
def test_every_live_key_is_a_key(key: str) -> None:
    """None that is gone."""
    assert reduce(getattr, key.split("."), Settings()) is not NotImplemented


def test_the_documents_name_every_live_key() -> None:
    """docs/settings.md says which keys a reload takes over, and no other."""
    page = (Path(__file__).parents[3] / "docs" / "settings.md").read_text(encoding="utf-8")
    section = page.partition("## Reload")[2].partition("\n## ")[0]
    assert sorted(re.findall(r"`([a-z_.]+\.[a-z_.]+)`", section)) == sorted(LIVE_KEYS)

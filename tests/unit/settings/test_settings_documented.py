"""docs/settings.md says what there is: every key, with its default."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from pydantic import BaseModel

from adapters.cli.config import effective
from engine.relay_settings import ListenTls, Route, Tls, UpstreamTls
from engine.settings import Esme, PolicyCap, QuietHours, Settings

DOCUMENT = Path(__file__).parents[3] / "docs" / "settings.md"
ROWS = dict(
    re.findall(r"^\| `([a-z_.\[\]0-9]+)` \| (.*?) \|", DOCUMENT.read_text(encoding="utf-8"), re.MULTILINE)
)


def keys(model: type[BaseModel], prefix: str = "") -> Iterator[str]:
    """Yield the dotted name of every key of a model and of the sections in it."""
    for name, field in model.model_fields.items():
        key = prefix + (field.alias or name)
        if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel):
            yield from keys(field.annotation, f"{key}.")
        else:
            yield key


ALL_KEYS = {
    *keys(Settings),
    *keys(Route, "relay.routes[]."),
    *keys(QuietHours, "policy.quiet_hours."),
    *keys(PolicyCap, "policy.frequency_caps[]."),
    *keys(Tls, "relay.tls."),
    *keys(ListenTls, "relay.tls.listen."),
    *keys(UpstreamTls, "relay.tls.upstream."),
    *keys(Esme, "esme."),
}


def test_every_key_has_its_row_and_every_row_its_key() -> None:
    """No key is undocumented, and none is documented that does not exist."""
    assert set(ROWS) == ALL_KEYS


def defaults() -> Iterator[tuple[str, Any]]:
    """Yield each key that has a default, with it."""
    document = effective(Settings())
    for key in sorted(ALL_KEYS):
        value: Any = document
        try:
            for part in key.split("."):
                value = value[part]
        except (KeyError, TypeError):  # a section that is null by default
            continue
        if not key.startswith("policy.quiet_hours."):
            yield key, value


@pytest.mark.parametrize(("key", "value"), list(defaults()), ids=str)
def test_the_documented_default_is_the_default(key: str, value: Any) -> None:
    """What stands in the table's second column is what an empty file gives."""
    written = yaml.safe_load(ROWS[key].strip("`"))
    assert written == value

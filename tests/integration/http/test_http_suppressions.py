"""Suppressions, consents and one person's data over HTTP: recorded with proof, shown, erased."""

import json
from pathlib import Path

import pytest

from adapters.postgres.audit import read_audit
from engine.settings import Settings
from tests.integration.http.conftest import World

pytestmark = pytest.mark.postgres

NUMBER = "55 0123 4567"
PLAIN = "5501234567"


@pytest.fixture
def keyed(world: World, tmp_path: Path) -> World:
    """Let the node have a key for numbers."""
    (tmp_path / "key").write_bytes(b"k" * 40)
    named = {"number_key_file": str(tmp_path / "key")}
    world.settings[0] = Settings.model_validate({"privacy": named})
    return world


async def test_what_is_recorded_is_shown_and_erased(keyed: World) -> None:
    """An opt-out holds over an erasure; everything else is gone, and no audit row has the number."""
    body = {"numbers": [NUMBER, "521" + PLAIN], "source": "ussd", "wording": "Ya no quiero anuncios"}
    reply = await keyed.call("ops", "POST", "/suppressions", body)
    assert (reply.status, reply.body) == (200, {"numbers": 2, "changed": 1})
    consent = {"numbers": [NUMBER], "allowed": True, "brand": "sol", "wording": "Acepto"}
    assert (await keyed.call("ops", "POST", "/consents", consent)).body["changed"] == 1
    shown = await keyed.call("ops", "GET", "/suppressions", params={"number": PLAIN})
    assert shown.body["suppressed"]
    assert [each["wording"] for each in shown.body["records"]] == ["Ya no quiero anuncios"]
    consents = await keyed.call("ops", "GET", "/consents", params={"number": PLAIN})
    assert [each["scope"] for each in consents.body["records"]] == ["brand:sol"]

    person = (await keyed.call("ops", "POST", "/subscribers/export", {"number": NUMBER})).body
    assert person["subscriber"] == PLAIN
    assert len(person["choices"]) == 2
    erased = await keyed.call("ops", "POST", "/subscribers/erase", {"number": NUMBER})
    assert erased.body == {"records": 1}
    kept = (await keyed.call("ops", "POST", "/subscribers/export", {"number": NUMBER})).body["choices"]
    assert [(each["scope"], each["allowed"], each["wording"]) for each in kept] == [
        ("suppression", False, "")
    ]

    assert (await keyed.call("ops", "POST", "/suppressions/remove", {"number": NUMBER})).body["changed"] == 1
    assert not (await keyed.call("ops", "GET", "/suppressions", params={"number": PLAIN})).body["suppressed"]
    entries = await read_audit(keyed.pool)
    assert "remove" in {entry.action for entry in entries}
    assert PLAIN not in json.dumps([[e.subject_id, e.before, e.after] for e in entries])


async def test_faults_are_told_by_their_place_and_numbers_never_repeated(keyed: World) -> None:
    """Each number that is no subscriber has its pointer; a consent has one scope; others' roles may not."""
    reply = await keyed.call("ops", "POST", "/suppressions", {"numbers": [PLAIN, "8001234567", "x"]})
    assert reply.status == 422
    assert [fault["pointer"] for fault in reply.body["errors"]] == ["/numbers/1", "/numbers/2"]
    assert b"8001234567" not in reply.octets
    both = {"numbers": [PLAIN], "allowed": True, "brand": "sol", "category": "retail"}
    assert (await keyed.call("ops", "POST", "/consents", both)).status == 422
    assert (await keyed.call("sol", "POST", "/suppressions", {"numbers": [PLAIN]})).status == 403

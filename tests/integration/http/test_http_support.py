"""Opt-outs and the look-up for support: over the API and on the console, with who looked and why."""

import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from adapters.files.cap_file import make_cap_file, open_cap_file
from adapters.files.hash_key import load_hash_key
from adapters.files.reference_data import load_numbering
from adapters.http.caps_reached import CapsReached
from adapters.http.passwords import hash_password
from adapters.postgres.audit import read_audit
from adapters.postgres.campaigns import PostgresCampaigns
from engine.access import Role
from engine.assembly import cap_policy
from engine.cap_rules import CapBook
from engine.caps import Caps
from engine.people import WideHash
from engine.reasons import Reason
from engine.settings import Settings
from inventory.roster import planned_campaign
from segments.clock import LocalWindows
from tests.integration.http.conftest import World
from tests.integration.http.test_http_console import PASSWORD, Browser

pytestmark = pytest.mark.postgres

NUMBER = "55 0123 4567"
PLAIN = "5501234567"


@pytest.fixture
def keyed(world: World, tmp_path: Path) -> World:
    """Let the node have a key for numbers, and a directory."""
    (tmp_path / "key").write_bytes(b"k" * 40)
    world.settings[0] = Settings.model_validate(
        {
            "privacy": {"number_key_file": str(tmp_path / "key")},
            "node": {"data_dir": str(tmp_path)},
            "policy": {"lead_time_hours": 0},
        }
    )
    return world


@pytest.fixture
async def browser(keyed: World) -> AsyncIterator[Browser]:
    """Somebody of the carrier's operations, logged in."""
    await keyed.identity.add_user(
        "ops@operador.example", "Omar", keyed.organisations["Operador"], Role.OPS,
        password_hash=await hash_password(PASSWORD), brands=None, language="es", actor="cli",
        at=datetime.now(UTC),
    )  # fmt: skip
    made = Browser(keyed)
    await made.log_in("ops@operador.example")
    yield made
    await made.client.close()


async def test_a_look_up_shows_what_holds_and_is_audited_with_its_reason(keyed: World) -> None:
    """Suppression and consents with proof; no reason, no look; others' roles may not; no number is logged."""
    told = {"numbers": [NUMBER], "source": "ussd", "wording": "Ya no"}
    await keyed.call("ops", "POST", "/suppressions", told)
    consent = {"numbers": [NUMBER], "allowed": True, "category": "retail", "wording": "Acepto"}
    await keyed.call("admin", "POST", "/consents", consent)
    asked = {"number": "+52" + PLAIN, "reason": "Queja 118"}
    found = (await keyed.call("ops", "POST", "/subscribers/look-up", asked)).body
    assert (found["subscriber"], found["suppressed"], found["caps"]) == (PLAIN, True, [])
    assert [(each["scope"], each["allowed"], each["wording"]) for each in found["records"]] == [
        ("category:retail", True, "Acepto"),
        ("suppression", False, "Ya no"),
    ]
    entry = (await read_audit(keyed.pool))[0]
    assert (entry.action, entry.subject_id, entry.after) == ("look_up", "55******67", {"reason": "Queja 118"})
    assert PLAIN not in json.dumps([[e.subject_id, e.before, e.after] for e in await read_audit(keyed.pool)])
    without = await keyed.call("ops", "POST", "/subscribers/look-up", {"number": NUMBER, "reason": ""})
    assert without.codes == [("/reason", "string_too_short")]
    for who in ("sol", "approver", "sol_manager"):
        assert (await keyed.call(who, "POST", "/subscribers/look-up", asked)).status == 403
        assert (await keyed.call(who, "GET", "/suppressions/days")).status == 403


async def test_opt_outs_are_told_by_day_and_source(keyed: World) -> None:
    """Out and back in, each source by itself; a lift keeps its reason as proof."""
    for source, numbers in (("ussd", [NUMBER, "3301234567"]), ("app", ["8110123456"])):
        body = {"numbers": numbers, "source": source, "wording": "Ya no"}
        await keyed.call("ops", "POST", "/suppressions", body)
    lift = {"number": NUMBER, "source": "ussd", "wording": "Sí quiere"}
    await keyed.call("ops", "POST", "/suppressions/remove", lift)
    items = (await keyed.call("ops", "GET", "/suppressions/days?days=2")).body["items"]
    assert [(each["source"], each["out"], each["back"]) for each in items] == [("ussd", 2, 1), ("app", 1, 0)]
    shown = await keyed.call("ops", "GET", "/suppressions", params={"number": NUMBER})
    assert shown.body["records"][0]["wording"] == "Sí quiere"


async def test_reached_caps_are_told_by_campaign(keyed: World, tmp_path: Path) -> None:
    """What a worker counted in the node's table keeps ads away; without a table nothing can be told."""
    booked = await keyed.approved(frequency_caps=[{"count": 1, "per": "day"}])
    await PostgresCampaigns(keyed.pool).advance(datetime.now(UTC))
    asked = {"number": NUMBER, "reason": "Queja 118"}
    assert (await keyed.call("ops", "POST", "/subscribers/look-up", asked)).body["caps"] is None
    people, numbering = WideHash(load_hash_key(None, tmp_path)), load_numbering()
    make_cap_file(tmp_path, 1, people)
    assert (await keyed.call("ops", "POST", "/subscribers/look-up", asked)).body["caps"] == []

    serving = await PostgresCampaigns(keyed.pool).serving(datetime.now(UTC))
    book = CapBook([planned_campaign(each.campaign) for each in serving], cap_policy(keyed.settings[0]))
    caps = Caps(open_cap_file(tmp_path, people), people, LocalWindows(numbering.timezones), numbering.zone_of)
    caps.at(datetime.now(UTC).timestamp())
    assert caps.admit(int(PLAIN), numbering.place_of(int(PLAIN))) is None
    [rules] = book.rules.values()
    assert caps.take(rules.counters) is None
    caps.store.close()
    found = (await keyed.call("ops", "POST", "/subscribers/look-up", asked)).body["caps"]
    assert found == [{"campaign": booked["id"], "name": "Buen Fin", "reason": Reason.FREQUENCY_CAP.code}]
    held = CapsReached(numbering)
    now = datetime.now(UTC)
    other = held.of(3301234567, serving, keyed.settings[0], tmp_path, now)
    assert other == {}


async def test_the_pages_take_lift_look_up_export_and_erase(keyed: World, browser: Browser) -> None:
    """Each by a form; a number stands in no address; what can't be is told on the page."""
    token = await browser.token("/opt-outs")
    form = {"csrf": token, "number": NUMBER, "wording": "Llamó al 118"}
    response, text = await browser.post("/opt-outs/take", form)
    assert (response.status, "vale en un segundo" in text, "console" in text) == (200, True, True)
    assert "nada cambió" in (await browser.post("/opt-outs/take", form))[1]
    response, text = await browser.post("/opt-outs/take", {**form, "number": "x"})
    assert (response.status, "no es un suscriptor mexicano" in text) == (422, True)
    asked = {"csrf": token, "number": NUMBER, "reason": "Queja 118"}
    response, text = await browser.post("/support", asked)
    assert (response.status, PLAIN in text, "Dado de baja" in text, "Llamó al 118" in text) == (
        200,
        True,
        True,
        True,
    )
    response, text = await browser.post("/support/export", {"csrf": token, "number": PLAIN})
    assert "attachment" in response.headers["Content-Disposition"]
    assert json.loads(text)["subscriber"] == PLAIN
    assert "se retiró" in (await browser.post("/opt-outs/lift", {**form, "csrf": token}))[1]
    response, text = await browser.post("/support/erase", {"csrf": token, "number": PLAIN})
    assert (response.status, "Registros borrados: 2" in text) == (200, True)
    response, _ = await browser.post("/support", {**asked, "reason": ""})
    assert response.status == 422
    actions = [entry.action for entry in await read_audit(keyed.pool)]
    assert actions[:5] == ["erase", "remove", "export", "look_up", "suppress"]

"""Blackouts over HTTP and at the console: made, shown, withdrawn, audited; what the planner is told."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from adapters.http.passwords import hash_password
from adapters.postgres.audit import read_audit
from adapters.postgres.blackouts import PostgresBlackouts
from adapters.processes.replanning import compiler_of
from engine.access import Role
from tests.integration.http.conftest import World
from tests.integration.http.test_http_console import PASSWORD, Browser

pytestmark = pytest.mark.postgres

NOW = datetime.now(UTC)


def document(**fields: Any) -> dict[str, Any]:
    """Return a blackout of retail in Jalisco that holds now."""
    return {
        "reason": "Veda electoral",
        "categories": ["retail", "politcs"],
        "target": {"include": [{"state": "MX-JAL"}], "exclude": [{"lada": "33"}]},
        "from": (NOW - timedelta(hours=1)).isoformat(),
        "to": (NOW + timedelta(hours=1)).isoformat(),
        **fields,
    }


async def test_a_blackout_is_made_read_and_withdrawn(world: World) -> None:
    """Repeated once, shown on the national clock, withdrawn by who read it; every step is audited."""
    key = {"Idempotency-Key": "veda-1"}
    made = await world.call("ops", "POST", "/blackouts", document(), headers=key)
    assert made.status == 201, made.body
    assert (await world.call("ops", "POST", "/blackouts", document(), headers=key)).body == made.body
    at = f"/blackouts/{made.body['id']}"
    assert made.headers["Location"] == f"/api/v1{at}"
    assert made.body["state"] == "in_force"
    assert made.body["timezone"] == "America/Mexico_City"
    assert made.body["from"].endswith("-06:00")
    assert made.body["unknown_categories"] == ["politcs"]
    for who in ("approver", "admin"):
        read = await world.call(who, "GET", at)
        assert (read.status, read.body) == (200, made.body)

    register = PostgresBlackouts(world.pool)
    compiled = compiler_of(world.services.numbering)
    [held] = await register.standing(NOW, compiled)
    places = world.services.numbering.places
    assert {places[each].state for each in held.places} == {"MX-JAL"}
    assert "33" not in {places[each].lada for each in held.places}
    assert held.concerns("Retail")
    assert not held.concerns("food")

    assert (await world.call("ops", "POST", f"{at}/withdraw", headers={"If-Match": '"7"'})).status == 412
    etag = {"If-Match": read.headers["ETag"]}
    gone = await world.call("admin", "POST", f"{at}/withdraw", headers=etag)
    assert gone.body["state"] == "withdrawn"
    assert gone.body["withdrawn_by"] != gone.body["created_by"]
    assert (await world.call("ops", "POST", f"{at}/withdraw")).status == 409
    assert (await world.call("ops", "GET", "/blackouts", params={"standing": "true"})).body["items"] == []
    assert (await world.call("ops", "GET", "/blackouts")).body["items"] == [gone.body]
    assert await register.standing(NOW, compiled) == ()
    [past] = await register.held(NOW - timedelta(days=1), NOW + timedelta(days=1), compiled)
    made_at, withdrawn_at = (
        datetime.fromisoformat(gone.body[f"{deed}_at"]) for deed in ("created", "withdrawn")
    )
    assert (past.begins, past.ends) == (made_at.timestamp(), withdrawn_at.timestamp())
    audited = [each for each in await read_audit(world.pool) if each.subject_type == "blackout"]
    assert {(each.action, each.actor) for each in audited} == {
        ("create", gone.body["created_by"]),
        ("withdraw", gone.body["withdrawn_by"]),
    }


async def test_every_fault_is_told_and_who_may_not_is_told_so(world: World) -> None:
    """Unknown places, instants without offset, an end that is over; advertisers see no blackout at all."""
    wrong = document(target={"include": [{"state": "MX-XX"}, {"lada": "33", "city": "x"}]})
    assert (await world.call("ops", "POST", "/blackouts", wrong)).codes == [
        ("/target/include/1", "bad_target")
    ]
    wrong = document(target={"include": [{"state": "MX-XX"}]}, to=(NOW - timedelta(minutes=1)).isoformat())
    reply = await world.call("ops", "POST", "/blackouts", wrong)
    assert reply.codes == [("/target/include/0", "unknown_place"), ("/to", "past")]
    reply = await world.call(
        "ops", "POST", "/blackouts", document(**{"from": "2027-06-03T00:00:00"}, reason=" ")
    )
    assert {pointer for pointer, _ in reply.codes} == {"/from", "/reason"}
    assert (await world.call("approver", "POST", "/blackouts", document())).status == 403
    assert (await world.call("sol", "GET", "/blackouts")).status == 403


@pytest.fixture
async def ops(world: World) -> AsyncIterator[Browser]:
    """Somebody of the carrier's operations, logged in."""
    await world.identity.add_user(
        "ops@operador.example", "Omar", world.organisations["Operador"], Role.OPS,
        password_hash=await hash_password(PASSWORD), brands=None, language="es", actor="cli", at=NOW,
    )  # fmt: skip
    browser = Browser(world)
    await browser.log_in("ops@operador.example")
    yield browser
    await browser.client.close()


async def test_operations_make_and_withdraw_one_at_the_console(world: World, ops: Browser) -> None:
    """A form on the national clock; faults leave what was typed; the list says how each stands."""
    token = await ops.token("/blackouts")
    form = {
        "csrf": token, "reason": "Veda <b>local</b>", "categories": "politics, retail",
        "from": "2090-06-03T00:00", "to": "", "include": ["state:MX-JAL", "lada:33"],
    }  # fmt: skip
    response, text = await ops.post("/blackouts", form)
    assert (response.status, "Veda &lt;b&gt;local" in text) == (422, True)
    assert 'value="state:MX-JAL" aria-label="Jalisco" checked' in text
    assert 'value="lada:33"' in text
    response, text = await ops.post("/blackouts", {**form, "to": "2090-06-06T18:00"})
    assert response.status == 303, text
    _, text = await ops.get("/blackouts")
    assert "por venir" in text
    assert "3 jun 2090, 00:00 – 6 jun 2090, 18:00" in text
    [made] = (await world.call("ops", "GET", "/blackouts")).body["items"]
    assert made["from"] == "2090-06-03T00:00:00-06:00"
    assert made["categories"] == ["politics", "retail"]
    at = f"/blackouts/{made['id']}/withdraw"
    assert (await ops.post(at, {"csrf": token, "version": "1"}))[0].status == 303
    assert "retirada" in (await ops.get("/blackouts"))[1]

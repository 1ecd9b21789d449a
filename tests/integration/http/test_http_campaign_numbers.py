"""Response numbers of campaigns over HTTP: free when submitted, theirs from approval to the end."""

import asyncio
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from adapters.http.passwords import hash_password
from adapters.postgres.response_numbers import PostgresResponseNumbers
from engine.access import Role
from tests.integration.http.conftest import World
from tests.integration.http.test_http_console import PASSWORD, Browser
from tests.integration.http.test_http_engagements import engagement, pooled

pytestmark = pytest.mark.postgres

NUMBER = "5501234567"
SHOWN = "Buen Fin en tienda sol. Marca 5501234567"


async def submitted(world: World, **fields: Any) -> dict[str, Any]:
    """Book and submit a campaign with the number, and return its document."""
    booked = await world.book(**{"response_number": "55 0123 4567", "creatives": [{"text": SHOWN}], **fields})
    reply = await world.act("sol", booked, "submit")
    assert reply.status == 200, reply.body
    document: dict[str, Any] = reply.body
    return document


async def assignments(world: World) -> list[Mapping[str, Any]]:
    """Return what the number is assigned to, as the carrier sees it."""
    [pooled_number] = (await world.call("ops", "GET", "/response-numbers")).body["items"]
    found: list[Mapping[str, Any]] = pooled_number["assignments"]
    return found


async def test_approval_assigns_the_number_for_the_flight_and_cancelling_gives_it_back(
    world: World,
) -> None:
    """Between the two, calls to it become leads of an engagement that is the campaign's."""
    await pooled(world)
    booked = await submitted(world)
    assert (booked["response_number"], booked["warnings"], await assignments(world)) == (NUMBER, [], [])
    assert (await world.act("approver", booked, "approve")).status == 200
    [assigned] = await assignments(world)
    assert datetime.fromisoformat(assigned["ends_at"]) == datetime.fromisoformat(booked["ends_at"])
    at = f"/engagements/{assigned['engagement']}"
    made = (await world.call("sol", "GET", at)).body
    assert (made["campaign"], made["state"], made["wording"]) == (booked["id"], "live", SHOWN)
    assert [each.digits for each in await PostgresResponseNumbers(world.pool).live(datetime.now(UTC))] == [
        NUMBER
    ]
    assert (await world.act("sol", booked, "cancel")).status == 200
    assert (await assignments(world), (await world.call("sol", "GET", at)).body["state"]) == ([], "closed")


async def test_a_number_that_somebody_has_is_refused_at_submission_and_at_approval(world: World) -> None:
    """The second campaign is told from when to when it is taken, not whose it is; its state stays."""
    await pooled(world)
    first, second = await submitted(world), await submitted(world)
    assert (await world.act("approver", first, "approve")).status == 200
    refused = await world.act("approver", second, "approve")
    assert (refused.status, refused.codes) == (409, [("/response_number", "assigned")])
    read = (await world.call("sol", "GET", f"/campaigns/{second['id']}")).body
    assert (read["state"], read["creatives"][0]["review"]) == ("submitted", "pending")
    third = await world.book(response_number=NUMBER)
    refused = await world.act("sol", third, "submit")
    assert (refused.status, refused.codes) == (409, [("/response_number", "assigned")])
    later = {
        "starts_at": (datetime.now(UTC) + timedelta(days=4)).isoformat(),
        "ends_at": (datetime.now(UTC) + timedelta(days=5)).isoformat(),
    }
    assert (await submitted(world, **later))["state"] == "submitted"
    unknown = await world.book(response_number="55 0123 9999")
    assert (await world.act("sol", unknown, "submit")).codes == [("/response_number", "not_in_pool")]


async def test_of_two_approvals_at_once_one_gets_the_number(world: World) -> None:
    """And an engagement started at the same time has it or has it not, never both."""
    await pooled(world)
    first, second = await submitted(world), await submitted(world)
    replies = await asyncio.gather(
        world.act("approver", first, "approve"),
        world.act("approver", second, "approve"),
        world.call("ops", "POST", "/engagements", engagement(name="Cartel")),
    )
    assert sorted(reply.status in {200, 201} for reply in replies) == [False, False, True]
    assert len(await assignments(world)) == 1


async def test_the_number_follows_the_flight(world: World) -> None:
    """A longer flight takes it along, unless somebody has it then; the number itself stays as it was sold."""
    await pooled(world)
    booked = await submitted(world)
    assert (await world.act("approver", booked, "approve")).status == 200
    at = f"/campaigns/{booked['id']}"
    until = datetime.now(UTC) + timedelta(days=5)

    async def change(**fields: Any) -> Any:
        return await world.call("sol", "PATCH", at, fields, headers={"If-Match": "*"})

    assert (await change(ends_at=until.isoformat())).status == 200
    [assigned] = await assignments(world)
    assert datetime.fromisoformat(assigned["ends_at"]) == until
    after = engagement(
        starts_at=(until + timedelta(hours=1)).isoformat(), ends_at=(until + timedelta(days=1)).isoformat()
    )
    assert (await world.call("sol", "POST", "/engagements", after)).status == 201
    refused = await change(ends_at=(until + timedelta(hours=2)).isoformat())
    assert (refused.status, refused.codes) == (409, [("/response_number", "assigned")])
    assert (await change(response_number=None)).codes == [("/response_number", "draft_only")]


async def test_an_engagement_of_the_campaigns_own_goes_before(world: World) -> None:
    """What was made for the campaign answers its calls; it must have been started."""
    await pooled(world)
    booked = await world.book(response_number=NUMBER)
    own = (await world.call("sol", "POST", "/engagements", engagement(campaign=booked["id"]))).body
    assert (await world.act("sol", booked, "submit")).status == 200
    refused = await world.act("approver", booked, "approve")
    assert (refused.status, refused.codes) == (409, [("/response_number", "not_started")])
    assert (await world.call("ops", "POST", f"/engagements/{own['id']}/start")).status == 200
    assert (await world.act("approver", booked, "approve")).status == 200
    assert [each["engagement"] for each in await assignments(world)] == [own["id"]]


async def test_a_text_without_the_number_is_a_warning_and_a_changed_one_rewords(world: World) -> None:
    """The advertiser and the approver are told; what callers have read follows the approved text."""
    await pooled(world)
    booked = await submitted(world, creatives=[{"text": "Buen Fin en tienda sol"}])
    assert [(each["pointer"], each["code"]) for each in booked["warnings"]] == [
        ("/creatives/0/text", "number_not_shown")
    ]
    asked = {"text": "Buen Fin en tienda sol", "response_number": "55 0123 4567"}
    verdict = (await world.call("sol", "POST", "/texts/check", asked)).body
    assert (verdict["ok"], [each["rule"] for each in verdict["findings"]]) == (True, ["number_not_shown"])
    assert (await world.act("approver", booked, "approve")).status == 200
    changed = await world.call(
        "sol",
        "PATCH",
        f"/campaigns/{booked['id']}",
        {"creatives": [{"text": SHOWN}]},
        headers={"If-Match": "*"},
    )
    assert changed.body["warnings"] == []
    text = changed.body["creatives"][0]["id"]
    assert (await world.call("approver", "POST", f"/creatives/{text}/approve", {})).status == 200
    [made] = (await world.call("sol", "GET", "/engagements")).body["items"]
    assert (made["wording"], made["wording_version"]) == (SHOWN, 2)


async def test_the_form_offers_free_numbers_and_the_page_tells_who_called(world: World) -> None:
    """Those of the dates in the form; on the campaign's page the number, its warning and the conversion."""
    await pooled(world, NUMBER, "5501234568")
    booked = await submitted(world, creatives=[{"text": "Buen Fin en tienda sol"}])
    assert (await world.act("approver", booked, "approve")).status == 200
    await world.pool.execute(
        "INSERT INTO lead_tallies SELECT number, '', 500000, 'MX-JAL', '33', $1, 7, 5 FROM engagements",
        NUMBER,
    )
    await world.identity.add_user(
        "ana@sol.example", "Ana", world.organisations["Sol"], Role.ADVERTISER,
        password_hash=await hash_password(PASSWORD), brands=None, language="es", actor="cli",
        at=datetime.now(UTC),
    )  # fmt: skip
    browser = Browser(world)
    try:
        await browser.log_in("ana@sol.example")
        token = await browser.token("/campaigns/new")
        dates = {
            name: f"{datetime.now(UTC) + timedelta(days=days):%Y-%m-%dT%H:%M}"
            for name, days in (("starts_at", 0), ("ends_at", 1))
        }
        _, text = await browser.post("/free-numbers", dates, headers={"X-CSRF-Token": token})
        assert ("1 libres en estas fechas" in text, "5501234568" in text, NUMBER in text) == (
            True,
            True,
            False,
        )
        _, text = await browser.post("/free-numbers", {}, headers={"X-CSRF-Token": token})
        assert "Con fechas se dice" in text
        response, text = await browser.get(f"/campaigns/{booked['id']}")
        assert response.status == 200, text
        for shown in (NUMBER, "el texto 1 no muestra", "5 interesados"):
            assert shown in text, shown
    finally:
        await browser.client.close()

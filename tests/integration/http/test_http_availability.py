"""Availability and holds over HTTP: one answer for buyer and carrier, names for the carrier alone."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from adapters.postgres.audit import read_audit
from adapters.processes.trading import Trading
from tests.integration.http.conftest import SETTINGS, TEXT, World

pytestmark = pytest.mark.postgres

ZONE = SETTINGS.policy.default_timezone
JALISCO = {"include": [{"state": "MX-JAL"}], "exclude": []}
# One moment for all: what is sold to the last unit may not begin a second after what was asked.
BEGIN = datetime.now(UTC).replace(microsecond=0) + timedelta(days=1)


async def look(world: World, trading: Trading) -> None:
    """Let the market follow what was booked."""
    await trading.look(world.pool, datetime.now(UTC))


def wish(**fields: Any) -> dict[str, Any]:
    """Return a question about a week in Jalisco from tomorrow on."""
    return {
        "target": JALISCO,
        "from": BEGIN.isoformat(),
        "to": (BEGIN + timedelta(days=7)).isoformat(),
        "hours": [{"from": "09:00", "to": "20:00"}],
        "texts": [TEXT],
        "class": "guaranteed",
        **fields,
    }


async def asked(world: World, who: str, **fields: Any) -> Mapping[str, Any]:
    """Ask, and return the answer."""
    reply = await world.call(who, "POST", "/availability", wish(**fields))
    assert reply.status == 200, reply.body
    answer: Mapping[str, Any] = reply.body
    return answer


async def test_before_the_first_forecast_buyers_are_told_to_wait(world: World) -> None:
    """503 says what is missing, for questions and for holds."""
    for path, body in (("/availability", wish()), ("/holds", wish(name="Buen Fin", quantity=10))):
        reply = await world.call("sol", "POST", path, body, headers={"Accept-Language": "en"})
        assert (reply.status, reply.headers["Retry-After"]) == (503, "5")
        assert "forecast" in reply.body["detail"]


async def test_what_is_sold_is_missing_afterwards_and_only_the_carrier_sees_whose(
    world: World, trading: Trading
) -> None:
    """The market follows a booking; the advertiser sees a class without figures, the carrier a name."""
    await look(world, trading)
    before = await asked(world, "luna")
    assert 0 < before["p20"] < before["p50"] == before["eligible"]["p50"]
    assert before["cold_start"]
    assert (before["wanted"], before["enough"], before["suggestions"]) == (0, True, [])
    kept = trading.market
    await look(world, trading)
    assert trading.market is kept
    times = {"starts_at": wish()["from"], "ends_at": wish()["to"], "hours": wish()["hours"]}
    sold = await world.approved("sol", quantity=before["p20"], **{"class": "guaranteed", **times})
    await look(world, trading)
    for who in ("luna", "ops"):
        after = await asked(world, who, quantity=before["p20"])
        assert after["available"] < before["p20"] // 100
        assert (after["enough"], after["missing"] > 0) == (False, True)
        assert {each["change"] for each in after["suggestions"]} >= {"target"}
        [rivals] = after["contending"]
        assert rivals["class"] == "guaranteed"
        assert ("bookings" in rivals) == (who == "ops")
        assert (sold["id"] in str(after), "Buen Fin" in str(after)) == (who == "ops", who == "ops")
    assert (await asked(world, "luna", quantity=before["p20"], suggestions=False))["suggestions"] == []


async def test_every_fault_of_a_wish_is_told_where_it_lies(world: World, trading: Trading) -> None:
    """Shape, place, text and dates at once, by the names that were sent."""
    reply = await world.call("sol", "POST", "/availability", {
        "target": {"include": [{"state": "MX-XXX"}]}, "from": "mañana", "texts": ["Ñandú 🎉"], "length": 10,
        "hours": [{"from": "25:00", "to": "20:00"}], "class": "gold", "quantity": 0, "color": "red",
    })  # fmt: skip
    assert reply.status == 422
    assert {pointer for pointer, _ in reply.codes} == {
        "/target/include/0", "/from", "/to", "/texts/0", "/length", "/hours/0/from", "/class",
        "/quantity", "/color",
    }  # fmt: skip


async def test_a_hold_keeps_its_quantity_from_others_until_it_is_given_up(
    world: World, trading: Trading
) -> None:
    """Who comes second is refused; only its taker sees it and gives it up; both are in the audit log."""
    await look(world, trading)
    most = (await asked(world, "sol"))["available"]
    half = wish(name="Buen Fin", quantity=most * 6 // 10)
    taken = await world.call("sol", "POST", "/holds", half)
    assert taken.status == 201
    refused = await world.call("luna", "POST", "/holds", half)
    assert (refused.status, refused.codes) == (409, [("/quantity", "unavailable")])
    await look(world, trading)
    assert (await asked(world, "luna"))["available"] < most // 2
    path = f"/holds/{taken.body['id']}"
    for who, seen in (("sol", 1), ("agency", 0), ("luna", 0), ("ops", 1)):
        assert len((await world.call(who, "GET", "/holds")).body["items"]) == seen
    assert (await world.call("luna", "DELETE", path)).status == 404
    assert (await world.call("sol", "DELETE", path)).status == 204
    assert (await world.call("sol", "DELETE", path)).status == 404
    assert (await world.call("luna", "POST", "/holds", half)).status == 201
    actions = [entry.action for entry in await read_audit(world.pool) if entry.subject_type == "hold"]
    assert sorted(actions) == ["hold", "hold", "release"]


async def test_a_hold_is_confirmed_with_a_draft_of_ones_own(world: World, trading: Trading) -> None:
    """The draft is submitted with it; nobody confirms another's hold, or with another's campaign."""
    await look(world, trading)
    taken = await world.call("sol", "POST", "/holds", wish(name="Buen Fin", quantity=1000))
    path = f"/holds/{taken.body['id']}/confirm"
    mine, theirs = await world.book("sol"), await world.book("luna", brand="cafe-luna")
    assert (await world.call("luna", "POST", path, {"campaign": theirs["id"]})).status == 404
    assert (await world.call("sol", "POST", path, {"campaign": theirs["id"]})).status == 404
    done = await world.call("sol", "POST", path, {"campaign": mine["id"]})
    assert (done.status, done.body["state"]) == (200, "submitted")
    assert (await world.call("sol", "GET", "/holds")).body["items"] == []


async def test_a_text_is_told_how_much_of_a_targets_traffic_it_fits(world: World) -> None:
    """Longer fits less; a place that is none is a fault."""
    long = await world.call("sol", "POST", "/texts/check", {"text": TEXT, "target": JALISCO})
    short = await world.call("sol", "POST", "/texts/check", {"text": TEXT[:20]})
    assert 0 < long.body["fits"]["share"] < short.body["fits"]["share"] <= 1
    assert long.body["fits"]["length_wanted"] < len(TEXT)
    wrong = {"text": TEXT, "target": {"include": [{"state": "MX-XXX"}], "exclude": []}}
    assert (await world.call("sol", "POST", "/texts/check", wrong)).status == 422

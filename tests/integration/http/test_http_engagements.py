"""Engagements over HTTP: drafted, started by the carrier, ended; numbers in windows; coupons."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.integration.http.conftest import World

pytestmark = pytest.mark.postgres

NUMBER = "5501234567"


def engagement(**changes: Any) -> dict[str, Any]:
    """Return a coupon engagement of tienda-sol that runs now."""
    now = datetime.now(UTC)
    return {
        "name": "Cupones",
        "purpose": "coupon",
        "brand": "tienda-sol",
        "starts_at": (now - timedelta(minutes=1)).isoformat(),
        "ends_at": (now + timedelta(days=3)).isoformat(),
        "wording": "Llama gratis y recibe un cupón.",
        "confirmation": "Gracias por llamar a {brand}. Tu cupon: {code}",
        "numbers": [{"number": "55 0123 4567"}],
    } | changes


async def pooled(world: World, *numbers: str) -> None:
    """Add numbers to the pool."""
    for number in numbers or (NUMBER,):
        assert (await world.call("ops", "POST", "/response-numbers", {"number": number})).status == 201


async def test_an_engagement_is_drafted_by_a_brand_and_started_by_the_carrier(world: World) -> None:
    """Whoever drafts it can't start it, nor change its texts then; others don't see it."""
    await pooled(world)
    made = await world.call("sol", "POST", "/engagements", engagement())
    assert (made.status, made.body["state"]) == (201, "draft"), made.body
    at = f"/engagements/{made.body['id']}"
    assert (await world.call("sol", "POST", f"{at}/start")).status == 403
    assert (await world.call("luna", "GET", at)).status == 404
    assert (await world.call("ops", "POST", f"{at}/start")).body["state"] == "live"
    assert (await world.call("ops", "POST", f"{at}/start")).status == 409
    changed = await world.call("sol", "PATCH", at, {"webhook": "https://sol.example/x"})
    assert changed.body["webhook_secret"].startswith("whsec_")
    unread = await world.call("sol", "PATCH", at, {"wording": "Otra", "confirmation": "Hola {code}"})
    assert unread.codes == [("/wording", "read_by_carrier"), ("/confirmation", "read_by_carrier")]
    assert (await world.call("ops", "PATCH", at, {"wording": "Otra"})).body["wording_version"] == 2
    assert (await world.call("sol", "GET", f"{at}/tallies")).body == {"items": []}
    seen = (await world.call("luna", "GET", "/response-numbers")).body["items"][0]["assignments"][0]
    assert (seen["name"], seen["engagement"]) == (None, None)
    assert (await world.call("sol", "POST", f"{at}/end")).body["state"] == "closed"
    over = await world.call("sol", "PATCH", at, {"wording": "Otra"})
    assert (over.status, over.body["detail"]) == (409, "la dinámica está terminada")
    assert (await world.call("ops", "DELETE", f"/response-numbers/{NUMBER}")).status == 204


async def test_a_number_serves_one_engagement_at_a_time(world: World) -> None:
    """The second is told which number and from when to when; the name is the carrier's to know."""
    await pooled(world)
    assert (await world.call("sol", "POST", "/engagements", engagement(name="Primera"))).status == 201
    second = await world.call("ops", "POST", "/engagements", engagement(brand="cafe-luna"))
    assert (second.status, second.codes) == (409, [("/numbers/0/number", "assigned")])
    assert "«Primera»" in second.body["errors"][0]["es"]
    third = await world.call("luna", "POST", "/engagements", engagement(brand="cafe-luna"))
    assert third.status == 409
    assert "Primera" not in str(third.body)
    later = (datetime.now(UTC) + timedelta(days=3, minutes=1)).isoformat()
    until = (datetime.now(UTC) + timedelta(days=5)).isoformat()
    after = await world.call("ops", "POST", "/engagements", engagement(starts_at=later, ends_at=until))
    assert after.status == 201, after.body
    busy = await world.call("ops", "DELETE", f"/response-numbers/{NUMBER}")
    assert busy.status == 409


@pytest.mark.parametrize(
    ("changes", "faults"),
    [
        ({"confirmation": "x" * 141 + "{code}"}, [("/confirmation", "too_long")]),
        ({"confirmation": "ą" * 51 + "{code}"}, [("/confirmation", "too_long")]),
        ({"confirmation": "Hola"}, [("/confirmation", "code_missing")]),
        ({"confirmation": "{kode} {code}"}, [("/confirmation", "placeholder")]),
        ({"purpose": "pledge"}, [("/confirmation", "code")]),
        ({"brand": "cafe-luna"}, [("/brand", "unknown_brand")]),
        ({"brand": None}, [("/brand", "missing")]),
        ({"numbers": [{"number": "55 0123 9999"}]}, [("/numbers/0/number", "not_in_pool")]),
        (
            {"ends_at": "2020-01-01T00:00:00Z", "confirmation": "{code}" + "x" * 160},
            [("/ends_at", "order"), ("/confirmation", "too_long")],
        ),
    ],
)
async def test_what_cannot_be_is_refused_with_every_reason(
    world: World, changes: dict[str, Any], faults: list[tuple[str, str]]
) -> None:
    """Each fault has its place and its rule; nothing is kept of the draft."""
    await pooled(world)
    refused = await world.call("sol", "POST", "/engagements", engagement(**changes))
    assert (refused.status, refused.codes) == (422, faults), refused.body
    assert (await world.call("sol", "GET", "/engagements")).body["items"] == []


async def test_coupons_are_uploaded_all_or_none_and_those_who_wait_are_answered(world: World) -> None:
    """A bad line or a code that is there already keeps the whole list out; new codes wake who waits."""
    await pooled(world)
    made = (await world.call("sol", "POST", "/engagements", engagement())).body
    at = f"/engagements/{made['id']}/coupons"

    async def upload(text: str, who: str = "sol") -> Any:
        return await world.call(who, "POST", at, data=text.encode(), headers={"Content-Type": "text/csv"})

    assert (await upload("SOL-1\nSOL-2\n")).body == {"uploaded": 2, "given": 0, "left": 2, "waiting": 0}
    bad = await upload("SOL-3\nSOL-3\nmás de un\n" + "x" * 21)
    assert bad.codes == [("/2", "twice"), ("/3", "code"), ("/4", "too_long")]
    assert (await upload("SOL-4\nSOL-1")).status == 409
    assert (await upload("SOL-9", "luna")).status == 404
    number = await world.pool.fetchval("SELECT number FROM engagements")
    await world.pool.execute(
        "INSERT INTO answers (lead, kind, engagement, state, next_at, created_at)"
        " VALUES (1, 'coupon', $1, 'waiting', now(), now())",
        number,
    )
    assert (await world.call("sol", "GET", at)).body["waiting"] == 1
    assert (await upload("SOL-5")).body == {"uploaded": 3, "given": 0, "left": 3, "waiting": 0}
    assert await world.pool.fetchval("SELECT state FROM answers") == "due"
    figures = (await world.call("sol", "GET", "/engagements/figures")).body
    assert (figures["owed"], figures["answered_share"]) == (1, 0)

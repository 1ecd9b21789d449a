"""Campaigns over HTTP: booked, decided, changed, stopped; every refusal says what to do."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from adapters.postgres.audit import check_audit, read_audit
from adapters.postgres.campaigns import PostgresCampaigns
from adapters.postgres.switches import PostgresSwitches
from engine.access import Role
from engine.settings import Settings
from tests.integration.http.conftest import TEXT, World, campaign

pytestmark = pytest.mark.postgres

OTHER = "Buen Fin en tienda sol, hasta 50 de descuento. Marca 5512345678"


async def serving_texts(world: World) -> list[str]:
    """Return the texts that a plan made now would serve."""
    now = datetime.now(UTC)
    campaigns = PostgresCampaigns(world.pool)
    await campaigns.advance(now)
    return [text.text for each in await campaigns.serving(now) for text in each.campaign.creatives]


async def test_a_campaign_goes_from_the_form_to_the_air(world: World) -> None:
    """Booked and submitted by its advertiser, approved by the carrier, live when its start has come."""
    booked = await world.book()
    assert (booked["state"], booked["version"], booked["actions"]) == (
        "draft",
        1,
        ["edit", "submit", "cancel"],
    )
    assert await serving_texts(world) == []
    submitted = (await world.act("sol", booked, "submit")).body
    assert (submitted["state"], submitted["submitted_by"]) == ("submitted", world.keys["sol"][:10])
    assert (await world.act("approver", booked, "approve")).body["state"] == "approved"
    assert await serving_texts(world) == [TEXT]
    read = await world.call("sol", "GET", f"/campaigns/{booked['id']}")
    assert (read.body["state"], read.body["serving"], read.headers["ETag"]) == ("live", True, '"4"')
    assert read.body["creatives"][0]["fits"]["cold_start"] is True
    assert 0.5 < read.body["creatives"][0]["fits"]["share"] < 1


async def test_submission_tells_when_it_must_be_decided(world: World) -> None:
    """The lead time runs from approval: the earliest start and the approver's latest instants are told."""
    world.settings[0] = Settings.model_validate({"policy": {"lead_time_hours": 48}})
    now = datetime.now(UTC)
    booked = await world.book(
        starts_at=(now + timedelta(hours=72)).isoformat(), ends_at=(now + timedelta(hours=96)).isoformat()
    )
    submitted = (await world.act("sol", booked, "submit")).body
    starts_at = datetime.fromisoformat(booked["starts_at"])
    assert datetime.fromisoformat(submitted["decide_by"]["on_time"]) == starts_at - timedelta(hours=48)
    approved = (await world.act("approver", booked, "approve")).body
    earliest = datetime.fromisoformat(approved["earliest_start"])
    assert earliest == datetime.fromisoformat(approved["approved_at"]) + timedelta(hours=48)
    soon = await world.book(ends_at=(now + timedelta(hours=47)).isoformat())
    refused = await world.act("sol", soon, "submit")
    assert (refused.status, refused.codes) == (409, [("", "in_time")])


async def test_what_was_never_decided_is_rejected_as_too_late(world: World) -> None:
    """A submitted campaign whose end has come is rejected by the clock, and says so."""
    booked = await world.book()
    await world.act("sol", booked, "submit")
    await PostgresCampaigns(world.pool).advance(datetime.now(UTC) + timedelta(days=4))
    read = (await world.call("sol", "GET", f"/campaigns/{booked['id']}")).body
    assert (read["state"], read["rejection"]["code"]) == ("rejected", "too_late")


async def test_every_fault_is_told_at_once_and_a_draft_may_keep_them(world: World) -> None:
    """A broken document is refused with all its faults; asked to, the draft keeps them until it is mended."""
    broken = campaign(quantity=0, creatives=[{"text": "GRATIS!!! http://malo.example"}], ends_at="mañana")
    refused = await world.call("sol", "POST", "/campaigns", broken)
    assert refused.status == 422
    assert {"/quantity", "/creatives/0/text", "/ends_at"} <= {pointer for pointer, _ in refused.codes}
    kept = await world.call("sol", "POST", "/campaigns?keep_faults=true", broken)
    assert (kept.status, kept.body["state"], kept.body["draft"]) == (201, "draft", broken)
    assert {each["pointer"] for each in kept.body["faults"]} == {pointer for pointer, _ in refused.codes}
    assert (await world.act("sol", kept.body, "submit")).codes == [("", "complete")]
    good = {name: campaign()[name] for name in ("quantity", "creatives", "ends_at")}
    path, match = f"/campaigns/{kept.body['id']}", {"If-Match": '"1"'}
    mended = await world.call("sol", "PATCH", path, good, headers=match)
    assert (mended.status, mended.body["faults"], mended.body["draft"]) == (200, [], None)
    assert (await world.act("sol", kept.body, "submit")).status == 200


async def test_a_brand_that_is_not_ones_own_is_a_fault(world: World) -> None:
    """Another's brand and one that nobody has get the same answer, kept or not."""
    for brand in ("cafe-luna", "nadie"):
        for query in ("", "?keep_faults=true"):
            reply = await world.call("sol", "POST", f"/campaigns{query}", campaign(brand=brand))
            assert (reply.status, reply.codes) == (422, [("/brand", "unknown_brand")])


async def test_a_change_needs_what_was_read(world: World) -> None:
    """PATCH without If-Match is 428; with a version that is no longer 412; what was read last goes."""
    booked = await world.book()
    path = f"/campaigns/{booked['id']}"
    assert (await world.call("sol", "PATCH", path, {"name": "Otro"})).status == 428
    for given, status in (('"2"', 412), ('"x"', 412), ('"1", "2"', 412), ("1", 400), ("", 400)):
        reply = await world.call("sol", "PATCH", path, {"name": "Otro"}, headers={"If-Match": given})
        assert reply.status == status
    reply = await world.call("sol", "PATCH", path, {"name": "Otro"}, headers={"If-Match": '"1"'})
    assert (reply.status, reply.body["name"], reply.headers["ETag"]) == (200, "Otro", '"2"')
    stale = await world.call("sol", "POST", f"{path}/submit", headers={"If-Match": '"1"'})
    assert stale.status == 412


async def patched(world: World, booked: dict[str, Any], **fields: Any) -> Any:
    """Change fields of a campaign, whatever its version."""
    path = f"/campaigns/{booked['id']}"
    return await world.call("sol", "PATCH", path, fields, headers={"If-Match": "*"})


async def test_what_may_change_after_approval(world: World) -> None:
    """More, longer and wider go; the quantity not below what is spent; brand and category only in a draft."""
    booked = await world.approved()
    number = await world.pool.fetchval("SELECT number FROM campaigns")
    await world.pool.execute(
        "UPDATE ledger SET inserted = 30, accepted = 30, settled = 30, leased = 10 WHERE campaign = $1",
        number,
    )
    spent = await patched(world, booked, quantity=39)
    assert (spent.status, spent.codes) == (409, [("/quantity", "spent")])
    assert "40" in spent.body["errors"][0]["es"]
    assert (await patched(world, booked, quantity=40)).body["ledger"]["free"] == 0
    assert (await patched(world, booked, quantity=5000, target={}, pacing="asap")).status == 200
    fixed = await patched(world, booked, category="food", **{"class": "guaranteed"})
    assert (fixed.status, fixed.codes) == (422, [("/category", "draft_only"), ("/class", "draft_only")])


async def test_two_approvers_must_agree_where_the_category_asks_for_it(world: World) -> None:
    """The first approval changes nothing but what is missing; an edit begins anew; so it is for a text."""
    world.settings[0] = Settings.model_validate(
        {"policy": {"lead_time_hours": 0, "extra_approval": ["alcohol"]}}
    )
    second = await world.identity.create_key(
        "second", world.organisations["Operador"], Role.APPROVER,
        brands=None, scopes=[], expires_at=None, actor="cli", at=datetime.now(UTC),
    )  # fmt: skip
    world.keys["second"] = second.secret
    booked = await world.book(category="Alcohol")
    path = f"/campaigns/{booked['id']}"
    await world.act("sol", booked, "submit")
    once = (await world.act("approver", booked, "approve")).body
    assert (once["state"], once["serving"], once["approvals_needed"]) == ("submitted", False, 2)
    assert once["first_approval"]["by"] == world.keys["approver"][:10]
    assert (await world.act("approver", booked, "approve")).codes == [("", "other_eyes")]
    edited = await world.call("sol", "PATCH", path, {"name": "x"}, headers={"If-Match": "*"})
    assert edited.status == 200
    await world.act("sol", booked, "submit")
    assert (await world.act("second", booked, "approve")).body["state"] == "submitted"
    done = (await world.act("approver", booked, "approve")).body
    assert (done["state"], done["creatives"][0]["review"]) == ("approved", "approved")
    changed = {"creatives": [{"text": "Otro texto. Marca 5512345678"}]}
    await world.call("sol", "PATCH", path, changed, headers={"If-Match": "*"})
    text = f"/creatives/{done['creatives'][0]['id']}/approve"
    [once] = (await world.call("second", "POST", text)).body["creatives"]
    assert (once["review"], bool(once["first_approval"])) == ("pending", True)
    assert (await world.call("second", "POST", text)).codes == [("", "other_eyes")]
    assert (await world.call("approver", "POST", text)).body["creatives"][0]["review"] == "approved"


async def test_a_changed_text_waits_while_the_approved_one_serves(world: World) -> None:
    """A new version is pending; the former goes on until it is approved; then only the new one."""
    booked = await world.approved()
    changed = (await patched(world, booked, creatives=[{"text": OTHER}])).body
    [text] = changed["creatives"]
    assert (text["version"], text["review"], text["serving"]) == (2, "pending", {"version": 1, "text": TEXT})
    assert await serving_texts(world) == [TEXT]
    seen = (await world.call("approver", "GET", f"/campaigns/{booked['id']}")).body
    [beside] = seen["review"]
    assert "".join(each["text"] for each in beside["difference"] if each["kind"] != "removed") == OTHER
    done = await world.call("approver", "POST", f"/creatives/{text['id']}/approve")
    assert done.body["creatives"][0]["review"] == "approved"
    assert await serving_texts(world) == [OTHER]


async def test_a_rejected_version_leaves_the_approved_one_serving(world: World) -> None:
    """The reason is told; near-duplicates of it are shown to whoever approves the next one."""
    booked = await world.approved()
    [text] = (await patched(world, booked, creatives=[{"text": OTHER}])).body["creatives"]
    reply = await world.call("approver", "POST", f"/creatives/{text['id']}/reject", {"reason": "Exagera"})
    assert reply.body["creatives"][0]["reason"] == "Exagera"
    assert await serving_texts(world) == [TEXT]
    near = OTHER.replace("hasta 50", "hasta  55")
    await patched(world, booked, creatives=[{"text": OTHER.replace("hasta", "hasta un")}])
    seen = (await world.call("approver", "GET", f"/campaigns/{booked['id']}")).body
    [found] = seen["review"][0]["near_duplicates"]
    assert (found["text"], found["reason"]) == (OTHER, "Exagera")
    assert near != found["text"]
    assert (await world.call("sol", "GET", f"/campaigns/{booked['id']}")).body["review"] is None


async def test_a_text_that_is_taken_down_stops_and_the_others_go_on(world: World) -> None:
    """Every worker hears of the version at once; no former version of that text comes back."""
    booked = await world.approved(creatives=[{"text": TEXT}, {"text": "Segundo texto. Marca 5512345678"}])
    [text] = (
        await patched(world, booked, creatives=[{"text": OTHER}, {"text": "Segundo texto. Marca 5512345678"}])
    ).body["creatives"][:1]
    await world.call("approver", "POST", f"/creatives/{text['id']}/approve")
    before = await PostgresSwitches(world.pool).read()
    assert (await world.call("ops", "POST", f"/creatives/{text['id']}/takedown", {})).status == 422
    reply = await world.call("ops", "POST", f"/creatives/{text['id']}/takedown", {"reason": "Queja"})
    assert reply.body["creatives"][0]["review"] == "taken_down"
    switches = await PostgresSwitches(world.pool).read()
    number = await world.pool.fetchval("SELECT number FROM creative_versions WHERE review = 'taken_down'")
    assert switches.harmful == {number}
    assert switches.version > before.version
    assert await serving_texts(world) == ["Segundo texto. Marca 5512345678"]


@pytest.mark.parametrize("end", ["pause", "cancel"])
async def test_pause_and_cancel_are_heard_at_once(world: World, end: str) -> None:
    """The stop-list names the campaign while anybody could still serve it."""
    booked = await world.approved()
    await world.pool.execute("UPDATE ledger SET leased = 5")
    assert (await world.act("sol", booked, end)).status == 200
    number = await world.pool.fetchval("SELECT number FROM campaigns")
    assert (await PostgresSwitches(world.pool).read()).stopped == {number}
    assert await serving_texts(world) == []


async def test_what_the_carrier_paused_only_the_carrier_resumes(world: World) -> None:
    """An advertiser resumes its own pause, not that of operations."""
    booked = await world.approved()
    await world.act("sol", booked, "pause")
    assert (await world.act("sol", booked, "resume")).body["state"] == "approved"
    await world.act("ops", booked, "pause")
    refused = await world.act("sol", booked, "resume")
    assert (refused.status, refused.codes) == (409, [("", "same_hand")])
    assert (await world.act("ops", booked, "resume")).status == 200


async def test_nobody_approves_what_they_submitted(world: World) -> None:
    """Four eyes: also when a role was changed meanwhile."""
    booked = await world.book()
    await world.act("sol", booked, "submit")
    await world.pool.execute(
        "UPDATE campaigns SET authors = ARRAY(SELECT 'key:' || id FROM api_keys WHERE name = 'approver')"
    )
    refused = await world.act("approver", booked, "approve")
    assert (refused.status, refused.codes) == (409, [("", "four_eyes")])
    assert (await world.act("approver", booked, "reject", {"reason": "x"})).codes == [("", "four_eyes")]


async def test_a_rejected_campaign_is_mended_and_submitted_again(world: World) -> None:
    """Its reason is told; a text that was rejected must be changed first."""
    booked = await world.book()
    await world.act("sol", booked, "submit")
    [text] = booked["creatives"]
    reply = await world.act("approver", booked, "reject", {"reason": "Exagera", "texts": [text["id"]]})
    assert (reply.body["state"], reply.body["rejection"]["reason"]) == ("rejected", "Exagera")
    assert (await world.act("sol", booked, "submit")).codes == [("", "state")]
    assert (await patched(world, booked, name="Otra vez")).body["state"] == "draft"
    assert (await world.act("sol", booked, "submit")).codes == [("", "no_rejected_text")]
    await patched(world, booked, creatives=[{"text": OTHER}])
    assert (await world.act("sol", booked, "submit")).body["rejection"] is None


async def test_lists_are_paged_and_filtered(world: World) -> None:
    """Newest first, each campaign once, whatever the page's size; filters narrow it."""
    names = [f"Campaña {at}" for at in range(5)]
    for name in names:
        await world.book(name=name)
    await world.book("luna", name="100% café", brand="cafe-luna")
    seen, cursor = [], ""
    while cursor is not None:
        page = (await world.call("sol", "GET", f"/campaigns?limit=2{cursor and '&cursor=' + cursor}")).body
        assert all(each["creatives"][0]["fits"]["share"] > 0 for each in page["items"])
        seen += [each["name"] for each in page["items"]]
        cursor = page["next"]
    assert seen == names[::-1]
    found = (await world.call("approver", "GET", "/campaigns?q=0%25+caf&state=draft")).body["items"]
    assert [each["name"] for each in found] == ["100% café"]
    assert (await world.call("sol", "GET", "/campaigns?brand=cafe-luna")).body["items"] == []
    assert (await world.call("sol", "GET", "/campaigns?state=nope&limit=0")).status == 422


async def test_every_change_is_in_the_audit_log(world: World) -> None:
    """Who, what, before and after, in one chain."""
    booked = await world.approved()
    await patched(world, booked, quantity=900)
    entries = await read_audit(world.pool, subject=booked["id"])
    assert [entry.action for entry in entries] == ["edit", "approve", "submit", "create"]
    assert (entries[0].before or {})["quantity"] == 1000
    assert (entries[0].after or {})["quantity"] == 900
    assert entries[1].actor == world.keys["approver"][:10]
    assert (await check_audit(world.pool)).broken is None


async def test_a_test_campaign_has_no_lead_time_and_is_in_no_report_of_others(world: World) -> None:
    """It starts once it is approved, needs a review as any other, and only its own report knows it."""
    world.settings[0] = Settings.model_validate({"policy": {"lead_time_hours": 48}})
    booked = await world.book(test=True)
    path = f"/campaigns/{booked['id']}"
    assert booked["test"]
    submitted = (await world.call("sol", "POST", f"{path}/submit")).body
    assert submitted["decide_by"]["on_time"] == submitted["starts_at"]
    approved = (await world.call("approver", "POST", f"{path}/approve")).body
    assert approved["earliest_start"] == approved["approved_at"]
    assert (await world.call("sol", "GET", f"{path}/report")).body["campaign"]["id"] == booked["id"]
    assert (await world.call("sol", "GET", "/reports?by=campaign")).body["rows"] == []

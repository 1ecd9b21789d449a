"""Reports over HTTP: they add up, say what they don't know, and are nobody else's."""

import csv
import io
from typing import Any

import pytest
from openpyxl import load_workbook

from adapters.http.report_document import CALLS_NOWHERE, NO_NUMBER, PER_ACCEPTED, TOO_FEW
from adapters.postgres.books import PostgresBooks
from adapters.postgres.links import Clicks, PostgresLinks
from adapters.postgres.reach import PostgresReach
from adapters.postgres.receipts import PostgresReceipts
from engine.settings import Settings
from inventory.books import Awaited, Batch, CountKey, Epoch, Event, LeaseRequest, Received
from segments.clock import pinned_zone
from tests.integration.http.conftest import World
from tests.integration.http.test_http_engagements import pooled

pytestmark = pytest.mark.postgres

EPOCH = Epoch("relay-1", 0, 1)
GUADALAJARA, BY_LADA_55 = 14_039_033, 55
DELIVERED, UNDELIVERABLE = 2, 5


async def counted(world: World, *, receipts: bool = False, **fields: Any) -> dict[str, Any]:
    """Book a campaign and count 10 insertions in Guadalajara and 5 that the LADA 55 decided."""
    booked = await world.approved(**fields)
    number = await world.pool.fetchval("SELECT number FROM campaigns WHERE id = $1", booked["id"])
    version = await world.pool.fetchval(
        "SELECT v.number FROM creative_versions v JOIN creatives c ON c.id = v.creative WHERE campaign = $1",
        number,
    )
    books, now = PostgresBooks(world.pool), world.services.now()
    await books.open_epoch(EPOCH, "boot")
    await books.grant(EPOCH, [LeaseRequest(number, 0, 100.0)], 30.0, 1, now=now)
    hour = int(now.timestamp()) // 3600
    here, there = CountKey(number, version, GUADALAJARA, hour), CountKey(number, version, BY_LADA_55, hour)
    events = {
        (here, Event.INSERTED, ""): 10,
        (here, Event.ACCEPTED, ""): 8,
        (here, Event.REJECTED, "status"): 1,
        (there, Event.INSERTED, ""): 5,
        (there, Event.UNKNOWN, "no_answer"): 4,
        (there, Event.LATE_ACCEPTED, ""): 1,
    }
    awaited = [Awaited(each, number, version, GUADALAJARA, hour) for each in range(6)] if receipts else []
    received = [Received(0, 1, DELIVERED, 0), Received(1, 1, UNDELIVERABLE, 0)] if receipts else []
    people = {(number, hour): [*range(1, 31), *range(1, 13)]}
    await books.settle(Batch(EPOCH, 0, 1, events, awaited=awaited, received=received, exposures=people))
    if receipts:
        await PostgresReceipts(world.pool).match(now, 72)
    return booked


def numbers(row: dict[str, Any]) -> list[Any]:
    """Return inserted, accepted, rejected, unknown, in_flight of a row."""
    return [row[name] for name in ("inserted", "accepted", "rejected", "unknown", "in_flight")]


async def test_every_grouping_has_the_ledgers_totals(world: World) -> None:
    """The rows add up to the totals, and those are the campaign's counts."""
    booked = await counted(world)
    for by in ("day", "hour", "state", "municipality", "lada", "creative"):
        report = (await world.call("sol", "GET", f"/campaigns/{booked['id']}/report?by={by}")).body
        columns = [numbers(row) for row in report["rows"]]
        assert [sum(column) for column in zip(*columns, strict=True)] == numbers(report["totals"]), by
        assert numbers(report["totals"]) == [15, 9, 1, 3, 2]
    assert report["ledger"]["settled"] == 12
    assert report["decided_by_lada"] == pytest.approx(1 / 3, abs=1e-4)
    assert report["pacing"]["goal"] == 1000
    assert 0 <= report["pacing"]["elapsed"] < 1


async def test_people_are_told_from_ten_on(world: World) -> None:
    """30 people got an ad and 12 of them two; below `privacy.min_people` nobody is told."""
    booked = await counted(world)
    path = f"/campaigns/{booked['id']}/report"
    before = (await world.call("sol", "GET", path)).body["reach"]
    assert (before["people"], before["note"]) == (None, TOO_FEW["es"])
    await PostgresReach(world.pool).fold(pinned_zone("America/Mexico_City"), world.services.now())
    reach = (await world.call("sol", "GET", path)).body["reach"]
    assert (reach["people"], reach["error"], reach["note"]) == (30, 0.0, None)
    assert reach["frequency"] == {"1": 18, "2": 12}


async def test_rows_are_named_in_the_callers_language(world: World) -> None:
    """Places bear their names; those of a LADA have no municipality, and are said to have none."""
    booked = await counted(world)
    path = f"/campaigns/{booked['id']}/report?by=municipality"
    spanish = (await world.call("sol", "GET", path)).body["rows"]
    english = (await world.call("sol", "GET", path, headers={"Accept-Language": "en"})).body["rows"]
    assert [(row["key"], row["label"]) for row in spanish] == [
        ("14039", "Guadalajara, MX-JAL"),
        (None, "decidido por la LADA"),
    ]
    assert english[1]["label"] == "decided by the LADA"
    states = (await world.call("sol", "GET", path.replace("municipality", "state"))).body["rows"]
    assert [(row["key"], row["inserted"]) for row in states] == [("MX-JAL", 10), ("MX-CMX", 5)]


async def called(world: World, booked: dict[str, Any], *calls: tuple[str, str, int, int]) -> None:
    """Count calls and leads, by state and LADA of the callers, to a campaign's number in this hour."""
    query = (
        "INSERT INTO lead_tallies SELECT e.number, '', $2, $3, $4, '5501234567', $5, $6"
        " FROM engagements e JOIN campaigns c ON c.number = e.campaign WHERE c.id = $1"
    )
    hour = int(world.services.now().timestamp()) // 3600
    for each in calls:
        await world.pool.execute(query, booked["id"], hour, *each)


async def test_calls_are_divided_by_what_is_known_to_have_arrived(world: World) -> None:
    """By accepted ads where some asked for no receipt, and that is said; by state, LADA, hour; files too."""
    await pooled(world)
    booked = await counted(world, receipts=True, response_number="5501234567")
    await called(world, booked, ("MX-JAL", "33", 3, 2), ("MX-SON", "662", 1, 1))
    path = f"/campaigns/{booked['id']}/report"
    report = (await world.call("sol", "GET", f"{path}?by=hour")).body
    conversion = {**report["conversion"]}
    assert conversion.pop("note") == PER_ACCEPTED["es"]
    assert conversion == {"per": "accepted", "calls": 4, "leads": 3, "rate": 0.4444}
    [row] = report["rows"]
    assert (row["calls"], row["leads"], row["conversion"]) == (4, 3, 0.4444)
    states = (await world.call("sol", "GET", f"{path}?by=state")).body
    assert [(row["key"], row["calls"], row["conversion"]) for row in states["rows"]] == [
        ("MX-JAL", 3, 0.375),
        ("MX-CMX", 0, 0.0),
        ("MX-SON", 1, None),
    ]
    texts = (await world.call("sol", "GET", f"{path}?by=creative")).body
    assert [(row["key"] is None, row["calls"]) for row in texts["rows"]] == [(False, None), (True, 4)]
    assert CALLS_NOWHERE["es"] in texts["conversion"]["note"]
    sheet = await world.call("sol", "GET", f"{path}?by=state&format=csv")
    lines = list(csv.DictReader(io.StringIO(sheet.octets.decode("utf-8-sig"))))
    assert [(line["calls"], line["conversion"]) for line in lines] == [
        ("3", "0.375"), ("0", "0.0"), ("1", ""), ("4", "0.4444")
    ]  # fmt: skip
    book = load_workbook(io.BytesIO((await world.call("sol", "GET", f"{path}?by=state&format=xlsx")).octets))
    header, first, *_ = book["report"].iter_rows(values_only=True)
    assert first[header.index("conversion")] == 0.375
    assert ("conversion", PER_ACCEPTED["es"]) in list(book["about"].iter_rows(values_only=True))


async def test_without_a_number_nobody_can_call(world: World) -> None:
    """Null, and the reason; never a zero."""
    booked = await counted(world)
    report = (await world.call("sol", "GET", f"/campaigns/{booked['id']}/report")).body
    assert (report["totals"]["calls"], report["totals"]["conversion"]) == (None, None)
    assert report["conversion"]["note"] == NO_NUMBER["es"]


async def test_receipts_that_nobody_asked_for_are_no_zero(world: World) -> None:
    """Delivered and failed are null with the reason; with receipts they are counts with their coverage."""
    without = await counted(world)
    report = (await world.call("sol", "GET", f"/campaigns/{without['id']}/report")).body
    assert (report["totals"]["delivered"], report["rows"][0]["failed"]) == (None, None)
    assert report["receipts"]["note"] == "el operador no pidió acuses"
    assert (report["totals"]["clicked"], bool(report["clicked_note"])) == (None, True)


async def test_clicks_of_people_are_in_every_grouping(world: World) -> None:
    """Rows and files add up to the totals; bots are told apart; where a click comes from is not made up."""
    world.settings[0] = Settings.model_validate(
        {"policy": {"lead_time_hours": 0}, "http": {"public_url": "https://sol.mx"}}
    )
    link = "https://www.tiendasol.example/ofertas"
    booked = await counted(world, creatives=[{"text": f"Buen Fin en tienda sol, ve {link}", "link": link}])
    code = await world.pool.fetchval("SELECT code FROM links")
    hour = int(world.services.now().timestamp()) // 3600
    await PostgresLinks(world.pool).count([Clicks(code, hour, 2, 5, 1), Clicks(code, hour + 30, 1, 0, 0)])
    for by in ("day", "hour", "state", "municipality", "lada", "creative"):
        path = f"/campaigns/{booked['id']}/report?by={by}"
        report = (await world.call("sol", "GET", path)).body
        clicked = [row["clicked"] for row in report["rows"]]
        assert sum(each or 0 for each in clicked) == report["totals"]["clicked"] == 3, by
        assert report["clicks"] == {"people": 3, "bots": 5, "prefetches": 1}
        assert bool(report["clicked_note"]) == (by in {"state", "municipality", "lada"})
        assert (None in clicked) == bool(report["clicked_note"]), by
        table = await world.call("sol", "GET", f"{path}&format=csv")
        totals = list(csv.reader(io.StringIO(table.octets.decode("utf-8-sig"))))[-1]
        assert "3" in totals
    for by in ("campaign", "brand"):
        report = (await world.call("sol", "GET", f"/reports?by={by}")).body
        assert [row["clicked"] for row in report["rows"]] == [3]


async def test_receipts_are_told_with_their_coverage(world: World) -> None:
    """How many accepted ads asked for one stands beside what came."""
    booked = await counted(world, receipts=True)
    report = (await world.call("sol", "GET", f"/campaigns/{booked['id']}/report?by=state")).body
    assert (report["totals"]["delivered"], report["totals"]["failed"]) == (1, 1)
    assert report["receipts"]["asked"] == 6
    assert report["receipts"]["receipt_coverage"] == pytest.approx(6 / 9, abs=1e-4)
    assert report["receipts"]["note"] is None


async def test_an_hour_is_final_once_every_node_has_settled_it(world: World) -> None:
    """Not while a node with an open journal has not said so; then those whose answers are due, too."""
    booked = await counted(world)
    path = f"/campaigns/{booked['id']}/report?by=hour"
    report = (await world.call("sol", "GET", path)).body
    assert (report["final_until"], [row["final"] for row in report["rows"]]) == (None, [False])
    await world.pool.execute("UPDATE insertion_counts SET hour = hour - 3")
    await world.pool.execute(
        "INSERT INTO nodes (name, seen_at, confirmed, status, settled_at) "
        "VALUES ('relay-1', $1, 1, '{}', $1)",
        world.services.now(),
    )
    report = (await world.call("sol", "GET", path)).body
    assert [row["final"] for row in report["rows"]] == [True]
    assert report["final_until"] <= report["as_of"]


async def test_files_have_the_same_totals_and_no_formula(world: World) -> None:
    """CSV and XLSX end with the totals; a text that a spreadsheet would compute is kept from it."""
    booked = await counted(world, name='=HYPERLINK("http://x")')
    path = "/reports?by=campaign&format="
    reply = await world.call("sol", "GET", path + "csv")
    assert reply.headers["Content-Disposition"].startswith('attachment; filename="')
    lines = list(csv.DictReader(io.StringIO(reply.octets.decode("utf-8-sig"))))
    assert lines[0]["label"] == "'" + booked["name"]
    assert (lines[-1]["key"], lines[-1]["inserted"], lines[-1]["delivered"]) == ("total", "15", "")
    reply = await world.call("sol", "GET", path + "xlsx")
    sheet = load_workbook(io.BytesIO(reply.octets))["report"]
    cells = [[cell.value for cell in row] for row in sheet.iter_rows()]
    assert sheet.cell(2, 2).data_type == "s"
    assert (cells[1][1], cells[-1][0], cells[-1][2]) == (booked["name"], "total", 15)


async def test_reports_of_several_campaigns_show_ones_own(world: World) -> None:
    """An advertiser's own brands, the carrier everything; a stranger's brand or campaign does not exist."""
    booked = await counted(world)
    assert (await world.call("luna", "GET", f"/campaigns/{booked['id']}/report")).status == 404
    assert (await world.call("luna", "GET", "/reports?brand=tienda-sol")).status == 404
    assert (await world.call("admin", "GET", "/reports")).status == 403
    assert (await world.call("sol", "GET", "/campaigns/nothing/report")).status == 404
    assert (await world.call("luna", "GET", "/reports")).body["rows"] == []
    for who in ("sol", "sol_manager", "agency", "ops", "approver"):
        report = (await world.call(who, "GET", "/reports?by=brand")).body
        assert [(row["key"], row["inserted"]) for row in report["rows"]] == [("tienda-sol", 15)], who


async def test_the_span_is_in_days_of_the_zone_or_instants(world: World) -> None:
    """What lies outside is not counted; what is no span is told, fault by fault."""
    booked = await counted(world)
    path = f"/campaigns/{booked['id']}/report"
    today = (await world.call("sol", "GET", path)).body["rows"][0]["key"]
    within = (await world.call("sol", "GET", f"{path}?from={today}&to={today}")).body
    assert within["totals"]["inserted"] == 15
    assert (within["from"], within["to"]) != (None, None)
    before = (await world.call("sol", "GET", f"{path}?to=2026-01-01T00:00:00Z")).body
    assert (before["rows"], before["totals"]["inserted"]) == ([], 0)
    faulty = await world.call("sol", "GET", f"{path}?from=yesterday&to=2026-13-01")
    assert (faulty.status, faulty.codes) == (422, [("?from", "instant"), ("?to", "instant")])
    turned = await world.call("sol", "GET", f"{path}?from=2026-02-02&to=2026-01-01")
    assert turned.codes == [("?to", "order")]
    nowhere = await world.call("sol", "GET", f"{path}?zone=Mars/Olympus&by=soul")
    assert (nowhere.status, {pointer for pointer, _ in nowhere.codes}) == (422, {"?zone", "?by"})

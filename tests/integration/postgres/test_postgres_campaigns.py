"""Campaigns and switches in PostgreSQL."""

import asyncio
import json
from collections.abc import Coroutine
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

import asyncpg
import pytest

from adapters.postgres.audit import check_audit, read_audit
from adapters.postgres.books import PostgresBooks
from adapters.postgres.campaigns import PostgresCampaigns, UnknownBrandError
from adapters.postgres.pool import CHANNEL, Pool
from adapters.postgres.switches import CampaignNotFoundError, PostgresSwitches
from inventory.books import Batch, CountKey, Epoch, Event, LeaseRequest
from inventory.campaign import CampaignClass, CampaignState, HoursWindow, Pacing, Review
from inventory.draft import CampaignDraft, CreativeDraft
from segments.targets import Selector, Target

pytestmark = pytest.mark.postgres

NOW = datetime(2026, 11, 24, 15, 30, tzinfo=UTC)
HOUR = int(NOW.timestamp()) // 3600
DAY = timedelta(days=1)
DRAFT = CampaignDraft(
    name="Buen Fin",
    brand="tienda-sol",
    category="retail",
    campaign_class=CampaignClass.GUARANTEED,
    creatives=(
        CreativeDraft("Buen Fin en tienda sol. Marca 5512345678"),
        CreativeDraft("Oferta en mi.tienda/abc", weight=3, link="mi.tienda/abc"),
    ),
    target=Target(
        (Selector("state", "MX-JAL"), Selector("lada", "55")), (Selector("municipality", "14039"),)
    ),
    starts_at=NOW - DAY,
    ends_at=NOW + DAY,
    quantity=40,
    hours=(HoursWindow(frozenset({0, 5, 6}), 540, 1440),),
    pacing=Pacing.ASAP,
    external_id="BF-1",
    labels={"team": "norte"},
)
Result = TypeVar("Result")


class Desk:
    """Campaigns, switches and books on one pool."""

    def __init__(self, runner: asyncio.Runner, pool: Pool) -> None:
        self._runner = runner
        self.pool = pool
        self.campaigns = PostgresCampaigns(pool)
        self.switches = PostgresSwitches(pool)
        self.books = PostgresBooks(pool)

    def run(self, work: Coroutine[Any, Any, Result]) -> Result:
        """Return what a coroutine returns."""
        return self._runner.run(work)

    def add(self, *drafts: CampaignDraft, approve: bool = True) -> list[str]:
        """Add campaigns and return their ids."""
        return list(self.run(self.campaigns.add(drafts, approve=approve, now=NOW)))

    def document(self, campaign: str) -> dict[str, Any]:
        """Return one campaign's document."""
        documents = self.run(self.campaigns.all_documents(NOW))
        return next(one for one in documents if one["id"] == campaign)

    def spend(self, number: int, after: int, **counts: int) -> None:
        """Lease as needed and settle events of one campaign."""
        epoch = Epoch("relay-1", 0, 1)
        key = CountKey(number, 1, 33, HOUR)

        async def work() -> None:
            await self.books.open_epoch(epoch, "boot")
            for _ in range(99):
                await self.books.grant(epoch, [LeaseRequest(number, 0, 1)], 30, 1, now=NOW)
            found = {(key, Event(name), ""): n for name, n in counts.items()}
            await self.books.settle(Batch(epoch, after, after + 1, found))

        self.run(work())


@pytest.fixture
def desk(runner: asyncio.Runner, pool: Pool) -> Desk:
    """Return a desk on an empty, migrated database."""
    return Desk(runner, pool)


def test_what_was_added_is_served_as_it_was_booked(desk: Desk) -> None:
    """An approved campaign comes back whole, with its texts, ledger and class."""
    [campaign_id] = desk.add(DRAFT)
    [serving] = desk.run(desk.campaigns.serving(NOW))
    campaign = serving.campaign
    assert (campaign.id, campaign.name, campaign.brand, campaign.category) == (
        campaign_id,
        "Buen Fin",
        "tienda-sol",
        "retail",
    )
    assert (campaign.target, campaign.hours, campaign.pacing) == (DRAFT.target, DRAFT.hours, Pacing.ASAP)
    assert (campaign.ends_at, campaign.quantity) == (DRAFT.ends_at, 40)
    assert [(text.text, text.weight, text.link) for text in campaign.creatives] == [
        (text.text, text.weight, text.link) for text in DRAFT.creatives
    ]
    assert len({text.number for text in campaign.creatives}) == 2
    assert (serving.settled, serving.leased, serving.free) == (0, 0, 40)


def test_service_starts_when_it_may(desk: Desk) -> None:
    """A campaign serves from the later of its start and its approval."""
    desk.add(DRAFT, replace(DRAFT, starts_at=NOW + DAY / 2))
    starts = [serving.campaign.starts_at for serving in desk.run(desk.campaigns.serving(NOW))]
    assert starts == [NOW, NOW + DAY / 2]


def test_what_may_not_serve_is_not_served(desk: Desk) -> None:
    """Drafts, ended ones, stopped ones and those without an approved text are left out."""
    desk.add(DRAFT)
    [stopped] = desk.add(replace(DRAFT, name="stopped"))
    desk.add(replace(DRAFT, name="draft"), approve=False)
    desk.add(replace(DRAFT, name="ended", starts_at=NOW - 3 * DAY, ends_at=NOW))
    [unread] = desk.add(replace(DRAFT, name="unread"))
    desk.run(desk.switches.stop(stopped, by="ops", now=NOW))
    query = (
        "UPDATE creative_versions SET review = 'taken_down' WHERE creative IN ("
        "SELECT cr.id FROM creatives cr JOIN campaigns c ON c.number = cr.campaign WHERE c.id::text = $1)"
    )
    desk.run(desk.pool.execute(query, unread))
    assert [one.campaign.name for one in desk.run(desk.campaigns.serving(NOW))] == ["Buen Fin"]


def test_an_edited_text_waits_while_the_former_one_serves(desk: Desk) -> None:
    """The newest approved version serves; the newest of all is listed; none of them can be changed."""
    desk.add(DRAFT)
    desk.run(
        desk.pool.execute(
            "INSERT INTO creative_versions (creative, version, text, weight, review) "
            "SELECT id, 2, 'Nuevo texto', 1, 'pending' FROM creatives WHERE position = 1"
        )
    )
    [serving] = desk.run(desk.campaigns.serving(NOW))
    assert serving.campaign.creatives[0].text == DRAFT.creatives[0].text
    [document] = desk.run(desk.campaigns.all_documents(NOW))
    assert (document["creatives"][0]["version"], document["creatives"][0]["review"]) == (2, Review.PENDING)
    with pytest.raises(asyncpg.RaiseError, match="immutable"):
        desk.run(desk.pool.execute("UPDATE creative_versions SET text = 'Otro'"))


def test_all_or_nothing(desk: Desk) -> None:
    """One campaign that can't be stored keeps all of them out."""
    wrong = replace(DRAFT, ends_at=DRAFT.starts_at)
    with pytest.raises(asyncpg.CheckViolationError):
        desk.add(DRAFT, wrong)
    assert desk.run(desk.campaigns.all_documents(NOW)) == []


def test_the_audit_log_has_what_was_imported(desk: Desk) -> None:
    """One row a campaign: by whom, and whether it was approved at once; nothing of an import that failed."""
    add = desk.campaigns.add([DRAFT, replace(DRAFT, name="Otra")], approve=True, now=NOW, by="root")
    first, second = desk.run(add)
    [draft] = desk.add(replace(DRAFT, name="Borrador"), approve=False)
    with pytest.raises(UnknownBrandError):
        desk.add(replace(DRAFT, brand="nadie"), approve=False)
    entries = reversed(desk.run(read_audit(desk.pool)))
    assert [(each.actor, each.action, each.subject_id, each.after) for each in entries] == [
        ("root", "create", first, {"name": "Buen Fin", "brand": "tienda-sol", "state": "approved"}),
        ("root", "create", second, {"name": "Otra", "brand": "tienda-sol", "state": "approved"}),
        ("posdata", "create", draft, {"name": "Borrador", "brand": "tienda-sol", "state": "draft"}),
    ]
    assert desk.run(check_audit(desk.pool)).broken is None


def test_only_approval_registers_brands(desk: Desk) -> None:
    """A draft of an unknown brand is refused by name; an approved one registers it."""
    with pytest.raises(UnknownBrandError, match="tienda-luna, tienda-sol"):
        desk.add(DRAFT, replace(DRAFT, brand="tienda-luna"), approve=False)
    desk.add(DRAFT)
    desk.add(DRAFT, approve=False)
    assert len(desk.run(desk.campaigns.all_documents(NOW))) == 2


def test_the_document_is_the_contracts(desk: Desk) -> None:
    """`campaigns list --json` shows the document, and what the books say of it."""
    [campaign_id] = desk.add(DRAFT)
    desk.spend(1, 0, inserted=9, accepted=4, rejected=2, unknown=1)
    document = desk.document(campaign_id)
    assert json.loads(json.dumps(document)) == document
    assert document["target"] == {
        "include": [{"state": "MX-JAL"}, {"lada": "55"}],
        "exclude": [{"municipality": "14039"}],
    }
    assert document["hours"] == [{"days": ["mon", "sat", "sun"], "from": "09:00", "to": "24:00"}]
    assert (document["class"], document["quantity"], document["pacing"]) == ("guaranteed", 40, "asap")
    assert document["starts_at"] == (NOW - DAY).isoformat()
    assert (document["state"], document["serving"], document["version"]) == ("approved", True, 1)
    assert document["earliest_start"] == NOW.isoformat()
    assert (document["external_id"], document["labels"]) == ("BF-1", {"team": "norte"})
    assert [creative["weight"] for creative in document["creatives"]] == [1, 3]
    assert document["counts"] == {
        "inserted": 9,
        "accepted": 4,
        "rejected": 2,
        "unknown": 1,
        "in_flight": 2,
        "delivered": 0,
        "failed": 0,
        "returned": 2,
    }
    ledger = document["ledger"]
    assert ledger["settled"] == 5
    assert sum(ledger.values()) == 40


def test_time_and_quantity_move_campaigns(desk: Desk) -> None:
    """Approved → live at its start, live → finished by quantity or by its end."""
    desk.add(
        replace(DRAFT, quantity=1),
        replace(DRAFT, starts_at=NOW + DAY / 2),
        replace(DRAFT, campaign_class=CampaignClass.HOUSE, quantity=None),
    )
    assert desk.run(desk.campaigns.advance(NOW)) == [(1, CampaignState.LIVE), (3, CampaignState.LIVE)]
    assert desk.run(desk.campaigns.advance(NOW)) == []
    desk.spend(1, 0, inserted=1, unknown=1)
    assert desk.run(desk.campaigns.advance(NOW)) == [(1, CampaignState.FINISHED)]
    desk.spend(1, 1, late_rejected=1)
    assert desk.run(desk.campaigns.advance(NOW)) == [(1, CampaignState.LIVE)]
    desk.spend(1, 2, inserted=1, accepted=1)
    assert desk.run(desk.campaigns.advance(NOW)) == [(1, CampaignState.FINISHED)]
    ended = desk.run(desk.campaigns.advance(NOW + DAY))
    assert ended == [(2, CampaignState.FINISHED), (3, CampaignState.FINISHED)]
    documents = desk.run(desk.campaigns.all_documents(NOW + DAY))
    assert [one["finish_reason"] for one in documents] == ["quantity", "ended", "ended"]
    assert not any(one["serving"] for one in documents)


def test_ads_are_switched_once(desk: Desk) -> None:
    """Each change raises the version; switching to what is there already does not."""
    first = desk.run(desk.switches.read())
    assert (first.ads_on, first.stopped) == (True, frozenset())
    off = desk.run(desk.switches.ads(on=False, by="ops", now=NOW))
    assert off == desk.run(desk.switches.ads(on=False, by="ops", now=NOW)) == first.version + 1
    assert desk.run(desk.switches.read()).ads_on is False


@pytest.mark.parametrize("name", ["id", "BF-1", "1"])
def test_a_campaign_is_stopped_by_any_of_its_names(desk: Desk, name: str) -> None:
    """Id, external id and number name a campaign; stopping it twice changes nothing."""
    [campaign_id] = desk.add(DRAFT)
    named = campaign_id.upper() if name == "id" else name
    stopped = desk.run(desk.switches.stop(named, by="ops", now=NOW))
    assert desk.run(desk.switches.stop(named, by="ops", now=NOW)) == stopped
    assert desk.run(desk.switches.read()).stopped == {stopped.number}
    assert desk.run(desk.switches.read()).version == stopped.version
    assert desk.document(campaign_id)["stopped"] is True


def test_a_name_that_says_nothing_or_too_much_stops_nothing(desk: Desk) -> None:
    """An unknown name, and one that two campaigns share, are refused."""
    desk.add(DRAFT, DRAFT)
    with pytest.raises(CampaignNotFoundError, match="no campaign 'BF-2'"):
        desk.run(desk.switches.stop("BF-2", by="ops", now=NOW))
    with pytest.raises(CampaignNotFoundError, match="campaigns 1, 2"):
        desk.run(desk.switches.stop("BF-1", by="ops", now=NOW))
    assert desk.run(desk.switches.read()).stopped == frozenset()


def test_nodes_confirm(desk: Desk) -> None:
    """A node's last word is kept."""
    desk.run(desk.switches.beat("relay-1", 1, {"workers": 1}, now=NOW))
    desk.run(desk.switches.beat("relay-1", 2, {"workers": 2}, now=NOW + DAY))
    [node] = desk.run(desk.switches.nodes())
    assert (node.name, node.confirmed, node.seen_at, node.status) == ("relay-1", 2, NOW + DAY, {"workers": 2})


def test_changes_are_told(desk: Desk) -> None:
    """A listener hears of new campaigns and of switches, and nothing of what changed nothing."""

    async def listen() -> list[str]:
        heard: list[str] = []
        told = asyncio.Event()

        def hear(_connection: object, _pid: int, _channel: str, payload: str) -> None:
            heard.append(payload)
            if payload == "switches":
                told.set()

        async with desk.pool.acquire() as connection:
            await connection.add_listener(CHANNEL, hear)
            await desk.campaigns.add([DRAFT], approve=True, now=NOW)
            await desk.switches.ads(on=True, by="ops", now=NOW)
            await desk.campaigns.advance(NOW - 2 * DAY)
            await desk.switches.ads(on=False, by="ops", now=NOW)
            await asyncio.wait_for(told.wait(), 60)
            await connection.remove_listener(CHANNEL, hear)
        return heard

    assert desk.run(listen()) == ["campaigns", "creative_versions", "switches"]

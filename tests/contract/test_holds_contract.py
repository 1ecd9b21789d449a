"""Holds keep what they hold from others, for as long as they last, wherever they are kept."""

import asyncio
from collections.abc import Coroutine, Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol, TypeVar

import pytest

from adapters.postgres.holds import PostgresHolds
from adapters.postgres.pool import Pool, open_pool
from inventory.booking import Booking
from inventory.campaign import CampaignClass, CampaignState, HoursWindow
from inventory.holds import Holds, NoHoldError, UnavailableError, UndecidableError
from inventory.market import Market
from segments.targets import Selector, Target
from tests.contract.fake_holds import FakeHolds
from tests.unit.inventory.markets import NOW as OPENING
from tests.unit.inventory.markets import booking, market

Result = TypeVar("Result")

NOW = datetime(2026, 11, 20, 15, tzinfo=UTC)
LATER = NOW + timedelta(minutes=29)
TOO_LATE = NOW + timedelta(minutes=31)
SUPPLY = 1000
LEAD_TIME = timedelta(hours=48)
WISH = Booking(
    "",
    "Buen Fin",
    CampaignClass.GUARANTEED,
    Target((Selector("state", "MX-JAL"),)),
    (NOW + timedelta(days=1)).timestamp(),
    (NOW + timedelta(days=9)).timestamp(),
    (HoursWindow(frozenset((0, 4)), 540, 1200),),
    57,
    600,
)

_DRAFT = """
WITH campaign AS (
    INSERT INTO campaigns (name, brand, category, class, target, starts_at, ends_at, hours, pacing, test,
        labels, state, created_at)
    VALUES ('Buen Fin', 'tienda-sol', 'retail', 'guaranteed', '{"include": [], "exclude": []}', $1, $2, '[]',
        'even', false, '{}', 'draft', $1)
    RETURNING number
), text AS (
    INSERT INTO creatives (campaign, position) SELECT number, 1 FROM campaign RETURNING id
), version AS (
    INSERT INTO creative_versions (creative, version, text, weight, review)
    SELECT id, 1, 'Marca 5512345678', 1, 'pending' FROM text
)
INSERT INTO ledger (campaign, quantity) SELECT number, $3 FROM campaign RETURNING campaign
"""


def judge(others: Sequence[Booking], wish: Booking) -> bool:
    """Tell whether all bookings together stay within the supply."""
    return sum(each.wanted for each in others) + wish.wanted <= SUPPLY


class World(Protocol):
    """Holds with campaigns, and the loop that they live on."""

    holds: Holds

    def run(self, work: Coroutine[Any, Any, Result]) -> Result:
        """Return what a coroutine returns."""

    def draft(self, quantity: int) -> int:
        """Store a draft like WISH and return its number."""

    def state(self, campaign: int) -> CampaignState:
        """Return where a campaign stands."""


class MemoryWorld:
    """Holds in memory."""

    def __init__(self, runner: asyncio.Runner) -> None:
        self.run = runner.run
        self.holds = FakeHolds()

    def draft(self, quantity: int) -> int:
        """Store a draft like WISH and return its number."""
        number = len(self.holds.campaigns) + 1
        self.holds.campaigns[number] = replace(WISH, quantity=quantity), CampaignState.DRAFT
        return number

    def state(self, campaign: int) -> CampaignState:
        """Return where a campaign stands."""
        return self.holds.campaigns[campaign][1]


class PostgresWorld:
    """Holds in a database of their own."""

    def __init__(self, runner: asyncio.Runner, pool: Pool) -> None:
        self.run = runner.run
        self.holds = PostgresHolds(pool, len)
        self._pool = pool
        self.run(pool.execute("INSERT INTO brands VALUES ('tienda-sol', 'retail')"))

    def draft(self, quantity: int) -> int:
        """Store a draft like WISH and return its number."""
        opens, closes = (datetime.fromtimestamp(at, UTC) for at in (WISH.opens, WISH.closes))
        return self.run(self._pool.fetchval(_DRAFT, opens, closes, quantity))

    def state(self, campaign: int) -> CampaignState:
        """Return where a campaign stands."""
        query = "SELECT state FROM campaigns WHERE number = $1"
        return CampaignState(self.run(self._pool.fetchval(query, campaign)))


@pytest.fixture(params=["memory", pytest.param("postgres", marks=pytest.mark.postgres)])
def world(request: pytest.FixtureRequest, runner: asyncio.Runner) -> Iterator[World]:
    """Yield each kind of holds in turn."""
    if request.param == "memory":
        yield MemoryWorld(runner)
        return
    pool = runner.run(open_pool(request.getfixturevalue("postgres_dsn")))
    yield PostgresWorld(runner, pool)
    runner.run(pool.close())


def wanted(world: World, now: datetime) -> list[int]:
    """Return the quantities that are sold or held."""
    return sorted(each.wanted for each in world.run(world.holds.bookings(now=now)))


def test_a_hold_keeps_its_quantity_until_it_expires(world: World) -> None:
    """For half an hour nobody else can have it, and what is held is what was asked for."""
    hold = world.run(world.holds.take(WISH, "ana", judge, now=NOW))
    assert hold.expires_at == NOW + timedelta(minutes=30)
    [held] = world.run(world.holds.bookings(now=LATER))
    assert held == replace(WISH, id=hold.id)
    with pytest.raises(UnavailableError):
        world.run(world.holds.take(WISH, "luis", judge, now=LATER))
    world.run(world.holds.take(WISH, "luis", judge, now=TOO_LATE))
    assert wanted(world, TOO_LATE) == [600]


def test_a_released_hold_holds_nothing(world: World) -> None:
    """Released at once it is there for others; releasing it twice does no harm."""
    hold = world.run(world.holds.take(WISH, "ana", judge, now=NOW))
    world.run(world.holds.release(hold.id))
    world.run(world.holds.release(hold.id))
    world.run(world.holds.take(WISH, "luis", judge, now=NOW))


def test_submission_holds_until_the_decision(world: World) -> None:
    """A submitted campaign's hold lasts 48 hours, and then no longer."""
    hold = world.run(world.holds.take(WISH, "ana", judge, now=NOW))
    campaign = world.draft(600)
    soft = world.run(world.holds.submit(hold.id, campaign, now=LATER))
    assert soft.expires_at == LATER + timedelta(hours=48)
    assert world.state(campaign) is CampaignState.SUBMITTED
    assert wanted(world, LATER + timedelta(hours=47)) == [600]
    assert wanted(world, LATER + timedelta(hours=49)) == []


def test_an_expired_hold_can_not_be_submitted(world: World) -> None:
    """Its quantity may be somebody else's by now; the campaign stays a draft."""
    hold = world.run(world.holds.take(WISH, "ana", judge, now=NOW))
    campaign = world.draft(600)
    with pytest.raises(NoHoldError):
        world.run(world.holds.submit(hold.id, campaign, now=TOO_LATE))
    assert world.state(campaign) is CampaignState.DRAFT


def test_a_hold_serves_one_campaign(world: World) -> None:
    """A second campaign can't be submitted with it, nor the first one twice."""
    hold = world.run(world.holds.take(WISH, "ana", judge, now=NOW))
    first, second = world.draft(600), world.draft(600)
    world.run(world.holds.submit(hold.id, first, now=NOW))
    with pytest.raises(NoHoldError):
        world.run(world.holds.submit(hold.id, second, now=NOW))
    with pytest.raises(UndecidableError):
        world.run(world.holds.submit(hold.id, first, now=NOW))


def test_approval_books_what_was_held(world: World) -> None:
    """The campaign's own hold does not stand in its way; booked, it serves after the lead time."""
    hold = world.run(world.holds.take(WISH, "ana", judge, now=NOW))
    campaign = world.draft(600)
    world.run(world.holds.submit(hold.id, campaign, now=NOW))
    world.run(world.holds.approve(campaign, judge, lead_time=LEAD_TIME, now=NOW))
    assert world.state(campaign) is CampaignState.APPROVED
    [booked] = world.run(world.holds.bookings(now=NOW))
    assert (booked.wanted, booked.opens) == (600, (NOW + LEAD_TIME).timestamp())
    with pytest.raises(UndecidableError):
        world.run(world.holds.approve(campaign, judge, lead_time=LEAD_TIME, now=NOW))


def test_approval_looks_again(world: World) -> None:
    """What was sold after the hold expired is not sold twice: the campaign goes on waiting."""
    hold = world.run(world.holds.take(WISH, "ana", judge, now=NOW))
    campaign = world.draft(600)
    world.run(world.holds.submit(hold.id, campaign, now=NOW))
    expired = NOW + timedelta(hours=49)
    world.run(world.holds.take(WISH, "luis", judge, now=expired))
    with pytest.raises(UnavailableError):
        world.run(world.holds.approve(campaign, judge, lead_time=LEAD_TIME, now=expired))
    assert world.state(campaign) is CampaignState.SUBMITTED


def test_racing_buyers_never_get_the_same(world: World) -> None:
    """Of a hundred at once as many are served as there is supply for."""
    small = replace(WISH, quantity=70)

    async def race() -> list[object]:
        takes = [world.holds.take(small, f"buyer {each}", judge, now=NOW) for each in range(100)]
        return await asyncio.gather(*takes, return_exceptions=True)

    ended = world.run(race())
    lost = [each for each in ended if isinstance(each, Exception)]
    assert all(isinstance(each, UnavailableError) for each in lost)
    assert len(ended) - len(lost) == SUPPLY // 70
    assert sum(wanted(world, NOW)) <= SUPPLY


@pytest.mark.parametrize("kept", [None, market(booking(1, "MX-JAL", name="before"))])
def test_racing_buyers_of_overlapping_supply_never_oversell(world: World, kept: Market | None) -> None:
    """A hundred who want parts of each other's hours and states get no more than there is, together.

    Neither where each is judged by a market of its own, nor where one is kept that knows none of them.
    """
    now = datetime.fromtimestamp(OPENING, UTC)
    states = (("MX-JAL",), ("MX-CMX",), ("MX-JAL", "MX-CMX"))
    wishes = [
        booking(
            90 + each, *states[each % 3], hours=(HoursWindow(frozenset(range(7)), 60 * (each % 12), 1200),)
        )
        for each in range(100)
    ]

    def in_market(others: Sequence[Booking], wish: Booking) -> bool:
        return (kept is not None and kept.promises(wish, others)) or market(*others).fits(wish)

    async def race() -> list[object]:
        takes = [world.holds.take(wish, "buyer", in_market, now=now) for wish in wishes]
        return await asyncio.gather(*takes, return_exceptions=True)

    ended = world.run(race())
    held = market(*world.run(world.holds.bookings(now=now)))
    assert 0 < len(held.bookings) < len(wishes)
    assert all(each.p50 == pytest.approx(1) for each in held.prospects())
    assert sum(isinstance(each, UnavailableError) for each in ended) == len(wishes) - len(held.bookings)


def test_racing_approvals_never_oversell(world: World) -> None:
    """Campaigns that were submitted with the same supply in sight are not all booked."""

    async def race(campaigns: list[int]) -> list[object]:
        approvals = [
            world.holds.approve(each, judge, lead_time=LEAD_TIME, now=NOW + timedelta(hours=100))
            for each in campaigns
        ]
        return await asyncio.gather(*approvals, return_exceptions=True)

    campaigns = []
    for each in range(4):
        now = NOW + timedelta(hours=each * 0.6)
        hold = world.run(world.holds.take(replace(WISH, quantity=200), "ana", judge, now=now))
        campaigns.append(world.draft(400))
        world.run(world.holds.submit(hold.id, campaigns[-1], now=now))
    ended = world.run(race(campaigns))
    assert sum(each is None for each in ended) == 2
    assert wanted(world, NOW + timedelta(hours=100)) == [400, 400]

"""Engagements, their numbers and their leads on a real PostgreSQL: every call counted once."""

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from adapters.postgres.engagements import NumberTakenError, PostgresEngagements
from adapters.postgres.leads import PostgresLeads, ReplayedError, called_back
from adapters.postgres.pool import Pool
from adapters.postgres.response_numbers import NumberBusyError, PostgresResponseNumbers
from engine.access import Principal, Role
from inventory.books import Epoch, SequenceGapError, hour_of
from inventory.engagements import read_engagement
from inventory.keywords import Wish, Wished
from inventory.leads import Call
from segments.seal import Seal

pytestmark = pytest.mark.postgres

NOW = datetime(2026, 11, 24, 18, 30, tzinfo=UTC)
EPOCH = Epoch("relay-1", 0, 77)
SEAL = Seal(bytes(range(32)))
ONE, TWO, OUT = "5500000001", "5500000002", "5500000003"


class Desk:
    """A pool of three numbers and somebody of the carrier."""

    def __init__(self, pool: Pool, runner: asyncio.Runner) -> None:
        self.pool = pool
        self.run = runner.run
        self.ops = Principal(
            id="user:1",
            name="ops@operador.example",
            organisation=str(self.run(self._organisation())),
            role=Role.OPS,
        )
        self.numbers = PostgresResponseNumbers(pool)
        self.engagements = PostgresEngagements(pool)
        self.leads = PostgresLeads(pool, SEAL)
        for digits in (ONE, TWO, OUT):
            self.run(self.numbers.add(digits, "", principal=self.ops, at=NOW))

    async def _organisation(self) -> Any:
        return await self.pool.fetchval(
            "INSERT INTO organisations (name, kind, created_at) VALUES ('Op', 'carrier', $1) RETURNING id",
            NOW,
        )

    def engage(self, **fields: Any) -> str:
        """Make an engagement; a vote between two numbers, for a day, unless told otherwise."""
        document = {
            "name": "Canción del año",
            "purpose": "vote",
            "starts_at": (NOW - timedelta(hours=1)).isoformat(),
            "ends_at": (NOW + timedelta(days=1)).isoformat(),
            "lead_window": "engagement",
            "wording": "Vota con una llamada perdida",
            "numbers": [{"number": ONE, "option": "A"}, {"number": TWO, "option": "B"}],
            **fields,
        }
        draft = read_engagement(document, NOW)
        made = self.run(
            self.engagements.create(draft, timezone="America/Mexico_City", principal=self.ops, at=NOW)
        )
        return made.id

    def call(self, digits: str, caller: int, at: datetime = NOW) -> Call:
        """Return a call from 55 0000 0000 + caller."""
        live = {each.digits: each.assignment for each in self.run(self.numbers.live(NOW))}
        sealed = SEAL.of(5500000000 + caller)
        return Call(live[digits], at, sealed, f"55******{caller:02d}", "MX-CMX", "55")

    def settle(self, after: int, upto: int, calls: Sequence[Call]) -> bool:
        """Bring in frames."""
        return self.run(self.leads.settle(EPOCH, after, upto, calls, now=NOW))

    def tallies(self, engagement: str) -> dict[str, tuple[int, int]]:
        """Return calls and leads by option."""
        found: dict[str, tuple[int, int]] = {}
        for row in self.run(self.leads.tallied(engagement, self.ops)):
            calls, leads = found.get(row["option"], (0, 0))
            found[row["option"]] = (calls + row["calls"], leads + row["leads"])
        return found

    def answers(self) -> list[str]:
        """Return what is owed."""
        return [
            row["kind"] for row in self.run(self.pool.fetch("SELECT kind FROM answers ORDER BY lead, kind"))
        ]

    def choices(self) -> list[tuple[str, bool]]:
        """Return what callers chose, in order."""
        rows = self.run(self.pool.fetch("SELECT scope, allowed FROM subscriber_choices ORDER BY id"))
        return [(row["scope"], row["allowed"]) for row in rows]


@pytest.fixture
def desk(pool: Pool, runner: asyncio.Runner) -> Desk:
    """Return an empty desk."""
    return Desk(pool, runner)


def test_each_call_counts_once_and_each_caller_votes_once(desk: Desk) -> None:
    """Batches offered again change nothing; a caller's first call is the vote; gaps are refused."""
    vote = desk.engage()
    batch = [desk.call(ONE, 1), desk.call(ONE, 2), desk.call(TWO, 1, NOW + timedelta(seconds=1))]
    assert desk.settle(0, 5, batch)
    assert not desk.settle(0, 5, batch)
    assert desk.settle(5, 6, [desk.call(TWO, 2), desk.call(TWO, 3)])
    with pytest.raises(SequenceGapError):
        desk.settle(9, 10, batch)
    assert desk.tallies(vote) == {"A": (2, 2), "B": (3, 1)}
    leads = desk.run(desk.leads.listed(vote, desk.ops, limit=10))
    assert sorted((lead["option"], lead["calls"], lead["masked"]) for lead in leads) == [
        ("A", 2, "55******01"),
        ("A", 2, "55******02"),
        ("B", 1, "55******03"),
    ]
    assert SEAL.opened(leads[-1]["caller"]) in {5500000001, 5500000002, 5500000003}
    assert desk.answers() == []
    assert desk.run(desk.leads.applied(EPOCH)) == 6


def test_a_lead_a_day_owes_one_confirmation_each(desk: Desk) -> None:
    """Windows are days of the engagement's clock; every new lead is owed what the engagement promises."""
    callback = desk.engage(
        purpose="callback",
        ends_at=None,
        lead_window="day",
        confirmation="Te llamamos",
        webhook="https://sol.example/leads",
        numbers=[{"number": ONE}],
    )
    midnight = datetime(2026, 11, 25, 6, tzinfo=UTC)  # 00:00 in Mexico City
    calls = [desk.call(ONE, 1, midnight + timedelta(seconds=each)) for each in (-1, 0, 1)]
    desk.settle(0, 1, calls)
    assert desk.tallies(callback) == {"": (3, 2)}
    assert desk.answers() == ["sms", "webhook", "sms", "webhook"]


def test_opt_out_and_back_is_recorded_with_the_lead_and_confirmed_once(desk: Desk) -> None:
    """The register changes in the lead's transaction; what changes nothing is not confirmed."""
    standing = {"ends_at": None, "lead_window": "hour", "confirmation": "Hecho"}
    desk.engage(purpose="opt_out", numbers=[{"number": OUT}], **standing)
    desk.engage(purpose="opt_in", numbers=[{"number": ONE}], **standing)
    desk.settle(0, 1, [desk.call(OUT, 1)])
    assert (desk.choices(), desk.answers()) == ([("suppression", False)], ["sms"])
    desk.settle(1, 2, [desk.call(OUT, 1, NOW + timedelta(hours=2))])
    assert (desk.choices(), desk.answers()) == ([("suppression", False)], ["sms"])
    desk.settle(2, 3, [desk.call(ONE, 1, NOW + timedelta(hours=3))])
    assert desk.choices()[1:] == [("suppression", True), ("all", True)]
    assert desk.answers() == ["sms", "sms"]


def test_words_are_taken_with_their_frames_and_confirmed_once(desk: Desk) -> None:
    """Brought in once; a second BAJA changes nothing and owes nothing; AYUDA owes its notice, once a day."""

    def wished(wish: Wish, wording: str) -> Wished:
        return Wished(5500000001, wish, wording, NOW)

    def notices() -> list[str]:
        rows = desk.run(desk.pool.fetch("SELECT wish FROM notices ORDER BY number"))
        return [row["wish"] for row in rows]

    out, again, help_me = wished(Wish.OUT, "BAJA"), wished(Wish.OUT, "STOP"), wished(Wish.HELP, "AYUDA")
    assert desk.run(desk.leads.settle(EPOCH, 0, 2, [], [out, again, help_me, help_me], now=NOW))
    assert not desk.run(desk.leads.settle(EPOCH, 0, 2, [], [out], now=NOW))
    assert desk.choices()[0] == ("suppression", False)
    assert sorted(notices()) == ["help", "out"]


def test_a_number_serves_one_engagement_at_a_time(desk: Desk) -> None:
    """Overlaps are refused with what is in the way, and by the schema; closing frees the number."""
    first = desk.engage()
    with pytest.raises(NumberTakenError) as refused:
        desk.engage(name="Otra")
    assert (refused.value.index, refused.value.holder and refused.value.holder["name"]) == (
        0,
        "Canción del año",
    )
    with pytest.raises(NumberTakenError) as unknown:
        desk.engage(purpose="feedback", numbers=[{"number": "5500000009"}])
    assert unknown.value.holder is None
    with pytest.raises(NumberBusyError):
        desk.run(desk.numbers.retire(ONE, principal=desk.ops, at=NOW))
    desk.run(desk.engagements.close(first, principal=desk.ops, at=NOW))
    assert desk.run(desk.numbers.live(NOW)) == []
    desk.engage(name="Otra", starts_at=NOW.isoformat())
    assert len(desk.run(desk.numbers.live(NOW))) == 2
    listed = desk.run(desk.numbers.listed(NOW))
    assert [len(each["assignments"]) for each in listed] == [1, 1, 0]


def test_posted_calls_count_once_each(desk: Desk) -> None:
    """A nonce is good for one request, an id for one call, whoever repeats them."""
    vote = desk.engage()
    key = desk.run(
        desk.pool.fetchval(
            "INSERT INTO api_keys (name, prefix, sha256, organisation, role, created_at, created_by)"
            " VALUES ('relay phone', 'pd_abc', '\\x00', $1, 'ops', $2, 'x') RETURNING id::text",
            desk.ops.organisation,
            NOW,
        )
    )
    named = [("a", desk.call(ONE, 1)), ("a", desk.call(ONE, 1)), (None, desk.call(TWO, 2))]
    assert desk.run(desk.leads.post(key, "n1", named, now=NOW)) == [True, False, True]
    with pytest.raises(ReplayedError):
        desk.run(desk.leads.post(key, "n1", named, now=NOW))
    assert desk.run(desk.leads.post(key, "n2", named[:1], now=NOW)) == [False]
    assert desk.tallies(vote) == {"A": (1, 1), "B": (1, 1)}


def test_old_leads_go_and_their_tallies_stay(desk: Desk) -> None:
    """A partition is dropped when its last caller's retention is over."""
    vote = desk.engage()
    desk.settle(0, 1, [desk.call(ONE, 1), desk.call(TWO, 2, NOW + timedelta(hours=20))])
    assert desk.run(desk.leads.drop_old(NOW + timedelta(days=180), 180)) == []
    assert len(desk.run(desk.leads.drop_old(NOW + timedelta(days=182), 180))) == 1
    assert desk.tallies(vote) == {"A": (1, 1), "B": (1, 1)}
    assert desk.run(desk.leads.listed(vote, desk.ops, limit=10)) == []


async def _back(pool: Pool, campaign: int) -> list[tuple[str, int, int]]:
    async with pool.acquire() as connection:
        found = await called_back(connection, [campaign], hour_of(NOW) - 1, hour_of(NOW) + 1)
    return [(row.state, row.calls, row.leads) for row in found[campaign]]


def test_a_campaigns_calls_are_told_by_hour_and_state(desk: Desk) -> None:
    """What a report divides by deliveries."""
    desk.run(desk.pool.execute("INSERT INTO brands VALUES ('sol', 'retail')"))
    campaign = desk.run(
        desk.pool.fetchrow(
            "INSERT INTO campaigns (name, brand, category, class, target, starts_at, ends_at, hours, pacing,"
            " test, labels, state, created_at) VALUES ('sol', 'sol', 'retail', 'standard', '{}', $1, $2,"
            " '[]', 'asap', false, '{}', 'live', $1) RETURNING number, id",
            NOW - timedelta(days=1),
            NOW + timedelta(days=1),
        )
    )
    desk.engage(brand="sol", campaign=str(campaign["id"]))
    desk.settle(0, 1, [desk.call(ONE, 1), desk.call(ONE, 1), desk.call(TWO, 2)])
    assert desk.run(_back(desk.pool, campaign["number"])) == [("MX-CMX", 3, 2)]

"""What leads are owed is sent once: over refusals, silence and senders that die."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from adapters.postgres.answers_out import PostgresAnswersOut, Settled, note_wishes
from adapters.postgres.coupon_stock import look_at_stocks
from adapters.postgres.pool import Pool
from adapters.processes.answering import Answering
from adapters.processes.hearing import Hearing
from adapters.simulator.faults import Faults
from adapters.simulator.handset_message import HandsetMessage
from adapters.simulator.pdu import read_submit
from adapters.simulator.smsc import SimulatedSmsc
from adapters.smpp.esme import Credentials, EsmeSession
from engine.endpoint import Endpoint
from engine.settings import Settings
from segments.seal import Seal

pytestmark = pytest.mark.postgres

NOW = datetime(2026, 11, 24, 15, tzinfo=UTC)
CALLER = 5501234500
SEAL = Seal(b"k" * 32)


async def engagement(pool: Pool, kind: str = "sms", confirmation: str = "Gracias, {name}. {code}") -> int:
    """Return the number of an engagement whose leads are owed an SMS."""
    await pool.execute("CREATE TABLE IF NOT EXISTS leads_rest PARTITION OF leads DEFAULT")
    return int(
        await pool.fetchval(
            """
            INSERT INTO engagements (name, purpose, starts_at, lead_window, timezone, share_number, wording,
                confirmation, state, created_at, created_by)
            VALUES ('Buen Fin', $2, $1, 'day', 'America/Mexico_City', false, 'w', $3, 'live', $1, 'test')
            RETURNING number
            """,
            *(NOW, "coupon" if kind == "coupon" else "pledge", confirmation),
        )
    )


async def leads(pool: Pool, of: int, count: int, kind: str = "sms") -> None:
    """Let so many callers call, each of whom is owed an answer."""
    for each in range(count):
        lead = await pool.fetchval(
            """
            INSERT INTO leads (engagement, window_start, caller, masked, first_call, last_call, calls, option,
                state, lada, wording_version, source)
            VALUES ($1, $2, $3, '55******00', $2, $2, 1, '', 'MX-CMX', '55', 1, 'smpp') RETURNING number
            """,
            *(of, NOW, SEAL.of(CALLER + each)),
        )
        await pool.execute(
            """
            INSERT INTO answers (lead, kind, engagement, next_at, created_at)
            VALUES ($1, $2, $3, now(), now())
            """,
            *(lead, kind, of),
        )


async def codes(pool: Pool, of: int, count: int) -> None:
    """Upload so many coupons."""
    await pool.executemany(
        "INSERT INTO coupons (engagement, position, code) VALUES ($1, $2, $3)",
        [(of, each, f"SOL-{each:04d}") for each in range(count)],
    )


async def states(pool: Pool, box: str = "answers") -> dict[str, int]:
    """Count a box's messages by state."""
    query = {
        "answers": "SELECT state, count(*) FROM answers GROUP BY 1",
        "notices": "SELECT state, count(*) FROM notices GROUP BY 1",
    }
    return {row["state"]: row["count"] for row in await pool.fetch(query[box])}


@asynccontextmanager
async def answering(pool: Pool, smsc: SimulatedSmsc, *, timeout_s: float = 60) -> AsyncIterator[None]:
    """Answer through a session of its own."""
    esme = {"smsc": f"{smsc.host}:{smsc.port}", "system_id": "posdata", "short_code": "5050"}
    settings = Settings.model_validate({"esme": esme})
    who = Credentials(Endpoint(smsc.host, smsc.port), "posdata", "", "transceiver")
    ear = Hearing(lambda: settings, lambda: pool, lambda: SEAL)
    session = EsmeSession(who, response_timeout_s=timeout_s, hear=ear.hear)
    duty = Answering(lambda: settings, session, lambda: SEAL)
    tasks = [asyncio.ensure_future(session.run()), asyncio.ensure_future(duty.run(pool))]
    try:
        yield
    finally:
        for task in reversed(tasks):
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)


async def eventually(look: Callable[[], Awaitable[bool]]) -> None:
    """Wait until a look holds, for a minute at most."""
    async with asyncio.timeout(60):
        while not await look():
            await asyncio.sleep(0.02)


def texts(smsc: SimulatedSmsc) -> list[str]:
    """Return the bodies of the submits that came."""
    return [read_submit(each.octets).body.decode() for each in smsc.frames if each.octets[7] == 4]


def test_each_lead_gets_its_own_coupon_and_the_rest_wait_for_more(pool: Pool, runner: asyncio.Runner) -> None:
    """No code goes to two, nobody gets two; with the list exhausted leads wait."""

    async def scenario() -> None:
        of = await engagement(pool, "coupon")
        await codes(pool, of, 5)
        await leads(pool, of, 7, "coupon")
        async with SimulatedSmsc(keep_frames=100) as smsc, answering(pool, smsc):
            await eventually(lambda: _is(pool, {"delivered": 5, "waiting": 2}))
            sent = texts(smsc)
        assert len(set(sent)) == 5
        assert {text.rpartition(" ")[2] for text in sent} == {f"SOL-{each:04d}" for each in range(5)}
        assert await pool.fetchval("SELECT count(DISTINCT lead) FROM coupons WHERE lead IS NOT NULL") == 5

    runner.run(scenario())


def test_what_the_smsc_surely_did_not_take_is_sent_again(pool: Pool, runner: asyncio.Runner) -> None:
    """Throttled answers are due again and arrive when the SMSC takes them; a final refusal is shown."""

    async def scenario() -> None:
        of = await engagement(pool)
        await leads(pool, of, 1)
        async with SimulatedSmsc(faults=Faults(throttle=1), keep_frames=100) as smsc, answering(pool, smsc):
            await eventually(lambda: _has(pool, "SELECT attempts > 0 FROM answers"))
            assert await pool.fetchval("SELECT fault FROM answers") == "refused: 0x58"
            smsc.faults = Faults()
            await eventually(lambda: _is(pool, {"delivered": 1}))
            smsc.faults = Faults(vendor=1)
            await pool.execute("UPDATE answers SET state = 'due', next_at = now()")
            await eventually(lambda: _is(pool, {"failed": 1}))

    runner.run(scenario())


def test_what_may_have_left_is_unknown_and_not_sent_again(pool: Pool, runner: asyncio.Runner) -> None:
    """Without an answer an SMS is unknown; a sender that died leaves `sending` unknown and `claimed` due."""

    async def scenario() -> None:
        of = await engagement(pool)
        await leads(pool, of, 3)
        async with (
            SimulatedSmsc(faults=Faults(silence=1), keep_frames=100) as smsc,
            answering(pool, smsc, timeout_s=1),
        ):
            await eventually(lambda: _is(pool, {"unknown": 3}))
            assert len(texts(smsc)) == 3
        await pool.execute("UPDATE answers SET state = 'due', next_at = now() - interval '1 s', fault = NULL")
        out, now = PostgresAnswersOut(pool), datetime.now(UTC) + timedelta(seconds=1)
        claimed = await out.claim(now, 10)
        assert await out.sending("answers", claimed[0]["number"])
        assert await out.take_over() == 1
        assert await states(pool) == {"unknown": 1, "due": 2}
        assert not await out.sending("answers", claimed[1]["number"])
        await out.settle("answers", claimed[0]["number"], Settled("sent", message_id="7"), now)
        assert await states(pool) == {"sent": 1, "due": 2}
        await out.receipts({"7": "delivered"}, now)
        assert await states(pool) == {"delivered": 1, "due": 2}

    runner.run(scenario())


def test_a_code_that_was_refused_for_good_goes_to_the_next(pool: Pool, runner: asyncio.Runner) -> None:
    """A coupon whose SMS failed was given to nobody."""

    async def scenario() -> None:
        of = await engagement(pool, "coupon")
        await codes(pool, of, 1)
        await leads(pool, of, 2, "coupon")
        out, now = PostgresAnswersOut(pool), datetime.now(UTC) + timedelta(seconds=1)
        [first] = await out.claim(now, 10)
        await out.settle("answers", first["number"], Settled("failed", "refused: 0x0b"), now)
        assert await pool.fetchval("SELECT lead FROM coupons") is None

    runner.run(scenario())


def test_help_is_given_once_a_day(pool: Pool, runner: asyncio.Runner) -> None:
    """The same question again, also when the SMSC delivers it twice, owes no second notice."""

    async def scenario() -> None:
        at = datetime.now(UTC)
        for _ in range(3):
            async with pool.acquire() as connection, connection.transaction():
                await note_wishes(connection, [(SEAL.of(CALLER), "out"), (SEAL.of(CALLER), "help")], at)
        await pool.execute("DELETE FROM notices WHERE wish = 'out' AND number > 1")
        assert await states(pool, "notices") == {"due": 2}
        async with SimulatedSmsc(keep_frames=100) as smsc, answering(pool, smsc):
            await eventually(lambda: _is(pool, {"delivered": 2}, "notices"))
            assert sum("ya no llevan publicidad" in text for text in texts(smsc)) == 1

    runner.run(scenario())


def test_a_way_out_is_taken_once_and_confirmed_once(pool: Pool, runner: asyncio.Runner) -> None:
    """BAJA written twice is one suppression and one SMS; other words and other addresses change nothing."""

    async def scenario() -> None:
        async with SimulatedSmsc(keep_frames=100) as smsc, answering(pool, smsc):
            written = [
                ("5050", "BAJA"),
                ("5050", " Bája "),
                ("5051", "BAJA"),
                ("5050", "hola"),
                ("5050", "AYUDA"),
            ]
            await smsc.until(lambda: smsc.binds == 1)
            for destination, text in written:
                assert smsc.write("posdata", HandsetMessage(f"52{CALLER}", destination, text))
            await smsc.until(lambda: smsc.taken_over[0] >= len(written))
            rows = await pool.fetch("SELECT DISTINCT number, scope, allowed FROM subscriber_choices")
            assert [tuple(row) for row in rows] == [(SEAL.of(CALLER), "suppression", False)]
            await eventually(lambda: _is(pool, {"delivered": 2}, "notices"))
            assert sorted(text[:5] for text in texts(smsc)) == ["Listo", "Tus a"]

    runner.run(scenario())


def test_who_runs_out_of_coupons_is_told_once_and_again_after_more(
    pool: Pool, runner: asyncio.Runner
) -> None:
    """Low at a tenth, out at none: one event each, whoever looks; more codes make it news again."""

    async def scenario() -> None:
        of = await engagement(pool, "coupon")
        await codes(pool, of, 20)

        async def levels(left: int) -> list[tuple[str | None, bool]]:
            await pool.execute(
                "UPDATE coupons SET lead = CASE WHEN position < 20 - $1 THEN position END,"
                " given_at = CASE WHEN position < 20 - $1 THEN $2::timestamptz END",
                *(left, NOW),
            )
            return [(each.level, each.is_news) for each in await look_at_stocks(pool, NOW)]

        assert await levels(20) == await levels(3) == [(None, False)]
        assert await levels(2) == [("low", True)]
        assert await levels(1) == [("low", False)]
        assert await levels(0) == [("out", True)]
        assert await levels(20) == [(None, True)]
        assert await levels(0) == [("out", True)]
        rows = await pool.fetch("SELECT kind, campaign, document FROM campaign_events ORDER BY number")
        assert [row["kind"] for row in rows] == ["coupons_low", "coupons_out", "coupons_out"]
        assert {row["campaign"] for row in rows} == {-of}
        assert rows[0]["document"]["engagement"]["left"] == 2

    runner.run(scenario())


async def _is(pool: Pool, wanted: dict[str, int], box: str = "answers") -> bool:
    return await states(pool, box) == wanted


async def _has(pool: Pool, query: str) -> Any:
    return await pool.fetchval(query)

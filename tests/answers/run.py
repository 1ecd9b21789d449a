"""Leads that are owed an SMS or a coupon, a sender that is killed again and again, and who got what."""

import asyncio
import json
import os
import random
import signal
import sys
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final

from adapters.postgres.pool import Pool
from adapters.simulator.faults import NO_FAULTS, Faults
from adapters.simulator.pdu import read_submit
from adapters.simulator.smsc import SimulatedSmsc
from segments.seal import Seal
from tests.answers.sender import KEY

WINDOW: Final = 10
PER_SECOND: Final = 300
SETTLED_WITHIN_S: Final = 600  # on a busy machine
IDLE_LEADS: Final = 200
IDLE_EVERY_S: Final = 0.05
# Of the project's promise, from the call on; a lead is in the database a quarter of a second after its call.
ANSWER_P99_S: Final = 2.0
LEAD_S: Final = 0.25
FIRST: Final = 5_501_000_000
OPEN: Final = ("due", "waiting", "claimed", "sending")
FAULTS: Final = Faults(throttle=0.1, silence=0.01, drop=0.005, delay=0.3, delay_s=0.05)


@dataclass(slots=True)
class Verdict:
    """What came of it; `wrong` is empty when all is as promised."""

    leads: int = 0
    kills: int = 0
    states: Counter[str] = field(default_factory=Counter)
    attempts: int = 0
    accepted: int = 0
    unknown_accepted: int = 0
    idle_s: list[float] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)

    def lines(self) -> Sequence[str]:
        """Return the report."""
        p50, p99 = (_quantile(self.idle_s, share) for share in (0.5, 0.99))
        states = ", ".join(f"{state} {count}" for state, count in sorted(self.states.items()))
        return [
            f"{self.leads} leads, {self.kills} SIGKILLs of the sender",
            f"answers: {states}",
            f"the SMSC saw {self.attempts} messages and took {self.accepted}",
            f"of the unknown {self.unknown_accepted} had been taken, none twice",
            f"idle, lead to ESME_ROK: p50 {p50:.2f} s, p99 {p99:.2f} s, asked ≤ {ANSWER_P99_S - LEAD_S:g}",
            *(self.wrong or ["nobody got two, no code went to two, nothing was lost"]),
        ]


class Handsets:
    """What the SMSC took, by handset: it alone knows what it answered with ESME_ROK."""

    def __init__(self) -> None:
        self.seen: Counter[str] = Counter()
        self.taken: dict[str, list[str]] = {}
        self.taken_at: dict[str, float] = {}

    def hear(self, frame: bytes, *, taken: bool) -> None:
        """Note a submit and what became of it."""
        submit = read_submit(frame)
        handset = submit.destination.decode()
        self.seen[handset] += 1
        if taken:
            self.taken.setdefault(handset, []).append(submit.body.decode("latin-1"))


class RecordingSmsc(SimulatedSmsc):
    """A simulated SMSC that tells what it took, also where the answer was lost on the way."""

    def __init__(self, handsets: Handsets, **options: Any) -> None:
        super().__init__(**options)
        self._handsets = handsets

    def record(self, session: int, frame: bytes) -> None:
        """Note submits as they come."""
        super().record(session, frame)
        if int.from_bytes(frame[4:8], "big") == 4:
            self._handsets.hear(frame, taken=False)

    def answered_one(self, session: Any, reply: Any) -> None:
        """Note what was answered."""
        super().answered_one(session, reply)
        if reply.status == 0 and reply.submit is not None:
            handset = reply.submit.destination.decode()
            self._handsets.taken.setdefault(handset, []).append(reply.submit.body.decode("latin-1"))
            self._handsets.taken_at[handset] = time.monotonic()


async def killed_senders(
    pool: Pool,
    dsn: str,
    *,
    kills: int,
    leads_a_life: int,
    seed: int,
    told: Callable[[str], None],
    idle: int = IDLE_LEADS,
) -> Verdict:
    """Let senders live and die, then one finish, and judge. Codes run out once on the way.

    At last so many leads come one by one, and it is measured how long their answers take.
    """
    chance, handsets = random.Random(seed), Handsets()
    engagements = [await _engagement(pool, "pledge"), await _engagement(pool, "coupon")]
    verdict = Verdict(kills=kills)
    async with RecordingSmsc(handsets, faults=FAULTS, seed=seed) as smsc:
        asked = {"dsn": dsn, "smsc": [smsc.host, smsc.port], "per_second": PER_SECOND}
        for life in range(kills):
            await _call(pool, engagements, verdict.leads, leads_a_life)
            verdict.leads += leads_a_life
            if life % 2 == 0:
                await _upload(pool, engagements[1], verdict.leads // 2 - leads_a_life // 4)
            async with _sender(asked) as sender:
                await _one_more(smsc, handsets)
                await asyncio.sleep(chance.random() * 0.4)
                sender.send_signal(signal.SIGKILL)
            told(f"life {life + 1} of {kills}: {handsets.seen.total()} messages seen")
        await _upload(pool, engagements[1], verdict.leads + idle)
        async with _sender(asked) as sender:
            await _all_ended(pool)
            smsc.faults = NO_FAULTS
            verdict.idle_s = await _idle(pool, engagements, smsc, handsets, verdict.leads, idle)
            verdict.leads += idle
            await _all_ended(pool)
            sender.send_signal(signal.SIGKILL)
    await _judge(pool, handsets, verdict)
    return verdict


async def _all_ended(pool: Pool) -> None:
    """Wait until nothing is owed any more."""
    async with asyncio.timeout(SETTLED_WITHIN_S):
        while await pool.fetchval("SELECT count(*) FROM answers WHERE state = ANY($1)", list(OPEN)):
            await asyncio.sleep(0.1)


async def _idle(
    pool: Pool, engagements: Sequence[int], smsc: RecordingSmsc, handsets: Handsets, first: int, count: int
) -> list[float]:
    """Let leads come one by one; return how long it took until each had its answer."""
    owed_at = {}
    for each in range(first, first + count):
        owed_at[f"52{FIRST + each}"] = time.monotonic()
        await _call(pool, engagements, each, 1)
        await asyncio.sleep(IDLE_EVERY_S)
    await smsc.until(lambda: owed_at.keys() <= handsets.taken_at.keys(), timeout_s=60)
    return [handsets.taken_at[handset] - at for handset, at in owed_at.items()]


def _quantile(values: Sequence[float], share: float) -> float:
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))] if ordered else 0.0


async def _one_more(smsc: SimulatedSmsc, handsets: Handsets) -> None:
    before = handsets.seen.total()
    await smsc.until(lambda: handsets.seen.total() > before, timeout_s=60)


@asynccontextmanager
async def _sender(asked: dict[str, Any]) -> AsyncIterator[asyncio.subprocess.Process]:
    sender = await asyncio.create_subprocess_exec(
        *(sys.executable, "-P", "-m", "tests.answers.sender"),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.DEVNULL,
        env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)},
    )
    assert sender.stdin is not None
    sender.stdin.write(json.dumps(asked).encode() + b"\n")
    await sender.stdin.drain()
    try:
        yield sender
    finally:
        if sender.returncode is None:
            sender.kill()
        await sender.wait()


async def _engagement(pool: Pool, purpose: str) -> int:
    await pool.execute("CREATE TABLE IF NOT EXISTS leads_rest PARTITION OF leads DEFAULT")
    return int(
        await pool.fetchval(
            """
            INSERT INTO engagements (name, purpose, starts_at, lead_window, timezone, share_number, wording,
                confirmation, state, created_at, created_by)
            VALUES ('Prueba', $2, $1, 'day', 'America/Mexico_City', false, 'w', $3, 'live', $1, 'test')
            RETURNING number
            """,
            *(datetime.now(UTC), purpose, "Tu cupon: {code}" if purpose == "coupon" else "Gracias"),
        )
    )


async def _call(pool: Pool, engagements: Sequence[int], first: int, count: int) -> None:
    """Add leads, in turn of one engagement and the other, each owed its answer."""
    seal, now = Seal(KEY), datetime.now(UTC)
    for each in range(first, first + count):
        await pool.execute(
            """
            WITH lead AS (
                INSERT INTO leads (engagement, window_start, caller, masked, first_call, last_call, calls,
                    option, state, lada, wording_version, source)
                VALUES ($1, $2, $3, '55******00', $2, $2, 1, '', 'MX-CMX', '55', 1, 'smpp') RETURNING number
            )
            INSERT INTO answers (lead, kind, engagement, next_at, created_at)
            SELECT number, $4, $1, $2, $2 FROM lead
            """,
            *(engagements[each % 2], now, seal.of(FIRST + each), ("sms", "coupon")[each % 2]),
        )


async def _upload(pool: Pool, engagement: int, count: int) -> None:
    """Let the list hold so many codes, and answer whoever waits."""
    have = await pool.fetchval("SELECT count(*) FROM coupons WHERE engagement = $1", engagement)
    await pool.executemany(
        "INSERT INTO coupons (engagement, position, code) VALUES ($1, $2, $3)",
        [(engagement, each, f"C{each:06d}") for each in range(have, count)],
    )
    await pool.execute("UPDATE answers SET state = 'due', next_at = now() WHERE state = 'waiting'")


async def _judge(pool: Pool, handsets: Handsets, verdict: Verdict) -> None:
    """Hold what handsets got against what the books say of each lead."""
    seal = Seal(KEY)
    rows = await pool.fetch(
        "SELECT a.state, a.kind, l.caller, c.code FROM answers a JOIN leads l ON l.number = a.lead"
        " LEFT JOIN coupons c ON c.lead = a.lead"
    )
    verdict.attempts = handsets.seen.total()
    verdict.accepted = sum(map(len, handsets.taken.values()))
    codes: Counter[str] = Counter()
    for row in rows:
        verdict.states[row["state"]] += 1
        handset = f"52{seal.opened(row['caller'])}"
        got = handsets.taken.get(handset, [])
        codes.update(text.rpartition(" ")[2] for text in got if row["kind"] == "coupon")
        verdict.unknown_accepted += len(got) if row["state"] == "unknown" else 0
        if len(got) > 1:
            verdict.wrong.append(f"{handset} got {len(got)} messages")
        if row["state"] in {"sent", "delivered"} and len(got) != 1:
            verdict.wrong.append(f"{handset} is {row['state']} and got {len(got)}")
        if row["kind"] == "coupon" and got and got[0] != f"Tu cupon: {row['code']}":
            verdict.wrong.append(f"{handset} got {got[0]!r}, the books say {row['code']}")
    verdict.wrong += [f"code {code} went to {count}" for code, count in codes.items() if count > 1]
    if len(rows) != verdict.leads:
        verdict.wrong.append(f"{len(rows)} answers for {verdict.leads} leads")
    if _quantile(verdict.idle_s, 0.99) > ANSWER_P99_S - LEAD_S:
        verdict.wrong.append("answers came too late while there was nothing else to do")
    most = (verdict.kills + 1) * WINDOW + verdict.attempts // 10
    if verdict.states["unknown"] > most:
        verdict.wrong.append(f"{verdict.states['unknown']} unknown, at most {most} can be")

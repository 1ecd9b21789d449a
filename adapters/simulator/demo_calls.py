"""The demo's loop: people call the number in an ad and get a coupon, others vote, one opts out."""

import re
from collections import Counter, deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from io import BytesIO
from random import Random
from time import monotonic
from typing import Final
from zipfile import ZipFile

from adapters.http.lead_files import COLUMNS, xlsx_of
from adapters.postgres.coupons import PostgresCoupons
from adapters.postgres.engagements import PostgresEngagements
from adapters.postgres.leads import PostgresLeads
from adapters.postgres.pool import Pool
from adapters.postgres.response_numbers import PostgresResponseNumbers
from adapters.simulator.notification import Address, Notification
from adapters.simulator.smsc import SimulatedSmsc
from adapters.simulator.smsc_session import Reply, SmscSession
from engine.access import Principal, Role
from inventory.engagements import EngagementDraft, Purpose
from inventory.response_numbers import NumberUse
from segments.numbers import national
from segments.seal import Seal

COUPON_NUMBER: Final = "5512345678"
"""The number in the ads of CAMPAIGN in demo_data/campaigns.yaml; calls to it get a coupon."""

CAMPAIGN: Final = "Buen Fin nacional"
LEAD_NUMBER: Final = "8112345678"
"""The response number of another campaign there: approval assigns it, calls to it are leads."""

VOTE_NUMBERS: Final[Mapping[str, str]] = {"5501000001": "Lucha libre", "5501000002": "Futbol"}
OUT_NUMBER: Final = "5501000003"
SHORT_CODE: Final = "5050"
_OPS: Final = Principal("demo", "demo", "", Role.OPS)
CALL_BACK: Final = 0.3
VOTE: Final = 0.02
WATCHED: Final = 0.03
_TEXT: Final = "Llamada perdida de {caller}"


class Callers:
    """Who calls back, and what handsets got: filled by the SMSC, emptied by the platform.

    Somebody calls the way out `leave_at` seconds after the first ad.
    """

    def __init__(self, chance: Random, leave_at: float) -> None:
        self._chance = chance
        self._leave_at = leave_at
        self._begun: float | None = None
        self._waiting: deque[tuple[str, str]] = deque()
        self.confirmed: dict[str, list[str]] = {}
        self.leaver: str | None = None
        self.left_at: float | None = None
        self.last_ad: float | None = None

    def saw(self, handset: str, ad: str) -> None:
        """Let some of those who see the number call it; one of them wants no more ads later on."""
        now = monotonic()
        if self._begun is None:
            self._begun = now
        if handset == self.leaver and self.left_at is not None:
            self.last_ad = now
        elif self.leaver is None and now - self._begun >= self._leave_at:
            self.leaver, self.left_at = handset, now
            self._waiting.appendleft((handset, OUT_NUMBER))
        for number in (COUPON_NUMBER, LEAD_NUMBER):
            if number in ad and handset != self.leaver and self._chance.random() < CALL_BACK:
                self._waiting += [(handset, number)] * self._chance.choice((1, 1, 2))

    def next_call(self) -> Notification | None:
        """Return the notification of a call to a response number, if somebody calls now."""
        if not self._waiting:
            return None
        caller, number = self._waiting.popleft()
        return _called(caller, number)

    @property
    def stopped_after_s(self) -> float | None:
        """Seconds from the call to the way out until the last ad to that caller; None when nobody left."""
        if self.left_at is None:
            return None
        return 0.0 if self.last_ad is None else self.last_ad - self.left_at


class CallingTraffic(Iterator[Notification]):
    """Traffic with calls to response numbers beside it; `called` hears of each."""

    def __init__(self, traffic: Iterator[Notification], callers: Callers, chance: Random) -> None:
        self._traffic = traffic
        self._callers = callers
        self._chance = chance
        self.called: Callable[[], None] = _nobody

    def __next__(self) -> Notification:
        """Return the next notification."""
        call = self._callers.next_call() or self._vote()
        if call is not None:
            self.called()
            return call
        usual = next(self._traffic)
        if self._callers.leaver is not None and self._chance.random() < WATCHED:
            return _called("525501234567", self._callers.leaver)
        return usual

    def _vote(self) -> Notification | None:
        if self._chance.random() >= VOTE:
            return None
        number = self._chance.choice(sorted(VOTE_NUMBERS))
        return _called(f"52550{self._chance.randrange(10**7):07d}", number)


class CallingSmsc(SimulatedSmsc):
    """The simulated SMSC, whose handsets' people call back."""

    def __init__(self, callers: Callers, **options: object) -> None:
        super().__init__(**options)  # type: ignore[arg-type]  # passed on as they came
        self._callers = callers

    def answered_one(self, session: SmscSession, reply: Reply) -> None:
        """Let the handset show what was accepted."""
        super().answered_one(session, reply)
        if reply.status or reply.submit is None:
            return
        handset = f"52{national(reply.submit.destination):010d}"
        if reply.submit.source == SHORT_CODE.encode():
            self._callers.confirmed.setdefault(handset, []).append(reply.text)
        elif reply.ad is not None:
            self._callers.saw(handset, reply.ad)


@dataclass(frozen=True, slots=True)
class Loop:
    """What came of the calls: in the books, and on handsets."""

    calls: int
    leads: int
    consumed: int
    sheet_rows: int
    sheet_calls: int
    answers: Mapping[str, int]
    given: Mapping[str, str]
    votes: Mapping[str, int]
    confirmed: Mapping[str, Sequence[str]]
    stopped_after_s: float | None

    @property
    def codes(self) -> Sequence[str]:
        """The coupon codes that handsets got."""
        texts = [text for texts in self.confirmed.values() for text in texts]
        return [text.rpartition(" ")[2] for text in texts if "cupon" in text]

    @property
    def agrees(self) -> bool:
        """Tell whether no call was lost, nobody got two of a kind, and no code went to two.

        The sheets hold what the books do: a row a lead, and its calls.
        """
        twice = any(
            max(Counter(_kind(text) for text in texts).values()) > 1 for texts in self.confirmed.values()
        )
        known = set(self.codes) <= set(self.given.values())
        sheets = (self.sheet_rows, self.sheet_calls) == (self.leads, self.consumed)
        once = not twice and known and len(set(self.codes)) == len(self.codes)
        return self.calls == self.consumed and sheets and once

    def as_document(self) -> dict[str, object]:
        """Return the part of `posdata demo --json` about calls."""
        return {
            "calls": self.calls,
            "leads": self.leads,
            "sheets": {"rows": self.sheet_rows, "calls": self.sheet_calls},
            "confirmations": sum(map(len, self.confirmed.values())),
            "coupons": len(self.codes),
            "votes": dict(self.votes),
            "answers": dict(self.answers),
            "opt_out_stopped_after_s": None
            if self.stopped_after_s is None
            else round(self.stopped_after_s, 2),
            "agrees": self.agrees,
        }


async def fill_pool(pool: Pool) -> None:
    """Put the numbers in the carrier's pool."""
    numbers, now = PostgresResponseNumbers(pool), datetime.now(UTC)
    for digits in (COUPON_NUMBER, LEAD_NUMBER, *VOTE_NUMBERS, OUT_NUMBER):
        await numbers.add(digits, "demo", principal=_OPS, at=now)


async def engage(pool: Pool, seconds: float, coupons: int) -> None:
    """Start a coupon of CAMPAIGN, a vote and a standing way out."""
    now = datetime.now(UTC)
    engagements = PostgresEngagements(pool)
    ends = now + timedelta(seconds=seconds) + timedelta(hours=1)
    drafts = (
        _draft("Cupones del Buen Fin", "coupon", now, ends, (NumberUse(COUPON_NUMBER),),
               "Gracias por llamar. Tu cupon de {name}: {code}"),
        _draft("El deporte del pueblo", "vote", now, ends,
               tuple(NumberUse(*each) for each in VOTE_NUMBERS.items()), None),
        _draft("Sin publicidad", "opt_out", now, None, (NumberUse(OUT_NUMBER),),
               "Listo: ya no recibes publicidad en tus avisos."),
    )  # fmt: skip
    campaign = await pool.fetchrow("SELECT id, brand FROM campaigns WHERE name = $1", CAMPAIGN)
    for draft in drafts:
        if draft.purpose == "coupon" and campaign is not None:
            draft = replace(draft, brand=campaign["brand"], campaign=campaign["id"])  # noqa: PLW2901
        made = await engagements.create(draft, timezone="America/Mexico_City", principal=_OPS, at=now)
        if draft.purpose == "coupon":
            codes = [f"SOL{each:06d}" for each in range(coupons)]
            await PostgresCoupons(pool).add(made.id, codes, principal=_OPS, at=now)


async def is_answered(pool: Pool, consumed: int) -> bool:
    """Tell whether every call is in the books, and every answer out."""
    calls = await pool.fetchval("SELECT coalesce(sum(calls), 0)::bigint FROM lead_tallies")
    owed = await pool.fetchval(
        "SELECT count(*) FROM answers WHERE state IN ('due', 'claimed', 'sending', 'sent')"
    )
    return bool(calls == consumed and not owed)


async def read_loop(pool: Pool, seal: Seal, consumed: int, callers: Callers) -> Loop:
    """Return what came of the calls, in the books and in the sheets that they are handed out as."""
    sums = await pool.fetchrow(
        "SELECT coalesce(sum(calls), 0)::bigint AS calls, coalesce(sum(leads), 0)::bigint AS leads"
        " FROM lead_tallies"
    )
    votes = await pool.fetch(
        "SELECT option, sum(leads)::bigint AS leads FROM lead_tallies"
        " WHERE option <> '' GROUP BY 1 ORDER BY 1"
    )
    answers = await pool.fetch("SELECT state, count(*) FROM answers GROUP BY 1 ORDER BY 1")
    given = await pool.fetch("SELECT lead, code FROM coupons WHERE lead IS NOT NULL")
    sheets = [
        await _sheet(pool, seal, str(row["id"])) for row in await pool.fetch("SELECT id FROM engagements")
    ]
    return Loop(
        calls=sums["calls"] if sums else 0,
        leads=sums["leads"] if sums else 0,
        consumed=consumed,
        sheet_rows=sum(rows for rows, _ in sheets),
        sheet_calls=sum(calls for _, calls in sheets),
        answers={row["state"]: row["count"] for row in answers},
        given={str(row["lead"]): row["code"] for row in given},
        votes={row["option"]: row["leads"] for row in votes},
        confirmed=callers.confirmed,
        stopped_after_s=callers.stopped_after_s,
    )


async def _sheet(pool: Pool, seal: Seal, engagement: str) -> tuple[int, int]:
    """Return how many leads an engagement's workbook has, and the sum of their calls, as read from it."""
    rows = [row async for row in PostgresLeads(pool, seal).exported(engagement, _OPS)]
    sheet = ZipFile(BytesIO(xlsx_of(rows, seal, UTC))).read("xl/worksheets/sheet1.xml")
    column = "ABCDEFGHI"[COLUMNS.index("calls")].encode()
    calls = re.findall(rb'<c r="%b\d+"><v>(\d+)</v>' % column, sheet)
    return sheet.count(b"<row ") - 1, sum(map(int, calls))


def _called(caller: str, destination: str) -> Notification:
    ton = 1 if len(destination) > 10 else 2
    return Notification(
        Address(caller, 1, 1), Address(destination, ton, 1), _TEXT.format(caller=caller[-10:])
    )


def _nobody() -> None:
    """Tell nobody of a call."""


def _kind(text: str) -> str:
    return text.partition(" ")[0]


def _draft(
    name: str,
    purpose: Purpose,
    starts_at: datetime,
    ends_at: datetime | None,
    numbers: tuple[NumberUse, ...],
    confirmation: str | None,
) -> EngagementDraft:
    return EngagementDraft(
        name=name,
        purpose=purpose,
        brand=None,
        campaign=None,
        starts_at=starts_at,
        ends_at=ends_at,
        lead_window="day",
        share_number=False,
        wording="Llama gratis al número del anuncio.",
        confirmation=confirmation,
        webhook=None,
        numbers=numbers,
    )

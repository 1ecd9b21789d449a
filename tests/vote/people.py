"""Who votes: people who each call once, and the engagement that they call."""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta

from adapters.postgres.engagements import PostgresEngagements
from adapters.postgres.pool import Pool
from adapters.postgres.response_numbers import PostgresResponseNumbers
from adapters.simulator.notification import Address, Kind, Notification
from engine.access import Principal, Role
from inventory.engagements import read_engagement
from tests.node.harness import Node, eventually

OPTIONS = {"3300000001": "A", "3300000002": "B", "3300000003": "C"}
TEXT = "Llamada perdida de 5501234567"
COUNTED_WITHIN_S = 120


class Voters:
    """So many people, to the options in turn; `called` of them have been sent."""

    def __init__(self, people: int) -> None:
        self.people = people
        self.called = 0

    def __iter__(self) -> Iterator[Notification]:
        return map(_call, range(self.people))

    def call(self, people: int) -> Sequence[bytes]:
        """Return the calls of the next ones."""
        first, self.called = self.called, self.called + people
        return [_call(each).octets(1) for each in range(first, self.called)]

    @property
    def votes(self) -> dict[str, int]:
        """How many called for each option."""
        return {
            name: len(range(index, self.called, len(OPTIONS))) for index, name in enumerate(OPTIONS.values())
        }

    async def counted(self, node: Node) -> None:
        """Wait until all who have called are leads, but for those whose calls went on to the SMSC."""

        async def brought_in() -> bool:
            rows = await node.fetch("SELECT count(*) AS n FROM leads")
            if rows[0]["n"] >= self.called:
                return True
            forwarded = (await node.books())["pass_through"].get("lead_failed", 0)
            return bool(rows[0]["n"] >= self.called - forwarded)

        await eventually(brought_in, timeout_s=COUNTED_WITHIN_S)


def _call(number: int) -> Notification:
    called = list(OPTIONS)[number % len(OPTIONS)]
    return Notification(
        Address(f"550{number:07d}", 2, 1), Address(f"52{called}", 1, 1), TEXT, kind=Kind.PLAIN
    )


async def engage(pool: Pool) -> str:
    """Put the numbers into the pool and begin a vote between them; return its id."""
    now = datetime.now(UTC)
    organisation = await pool.fetchval(
        "INSERT INTO organisations (name, kind, created_at) VALUES ('Operador', 'carrier', $1) RETURNING id",
        now,
    )
    ops = Principal(id="user:1", name="ops@operador.example", organisation=str(organisation), role=Role.OPS)
    for digits in OPTIONS:
        await PostgresResponseNumbers(pool).add(digits, "vote", principal=ops, at=now)
    draft = read_engagement(
        {
            "name": "La canción del año",
            "purpose": "vote",
            "starts_at": (now - timedelta(minutes=1)).isoformat(),
            "ends_at": (now + timedelta(hours=1)).isoformat(),
            "lead_window": "engagement",
            "wording": "Vota con una llamada perdida",
            "numbers": [{"number": digits, "option": option} for digits, option in OPTIONS.items()],
        },
        now,
    )
    engagements = PostgresEngagements(pool)
    made = await engagements.create(draft, timezone="America/Mexico_City", principal=ops, at=now)
    return made.id

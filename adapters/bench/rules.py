"""What the audience's rules cost: one node with all of them, one with none, in one run, in turns."""

import asyncio
import random
from collections.abc import Callable, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np

from adapters.bench.load import LoadError, Order
from adapters.bench.node import Audience, Node
from adapters.bench.relay import Bench, Plan, benched, side_by_side, started
from adapters.bench.turns import in_turns
from adapters.files.hash_key import load_key
from adapters.files.number_file import seal_numbers
from adapters.files.number_key import NUMBER_KEY_FILE
from adapters.files.register_map import map_register
from adapters.files.register_writer import register_files
from adapters.postgres.choices import Choices, Word, scope_of
from adapters.postgres.pool import open_pool
from adapters.postgres.server import join
from adapters.postgres.suppression_lists import SealedParts, import_list
from segments.seal import Seal

# The stream of a day of ten million is some hundred a second; a burst; and more than anybody sends.
RATES = (1_000, 10_000, 0)
SUPPRESSED = 1_000_000
WITHDRAWN = 10_000
# Two hundred thousand: whoever gets hundreds of ads a day has more to be counted than anybody has.
SUBSCRIBERS_EACH = 50
CAP = 200
LEAST_ADS = 0.8
SPACED_OF = 30
LOOK_S = 0.2
PATIENCE_S = 60.0
_FIRST, _AFTER = 2_220_000_000, 10_000_000_000
_ZONE = ZoneInfo("America/Mexico_City")


@dataclass(frozen=True, slots=True)
class Weighed:
    """At one rate (notifications a second, 0 for full speed), without rules and with all of them.

    CPU of the worker in microseconds per notification, medians of the rounds; the share that got an ad.
    """

    rate: float
    us: tuple[float, float]
    ads: tuple[float, float]

    @property
    def ratio(self) -> float:
        """CPU per notification with all rules as a multiple of that without."""
        return self.us[1] / self.us[0]


@dataclass(frozen=True, slots=True)
class Rules:
    """What the rules cost, by rate."""

    rounds: int
    weighed: Sequence[Weighed]


def speed(rate: float) -> str:
    """Return a rate in words, 0 for full speed."""
    return f"{rate:,.0f}/s" if rate else "full speed"


async def weigh(plan: Plan, told: Callable[[str], None]) -> Rules:
    """Measure both at each rate. Raises `LoadError`."""
    async with benched(SUBSCRIBERS_EACH) as bench, AsyncExitStack() as stack:
        told("no rules and all rules: starting")
        nodes = await side_by_side(
            stack,
            started(bench, plan.campaigns, audience=Audience({"consent": "none", "exclude_callers": []})),
            started(bench, plan.campaigns, audience=_all_rules(datetime.now(UTC))),
        )
        for node in nodes:  # all whom a round is about, once: the table's pages are cleared when first used
            await bench.send(node.port, Order(plan.window, plan.notifications // plan.rounds, 0, plan.binds))
        weighed = [await _weighed(bench, plan, nodes, rate, told) for rate in RATES]
    return Rules(plan.rounds, weighed)


async def _weighed(
    bench: Bench, plan: Plan, nodes: Sequence[Node], rate: float, told: Callable[[str], None]
) -> Weighed:
    name = f"no rules and all rules, {speed(rate)}"
    without, ruled = await in_turns(bench, plan, nodes, name, told, rate)
    if ruled.ads < LEAST_ADS:
        raise LoadError(
            f"with all rules {ruled.ads:.0%} got an ad, so nothing can be compared: {ruled.reasons}"
        )
    return Weighed(rate, (without.us, ruled.us), (without.ads, ruled.ads))


def _all_rules(now: datetime) -> Audience:
    """Return every rule there is, none of which refuses much: what is measured is that they are asked."""
    quiet = now.astimezone(_ZONE) + timedelta(hours=12)
    return Audience(
        policy={
            "consent": "opt-out",
            "quiet_hours": {"from": f"{quiet:%H}:00", "to": f"{quiet:%H}:30"},
            "exclude_callers": ["911", "066", "5550123*"],
            "frequency_caps": [
                {"count": CAP, "per": "day", "scope": "global"},
                {"count": CAP, "per": "week", "scope": "brand"},
            ],
        },
        campaign=_ruled,
        prepare=_fill_register,
    )


def _ruled(index: int) -> Mapping[str, object]:
    """Return what a campaign asks for besides; whoever is spaced is mostly passed over by this traffic."""
    caps = [{"count": CAP, "per": "day", "scope": "campaign"}]
    spacing = {} if index % SPACED_OF else {"spacing_minutes": 1}
    return {"frequency_caps": caps, "exclude_brands": ["nobody's"], **spacing}


async def _fill_register(data_dir: Path) -> None:
    """Suppress and withdraw at random, and wait until the node's register has it. Raises `LoadError`."""
    chance = np.random.default_rng(1)
    seal = Seal(load_key(None, data_dir / NUMBER_KEY_FILE))
    parts = SealedParts()
    parts.add(seal_numbers(seal, chance.integers(_FIRST, _AFTER, SUPPRESSED)))
    withdrawn = random.Random(1).sample(range(_FIRST, _AFTER), WITHDRAWN)  # noqa: S311  # the same each time
    dsn, now = await join(data_dir), datetime.now(UTC)
    if dsn is None:
        raise LoadError("the node's database is gone")
    async with await open_pool(dsn, max_size=1) as pool:
        async with pool.acquire() as connection, connection.transaction():
            await Choices(seal).record(
                connection, withdrawn, scope_of(category="banca"), Word("http", "", now), allowed=False
            )
        imported = await import_list(pool, "bench", parts, source="", by="bench", at=now, replace=True)
    async with asyncio.timeout(PATIENCE_S):
        # Another process sets no event.
        while not await asyncio.to_thread(_holds, data_dir, imported.numbers):  # noqa: ASYNC110
            await asyncio.sleep(LOOK_S)


def _holds(data_dir: Path, numbers: int) -> bool:
    """Tell whether the newest register has so many suppressed numbers."""
    for path in register_files(data_dir)[:1]:
        mapped, contents = map_register(path)
        mapped.close()
        return contents.suppressed == numbers
    return False

"""Print how long availability takes on this machine: a query, and the flow of what was sold from scratch.

30 days, 600 bookings on the real places, half of them guaranteed, in flights of up to a week: 15 % national,
45 % of 1-5 states, 40 % of 1-8 LADAs; 40 % all day, the rest in daily windows of 3-14 h; three text lengths;
none over 85 % of its own supply. `--sold` is the share of all traffic in sold hours and rooms that is sold.
"""

import argparse
import random
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime

import numpy as np

from adapters.cli.market import country
from adapters.files.reference_data import load_geography, load_numbering
from adapters.processes.forecasting import forecaster
from engine.settings import Settings
from inventory.booking import Booking
from inventory.campaign import CampaignClass, HoursWindow
from inventory.history import History
from inventory.market import Market
from segments.targets import Selector, Target

DAYS = 30
BOOKINGS = 600
LONGEST_FLIGHT = 7
FIRST_HOUR = int(datetime(2026, 11, 2, 6, tzinfo=UTC).timestamp()) // 3600
DAY_S = 86_400
EVERY_DAY = frozenset(range(7))


def targets(chance: random.Random) -> Target:
    """Draw a target."""
    geography, drawn = load_geography(), chance.random()
    if drawn < 0.15:
        return Target()
    if drawn < 0.6:
        states = chance.sample(sorted(geography.states), chance.randint(1, 5))
        return Target(tuple(Selector("state", each) for each in states))
    ladas = chance.sample(sorted(geography.ladas), chance.randint(1, 8))
    return Target(tuple(Selector("lada", each) for each in ladas))


def booking(number: int, chance: random.Random) -> Booking:
    """Draw a booking without a quantity."""
    flight = chance.randint(1, LONGEST_FLIGHT)
    opens = FIRST_HOUR * 3600 + chance.randint(0, DAYS - flight) * DAY_S
    hours: tuple[HoursWindow, ...] = ()
    if chance.random() >= 0.4:
        start, length = chance.randint(7, 18), chance.randint(3, 14)
        hours = (HoursWindow(EVERY_DAY, start * 60, min(24, start + length) * 60),)
    return Booking(
        str(number),
        f"booking {number}",
        chance.choice((CampaignClass.GUARANTEED, CampaignClass.STANDARD)),
        targets(chance),
        opens,
        opens + flight * DAY_S,
        hours,
        chance.choice((45, 72, 88)),
        0,
    )


def sold(market: Callable[[list[Booking]], Market], share: float, bookings: int) -> list[Booking]:
    """Draw bookings that together take a share of what they may use."""
    chance = random.Random(1)
    drawn = [booking(number, chance) for number in range(bookings)]
    empty = market(drawn)
    raw = empty.cells.raw(empty.forecast.supply)
    own = empty.cells.bundles.gather(raw)
    everybody = float(raw[empty.cells.bundles.signatures() > 0].sum())
    wanted = own * np.array([chance.random() for _ in drawn])
    wanted = np.minimum(wanted * (share * everybody / wanted.sum()), 0.85 * own)
    quantities = np.maximum(1, wanted).astype(int).tolist()
    return [replace(each, quantity=quantity) for each, quantity in zip(drawn, quantities, strict=True)]


def prospects(market: Callable[[list[Booking]], Market], share: float, bookings: int) -> None:
    """Measure what all of many bookings are expected to end with."""
    drawn = sold(market, share, bookings)
    used = time.process_time()
    made = market(drawn)
    laid, used = time.process_time() - used, time.process_time()
    found = made.prospects()
    told = time.process_time() - used
    at_risk = sum(each.at_risk for each in found)
    print(f"{bookings:,} bookings, {share:.0%} sold: {laid:.1f} s of CPU to lay them over the forecast,")
    print(f"{told:.1f} s for the prospects of all ({at_risk} at risk)")


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--sold", type=float, default=0.8, help="share of the traffic that is sold (0.8)")
    parser.add_argument("--queries", type=int, default=300, help="how many queries (300)")
    parser.add_argument("--prospects", type=int, metavar="N", help="of N bookings their prospects instead")
    given = parser.parse_args()
    numbering, where = load_numbering(), country(Settings())
    nothing = History.empty(len(numbering.places))
    expected = forecaster(numbering, "America/Mexico_City").forecast(
        nothing, FIRST_HOUR, DAYS * 24, np.random.default_rng(1)
    )

    def market(bookings: list[Booking]) -> Market:
        return Market(bookings, where, expected, FIRST_HOUR * 3600.0, "p20")

    if given.prospects:
        prospects(market, given.sold, given.prospects)
        return
    bookings = sold(market, given.sold, BOOKINGS)
    began, used = time.perf_counter(), time.process_time()
    ready = market(bookings)
    for each in (CampaignClass.GUARANTEED, CampaignClass.STANDARD):
        ready.ask(replace(bookings[0], campaign_class=each))
    rebuilt, rebuilt_cpu = time.perf_counter() - began, time.process_time() - used
    chance = random.Random(2)
    wall, cpu = [], []
    for number in range(given.queries):
        wish = booking(number, chance)
        began, used = time.perf_counter(), time.process_time()
        ready.ask(wish)
        wall.append(time.perf_counter() - began)
        cpu.append(time.process_time() - used)
    print(f"{len(ready.cells):,} cells, {len(ready.cells.campaign):,} edges, {given.sold:.0%} sold")
    print(f"market and flows from scratch   {rebuilt * 1e3:7.0f} ms ({rebuilt_cpu * 1e3:.0f} ms of CPU)")
    for name, times in (("wall clock", wall), ("CPU", cpu)):
        p50, p90, p99 = (1e3 * float(np.quantile(times, part)) for part in (0.5, 0.9, 0.99))
        over = "  over" if p99 > 200 else ""
        print(f"query, {name:<11} p50 {p50:5.0f}  p90 {p90:5.0f}  p99 {p99:5.0f} ms  (p99 < 200){over}")


if __name__ == "__main__":
    main()

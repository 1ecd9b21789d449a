"""Whatever happens in which order, no ad goes where and when its category is blacked out."""

from dataclasses import replace
from io import BytesIO

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from engine.assembly import darkness_by_category, make_offer
from engine.breaker import Breaker
from engine.composition import Alphabet
from engine.decision import Creative, Decision
from engine.leasebook import LeaseBook
from engine.reasons import Reason
from engine.settings import Settings
from inventory.allotment import Outlook
from inventory.blackouts import Blackout, together
from inventory.campaign import CampaignClass
from inventory.cells import Ground
from inventory.plan import ROOM_CLASSES, decode_plan, encode_plan
from inventory.planner import Planner
from inventory.supply import HOUR_S, Supply
from segments.clock import pinned_zone
from tests.examples import tried
from tests.unit.inventory.bookings import NOON, campaign, serving

PLACES = 9
NOW = NOON.timestamp()
ZONES = ("America/Mexico_City", "America/Tijuana")
ZONE_OF_PLACE = (0,) * 5 + (1,) * 4
CATEGORIES = ("politics", "Retail")
BOOKED = [
    serving(
        replace(
            campaign(number, quantity=None, campaign_class=CampaignClass.HOUSE),
            category=CATEGORIES[number % 2],
        )
    )
    for number in range(3)
]
MIX = np.full((PLACES, ROOM_CLASSES), 1 / ROOM_CLASSES)
EVEN = Supply(int(NOW // HOUR_S) - 2, np.full((6, PLACES), 100.0), MIX)

places = st.frozensets(st.integers(0, PLACES - 1), min_size=1)
blackouts = st.builds(
    lambda begins, length, categories, where: Blackout(begins, begins + length, categories, where),
    st.floats(NOW - 1800, NOW + 5400).map(round),
    st.integers(1, 3600),
    st.sampled_from([None, frozenset({"politics"}), frozenset({"retail"})]),
    places,
)
events = st.one_of(
    st.tuples(st.just("made"), blackouts),
    st.tuples(st.just("withdrawn"), st.integers(0, 9)),
    st.tuples(st.just("planned"), st.booleans()),
    st.tuples(st.just("passed"), st.one_of(st.integers(-900, 3600), st.sampled_from([0.001, 1.0]))),
    st.tuples(st.just("asked"), st.integers(0, PLACES - 1)),
)


class World:
    """The register of blackouts, a planner that looks at it now and then, and a worker that follows plans."""

    def __init__(self) -> None:
        self.now = NOW
        self.register: list[Blackout] = []
        self.heard: list[Blackout] = []
        self.age = 0.0
        self.planner = Planner(
            "n", Ground(ZONES, ZONE_OF_PLACE, None), lambda _: frozenset(range(PLACES)), len,
            pinned_zone(ZONES[0]), every_s=1e6,
        )  # fmt: skip
        self.decision = self.planned(allotted=False)

    def planned(self, *, allotted: bool) -> Decision:
        """Plan by the register as it is, as an allotment would have it or by the deficit rule."""
        self.heard, self.age = list(self.register), 0.0
        standing = together(each for each in self.register if each.ends > self.now)
        self.planner.obey(standing, self.now)
        if allotted:
            self.planner.follow(self.planner.allot(BOOKED, Outlook(self.now, EVEN, EVEN)))
        plan = decode_plan(BytesIO(encode_plan(self.planner.plan(1, BOOKED, self.now))).read)
        book = LeaseBook(30)
        for each in BOOKED:
            book.lease(each.campaign.number).held = 10
        offers = [make_offer(each, book, Breaker(), Settings()) for each in plan.catalogue()]
        dark = darkness_by_category(plan.blackouts(), [each.planned.category for each in offers])
        for offer in offers:
            offer.dark = dark.get(offer.planned.category)
        return Decision(plan, offers, ZONE_OF_PLACE, lambda: 0.5)

    def ruled_out(self, category: str, place: int) -> bool:
        """Tell whether a blackout that the last plan knew of holds for a category at a place now."""
        return any(
            each.begins <= self.now < each.ends and each.concerns(category) and place in each.places
            for each in self.heard
        )

    def ask(self, place: int) -> None:
        """Let the worker choose for one notification, and judge what it chose."""
        self.decision.at(self.now, (0, 0))
        chosen = self.decision.choose(place, 160, False, Alphabet.GSM7)
        if isinstance(chosen, Creative):
            assert not self.ruled_out(CATEGORIES[chosen.offer.number % 2], place)
        elif self.age == 0:
            assert chosen is Reason.BLACKOUT
            assert all(self.ruled_out(category, place) for category in CATEGORIES)


@tried(25)
@given(st.lists(events, max_size=20))
def test_no_ad_where_it_is_blacked_out(story: list[tuple[str, object]]) -> None:
    """Whatever the age of the plan; and a plan that was just made takes nothing but what is blacked out."""
    world = World()
    for event, what in story:
        match event, what:
            case "made", Blackout():
                world.register.append(what)
            case "withdrawn", int():
                world.register[what : what + 1] = []
            case "planned", bool():
                world.decision = world.planned(allotted=what)
            case "passed", int() | float():
                world.now += what
                world.age += abs(what)
            case _, int():
                world.ask(what)
    for place in range(PLACES):
        world.ask(place)

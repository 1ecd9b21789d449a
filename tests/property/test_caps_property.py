"""Whatever workers, clocks, refusals and kills interleave: nobody is shown more ads than the caps allow."""

from collections import Counter
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryDirectory

from hypothesis import given
from hypothesis import strategies as st

from engine.cap_rules import CapBook, CapPolicy
from engine.caps import Caps, Claim
from inventory.frequency import FrequencyCap, Per, Scope
from inventory.plan import PlannedCampaign
from segments.clock import LocalWindows, pinned_zone
from tests.contract.cap_cases import KEY, Worker, store_workers, table_workers
from tests.examples import tried
from tests.valkey_server import ValkeyServer

ZONE = "America/Mexico_City"
START = 2_237_000_000  # far ahead: the store of several nodes has a clock of its own
END = START + 10**7
CAMPAIGNS = (
    PlannedCampaign(1, 0, END, (), (), brand="sol", caps=((1, "hour", "campaign"),)),
    PlannedCampaign(2, 0, END, (), (), brand="sol", caps=((3, "day", "brand"),), spacing_minutes=20),
    PlannedCampaign(3, 0, END, (), (), brand="luna", exclude_brands=("sol",)),
)
POLICY = CapPolicy((FrequencyCap(5, Per.DAY, Scope.GLOBAL),), competitor_minutes=45)
Ad = tuple[float, int, int]
"""When, of which campaign, to whom."""

Step = tuple[str, int, int, int, int]
STEPS = st.lists(
    st.tuples(
        st.sampled_from(("show", "refuse", "kill", "wait", "back")),
        st.integers(0, 1),  # which worker
        st.integers(1, 3),  # which campaign
        st.integers(0, 2),  # which subscriber
        st.integers(1, 400),  # minutes
    ),
    max_size=60,
)


class _Workers:
    def __init__(self, worker: Worker) -> None:
        self.worker = worker
        self.book = CapBook(CAMPAIGNS, POLICY)
        self.caps = [self.begun(), self.begun()]

    def begun(self) -> Caps:
        caps = Caps(self.worker(), KEY, LocalWindows((ZONE,)), (0,))
        caps.limits = self.book.limits
        return caps


def _day(at: float) -> str:
    return datetime.fromtimestamp(at, pinned_zone(ZONE)).strftime("%Y-%m-%d")


@given(steps=STEPS)
@tried(40)
def test_nobody_is_over_a_cap(steps: list[Step]) -> None:
    """Caps, spacing and competitors hold on the ads that were sent and not refused, by their own times."""
    with TemporaryDirectory() as name:
        _hold(_sent(_Workers(table_workers(Path(name))), steps))


@given(steps=STEPS)
@tried(20)
def test_nobody_is_over_a_cap_of_several_nodes(valkey_server: ValkeyServer, steps: list[Step]) -> None:
    """The same, counted in a store that nodes share."""
    try:
        _hold(_sent(_Workers(store_workers(valkey_server)), steps))
    finally:
        valkey_server.close_links()


def _sent(workers: _Workers, steps: list[Step]) -> list[Ad]:
    now = float(START)
    sent: list[Ad] = []
    claims: list[tuple[Claim, Ad]] = []
    for what, worker, number, who, minutes in steps:
        caps = workers.caps[worker]
        if what in {"wait", "back"}:
            now += minutes * (60 if what == "wait" else -1)
        elif what == "kill":
            workers.caps[worker] = workers.begun()
        elif what == "refuse" and claims:
            claim, ad = claims.pop()
            claim.give_back()
            sent.remove(ad)
        elif what == "show":
            caps.at(now)
            caps.ahead([5501234500 + who])
            rules = workers.book.rules[number]
            refused = caps.admit(5501234500 + who, 0) or caps.refuses(rules.limits)
            refused = refused or caps.take(rules.counters)
            caps.store.close()
            if refused is None and caps.claim is not None:
                sent.append((now, number, who))
                claims.append((caps.claim, sent[-1]))
    return sent


def _hold(sent: list[Ad]) -> None:
    everything = Counter((who, _day(at)) for at, _, who in sent)
    hourly = Counter((who, at // 3600) for at, number, who in sent if number == 1)
    assert max(everything.values(), default=0) <= 5
    assert max(hourly.values(), default=0) <= 1
    for place, (at, number, who) in enumerate(sent):
        before = [(then, other) for then, other, whom in sent[:place] if whom == who]
        if number == 2:
            sisters = sum(1 for then, other in before if other != 3 and _day(then) == _day(at))
            assert sisters < 3
            assert all(at - then >= 20 * 60 for then, _ in before)
        if number == 3:
            assert all(at - then >= 45 * 60 for then, other in before if other != 3)

"""Whatever order messages come in, a worker never holds more than it was handed."""

from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, invariant, multiple, precondition, rule

from engine.leasebook import LeaseBook
from inventory.books import LeaseTotals
from tests.examples import tried

CAMPAIGN = 3


class LeaseMachine(RuleBasedStateMachine):
    """A worker's lease beside what control has really granted and heard.

    Control's words go astray, are repeated and overtake each other; they are totals, so it does no harm.
    """

    said = Bundle("said")
    told = Bundle("told")

    def __init__(self) -> None:
        super().__init__()
        self.book = LeaseBook(30)
        self.lease = self.book.lease(CAMPAIGN)
        self.granted = 0
        self.heard_returned = 0
        self.used = 0

    @rule(target=said, units=st.integers(0, 500))
    def grant(self, units: int) -> LeaseTotals:
        """Control grants, and says so."""
        self.granted += units
        return LeaseTotals(self.granted, self.heard_returned, 0)

    @rule(word=said)
    def hear(self, word: LeaseTotals) -> None:
        """The worker hears something that was said once, maybe long ago, maybe again."""
        self.book.hear(CAMPAIGN, word)

    @precondition(lambda self: self.lease.held > 0)
    @rule(units=st.integers(1, 50))
    def take(self, units: int) -> None:
        """The worker spends."""
        for _ in range(min(units, self.lease.held)):
            self.lease.take()
            self.used += 1

    @precondition(lambda self: self.used > 0)
    @rule()
    def put_back(self) -> None:
        """An insertion was refused."""
        self.lease.put_back()
        self.used -= 1

    @rule()
    def close_second(self) -> None:
        """A second goes by."""
        self.book.close_second(0.0)

    @rule(target=told)
    def surrender(self) -> object:
        """The campaign no longer serves."""
        return self._told(self.book.surrender(frozenset()))

    @rule(target=told)
    def recall(self) -> object:
        """Others ask for it in vain."""
        return self._told(self.book.recall(CAMPAIGN))

    def _told(self, totals: dict[int, int]) -> object:
        assert set(totals) <= {CAMPAIGN}
        return multiple(*totals.values())

    @rule(total=told)
    def heard_by_control(self, total: int) -> None:
        """Control hears a returned total, maybe an old one."""
        self.heard_returned = max(self.heard_returned, total)

    @invariant()
    def held_is_what_is_left(self) -> None:
        """Held = granted − returned − used, never below zero, never more than control has granted."""
        lease = self.lease
        assert lease.held == lease.granted - lease.returned - self.used >= 0
        assert lease.granted <= self.granted
        assert self.heard_returned <= lease.returned
        assert lease.held + self.used <= self.granted - self.heard_returned


LeaseMachine.TestCase.settings = tried(30, stateful_step_count=30)
TestLeases = LeaseMachine.TestCase

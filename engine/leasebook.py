"""The worker's side of leases: units held by campaign, spent one at a time, told as running totals."""

from collections.abc import Iterator, Mapping

from inventory.books import LeaseRequest, LeaseTotals

# The highest one-second rate is looked for in this window and the one before it.
RATE_WINDOW_S = 60
# So long a worker asks for a unit that a notification lacked: others are recalled meanwhile.
ASK_S = 3


class Lease:
    """One campaign's units on this worker: held = granted − returned − used.

    `used` counts insertions less refused ones, whose units came back. `stopped` is the stop-list's
    word; `missed` says that an ad was not chosen for want of a unit, until one is granted or ASK_S are over,
    `recalled` that others need the units more until this worker spends again. `recent` counts what
    was spent in the current second, `last` in the one before.
    Slotted and mutable: the hot path touches it once per insertion.
    """

    __slots__ = (
        "_asked",
        "_former_peak",
        "_peak",
        "_window_ends",
        "campaign",
        "granted",
        "held",
        "last",
        "missed",
        "recalled",
        "recent",
        "returned",
        "stopped",
    )

    def __init__(self, campaign: int) -> None:
        self.campaign = campaign
        self.held = 0
        self.granted = 0
        self.returned = 0
        self.recent = 0
        self.last = 0
        self.missed = False
        self.recalled = False
        self.stopped = False
        self._asked = 0
        self._peak = 0
        self._former_peak = 0
        self._window_ends = 0.0

    def take(self) -> None:
        """Spend one unit; the caller has seen that `held` > 0."""
        self.held -= 1
        self.recent += 1

    def put_back(self) -> None:
        """Take a unit back: its insertion was refused, or never left."""
        self.held += 1

    def hear(self, granted: int, returned: int) -> None:
        """Take over control's running totals; the same word twice, or an older one, changes nothing."""
        if granted > self.granted:
            self.held += granted - self.granted
            self.granted = granted
            self.missed = False
        self.returned = max(self.returned, returned)

    def give_back(self) -> int:
        """Let go of every held unit; return the new running total of returned ones."""
        if self.held > 0:
            self.returned += self.held
            self.held = 0
        return self.returned

    def peak_rate(self, now: float) -> int:
        """Close a second: fold it into the windows and return the highest one-second rate remembered."""
        if now >= self._window_ends:
            self._former_peak, self._peak = self._peak, 0
            self._window_ends = now + RATE_WINDOW_S
        self._asked = self._asked + 1 if self.missed else 0
        if self._asked > ASK_S:
            self.missed = False
        self._peak = max(self._peak, self.recent)
        self.last = self.recent
        self.recent = 0
        return max(self._peak, self._former_peak)


class LeaseBook:
    """All leases of one worker."""

    __slots__ = ("_leases", "_rates", "horizon_s")

    def __init__(self, horizon_s: float) -> None:
        self.horizon_s = horizon_s
        self._leases: dict[int, Lease] = {}
        self._rates: dict[int, int] = {}

    def __iter__(self) -> Iterator[Lease]:
        return iter(self._leases.values())

    def lease(self, campaign: int) -> Lease:
        """Return the campaign's lease, an empty one when there is none yet."""
        if campaign not in self._leases:
            self._leases[campaign] = Lease(campaign)
        return self._leases[campaign]

    def hear(self, campaign: int, totals: LeaseTotals) -> None:
        """Take over control's totals for one campaign."""
        self.lease(campaign).hear(totals.granted, totals.returned)

    def untold(self, totals: Mapping[int, LeaseTotals]) -> dict[int, int]:
        """Return the returned totals that the books have too low: their telling was lost on its way."""
        return {
            number: self.lease(number).returned
            for number, total in totals.items()
            if self.lease(number).returned > total.returned
        }

    def close_second(self, now: float) -> None:
        """Update every lease's rate; call once a second with the monotonic clock."""
        self._rates = {lease.campaign: lease.peak_rate(now) for lease in self}

    def requests(self, serving: frozenset[int]) -> list[LeaseRequest]:
        """Return what to ask for now: campaigns that hold less than rate × horizon (DESIGN §4).

        What was recalled is not asked for again before it is needed: it would go to and fro.
        """
        wanted = []
        for number in serving:
            lease = self.lease(number)
            if lease.recalled and not (lease.recent or lease.missed):
                continue
            lease.recalled = False
            rate = max(self._rates.get(number, 0), lease.recent)
            first = lease.granted == 0
            if not lease.stopped and (first or lease.missed or lease.held < rate * self.horizon_s):
                wanted.append(LeaseRequest(number, lease.held, float(rate)))
                if lease.held > 0:
                    lease.missed = False
        return wanted

    def recall(self, campaign: int) -> dict[int, int]:
        """Let go of what this worker would not spend within a second: others ask for it in vain.

        Returns the campaign's new returned total, or nothing when there is nothing to spare.
        """
        lease = self.lease(campaign)
        lease.recalled = True
        spare = lease.held - max(lease.last, lease.recent)
        if spare <= 0:
            return {}
        lease.held -= spare
        lease.returned += spare
        return {campaign: lease.returned}

    def surrender(self, serving: frozenset[int]) -> dict[int, int]:
        """Let go of the units of campaigns that no longer serve; return their new returned totals."""
        return {
            lease.campaign: lease.give_back()
            for lease in self
            if lease.held > 0 and (lease.stopped or lease.campaign not in serving)
        }

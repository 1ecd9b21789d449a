"""What sessions relayed, as plain numbers: added to on the hot path, read once a second."""

from collections import defaultdict

from adapters.metrics.histogram import Histogram
from adapters.smpp.constants import DATA_SM, SUBMIT_SM, SUBMIT_SM_RESP

# Whatever a peer sends, no more pairs of command and status than this are kept apart; the rest is OTHER.
MOST_KINDS = 200
OTHER = (0, 0)
NO_PROBE = -1
# At most one sample of the latencies a session in this time.
SAMPLE_EVERY_S = 0.01

Kinds = defaultdict[tuple[int, int], int]


class RouteTraffic:
    """One route on one worker: PDUs by (command, status) and by who sent them, latencies.

    What nearly all traffic consists of is counted as integers in each session, and added here when
    it ends: `notifications` (submit_sm and data_sm), `accepted` (submit_sm_resp with ESME_ROK). `consumed`:
    calls to response numbers that were answered.
    """

    __slots__ = ("_accepted", "_notifications", "answer", "consumed", "ours", "own", "platform", "smsc")

    def __init__(self) -> None:
        self.platform: Kinds = defaultdict(int)
        self.smsc: Kinds = defaultdict(int)
        self.own: Kinds = defaultdict(int)
        self.consumed = 0
        self.ours = Histogram()
        self.answer = Histogram()
        self._notifications = 0
        self._accepted = 0

    def ended(self, traffic: "Traffic") -> None:
        """Keep what a session that ended had counted."""
        self._notifications += traffic.notifications
        self._accepted += traffic.accepted

    def sums(self, living: list["Traffic"]) -> dict[str, dict[tuple[int, int], int]]:
        """Return all PDUs by who sent them: "platform", "smsc", "engine"; call it once a second."""
        for kinds in (self.platform, self.smsc, self.own):
            _bound(kinds)
        platform, smsc = dict(self.platform), dict(self.smsc)
        submits = self._notifications + sum(each.notifications for each in living)
        submits -= sum(count for (command, _), count in platform.items() if command == DATA_SM)
        accepted = self._accepted + sum(each.accepted for each in living)
        if submits:
            platform[SUBMIT_SM, 0] = submits
        if accepted:
            smsc[SUBMIT_SM_RESP, 0] = accepted
        return {"platform": platform, "smsc": smsc, "engine": dict(self.own)}


def _bound(kinds: Kinds) -> None:
    """Fold what came last into OTHER when there are too many."""
    if len(kinds) > MOST_KINDS:
        for kind in list(kinds)[MOST_KINDS - 1 :]:
            if kind != OTHER:
                kinds[OTHER] += kinds.pop(kind)


class Traffic:
    """One session: integers, and one sample of the latencies at a time.

    `probe` is the sequence number whose answer is waited for, sent at `sampled_at` (monotonic
    seconds); `answered` says that it came.
    """

    __slots__ = (
        "accepted",
        "ads",
        "answered",
        "due",
        "notifications",
        "platform_octets",
        "probe",
        "route",
        "sampled_at",
        "smsc_octets",
    )

    def __init__(self, route: RouteTraffic) -> None:
        self.route = route
        self.notifications = 0
        self.ads = 0
        self.accepted = 0
        self.platform_octets = 0
        self.smsc_octets = 0
        self.probe = NO_PROBE
        self.sampled_at = self.due = 0.0
        self.answered = False

    def sample(self, sequence: int, now: float) -> None:
        """Begin a sample with the read at `now`; the caller has seen that none is waiting and one is due."""
        self.probe = sequence
        self.sampled_at = now
        self.due = now + SAMPLE_EVERY_S

    def written(self, now: float) -> None:
        """End our side of the sample: what was read then is written."""
        self.route.ours.observe(now - self.sampled_at)

    def answer_came(self, now: float) -> None:
        """End the SMSC's side of the sample."""
        self.probe = NO_PROBE
        self.answered = False
        self.route.answer.observe(now - self.sampled_at)

    def give_up(self, now: float, timeout_s: float) -> None:
        """Count an answer that has not come within `timeout_s` as one that took so long already."""
        if self.probe != NO_PROBE and now - self.sampled_at > timeout_s:
            self.answer_came(now)

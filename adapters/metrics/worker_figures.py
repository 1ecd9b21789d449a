"""What one worker tells of itself: figures once a second, its live sessions when asked."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from adapters.files.journal_writer import JournalWriter
from adapters.metrics.histogram import Histogram
from adapters.processes.messages import Figures, LiveSession, LiveSessions, RouteFigures, Seconds
from adapters.smpp.constants import BIND_RECEIVER, BIND_TRANSCEIVER, BIND_TRANSMITTER
from adapters.smpp.route_receipts import RouteReceipts
from adapters.smpp.session import Session
from adapters.smpp.traffic import RouteTraffic, Traffic
from engine.reasons import Reason
from engine.receipts import NAMES
from engine.recorder import Recorder

_BINDS = {
    BIND_RECEIVER: "receiver",
    BIND_TRANSMITTER: "transmitter",
    BIND_TRANSCEIVER: "transceiver",
}


@dataclass(frozen=True, slots=True)
class _Opened:
    """Where a session came from and when (UTC seconds)."""

    route: str
    peer: str
    since: float


class WorkerFigures:
    """Gathers what sessions, recorder and journal of one worker have counted.

    The worker sets `plan_at`, `lease_at` (monotonic seconds of the last plan and the last word on
    leases), `faults`, `journal_full` and `receipts` (by route).
    """

    def __init__(
        self, worker: int, routes: Iterable[str], recorder: Recorder, journal: JournalWriter, *, bypass: bool
    ) -> None:
        self.plan_at: float | None = None
        self.lease_at: float | None = None
        self.faults = 0
        self.journal_full = False
        self.receipts: Mapping[str, RouteReceipts] = {}
        self._worker = worker
        self._routes = {name: RouteTraffic() for name in routes}
        self._recorder = recorder
        self._journal = journal
        self._bypass = bypass
        self._living: dict[Session, _Opened] = {}

    def traffic(self, route: str) -> Traffic:
        """Return what a new session of a route counts in."""
        return Traffic(self._routes[route])

    def opened(self, session: Session, route: str, peer: str, now: float) -> None:
        """Take in a session; `now` in UTC seconds."""
        self._living[session] = _Opened(route, peer, now)

    def ended(self, session: Session) -> None:
        """Keep the counts of a session that is over."""
        opened = self._living.pop(session)
        self._routes[opened.route].ended(session.traffic)

    def give_up(self, now: float, timeout_s: float) -> None:
        """Close the latency samples that nobody will answer; `now` in monotonic seconds."""
        for session in self._living:
            session.traffic.give_up(now, timeout_s)

    def figures(self, now: float, gate: Reason | None) -> Figures:
        """Return all figures; `now` in monotonic seconds."""
        totals = self._recorder.totals
        return Figures(
            routes={name: self._route(name, traffic) for name, traffic in self._routes.items()},
            inserted=totals.inserted,
            outcomes=tuple(
                (kind.name.lower(), cause.code, count) for (kind, cause), count in totals.outcomes.items()
            ),
            passed=totals.reasons,
            refused=totals.refused,
            faults=self.faults,
            gate=None if gate is None else gate.code,
            bypass=self._bypass,
            frames=self._journal.sequence,
            journal_octets=self._journal.octets,
            journal_full=self.journal_full,
            plan_age_s=None if self.plan_at is None else now - self.plan_at,
            lease_age_s=None if self.lease_at is None else now - self.lease_at,
            overasked=max((each.profile.more for each in self.receipts.values()), default=0),
        )

    def sessions(self) -> LiveSessions:
        """Return the live sessions, oldest first."""
        return LiveSessions(
            sessions=tuple(self._live(session, opened) for session, opened in self._living.items())
        )

    def _route(self, name: str, route: RouteTraffic) -> RouteFigures:
        receipts = self.receipts.get(name)
        living = [session.traffic for session, opened in self._living.items() if opened.route == name]
        return RouteFigures(
            sessions=len(living),
            pdus=tuple(
                (sender, command, status, count)
                for sender, kinds in route.sums(living).items()
                for (command, status), count in kinds.items()
            ),
            ours=_seconds(route.ours),
            answer=_seconds(route.answer),
            receipts=() if receipts is None else _by_state(receipts),
            swallowed=0 if receipts is None else receipts.swallowed,
            consumed=route.consumed,
        )

    def _live(self, session: Session, opened: _Opened) -> LiveSession:
        traffic = session.traffic
        return LiveSession(
            worker=self._worker,
            route=opened.route,
            peer=opened.peer,
            system_id=session.system_id.decode("latin-1"),
            bind=_BINDS.get(session.bind_command),
            since=opened.since,
            notifications=traffic.notifications,
            ads=traffic.ads,
            unanswered=session.unanswered,
            platform_octets=traffic.platform_octets,
            smsc_octets=traffic.smsc_octets,
        )


def _by_state(receipts: RouteReceipts) -> tuple[tuple[str, int], ...]:
    return tuple((NAMES[state], count) for state, count in enumerate(receipts.states) if count)


def _seconds(histogram: Histogram) -> Seconds:
    return Seconds(buckets=tuple(histogram.buckets), total_s=histogram.total_s)

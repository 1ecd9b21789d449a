"""Control's duty towards the switches: read from the database, told to the workers, confirmed."""

from datetime import UTC, datetime

import structlog

from adapters.postgres.pool import DATABASE_FAULTS
from adapters.postgres.switches import PostgresSwitches, Switches
from adapters.processes.messages import SetSwitches
from adapters.processes.worker_lines import WorkerLine, WorkerLines
from engine.verdict import Verdict

log = structlog.get_logger()


class Switching:
    """The switches of one node; control sets `database` while there is one."""

    def __init__(self, node: str, lines: WorkerLines) -> None:
        self.database: PostgresSwitches | None = None
        self._node = node
        self._lines = lines
        self._current: Switches | None = None

    @property
    def ads_on(self) -> bool:
        """Tell whether the switches are known and ads are on by them."""
        return self._current is not None and self._current.ads_on

    def tell(self, line: WorkerLine) -> None:
        """Tell a worker the switches, as far as they are known."""
        if self._current is not None:
            line.say(_message(self._current))

    async def look(self, database: PostgresSwitches, now: datetime) -> None:
        """Read the switches, tell the workers what is new, confirm what all of them act on."""
        current = await database.read()
        if current != self._current:
            self._current = current
            self._lines.broadcast(_message(current))
        version, lists = self._lines.registered
        status = {"workers": len(self._lines), "register": {"version": version, "lists": lists}}
        await database.beat(self._node, self._lines.confirmed, status, now=now)

    async def harmed(self, verdict: Verdict) -> None:
        """Stop on every node what one worker found harmful; it tells again until the switches say so."""
        if self.database is None:
            return
        try:
            await self.database.stop_text(verdict, node=self._node, now=datetime.now(UTC))
        except DATABASE_FAULTS as error:
            log.warning("harm_not_told", error=f"{type(error).__name__}: {error}")


def _message(switches: Switches) -> SetSwitches:
    return SetSwitches(
        version=switches.version,
        ads_on=switches.ads_on,
        stopped=switches.stopped,
        harmful=switches.harmful,
    )

"""Missed calls as the operations page shows them: how many a second, by hour, by state."""

from typing import Any

from adapters.http.console.desk import Desk
from adapters.http.console.visit import Visit

# The operation that tells them, on nodes that have it.
OPERATION = "missed_call_figures"


async def call_figures(visit: Visit, desk: Desk) -> Any:
    """Return what templates/live_calls.html shows; None where this node tells no such figures."""
    if not desk.offers(OPERATION) or not desk.allows(visit, OPERATION):
        return None
    return await desk.ask(visit, OPERATION)

"""`subscribers/look-up`: what support must know of a subscriber; the audit log has who looked, and why."""

import asyncio
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field

from adapters.http.caps_reached import CapsReached
from adapters.http.operations import Answer, Call, Operation, Shape
from adapters.http.services import Services
from adapters.http.subscribers_api import PersonIn
from adapters.http.suppressions_api import KEEPERS, Record, sealed, subscribers
from adapters.postgres.campaigns import PostgresCampaigns
from adapters.postgres.choices import SUPPRESSION
from adapters.postgres.subscriber_data import look_up


class LookUpIn(PersonIn):
    """Whose data, and why somebody looks."""

    reason: Annotated[str, Field(min_length=3, max_length=300)]


class CapReached(Shape):
    """A rule that keeps ads away now; `campaign` null keeps all away."""

    campaign: str | None
    name: str | None
    reason: str


class ListedShape(Shape):
    """An imported list that the subscriber is on."""

    name: str
    source: str
    imported_at: str


class SubscriberLead(Shape):
    """What the subscriber called for."""

    engagement: str
    name: str
    option: str
    first_call: str
    last_call: str
    calls: int
    answers: dict[str, str] | None


class LookedUp(Shape):
    """What holds for a subscriber; `caps` is null where this node's table can't tell."""

    subscriber: str
    suppressed: bool
    lists: list[ListedShape]
    records: list[Record] = Field(description="Opt-outs and consents with their proof, newest first.")
    leads: list[SubscriberLead]
    caps: list[CapReached] | None


def look_up_operations(services: Services) -> Sequence[Operation]:
    """Return the operation."""
    reached = CapsReached(services.numbering)

    async def looked_up(call: Call[Any, LookUpIn]) -> Answer:
        [number] = subscribers([call.body.number], "/number")
        seal, now = await sealed(services), services.now()
        async with services.pool.acquire() as connection, connection.transaction():
            found = await look_up(
                connection, seal, number, by=call.principal.name, why=call.body.reason, at=now
            )
        own = next((not each["allowed"] for each in found["records"] if each["scope"] == SUPPRESSION), False)
        return Answer(
            {
                **found,
                "suppressed": own or bool(found["lists"]),
                "caps": await _caps(services, reached, number),
            }
        )

    return [
        Operation("POST", "/subscribers/look-up", "look_up_subscriber",
                  "Show what holds for a subscriber; the audit log has who looked, and why.",
                  "subscribers", looked_up, roles=KEEPERS, body=LookUpIn, answer=LookedUp),
    ]  # fmt: skip


async def _caps(services: Services, reached: CapsReached, number: int) -> Sequence[Mapping[str, Any]] | None:
    settings, now = services.settings(), services.now()
    serving = await PostgresCampaigns(services.pool).serving(now)
    data_dir = services.data_dir or Path(settings.node.data_dir)
    found = await asyncio.to_thread(reached.of, number, serving, settings, data_dir, now)
    if found is None:
        return None
    campaigns = {each.campaign.number: each.campaign for each in serving}
    return [
        {
            "campaign": None if campaign is None else str(campaigns[campaign].id),
            "name": None if campaign is None else campaigns[campaign].name,
            "reason": reason.code,
        }
        for campaign, reason in found.items()
    ]

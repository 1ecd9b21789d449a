"""`creatives`: what approvers and operations decide on single texts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from adapters.http.campaign_answers import Answers, deed_of, told
from adapters.http.campaign_shapes import CampaignShape, TextDecisionIn, VersionQuery
from adapters.http.operations import Answer, Call, Handler, NoQuery, Operation
from adapters.http.services import Services
from adapters.postgres.reviews import PostgresReviews
from engine.access import Role
from inventory.workflow import REVIEWS

_SUMMARIES = {
    "approve": "Approve a text that waits.",
    "reject": "Reject a text that waits, with a reason; the version approved before it goes on.",
    "takedown": "Take down an approved text, in every worker within a second; the other texts go on.",
}


def creatives_operations(services: Services) -> Sequence[Operation]:
    """Return the operations."""
    answers = Answers(services)

    def deciding(action: str) -> Handler:
        async def decide(call: Call[Any, Any]) -> Answer:
            about = call.body or call.query
            with told():
                found = await PostgresReviews(services.pool).decide(
                    action,
                    call.path["id"],
                    deed_of(call, services),
                    version=about.version,
                    reason=call.body.reason if call.body else None,
                )
            return await answers.single(found, call)

        return decide

    return [
        Operation(
            "POST",
            f"/creatives/{{id}}/{action}",
            f"{action}_creative",
            _SUMMARIES[action],
            "creatives",
            deciding(action),
            roles=frozenset(map(Role, roles)),
            query=VersionQuery if action == "approve" else NoQuery,
            body=None if action == "approve" else TextDecisionIn,
            example=None if action == "approve" else {"reason": "El enlace lleva a otra página."},
            answer=CampaignShape,
            problems=("conflict",),
        )
        for action, roles in {row.action: row.roles for row in REVIEWS}.items()
    ]

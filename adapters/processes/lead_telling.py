"""One attempt to tell an engagement's webhook of a lead."""

import json
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

import structlog

from adapters.http.webhook_sender import WebhookSender
from adapters.postgres.answers_out import Settled
from adapters.postgres.webhooks import Delivery
from inventory.webhooks import message, next_attempt

log = structlog.get_logger()


async def tell_lead(
    sender: WebhookSender,
    row: Mapping[str, Any],
    caller: int | None,
    clock: Callable[[], datetime],
    chance: float,
) -> tuple[Settled, bool]:
    """Tell of a lead (a row of `claim_webhooks`), and return what came of it and whether nobody answered.

    `caller` is the number, None where the engagement does not share it; `chance` in [0, 1) is jitter.
    """
    kind = "callback" if row["purpose"] == "callback" else "lead"
    event = f"lead-{row['lead']}"
    body = json.dumps(
        message(event, kind, row["first_call"], _document(row, caller)),
        ensure_ascii=False,
        separators=(",", ":"),
    ).encode()
    delivery = Delivery(
        number=row["number"],
        webhook=str(row["id"]),
        url=row["webhook"],
        secret=row["webhook_secret"],
        event_id=event,
        kind=kind,
        body=body,
        attempts=row["attempts"],
        created_at=row["created_at"],
    )
    delivered, answer = await sender.tell(delivery)
    if delivered:
        return Settled("delivered"), False
    again = next_attempt(row["attempts"] + 1, row["created_at"], clock(), chance)
    silent = not answer.isdigit()
    if again is None:
        log.warning("webhook_given_up", webhook=str(row["id"]), event=event, answer=answer)
        return Settled("failed", answer), silent
    return Settled("due", answer, again), silent


def _document(row: Mapping[str, Any], caller: int | None) -> dict[str, Any]:
    """Return what is told; it is the same at every attempt."""
    return {
        "engagement": {
            "id": str(row["id"]), "name": row["name"], "brand": row["brand"], "purpose": row["purpose"],
        },
        "lead": {
            "number": row["lead"],
            "caller": row["masked"] if caller is None else f"{caller:010d}",
            "masked": caller is None,
            "option": row["option"] or None,
            "state": row["state"],
            "lada": row["lada"],
            "first_call": row["first_call"].isoformat(),
        },
    }  # fmt: skip

"""What campaigns answer: documents as a role may see them, and what the desk refuses as problems."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from adapters.http.operations import Answer, Call
from adapters.http.problems import ProblemError
from adapters.http.taken_numbers import taken_fault
from adapters.postgres.campaign_documents import fault_documents
from adapters.postgres.campaign_numbers import NumberNotStartedError
from adapters.postgres.desk import Reader
from adapters.postgres.engagements import NumberTakenError
from adapters.postgres.identity import MissingError
from adapters.postgres.links import PostgresLinks, shortener
from adapters.postgres.locked_campaign import Deed, StaleError
from adapters.postgres.reviews import Former, PostgresReviews
from engine.access import Principal, Role
from inventory.campaign import CampaignState
from inventory.changes import SpentError
from inventory.conditions import RefusedError
from inventory.document import DocumentRefusedError, Standards, read_campaign
from inventory.draft import CampaignDraft
from inventory.faults import Fault
from inventory.holds import NoHoldError, UnavailableError
from inventory.likeness import Refused, difference, near_duplicates
from inventory.response_numbers import unshown
from inventory.workflow import RoleError, deadlines, possible

if TYPE_CHECKING:
    from adapters.http.services import Services

_ETAGS = re.compile(r'(W/)?"[!#-~]*"(\s*,\s*(W/)?"[!#-~]*")*')

REVIEWERS = frozenset({Role.APPROVER, Role.OPS})

_UNAVAILABLE = Fault(
    "/quantity",
    "unavailable",
    "no cabe junto a lo ya vendido; vea cuánto queda en disponibilidad",
    "does not fit beside what was sold; availability tells how many are left",
)
_NO_HOLD = Fault(
    "?hold", "no_hold", "ese apartado ya venció o no existe", "that hold has expired or never was"
)
_NOT_STARTED = Fault(
    "/response_number",
    "not_started",
    "la dinámica que tiene ese número es un borrador: hay que iniciarla antes",
    "the engagement that has that number is a draft: start it first",
)
_UNKNOWN_BRAND = Fault(
    "/brand",
    "unknown_brand",
    "no es una marca por la que usted actúe",
    "is no brand that you act for",
)


def deed_of(call: Call[Any, Any], services: Services, version: int | None = None) -> Deed:
    """Return who acts, now, under the settings in force."""
    policy = services.settings().policy
    lead_time = timedelta(hours=policy.lead_time_hours)
    return Deed(
        call.principal, services.now(), lead_time, version, policy.two_approvals, policy.default_timezone
    )


async def reader_of(
    services: Services, principal: Principal, now: datetime, campaign: str | None = None
) -> Reader:
    """Return what reads a campaign document for a principal: the brand must be one they act for.

    `campaign` is the id of the one that is edited, whose short links stay what they are.
    """
    brands = {row["name"] for row in await services.identity.brands(principal)}
    known = {} if campaign is None else await PostgresLinks(services.pool).known(campaign)
    links = shortener(services.settings().http.public_url, known)
    standards = Standards(services.rules, services.geography, now, links)

    def read(document: Mapping[str, Any]) -> CampaignDraft:
        brand = document.get("brand") if isinstance(document, Mapping) else None
        stranger = [_UNKNOWN_BRAND] if isinstance(brand, str) and brand not in brands else []
        try:
            draft = read_campaign(document, standards)
        except DocumentRefusedError as refused:
            raise DocumentRefusedError([*stranger, *refused.faults]) from None
        if stranger:
            raise DocumentRefusedError(stranger)
        return draft

    return read


@contextmanager
def told() -> Iterator[None]:
    """Turn what the desk refuses into problems."""
    try:
        yield
    except MissingError:
        raise ProblemError("not_found") from None
    except StaleError:
        raise ProblemError("precondition_failed") from None
    except RoleError:
        raise ProblemError("forbidden") from None
    except RefusedError as refused:
        faults = [Fault("", code, refused.es, refused.en) for code in refused.codes]
        raise ProblemError("conflict", es=refused.es, en=refused.en, faults=faults) from None
    except SpentError as spent:
        raise ProblemError("conflict", faults=[_spent(spent.least)]) from None
    except UnavailableError:
        raise ProblemError("conflict", faults=[_UNAVAILABLE]) from None
    except NoHoldError:
        raise ProblemError("conflict", faults=[_NO_HOLD]) from None
    except NumberTakenError as taken:
        raise ProblemError("conflict", faults=[taken_fault(taken, "/response_number")]) from None
    except NumberNotStartedError:
        raise ProblemError("conflict", faults=[_NOT_STARTED]) from None
    except DocumentRefusedError as refused:
        raise ProblemError("invalid", faults=refused.faults) from None


def _spent(least: int) -> Fault:
    return Fault(
        "/quantity",
        "spent",
        f"no puede bajar de {least}: eso ya se gastó o está en curso",
        f"can't fall below {least}: that is spent or on its way",
    )


def read_if_match(call: Call[Any, Any], *, needed: bool) -> int | None:
    """Return the version that If-Match names; None for `*` or where it is neither given nor needed.

    Raises `ProblemError`: 428 when it is missing, 400 for what is no ETag (RFC 9110 §8.8.3), 412 for one
    that is none of ours.
    """
    given = call.request.headers.get("If-Match")
    if given is None:
        if needed:
            raise ProblemError("precondition_required")
        return None
    if given.strip() == "*":
        return None
    if not _ETAGS.fullmatch(given.strip()):
        raise ProblemError("bad_request", es='If-Match debe ser como "3"', en='If-Match must be such as "3"')
    digits = given.strip().removeprefix("W/").strip('"')
    if not (digits.isascii() and digits.isdigit() and len(digits) <= 9):
        raise ProblemError("precondition_failed")
    return int(digits)


class Answers:
    """Documents as their readers may see them."""

    def __init__(self, services: Services) -> None:
        self._services = services

    def listed(self, documents: Sequence[dict[str, Any]], principal: Principal) -> list[dict[str, Any]]:
        """Return documents as a list shows them."""
        return [self.plain(each, principal) for each in documents]

    def plain(self, document: dict[str, Any], principal: Principal) -> dict[str, Any]:
        """Return a document as a list shows it."""
        policy = self._services.settings().policy
        hours = 0 if document["test"] else policy.lead_time_hours
        lead_time = timedelta(hours=hours)
        role = principal.role
        actions = [each.value for each in possible(CampaignState(document["state"]), role)]
        shown = {name: value for name, value in document.items() if name != "number"}
        earliest = document["earliest_start"] or (self._services.now() + lead_time).isoformat()
        return {
            **shown,
            "earliest_start": earliest,
            "decide_by": _decide_by(document, lead_time),
            "actions": list(dict.fromkeys(actions)),
            "approvals_needed": 2 if document["category"].casefold() in policy.two_approvals else 1,
            "warnings": fault_documents(
                unshown((each["text"] for each in document["creatives"]), document["response_number"])
            ),
            "review": None,
        }

    async def single(self, document: dict[str, Any], call: Call[Any, Any], status: int = 200) -> Answer:
        """Return the answer about one campaign, with its ETag."""
        [shown] = await self._services.fitting.add([self.plain(document, call.principal)], self._services)
        if call.principal.role in REVIEWERS:
            shown["review"] = await self._review(document)
        headers = {"ETag": f'"{document["version"]}"'}
        if status == 201:
            headers["Location"] = f"/api/v1/campaigns/{document['id']}"
        return Answer(shown, status, headers)

    async def _review(self, document: dict[str, Any]) -> list[dict[str, Any]]:
        reviews = PostgresReviews(self._services.pool)
        pending = [each for each in document["creatives"] if each["review"] == "pending"]
        if not pending:
            return []
        refused, former = await reviews.refused_texts(), await reviews.former_texts(document["number"])
        return await asyncio.to_thread(_beside, pending, refused, former)


def _beside(
    pending: Sequence[Mapping[str, Any]], refused: Sequence[Refused], former: Mapping[str, Former]
) -> list[dict[str, Any]]:
    beside = []
    for each in pending:
        before = former.get(each["id"])
        pieces = None if before is None else difference(before.text, each["text"])
        beside.append(
            {
                "creative": each["id"],
                "difference": None
                if pieces is None
                else [{"kind": piece.kind, "text": piece.text} for piece in pieces],
                "near_duplicates": [
                    {
                        "text": near.refused.text,
                        "brand": near.refused.brand,
                        "reason": near.refused.reason,
                        "likeness": round(near.likeness, 3),
                    }
                    for near in near_duplicates(each["text"], refused)
                ],
            }
        )
    return beside


def _decide_by(document: Mapping[str, Any], lead_time: timedelta) -> dict[str, str] | None:
    if document["state"] not in {"draft", "submitted"} or document["starts_at"] is None:
        return None
    starts_at, ends_at = (datetime.fromisoformat(document[name]) for name in ("starts_at", "ends_at"))
    try:
        by = deadlines(starts_at, ends_at, lead_time)
    except OverflowError:
        return None
    return {"on_time": by.on_time.isoformat(), "at_all": by.at_all.isoformat()}

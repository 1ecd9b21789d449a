"""`blackouts`: no ads of some categories in some places between two instants; made and withdrawn."""

from collections.abc import Mapping, Sequence
from datetime import datetime, tzinfo
from typing import Annotated, Any, Literal

from pydantic import Field

from adapters.http.campaign_answers import read_if_match
from adapters.http.campaign_shapes import Identifier, TargetShape
from adapters.http.operations import Answer, Call, NoQuery, Operation, Query, Shape
from adapters.http.problems import ProblemError
from adapters.http.services import Services
from adapters.postgres.blackouts import (
    BlackoutOverError,
    BlackoutStaleError,
    BlackoutUnknownError,
    PostgresBlackouts,
)
from engine.access import CARRIER_ROLES, Role
from inventory.blackouts import BlackoutDraft
from inventory.document import Instant as GivenInstant
from inventory.faults import Fault
from inventory.forms import NAME, NOT_BLANK
from segments.clock import pinned_zone
from segments.targets import Target, TargetDocumentError

TAG = "blackouts"
KEEPERS = frozenset({Role.OPS, Role.ADMIN})
STATES = ("to_come", "in_force", "ended", "withdrawn")

Category = Annotated[str, Field(min_length=1, max_length=100, pattern=NAME)]

EXAMPLE: Mapping[str, Any] = {
    "reason": "Veda electoral: jornada del 6 de junio",
    "categories": ["politics", "government"],
    "target": {"include": [{"state": "MX-JAL"}, {"state": "MX-COL"}], "exclude": []},
    "from": "2027-06-03T00:00:00-06:00",
    "to": "2027-06-06T18:00:00-06:00",
}


class BlackoutIn(Shape):
    """Why, of which categories (null: all), where, and between which instants, half open."""

    reason: Annotated[str, Field(min_length=1, max_length=500, pattern=NOT_BLANK)]
    categories: Annotated[list[Category], Field(min_length=1, max_length=100)] | None = None
    target: TargetShape = TargetShape()
    begin: GivenInstant = Field(alias="from")
    end: GivenInstant = Field(alias="to")


class BlackoutsQuery(Query):
    """Which blackouts."""

    standing: bool = Field(default=False, description="Those that hold now or later alone.")
    before: int | None = Field(default=None, ge=1, le=2**31 - 1, description="The former page's `next`.")
    limit: int = Field(default=50, ge=1, le=200)


class BlackoutShape(Shape):
    """A blackout; `from` and `to` are written on the clock of `timezone`, the national one.

    `unknown_categories` are those that no brand and no campaign has: perhaps misspelt.
    """

    id: Identifier
    reason: str
    categories: list[str] | None
    target: TargetShape
    begin: str = Field(alias="from")
    end: str = Field(alias="to")
    timezone: str
    state: Literal["to_come", "in_force", "ended", "withdrawn"]
    unknown_categories: list[str]
    created_at: str
    created_by: str
    withdrawn_at: str | None
    withdrawn_by: str | None
    version: int


class BlackoutPage(Shape):
    """Blackouts, the newest first; `next` asks for the page after."""

    items: list[BlackoutShape]
    next: int | None


def blackouts_operations(services: Services) -> Sequence[Operation]:
    """Return the operations."""
    desk = _Desk(services)
    return [
        Operation("GET", "/blackouts", "list_blackouts", "List blackouts, the newest first.", TAG,
                  desk.listed, roles=CARRIER_ROLES, query=BlackoutsQuery, answer=BlackoutPage),
        Operation("POST", "/blackouts", "create_blackout",
                  "Keep ads of some categories, or all, away from some places between two instants.", TAG,
                  desk.create, roles=KEEPERS, body=BlackoutIn, answer=BlackoutShape, status=201,
                  example=EXAMPLE),
        Operation("GET", "/blackouts/{id}", "read_blackout", "Read a blackout.", TAG,
                  desk.read, roles=CARRIER_ROLES, answer=BlackoutShape, etag=True, problems=("not_found",)),
        Operation("POST", "/blackouts/{id}/withdraw", "withdraw_blackout",
                  "Let a blackout hold no more, from now on.", TAG, desk.withdraw, roles=KEEPERS,
                  answer=BlackoutShape, problems=("conflict", "not_found", "precondition_failed")),
    ]  # fmt: skip


class _Desk:
    def __init__(self, services: Services) -> None:
        self._services = services

    @property
    def _blackouts(self) -> PostgresBlackouts:
        return PostgresBlackouts(self._services.pool)

    async def listed(self, call: Call[BlackoutsQuery, None]) -> Answer:
        query, now = call.query, self._services.now()
        rows = await self._blackouts.listed(
            below=query.before, standing_at=now if query.standing else None, limit=query.limit + 1
        )
        shown = rows[: query.limit]
        documents = await self._documents(shown, now)
        more = len(rows) > query.limit
        return Answer({"items": documents, "next": shown[-1]["number"] if more else None})

    async def read(self, call: Call[NoQuery, None]) -> Answer:
        try:
            return await self._answer(await self._blackouts.one(call.path["id"]))
        except BlackoutUnknownError:
            raise ProblemError("not_found") from None

    async def create(self, call: Call[NoQuery, BlackoutIn]) -> Answer:
        now = self._services.now()
        draft = _draft(call.body)
        faults = draft.faults(self._services.geography, now)
        if faults:
            raise ProblemError("invalid", faults=faults)
        return await self._answer(await self._blackouts.create(draft, by=call.principal.name, at=now), 201)

    async def withdraw(self, call: Call[NoQuery, None]) -> Answer:
        version = read_if_match(call, needed=False)
        try:
            row = await self._blackouts.withdraw(
                call.path["id"], version=version, by=call.principal.name, at=self._services.now()
            )
        except BlackoutUnknownError:
            raise ProblemError("not_found") from None
        except BlackoutStaleError:
            raise ProblemError("precondition_failed") from None
        except BlackoutOverError:
            raise ProblemError(
                "conflict", es="la veda ya terminó o ya se retiró", en="it has ended, or was withdrawn"
            ) from None
        return await self._answer(row)

    async def _answer(self, row: Mapping[str, Any], status: int = 200) -> Answer:
        [document] = await self._documents([row], self._services.now())
        headers = {"ETag": f'"{document["version"]}"'}
        if status == 201:
            headers["Location"] = f"/api/v1/blackouts/{document['id']}"
        return Answer(document, status, headers)

    async def _documents(self, rows: Sequence[Mapping[str, Any]], now: datetime) -> list[dict[str, Any]]:
        named = sorted({each for row in rows for each in row["categories"] or ()})
        unknown = set(await self._blackouts.unknown(named)) if named else set[str]()
        zone = self._services.settings().policy.default_timezone
        return [blackout_document(row, zone, now, unknown) for row in rows]


def blackout_document(row: Mapping[str, Any], zone: str, now: datetime, unknown: set[str]) -> dict[str, Any]:
    """Return a row by the names of the document; `unknown` are categories that nobody has."""
    clock: tzinfo = pinned_zone(zone)
    withdrawn = row["withdrawn_at"]
    return {
        "id": str(row["id"]),
        "reason": row["reason"],
        "categories": row["categories"],
        "target": row["target"],
        "from": row["begins_at"].astimezone(clock).isoformat(),
        "to": row["ends_at"].astimezone(clock).isoformat(),
        "timezone": zone,
        "state": state_of(row, now),
        "unknown_categories": [each for each in row["categories"] or () if each in unknown],
        "created_at": row["created_at"].isoformat(),
        "created_by": row["created_by"],
        "withdrawn_at": None if withdrawn is None else withdrawn.isoformat(),
        "withdrawn_by": row["withdrawn_by"],
        "version": row["version"],
    }


def state_of(row: Mapping[str, Any], now: datetime) -> str:
    """Return how a row stands: one of STATES."""
    if row["withdrawn_at"] is not None:
        return "withdrawn"
    if now < row["begins_at"]:
        return "to_come"
    return "in_force" if now < row["ends_at"] else "ended"


def _draft(body: BlackoutIn) -> BlackoutDraft:
    """Return what is asked for. Raises `ProblemError` with every fault of its form."""
    faults: list[Fault] = []
    target = Target()
    try:
        target = Target.from_document(body.target.model_dump())
    except TargetDocumentError as wrong:
        faults += [Fault(each.pointer, "bad_target", each.es, each.en) for each in wrong.faults]
    if faults:
        raise ProblemError("invalid", faults=faults)
    categories = None if body.categories is None else tuple(dict.fromkeys(body.categories))
    return BlackoutDraft(body.reason, categories, target, body.begin, body.end)

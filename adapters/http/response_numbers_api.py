"""`response-numbers`: the pool of numbers that the carrier owns, and what each is assigned to."""

from collections.abc import Mapping, Sequence
from typing import Any

from adapters.http.engagement_shapes import NumberIn, NumberList
from adapters.http.operations import Answer, Call, NoQuery, Operation
from adapters.http.problems import ProblemError
from adapters.http.services import Services
from adapters.postgres.response_numbers import (
    NumberBusyError,
    NumberExistsError,
    NumberUnknownError,
    PostgresResponseNumbers,
)
from engine.access import Principal, Role
from inventory.faults import Fault
from inventory.response_numbers import digits_of

KEEPERS = frozenset({Role.OPS})
WATCHERS = frozenset({Role.ADVERTISER, Role.BRAND_MANAGER, Role.APPROVER, Role.OPS})


def response_numbers_operations(services: Services) -> Sequence[Operation]:
    """Return the operations."""

    async def listed(call: Call[NoQuery, None]) -> Answer:
        rows = await PostgresResponseNumbers(services.pool).listed(services.now())
        return Answer({"items": [_document(row, call.principal) for row in rows]})

    async def add(call: Call[NoQuery, NumberIn]) -> Answer:
        digits = _digits(call.body.number, "/number")
        numbers = PostgresResponseNumbers(services.pool)
        try:
            await numbers.add(digits, call.body.label, principal=call.principal, at=services.now())
        except NumberExistsError:
            es, en = f"{digits} ya está entre los números", f"{digits} is in the pool already"
            raise ProblemError("conflict", faults=[Fault("/number", "known", es, en)]) from None
        rows = await numbers.listed(services.now())
        return Answer({"items": [_document(row, call.principal) for row in rows]}, 201)

    async def retire(call: Call[NoQuery, None]) -> Answer:
        try:
            await PostgresResponseNumbers(services.pool).retire(
                call.path["id"], principal=call.principal, at=services.now()
            )
        except NumberUnknownError:
            raise ProblemError("not_found") from None
        except NumberBusyError:
            raise ProblemError(
                "conflict",
                es="el número está asignado; termine antes la dinámica",
                en="the number is assigned; end the engagement first",
            ) from None
        return Answer()

    return [
        Operation("GET", "/response-numbers", "list_response_numbers",
                  "List the carrier's response numbers and what each is assigned to from now on.",
                  "engagements", listed, roles=WATCHERS, answer=NumberList),
        Operation("POST", "/response-numbers", "add_response_number", "Add a number to the pool.",
                  "engagements", add, roles=KEEPERS, body=NumberIn, answer=NumberList, status=201,
                  problems=("conflict",), example={"number": "55 0123 4567", "label": "poster"}),
        Operation("DELETE", "/response-numbers/{id}", "retire_response_number",
                  "Take a number that is not assigned out of the pool.", "engagements",
                  retire, roles=KEEPERS, status=204, problems=("conflict", "not_found")),
    ]  # fmt: skip


def _digits(text: str, pointer: str) -> str:
    digits = digits_of(text)
    if digits is None:
        raise ProblemError(
            "invalid", faults=[Fault(pointer, "bad_number", "no es un número", "is no number")]
        )
    return digits


def _document(row: Mapping[str, Any], principal: Principal) -> dict[str, Any]:
    return {
        "number": row["digits"],
        "label": row["label"] if principal.is_carrier else "",
        "retired": row["retired_at"] is not None,
        "assignments": [_assignment(each, principal) for each in row["assignments"]],
    }


def _assignment(each: Mapping[str, Any], principal: Principal) -> dict[str, Any]:
    """Return what a number is assigned to; others' engagements are a stretch of time without a name."""
    theirs = principal.is_carrier or (each["brand"] is not None and principal.sees(each["brand"]))
    return {
        "engagement": each["engagement"] if theirs else None,
        "name": each["name"] if theirs else None,
        "option": each["option"] if theirs else None,
        "starts_at": each["from"],
        "ends_at": each["to"],
    }

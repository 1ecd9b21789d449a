"""`missed-calls`: calls that a relay telephone or a cloud provider saw, signed, each taken once."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Annotated, Any

from pydantic import Field

from adapters.http.operations import Answer, Call, NoQuery, Operation, Shape
from adapters.http.problems import ProblemError
from adapters.http.services import Services
from adapters.postgres.leads import PostgresLeads, ReplayedError
from adapters.processes.lead_settling import CallReader
from engine.access import Role
from inventory import leads
from inventory.document import Instant
from inventory.faults import Fault
from inventory.forms import CALL_ID
from inventory.missed_calls import SIGNATURE_HEADER, read_signature
from inventory.response_numbers import digits_of
from segments.numbers import national

MOST_CALLS = 1000
OLDEST = timedelta(hours=24)
"""How old a call may be when it is posted: a relay telephone may have been without a network."""
AHEAD = timedelta(minutes=5)

# What is wrong with a number is told without repeating it.
Number = Annotated[str, Field(min_length=1, max_length=30, repr=False)]


class CallIn(Shape):
    """One missed call; with an `id` of the caller's own it is taken once, however often it is posted."""

    called: Number
    caller: Number
    at: Instant
    id: Annotated[str, Field(pattern=CALL_ID)] | None = None


class CallsIn(Shape):
    """Calls in any order."""

    calls: list[CallIn] = Field(min_length=1, max_length=MOST_CALLS)


class RefusedCall(Shape):
    """A call that became no lead, and why."""

    index: int
    code: str
    es: str
    en: str


class CallsTaken(Shape):
    """How many calls were taken, how many were here before, which can't be leads."""

    taken: int
    known: int
    refused: list[RefusedCall]


def missed_calls_operations(services: Services) -> Sequence[Operation]:
    """Return the operation."""

    async def post(call: Call[NoQuery, CallsIn]) -> Answer:
        signature = read_signature(call.request.headers.get(SIGNATURE_HEADER, ""))
        source = call.principal.id.removeprefix("key:")
        if signature is None or source == call.principal.id:
            raise ProblemError("invalid", faults=[_UNSIGNED])
        now = services.now()
        reader = CallReader(services.seal, services.numbering)
        desk = PostgresLeads(services.pool, reader.seal)
        given = call.body.calls
        digits = [digits_of(each.called) or "" for each in given]
        known = await desk.assigned_since(digits, now - OLDEST)
        good: list[tuple[str | None, leads.Call]] = []
        refused: list[RefusedCall] = []
        for index, (each, number) in enumerate(zip(given, digits, strict=True)):
            found = _read(each, known.get(number, ()), reader, now)
            if isinstance(found, Fault):
                refused.append(RefusedCall(index=index, code=found.code, es=found.es, en=found.en))
            else:
                good.append((each.id, found))
        try:
            taken = await desk.post(source, signature.nonce, good, now=now)
        except ReplayedError:
            raise ProblemError(
                "conflict",
                es="esa solicitud ya se recibió: sus llamadas ya están contadas",
                en="this request was received before: its calls are counted already",
            ) from None
        document = CallsTaken(taken=sum(taken), known=len(taken) - sum(taken), refused=refused)
        return Answer(document.model_dump())

    return [
        Operation("POST", "/missed-calls", "post_missed_calls",
                  "Post missed calls to response numbers, signed with an API key; each is taken once.",
                  "missed-calls", post, roles=frozenset({Role.OPS}), body=CallsIn, answer=CallsTaken,
                  problems=("conflict",), example=_EXAMPLE, rate="1200/minute", signed=True),
    ]  # fmt: skip


def _read(
    given: CallIn, assignments: Sequence[Mapping[str, Any]], reader: CallReader, now: datetime
) -> leads.Call | Fault:
    """Return the call, or why it can be no lead."""
    if not now - OLDEST <= given.at <= now + AHEAD:
        return _fault(
            "too_old", "es de hace más de 24 horas, o del futuro", "is older than 24 hours, or to come"
        )
    caller = national(given.caller.replace(" ", "").encode())
    if not caller:
        return _fault(
            "caller", "quien llama no es un suscriptor mexicano", "the caller is no Mexican subscriber"
        )
    for each in assignments:
        if each["starts"] <= given.at and (each["ends"] is None or given.at < each["ends"]):
            return reader.call(each["number"], given.at.timestamp(), caller, reader.seal.of(caller))
    return _fault("not_live", "ese número no atendía nada entonces", "that number stood for nothing then")


def _fault(code: str, es: str, en: str) -> Fault:
    return Fault("", code, es, en)


_UNSIGNED = Fault(
    SIGNATURE_HEADER,
    "unsigned",
    "firme la solicitud con su clave de API: Authorization: Posdata-HMAC ID y Posdata-Signature",
    "sign the request with your API key: Authorization: Posdata-HMAC ID and Posdata-Signature",
)
_EXAMPLE = {
    "calls": [
        {"called": "33 0000 0001", "caller": "55 0123 4567", "at": "2026-11-24T12:00:00-06:00", "id": "c-1"}
    ]
}

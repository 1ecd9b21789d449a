"""`suppressions` and `consents`: what subscribers chose, one by one or many at once, with proof."""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field

from adapters.files.number_key import load_seal
from adapters.http.operations import Answer, Call, Operation, Query, Shape
from adapters.http.problems import ProblemError
from adapters.http.services import Services
from adapters.postgres.choices import SUPPRESSION, Choices, Word, scope_of
from adapters.postgres.registers import claim_key, on_lists, read_state
from adapters.postgres.subscriber_data import choices_of
from adapters.postgres.suppression_lists import remove_from_lists
from engine.access import Role
from engine.trial_list import trial_subscriber
from inventory.faults import Fault
from segments.seal import Seal

KEEPERS = frozenset({Role.OPS, Role.ADMIN})
MOST = 10_000

Number = Annotated[str, Field(min_length=1, max_length=30, description="A subscriber, in any form.")]
Numbers = Annotated[list[Number], Field(min_length=1, max_length=MOST)]
Text = Annotated[str, Field(min_length=1, max_length=100)]


class SubscriberQuery(Query):
    """Which subscriber."""

    number: Number


class SuppressionIn(Shape):
    """Subscribers to suppress, and how they said so."""

    numbers: Numbers
    source: Text = "http"
    wording: Annotated[str, Field(max_length=1000)] = ""


class ConsentIn(SuppressionIn):
    """Subscribers who consented to a scope, or withdrew from it: a brand, a category, or all ads."""

    allowed: bool
    brand: Text | None = None
    category: Text | None = None


class LiftIn(Shape):
    """A subscriber to take off every list."""

    number: Number
    source: Text = "http"
    wording: Annotated[str, Field(max_length=1000)] = ""


class Recorded(Shape):
    """How many were named, and for how many it changed anything."""

    numbers: int
    changed: int


class Record(Shape):
    """One record of what a subscriber chose."""

    scope: str
    allowed: bool
    source: str
    wording: str
    by: str
    at: str


class SubscriberShape(Shape):
    """What is recorded of a subscriber, newest first."""

    suppressed: bool
    on_lists: bool
    records: list[Record]


def suppressions_operations(services: Services) -> Sequence[Operation]:
    """Return the operations."""

    async def suppress(call: Call[Any, SuppressionIn]) -> Answer:
        return await record(call, call.body, SUPPRESSION, allowed=False)

    async def consent(call: Call[Any, ConsentIn]) -> Answer:
        body = call.body
        if body.brand is not None and body.category is not None:
            raise _fault("/brand", "one_scope", "brand o category, no ambos", "brand or category, not both")
        scope = scope_of(category=body.category, brand=body.brand)
        return await record(call, body, scope, allowed=body.allowed)

    async def record(call: Call[Any, Any], body: SuppressionIn, scope: str, *, allowed: bool) -> Answer:
        numbers = subscribers(body.numbers)
        seal = await sealed(services)
        word = Word(body.source, body.wording, services.now(), call.principal.name)
        async with services.pool.acquire() as connection, connection.transaction():
            changed = await Choices(seal).record(connection, numbers, scope, word, allowed=allowed)
        return Answer({"numbers": len(numbers), "changed": len(changed)})

    async def lift(call: Call[Any, LiftIn]) -> Answer:
        [number] = subscribers([call.body.number], "/number")
        seal = await sealed(services)
        async with services.pool.acquire() as connection, connection.transaction():
            done = await remove_from_lists(
                *(connection, seal, number),
                source=call.body.source,
                wording=call.body.wording,
                by=call.principal.name,
                at=services.now(),
            )
        return Answer({"numbers": 1, "changed": int(done)})

    async def show(call: Call[SubscriberQuery, None], scope: Literal["suppression", "consent"]) -> Answer:
        [number] = subscribers([call.query.number], "?number")
        seal = await sealed(services)
        async with services.pool.acquire() as connection:
            records = await choices_of(connection, seal, number)
            listed = bool(await on_lists(connection, [seal.of(number)]))
        own = next((not each["allowed"] for each in records if each["scope"] == SUPPRESSION), False)
        shown = [each for each in records if (each["scope"] == SUPPRESSION) is (scope == SUPPRESSION)]
        return Answer({"suppressed": own or listed, "on_lists": listed, "records": shown})

    async def suppression(call: Call[SubscriberQuery, None]) -> Answer:
        return await show(call, "suppression")

    async def consents(call: Call[SubscriberQuery, None]) -> Answer:
        return await show(call, "consent")

    return [
        Operation("GET", "/suppressions", "read_suppression", "Tell if and why a subscriber is suppressed.",
                  "suppressions", suppression, roles=KEEPERS, query=SubscriberQuery, answer=SubscriberShape),
        Operation("POST", "/suppressions", "suppress", "Suppress up to 10,000 subscribers.",
                  "suppressions", suppress, roles=KEEPERS, body=SuppressionIn, answer=Recorded),
        Operation("POST", "/suppressions/remove", "remove_suppression", "Take a subscriber off every list.",
                  "suppressions", lift, roles=KEEPERS, body=LiftIn, answer=Recorded),
        Operation("GET", "/consents", "read_consents", "Show a subscriber's consents and withdrawals.",
                  "consents", consents, roles=KEEPERS, query=SubscriberQuery, answer=SubscriberShape),
        Operation("POST", "/consents", "record_consents", "Record up to 10,000 consents or withdrawals.",
                  "consents", consent, roles=KEEPERS, body=ConsentIn, answer=Recorded),
    ]  # fmt: skip


async def sealed(services: Services) -> Seal:
    """Return the node's seal. Raises `ConnectionError`, which answers 503, where it is not the register's."""
    settings = services.settings()
    if services.data_dir is None and settings.privacy.number_key_file is None:
        raise ConnectionError("no node, no key")
    seal = load_seal(settings, services.data_dir or Path(settings.node.data_dir))
    await claim_key(services.pool, seal.check)
    async with services.pool.acquire() as connection:
        if (await read_state(connection)).key_check != seal.check:
            raise ConnectionError("the numbers are sealed with another key")
    return seal


def subscribers(numbers: Sequence[str], pointer: str = "/numbers/{}") -> list[int]:
    """Return the ten digits of each. Raises `ProblemError` with every one that is no subscriber."""
    read, faults = [], []
    for index, number in enumerate(numbers):
        try:
            read.append(trial_subscriber(number))
        except ValueError:
            where = pointer.format(index)
            faults.append(
                Fault(where, "subscriber", "no es un suscriptor mexicano", "is no Mexican subscriber")
            )
    if faults:
        raise ProblemError("invalid", faults=faults)
    return read


def _fault(pointer: str, code: str, es: str, en: str) -> ProblemError:
    return ProblemError("invalid", faults=[Fault(pointer, code, es, en)])

"""`subscribers/export` and `subscribers/erase`: what is kept of one person, shown or erased."""

from collections.abc import Sequence
from typing import Any

from adapters.http.operations import Answer, Call, Operation, Shape
from adapters.http.services import Services
from adapters.http.suppressions_api import KEEPERS, Number, sealed, subscribers
from adapters.postgres.subscriber_data import erase, export


class PersonIn(Shape):
    """Whose data."""

    number: Number


class Person(Shape):
    """All that is kept of a subscriber under their number."""

    subscriber: str
    exported_at: str
    choices: list[dict[str, Any]]
    leads: list[dict[str, Any]]
    lists: list[dict[str, Any]]


class Erased(Shape):
    """How many records were erased."""

    records: int


def subscribers_operations(services: Services) -> Sequence[Operation]:
    """Return the operations."""

    async def exported(call: Call[Any, PersonIn]) -> Answer:
        [number] = subscribers([call.body.number], "/number")
        seal = await sealed(services)
        async with services.pool.acquire() as connection, connection.transaction():
            return Answer(await export(connection, seal, number, by=call.principal.name, at=services.now()))

    async def erased(call: Call[Any, PersonIn]) -> Answer:
        [number] = subscribers([call.body.number], "/number")
        seal = await sealed(services)
        async with services.pool.acquire() as connection, connection.transaction():
            records = await erase(connection, seal, number, by=call.principal.name, at=services.now())
        return Answer({"records": records})

    return [
        Operation("POST", "/subscribers/export", "export_subscriber", "Show what is kept of a subscriber.",
                  "subscribers", exported, roles=KEEPERS, body=PersonIn, answer=Person),
        Operation("POST", "/subscribers/erase", "erase_subscriber", "Erase what is kept of a subscriber.",
                  "subscribers", erased, roles=KEEPERS, body=PersonIn, answer=Erased),
    ]  # fmt: skip

"""The console's way to the API: the same operations, with the same roles, limits and faults."""

from collections.abc import Mapping, Sequence
from typing import Any

from limits import parse
from pydantic import ValidationError

from adapters.http.api import CLOCK, Door
from adapters.http.console.visit import Visit
from adapters.http.operations import Answer, Call, Operation
from adapters.http.problems import ProblemError
from inventory.faults import shape_faults


class Desk:
    """Asks operations by name for whoever is logged in."""

    def __init__(self, operations: Sequence[Operation], door: Door) -> None:
        self._by_name = {operation.name: operation for operation in operations}
        self._door = door

    def allows(self, visit: Visit, name: str) -> bool:
        """Tell whether the visitor's role may ask an operation."""
        return visit.who.role in self._by_name[name].roles

    async def ask(
        self,
        visit: Visit,
        name: str,
        *,
        path: Mapping[str, str] | None = None,
        query: Mapping[str, Any] | None = None,
        body: Any = None,
    ) -> Any:
        """Return the document that an operation answers. Raises `ProblemError`."""
        return (await self.answer(visit, name, path=path, query=query, body=body)).document

    async def answer(
        self,
        visit: Visit,
        name: str,
        *,
        path: Mapping[str, str] | None = None,
        query: Mapping[str, Any] | None = None,
        body: Any = None,
    ) -> Answer:
        """Return an operation's answer. Raises `ProblemError`."""
        operation = self._by_name[name]
        await self._admit(visit, operation)
        try:
            asked = operation.query.model_validate(dict(query or {}))
            given = body if operation.body is None else operation.body.model_validate(body)
        except ValidationError as error:
            model = operation.query if operation.body is None else operation.body
            raise ProblemError("invalid", faults=shape_faults(error, model)) from None
        call = Call(visit.request, visit.who, visit.language, dict(path or {}), asked, given)
        return await operation.handler(call)

    async def _admit(self, visit: Visit, operation: Operation) -> None:
        if visit.who.role not in operation.roles:
            raise ProblemError("forbidden")
        now = visit.request.app[CLOCK]()
        await self._door.limit(operation, parse(operation.rate), visit.who, now)

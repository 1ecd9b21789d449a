"""The console's way to the API: the same operations, with the same roles, limits and faults."""

from collections.abc import Mapping, Sequence
from typing import Any, cast

from aiohttp import web
from limits import parse
from multidict import CIMultiDict
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

    def offers(self, name: str) -> bool:
        """Tell whether this node has an operation."""
        return name in self._by_name

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
        if_match: str | None = None,
    ) -> Any:
        """Return the document that an operation answers. Raises `ProblemError`."""
        answer = await self.answer(visit, name, path=path, query=query, body=body, if_match=if_match)
        return answer.document

    async def answer(
        self,
        visit: Visit,
        name: str,
        *,
        path: Mapping[str, str] | None = None,
        query: Mapping[str, Any] | None = None,
        body: Any = None,
        if_match: str | None = None,
    ) -> Answer:
        """Return an operation's answer. Raises `ProblemError`."""
        operation = self._by_name[name]
        await self._admit(visit, operation)
        try:
            asked = operation.query.model_validate(dict(query or {}))
        except ValidationError as error:
            raise ProblemError("invalid", faults=shape_faults(error, operation.query)) from None
        given = _checked(operation, body)
        request = cast("web.Request", _Asked(visit.request, if_match))
        call = Call(request, visit.who, visit.language, dict(path or {}), asked, given)
        return await operation.handler(call)

    async def _admit(self, visit: Visit, operation: Operation) -> None:
        if visit.who.role not in operation.roles:
            raise ProblemError("forbidden")
        now = visit.request.app[CLOCK]()
        await self._door.limit(operation, parse(operation.rate), visit.who, now)


class _Asked:
    """The browser's request as a handler reads it, under the If-Match that the form stands for."""

    def __init__(self, request: web.Request, if_match: str | None) -> None:
        self._request = request
        self.headers = CIMultiDict(request.headers)
        if if_match is not None:
            self.headers["If-Match"] = if_match

    def __getattr__(self, name: str) -> Any:
        return getattr(self._request, name)


def _checked(operation: Operation, body: Any) -> Any:
    if operation.body is None or operation.raw_body:
        return body
    try:
        return operation.body.model_validate(body)
    except ValidationError as error:
        raise ProblemError("invalid", faults=shape_faults(error, operation.body)) from None

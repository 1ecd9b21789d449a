"""`/docs`: the API's operations as a page, made here: it needs no network and no script."""

import json
from collections.abc import Sequence

from aiohttp import web

from adapters.http.console.pages import Pages
from adapters.http.console.visit import Visit
from adapters.http.operations import Operation
from adapters.http.problems import KINDS


def described_pages(app: web.Application, pages: Pages, operations: Sequence[Operation]) -> None:
    """Add the page."""
    groups: dict[str, list[Operation]] = {}
    for operation in operations:
        groups.setdefault(operation.tag, []).append(operation)

    async def show(visit: Visit) -> web.StreamResponse:
        return visit.page("docs.html", groups=groups, schema=_schema, example=_example, kinds=KINDS)

    app.router.add_get("/docs", pages.outside(show))


def _schema(operation: Operation) -> list[tuple[str, str, bool, str]]:
    """Return the fields of an operation's query and body: name, where, required, description."""
    fields = [(name, "query", each) for name, each in operation.query.model_fields.items()]
    if operation.body is not None:
        fields += [(name, "body", each) for name, each in operation.body.model_fields.items()]
    return [
        (each.alias or name, where, each.is_required(), each.description or "")
        for name, where, each in fields
    ]


def _example(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, indent=2)

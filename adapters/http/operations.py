"""One operation of the API as a value: what it takes, gives, who may; routes and OpenAPI come from it."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Generic, Literal, TypeVar

from aiohttp import web
from pydantic import BaseModel, ConfigDict

from engine.access import EVERYBODY, Principal, Role

Method = Literal["GET", "POST", "PATCH", "PUT", "DELETE"]

MAX_BODY_OCTETS = 1024 * 1024


class Shape(BaseModel):
    """A JSON object of the API: unknown keys are faults, types are not guessed."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, populate_by_name=True)


class Query(BaseModel):
    """Query parameters: everything comes as text, so types are read from it."""

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)


class NoQuery(Query):
    """No query parameters."""


QueryT = TypeVar("QueryT", bound=BaseModel)
BodyT = TypeVar("BodyT")


@dataclass(frozen=True, slots=True)
class Call(Generic[QueryT, BodyT]):
    """One request, checked: who asks, what for, in which language.

    `body` is an instance of the operation's body model, the parsed JSON where the operation checks it
    itself (`raw_body`), or None. `path` holds the path's parameters.
    """

    request: web.Request
    principal: Principal
    language: str
    path: Mapping[str, str]
    query: QueryT
    body: BodyT


@dataclass(frozen=True, slots=True)
class Answer:
    """What a handler gives back: a JSON document, or octets with their content type.

    A `large` document is written in a thread.
    """

    document: Any = None
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    octets: bytes | None = None
    content_type: str = "application/json"
    large: bool = False


Handler = Callable[[Any], Awaitable[Answer]]


@dataclass(frozen=True, slots=True)
class Operation:
    """One method of one path.

    `path` is below /api/v1 with `{name}` parameters; `name` the operationId; `tag` groups it and is
    what a key's scope names. `problems` are kinds of problem beyond those that any operation may
    answer. `answers` are further media types beside JSON. `repeatable` operations take an
    Idempotency-Key; `signed` ones may be signed with a key in place of bearing it; `etag` says that the
    answer carries one and, on a write, that If-Match is needed.
    """

    method: Method
    path: str
    name: str
    summary: str
    tag: str
    handler: Handler
    roles: frozenset[Role] = EVERYBODY
    query: type[BaseModel] = NoQuery
    body: type[BaseModel] | None = None
    raw_body: bool = False
    body_types: tuple[str, ...] = ("application/json",)
    answer: type[BaseModel] | None = None
    answers: tuple[str, ...] = ()
    status: int = 200
    problems: tuple[str, ...] = ()
    etag: bool = False
    signed: bool = False
    example: Any = None
    answer_example: Any = None
    max_octets: int = MAX_BODY_OCTETS
    rate: str = "600/minute"

    @property
    def writes(self) -> bool:
        """Tell whether it changes anything."""
        return self.method != "GET"

    @property
    def repeatable(self) -> bool:
        """Tell whether it takes an Idempotency-Key."""
        return self.method == "POST"

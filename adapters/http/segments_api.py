"""`segments/…`: the names a target may use."""

from collections.abc import Sequence
from typing import Any

from pydantic import Field

from adapters.http.operations import Answer, Call, Operation, Query, Shape
from engine.access import EVERYBODY
from segments.geography import Geography, fold

MOST = 3000


class SegmentsQuery(Query):
    """What to look for."""

    q: str = Field(default="", max_length=100, description="Part of a name or code; accents don't matter.")
    state: str = Field(default="", max_length=10, description="Only those of a state, such as MX-JAL.")
    limit: int = Field(default=100, ge=1, le=MOST)


class Segment(Shape):
    """One name: what a target writes, and what people read."""

    code: str
    name: str
    state: str | None = None


class Segments(Shape):
    """Names in alphabetical order."""

    items: list[Segment]


def segments_operations(geography: Geography) -> Sequence[Operation]:
    """Return the operations; the names never change while the program runs."""
    named = geography.municipalities
    lists = {
        "states": [Segment(code=one.code, name=one.name) for one in geography.states.values()],
        "cities": [
            Segment(code=one.label, name=one.name, state=one.state) for one in geography.cities.values()
        ],
        "ladas": [Segment(code=one.code, name=one.city, state=one.state) for one in geography.ladas.values()],
        "municipalities": [Segment(code=one.code, name=one.name, state=one.state) for one in named.values()],
    }
    return [_operation(kind, segments) for kind, segments in lists.items()]


def _operation(kind: str, segments: Sequence[Segment]) -> Operation:
    ordered = sorted(segments, key=lambda one: (fold(one.name), one.code))
    folded = [(fold(f"{one.code} {one.name}"), one) for one in ordered]

    async def find(call: Call[SegmentsQuery, Any]) -> Answer:
        wanted, state = fold(call.query.q), call.query.state
        found = [
            one.model_dump()
            for text, one in folded
            if wanted in text and (not state or state in {one.state, one.code})
        ]
        return Answer({"items": found[: call.query.limit]})

    return Operation(
        "GET",
        f"/segments/{kind}",
        f"list_{kind}",
        f"List {kind} that a target may name.",
        "segments",
        find,
        roles=EVERYBODY,
        query=SegmentsQuery,
        answer=Segments,
        answer_example={"items": [ordered[0].model_dump()]},
    )

"""`texts/check`: is this text allowed, and if not, why and what instead."""

from collections.abc import Sequence
from typing import Literal

from pydantic import Field

from adapters.http.operations import Answer, Call, NoQuery, Operation, Shape
from engine.access import EVERYBODY
from validators.check import check
from validators.rules import RuleSet


class TextToCheck(Shape):
    """One creative text."""

    text: str = Field(max_length=1000)
    profile: Literal["specification", "channel"] = "specification"


class FindingShape(Shape):
    """One fault of a text; `start` and `length` count characters."""

    rule: str
    severity: Literal["error", "warning"]
    start: int
    length: int
    text: str
    es: str
    en: str


class VerdictShape(Shape):
    """What a check found; `ok` is true when no finding is an error."""

    ok: bool
    profile: str
    characters: int
    septets: int
    limit: int
    findings: list[FindingShape]
    suggestion: str | None


def texts_operations(rules: RuleSet) -> Sequence[Operation]:
    """Return the operation."""

    async def check_text(call: Call[NoQuery, TextToCheck]) -> Answer:
        return Answer(check(call.body.text, rules, call.body.profile).as_document())

    example = "Buen Fin en tienda sol, 40 de descuento. Marca 5512345678"
    return [
        Operation(
            "POST",
            "/texts/check",
            "check_text",
            "Check a creative text.",
            "texts",
            check_text,
            roles=EVERYBODY,
            body=TextToCheck,
            answer=VerdictShape,
            example={"text": example},
            answer_example=check(example, rules).as_document(),
        )
    ]

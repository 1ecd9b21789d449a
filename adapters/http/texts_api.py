"""`texts/check`: is this text allowed, if not, why and what instead; and which traffic has room for it."""

import json
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any, Literal

from pydantic import Field

from adapters.http.campaign_shapes import FitsShape, TargetShape
from adapters.http.fitting import key
from adapters.http.operations import Answer, Call, NoQuery, Operation, Shape
from adapters.http.problems import ProblemError
from adapters.http.services import Services
from engine.access import EVERYBODY
from inventory.faults import Fault
from inventory.response_numbers import UNSHOWN, digits_of, unshown
from segments.geography import Geography
from segments.targets import Target, TargetDocumentError, check_target
from validators.check import check


class TextToCheck(Shape):
    """One creative text."""

    text: str = Field(max_length=1000)
    profile: Literal["specification", "channel"] = "specification"
    target: TargetShape = Field(default=TargetShape(), description="Whose traffic it should fit.")
    response_number: str | None = Field(
        default=None, max_length=30, description="The campaign's: a text that does not show it is a warning."
    )


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
    """What a check found; `ok` is true when no finding is an error.

    `fits` tells which share of the target's traffic has room for the text; null where no SMS can carry it.
    """

    ok: bool
    profile: str
    characters: int
    septets: int
    limit: int
    findings: list[FindingShape]
    suggestion: str | None
    fits: FitsShape | None


# Targets whose faults are remembered: a text is checked again and again as it is typed, for one target.
_TARGETS = 100
FITS = {"share": 0.97, "length_wanted": 70, "cold_start": True}


def texts_operations(services: Services) -> Sequence[Operation]:
    """Return the operation."""

    def checked(asked: TextToCheck) -> dict[str, Any]:
        return check(asked.text, services.rules, asked.profile).as_document()

    @lru_cache(_TARGETS)
    def target_faults(target: str) -> list[Fault]:
        return _target_faults(json.loads(target), services.geography)

    async def check_text(call: Call[NoQuery, TextToCheck]) -> Answer:
        target = key(call.body.target)
        if faults := target_faults(target):
            raise ProblemError("invalid", faults=faults)
        fits = await services.fitting.of(call.body.text, target, services)
        verdict = checked(call.body)
        return Answer(
            {**verdict, "findings": [*verdict["findings"], *_unshown_findings(call.body)], "fits": fits}
        )

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
            example={"text": example, "target": {"include": [{"state": "MX-JAL"}], "exclude": []}},
            answer_example={**checked(TextToCheck(text=example)), "fits": FITS},
        )
    ]


def _unshown_findings(asked: TextToCheck) -> list[dict[str, Any]]:
    """Return the warning that a text lacks the number that people are to call."""
    digits = digits_of(asked.response_number or "")
    return [
        {
            "rule": UNSHOWN, "severity": "warning", "start": 0, "length": 0, "text": "",
            "es": f"No muestra el número de respuesta {digits}: nadie sabrá a dónde llamar.",
            "en": f"It does not show the response number {digits}: nobody will know where to call.",
        }
        for _ in unshown([asked.text], digits)
    ]  # fmt: skip


def _target_faults(document: Mapping[str, Any], geography: Geography) -> list[Fault]:
    try:
        unknown = check_target(Target.from_document(document), geography)
    except TargetDocumentError as refused:
        return [Fault(fault.pointer, "bad_target", fault.es, fault.en) for fault in refused.faults]
    return [Fault(fault.pointer, "unknown_place", fault.es, fault.en) for fault in unknown]

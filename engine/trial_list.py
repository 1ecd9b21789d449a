"""The trial list as a setting: subscribers in any form that notifications come in, or a file of them."""

from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import BeforeValidator, Field, PlainValidator

from inventory.faults import custom_fault
from segments.numbers import national, refusal

# A trial list is a list of people who know of it, not a segment.
TRIAL_LIMIT = 100_000

# What a person types between the digits of a number.
_TYPED = str.maketrans("", "", " -()")


@dataclass(frozen=True, slots=True)
class TrialFile:
    """A file of subscribers that stands for the list; whoever reads the settings puts its numbers there."""

    path: str


def trial_subscriber(text: str) -> int:
    """Return the ten digits of a number in any form that notifications come in.

    Raises `ValueError` with why it is no Mexican subscriber; the number itself is not in it.
    """
    address = text.translate(_TYPED).encode(errors="replace")
    if not (subscriber := national(address)):
        raise ValueError(f"is no Mexican subscriber ({refusal(address)})")
    return subscriber


def _trial(value: object) -> object:
    if isinstance(value, str) and value:
        return (TrialFile(value),)
    return tuple(value) if isinstance(value, list) else value


def _on_trial(value: object) -> int | TrialFile:
    if isinstance(value, TrialFile):
        return value
    if isinstance(value, bool) or not isinstance(value, int | str):
        raise custom_fault("subscriber", "debe ser un número de teléfono", "must be a phone number")
    try:
        return trial_subscriber(str(value))
    except ValueError as error:
        raise custom_fault("subscriber", "no es un suscriptor mexicano", str(error)) from None


def _handset(value: object) -> int:
    subscriber = _on_trial(value)
    assert isinstance(subscriber, int)  # noqa: S101  # files are told by _trial alone
    return subscriber


Handsets = Annotated[
    tuple[Annotated[int, PlainValidator(_handset)], ...],
    BeforeValidator(lambda value: tuple(value) if isinstance(value, list) else value),
    Field(max_length=100),
]
"""Verified handsets: subscribers in any form that notifications come in."""

Subscribers = (
    Annotated[
        tuple[Annotated[Any, PlainValidator(_on_trial)], ...],
        BeforeValidator(_trial),
        Field(max_length=TRIAL_LIMIT),
    ]
    | None
)

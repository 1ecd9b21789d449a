"""Availability: the answer to how many can be bought, with what stands in the way of more.

Quantities are notifications. The forecast's uncertainty is told by two figures: P50, what is
expected, and P20, what is reached with 80 % probability.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Literal

from inventory.campaign import CampaignClass

SellOn = Literal["p20", "p50"]

# Fewer bookings than this are not told apart from one another's owners (DESIGN: roles).
FEWEST_TOLD = 3

# Below this share of its quantity at the end a booking is at risk.
RISK_SHARE = 0.98


class Emptiness(StrEnum):
    """Why a booking could use nothing at all."""

    EMPTY_TARGET = "empty_target"
    PAST = "past"
    TOO_SOON = "too_soon"
    BEYOND_FORECAST = "beyond_forecast"
    NO_HOURS = "no_hours"
    BLACKOUT = "blackout"
    NO_ROOM = "no_room"
    NO_SUPPLY = "no_supply"


REASONS: Mapping[Emptiness, tuple[str, str]] = {
    Emptiness.EMPTY_TARGET: (
        "El segmento no abarca ningún lugar: lo excluido quita todo lo incluido.",
        "The target covers no place: what is excluded takes all that is included.",
    ),
    Emptiness.PAST: ("Las fechas ya pasaron.", "The dates have passed."),
    Emptiness.TOO_SOON: (
        "Las fechas terminan antes de que pueda empezar: corre el plazo desde la aprobación.",
        "The dates end before it could begin: the lead time runs from approval.",
    ),
    Emptiness.BEYOND_FORECAST: (
        "Las fechas quedan más allá del pronóstico.",
        "The dates lie beyond the forecast.",
    ),
    Emptiness.NO_HOURS: (
        "Sus horas y las horas de silencio no dejan ninguna en esas fechas.",
        "Its hours and the quiet hours leave no time within the dates.",
    ),
    Emptiness.BLACKOUT: (
        "Hay veda para su giro en todo lo que podría usar.",
        "A blackout of its category covers all that it could use.",
    ),
    Emptiness.NO_ROOM: (
        "El texto no cabe en ninguna notificación del segmento.",
        "The text fits no notification of the target.",
    ),
    Emptiness.NO_SUPPLY: (
        "No se espera ninguna notificación en ese segmento y esas fechas.",
        "No notification is expected for this target on these dates.",
    ),
}
"""A sentence for each, in Spanish and English."""


@dataclass(frozen=True, slots=True)
class Availability:
    """How many can be bought: `p20` and `p50` beside what was sold, of `reached` and `expected` in all.

    Guaranteed bookings are sold on `sold_on`, others on P50 of what guaranteed ones leave. `quiet_cost`,
    `blackout_cost` and `room_cost` are expected notifications that quiet hours, blackouts and the text's
    length rule out.
    `counted_until` (UTC seconds) is where the forecast ends; what goes on after it counts in proportion.
    `cold_start`: too little was counted yet, the forecast rests on assumed traffic.
    """

    sold_on: SellOn
    p20: int = 0
    p50: int = 0
    expected: int = 0
    reached: int = 0
    quiet_cost: int = 0
    blackout_cost: int = 0
    room_cost: int = 0
    reason: Emptiness | None = None
    counted_until: float | None = None
    cold_start: bool = False

    @property
    def available(self) -> int:
        """What can be promised."""
        return self.p20 if self.sold_on == "p20" else self.p50

    def document(self) -> dict[str, Any]:
        """Return it by the names that documents give it."""
        sentences = None if self.reason is None else REASONS[self.reason]
        return {
            "available": self.available,
            "sold_on": self.sold_on,
            "p20": self.p20,
            "p50": self.p50,
            "eligible": {"p20": self.reached, "p50": self.expected},
            "cost": {
                "quiet_hours": self.quiet_cost,
                "blackout": self.blackout_cost,
                "room": self.room_cost,
            },
            "reason": None if self.reason is None else self.reason.value,
            "reason_es": None if sentences is None else sentences[0],
            "reason_en": None if sentences is None else sentences[1],
            "counted_until": self.counted_until,
            "cold_start": self.cold_start,
        }


@dataclass(frozen=True, slots=True)
class Rival:
    """A booking that stands in the way (or would lose `units`): names are for carrier roles only."""

    id: str
    name: str
    campaign_class: CampaignClass
    units: int


@dataclass(frozen=True, slots=True)
class Tight:
    """A day or a state (`label`) of a booking, and the share (0–1) of its traffic there that is taken."""

    label: str
    share: float


@dataclass(frozen=True, slots=True)
class Contention:
    """Who stands in the way of the wanted quantity, and what forcing it would do.

    `contending` hold units that the booking would need (the units lie in cells that it may use);
    `displaced` would lose units, lower classes first. `days` and `states` are its tightest.
    """

    missing: int
    contending: tuple[Rival, ...] = ()
    displaced: tuple[Rival, ...] = ()
    days: tuple[Tight, ...] = ()
    states: tuple[Tight, ...] = ()

    def document(self, *, carrier: bool) -> dict[str, Any]:
        """Return it by the names that documents give it.

        Without `carrier` other people's bookings are quantities by class, of FEWEST_TOLD bookings or more.
        """
        return {
            "missing": self.missing,
            "contending": _told(self.contending, carrier=carrier),
            "displaced": _told(self.displaced, carrier=carrier),
            "tight": {
                "days": [{"day": each.label, "taken": round(each.share, 4)} for each in self.days],
                "states": [{"state": each.label, "taken": round(each.share, 4)} for each in self.states],
            },
        }


@dataclass(frozen=True, slots=True)
class Prospect:
    """What a live booking is expected to have at its end: shares (0–1) of its quantity."""

    id: str
    name: str
    campaign_class: CampaignClass
    quantity: int
    p20: float
    p50: float
    sold_on: SellOn

    @property
    def at_risk(self) -> bool:
        """Whether it is expected to end short, on the figure that its class is sold on."""
        return (self.p20 if self.sold_on == "p20" else self.p50) < RISK_SHARE

    def document(self) -> dict[str, Any]:
        """Return it by the names that documents give it."""
        return {
            "id": self.id,
            "name": self.name,
            "class": self.campaign_class.value,
            "quantity": self.quantity,
            "expected_at_end": {"p20": round(self.p20, 4), "p50": round(self.p50, 4)},
            "at_risk": self.at_risk,
        }


def _told(rivals: tuple[Rival, ...], *, carrier: bool) -> list[dict[str, Any]]:
    told = []
    for each in CampaignClass:
        mine = [rival for rival in rivals if rival.campaign_class is each]
        if mine:
            units = sum(rival.units for rival in mine)
            names = [{"id": rival.id, "name": rival.name, "units": rival.units} for rival in mine]
            told.append(
                {"class": each.value, "units": units, "bookings": names}
                if carrier
                else {"class": each.value, "units": units if len(mine) >= FEWEST_TOLD else None}
            )
    return told

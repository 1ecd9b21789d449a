"""The shapes of availability and holds in the API's document."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import Field

from adapters.http.campaign_shapes import HoursShape, Identifier, Instant, TargetShape
from adapters.http.operations import Shape
from inventory.frequency import LONGEST_SPACING, CapDocument

Class = Literal["guaranteed", "standard", "house"]
Units = Annotated[int, Field(ge=1, le=10**12)]


class WishIn(Shape):
    """What is asked for: places, dates, hours, texts or their length, and how many are wanted."""

    target: TargetShape = TargetShape()
    begin: Instant = Field(alias="from")
    end: Instant = Field(alias="to")
    hours: list[HoursShape] = Field(default_factory=list)
    texts: list[str] | None = Field(default=None, min_length=1, max_length=100)
    length: int | None = Field(default=None, ge=0, le=160, description="Of the shortest text, in septets.")
    campaign_class: Class = Field(default="standard", alias="class")
    category: str = Field(default="", max_length=100, description="Blackouts may concern it.")
    frequency_caps: list[CapDocument] = Field(default_factory=list, max_length=20)
    spacing_minutes: int | None = Field(default=None, ge=1, le=LONGEST_SPACING)


class AvailabilityIn(WishIn):
    """A question; without `quantity` just how many there are. `suggestions` take a while."""

    quantity: Units | None = None
    suggestions: bool = True


class HoldIn(WishIn):
    """A quantity to keep for half an hour."""

    name: str = Field(min_length=1, max_length=100)
    quantity: Units


class ConfirmIn(Shape):
    """The draft that is submitted with the hold."""

    campaign: Identifier


class FiguresShape(Shape):
    """Reached with 80 % probability, and expected."""

    p20: int
    p50: int


class CostShape(Shape):
    """Expected notifications that are ruled out."""

    quiet_hours: int
    blackout: int
    room: int


class RivalShape(Shape):
    """A booking that stands in the way."""

    id: str
    name: str
    units: int


class RivalsShape(Shape):
    """A class's bookings that stand in the way; `bookings` for the carrier's roles alone."""

    campaign_class: Class = Field(alias="class")
    units: int | None = Field(description="Null where they are fewer than three.")
    bookings: list[RivalShape] | None = None


class TightDayShape(Shape):
    """A day, and the share (0–1) of its traffic that is taken."""

    day: str
    taken: float


class TightStateShape(Shape):
    """A state, and the share (0–1) of its traffic that is taken."""

    state: str
    taken: float


class TightShape(Shape):
    """Where others hold nearly all."""

    days: list[TightDayShape]
    states: list[TightStateShape]


class SuggestionShape(Shape):
    """One thing to change (its fields stand beside), how many there would be, and how many more."""

    change: Literal["dates", "target", "text"]
    available: int
    gain: int
    begin: str | None = Field(default=None, alias="from")
    end: str | None = Field(default=None, alias="to")
    target: TargetShape | None = None
    length: int | None = None


class AvailabilityShape(Shape):
    """The answer. `available` is what can be promised, on the figure that the class is sold on."""

    available: int
    wanted: int
    enough: bool
    missing: int
    sold_on: Literal["p20", "p50"]
    p20: int
    p50: int
    eligible: FiguresShape
    cost: CostShape
    reason: str | None
    reason_es: str | None
    reason_en: str | None
    counted_from: str
    counted_until: str | None
    cold_start: bool
    contending: list[RivalsShape]
    displaced: list[RivalsShape]
    tight: TightShape
    suggestions: list[SuggestionShape]


class HoldShape(Shape):
    """A quantity that is kept until `expires_at`; it serves from `from` on, after the lead time."""

    id: str
    name: str
    campaign_class: Class = Field(alias="class")
    target: TargetShape
    begin: str = Field(alias="from")
    end: str = Field(alias="to")
    hours: list[HoursShape]
    length: int
    quantity: int
    expires_at: str


class HoldList(Shape):
    """Holds, the first to expire first."""

    items: list[HoldShape]


WISH_EXAMPLE: Mapping[str, Any] = {
    "target": {"include": [{"state": "MX-JAL"}], "exclude": []},
    "from": "2026-11-26T09:00:00-06:00",
    "to": "2026-11-30T21:00:00-06:00",
    "hours": [{"from": "09:00", "to": "20:00"}],
    "texts": ["Buen Fin en tienda sol, 40 de descuento. Marca 5512345678"],
    "class": "guaranteed",
    "quantity": 100000,
}

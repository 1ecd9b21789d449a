"""How often one subscriber may see ads, and at what distance: the rules as values, and as documents."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

MOST_COUNT = 200
"""The highest cap; a counter has one octet."""

LONGEST_SPACING = 7 * 24 * 60
"""Minutes; what is longer is a cap per week."""

CATEGORY = "category:"
"""What an entry of `exclude_brands` begins with that names a category instead of a brand."""


class Per(StrEnum):
    """A calendar window on the subscriber's clock (weeks begin on Monday), or a campaign's flight."""

    HOUR = "hour"
    DAY = "day"
    WEEK = "week"
    FLIGHT = "flight"


class Scope(StrEnum):
    """Whose ads are counted: this campaign's, those of its brand, or all."""

    CAMPAIGN = "campaign"
    BRAND = "brand"
    GLOBAL = "global"


@dataclass(frozen=True, slots=True)
class FrequencyCap:
    """At most `count` ads to one subscriber per window."""

    count: int
    per: Per
    scope: Scope

    def document(self) -> dict[str, int | str]:
        """Return it by the names that documents give it."""
        return {"count": self.count, "per": self.per.value, "scope": self.scope.value}


class CapDocument(BaseModel):
    """A cap in a campaign's document."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    count: int = Field(ge=1, le=MOST_COUNT)
    per: Literal["hour", "day", "week", "flight"]
    scope: Literal["campaign", "brand", "global"] = "campaign"

    @property
    def cap(self) -> FrequencyCap:
        """The cap as a value."""
        return FrequencyCap(self.count, Per(self.per), Scope(self.scope))

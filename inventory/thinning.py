"""What caps leave of a campaign's supply: at most so many of a subscriber's notifications in each window.

How many notifications a subscriber gets in a window, once there is one, is taken to be geometric with mean m.
Of k notifications min(k, n) may carry a capped ad, so the usable share is 1 - (1 - 1/m)^n. The mean of a day
is declared; longer windows have so many days of it, shorter ones their part of what comes beside the first.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from inventory.books import ServingCampaign
from inventory.frequency import FrequencyCap, Per
from inventory.supply import Counts

NOTIFICATIONS_A_DAY = 1.5
"""The mean for a subscriber who gets any that day: declared, not measured (docs/caps.md)."""

_DAY_S = 86_400.0
_DAY_MINUTES = 1440.0
_DAYS = {Per.HOUR: 1 / 24, Per.DAY: 1.0, Per.WEEK: 7.0}


def usable_share(caps: Sequence[FrequencyCap], spacing_minutes: int | None, flight_s: float) -> float:
    """Return which share (0-1) of its eligible notifications a campaign can use, as its tightest rule says.

    Caps of brands and of all ads are taken as if no other campaign used them up.
    """
    flight_days = max(1.0, flight_s / _DAY_S)
    shares = [_share(cap.count, _DAYS.get(cap.per, flight_days)) for cap in caps]
    if spacing_minutes:
        shares.append(_share(1, spacing_minutes / _DAY_MINUTES))
    return min(shares, default=1.0)


def _share(count: int, days: float) -> float:
    beside = (NOTIFICATIONS_A_DAY - 1) * days
    mean = NOTIFICATIONS_A_DAY * days if days >= 1 else 1 + beside
    return 1.0 - (1.0 - 1.0 / mean) ** count


@dataclass(frozen=True, slots=True)
class CappedSupply:
    """What the planner is told of caps: its port `ReducedSupply`. `caps` are the carrier's own."""

    caps: tuple[FrequencyCap, ...] = ()

    def lost(self, serving: Sequence[ServingCampaign]) -> Counts:
        """Return the share (0-1) of its supply that each campaign can't use, in order."""
        return np.array(
            [
                1.0
                - usable_share(
                    (*self.caps, *each.campaign.frequency_caps),
                    each.campaign.spacing_minutes,
                    (each.campaign.ends_at - each.campaign.starts_at).total_seconds(),
                )
                for each in serving
            ],
            dtype=np.float64,
        )

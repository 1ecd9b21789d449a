"""The harm breaker: stops a creative version that the SMSC refuses more often than notifications without ads.

A version is harmful when, of at least MIN_ANSWERS answers to its insertions,

    lower bound of refused / answered  >  upper bound of refused / answered without an ad  +  MARGIN

with the bounds of Wilson's score interval at Z standard deviations (E. B. Wilson, JASA 22, 1927).
Both sides count the same stretch of time: what was answered since the version's window began, up to
WINDOW answers to it. The bare side holds notifications that passed and the bare retries. Where fewer
than MIN_ANSWERS of them were answered, their rate is taken to be at most ASSUMED_BARE_RATE.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from math import sqrt

from inventory.plan import PlannedCampaign

# One verdict in about 740 is wrong by chance where nothing is wrong, before the margin (one-sided).
Z = 3.0
MARGIN = 0.05
MIN_ANSWERS = 30
WINDOW = 1000
ASSUMED_BARE_RATE = 0.5

SAYS_NOTHING = frozenset((0x04, 0x08, 0x14, 0x58, 0x64))
"""Statuses that say nothing of the message: ESME_RINVBNDSTS, ESME_RSYSERR, ESME_RMSGQFUL,
ESME_RTHROTTLED, ESME_RX_T_APPN (SMPP 3.4 §5.1.3)."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """A version that does harm, with the answers that say so."""

    campaign: int
    creative_version: int
    answered: int
    refused: int
    bare: int
    bare_refused: int


def bounds(refused: int, answered: int) -> tuple[float, float]:
    """Return Wilson's lower and upper bound of a refusal rate; (0, 1) without an answer."""
    if answered == 0:
        return 0.0, 1.0
    rate = refused / answered
    scale = 1 + Z * Z / answered
    middle = (rate + Z * Z / (2 * answered)) / scale
    half = Z / scale * sqrt(rate * (1 - rate) / answered + Z * Z / (4 * answered * answered))
    return max(0.0, middle - half), min(1.0, middle + half)


def is_harmful(answered: int, refused: int, bare: int, bare_refused: int) -> bool:
    """Tell whether a version does harm (the module's formula)."""
    if answered < MIN_ANSWERS:
        return False
    bare_rate = bounds(bare_refused, bare)[1] if bare >= MIN_ANSWERS else ASSUMED_BARE_RATE
    return bounds(refused, answered)[0] > bare_rate + MARGIN


class _Tally:
    """One version's window: its answers, and where the bare side stood when it began."""

    __slots__ = ("answered", "bare_from", "bare_refused_from", "campaign", "refused")

    def __init__(self, campaign: int, bare: int, bare_refused: int) -> None:
        self.campaign = campaign
        self.answered = 0
        self.refused = 0
        self.bare_from = bare
        self.bare_refused_from = bare_refused


class Breaker:
    """One worker's breaker. `bare` and `bare_refused` count answers to notifications without an ad."""

    __slots__ = ("_everywhere", "_tallies", "_verdicts", "bare", "bare_refused")

    def __init__(self) -> None:
        self.bare = 0
        self.bare_refused = 0
        self._tallies: dict[int, _Tally] = {}
        self._verdicts: dict[int, Verdict] = {}
        self._everywhere: frozenset[int] = frozenset()

    @property
    def harmful(self) -> frozenset[int]:
        """The versions that may not be used: those found here, and those found anywhere."""
        return self._everywhere | self._verdicts.keys()

    def accepted(self, campaign: int, creative_version: int) -> None:
        """Count an insertion that the SMSC accepted."""
        self._tally(campaign, creative_version).answered += 1

    def refused(self, campaign: int, creative_version: int, status: int) -> None:
        """Count an insertion that the SMSC refused, unless the status says nothing of the message."""
        if status not in SAYS_NOTHING:
            tally = self._tally(campaign, creative_version)
            tally.answered += 1
            tally.refused += 1

    def judge(self) -> Sequence[Verdict]:
        """Return the versions found harmful since the last call; call it about once a second."""
        found = []
        for version, tally in list(self._tallies.items()):
            bare, bare_refused = self.bare - tally.bare_from, self.bare_refused - tally.bare_refused_from
            if is_harmful(tally.answered, tally.refused, bare, bare_refused):
                found.append(
                    Verdict(tally.campaign, version, tally.answered, tally.refused, bare, bare_refused)
                )
            elif tally.answered < WINDOW:
                continue
            del self._tallies[version]
        new = [verdict for verdict in found if verdict.creative_version not in self.harmful]
        self._verdicts |= {verdict.creative_version: verdict for verdict in new}
        return new

    def hear(self, everywhere: frozenset[int]) -> bool:
        """Take over what is harmful everywhere; what no longer is, is tried again. True when it matters."""
        before = self.harmful
        for lifted in self._everywhere - everywhere:
            self._verdicts.pop(lifted, None)
            self._tallies.pop(lifted, None)
        self._everywhere = everywhere
        return self.harmful != before

    def untold(self) -> Sequence[Verdict]:
        """Return the verdicts that are not known everywhere yet."""
        return [each for version, each in self._verdicts.items() if version not in self._everywhere]

    def _tally(self, campaign: int, creative_version: int) -> _Tally:
        tally = self._tallies.get(creative_version)
        if tally is None:
            tally = self._tallies[creative_version] = _Tally(campaign, self.bare, self.bare_refused)
        return tally


def without(
    catalogue: Iterable[PlannedCampaign], harmful: frozenset[int]
) -> tuple[tuple[PlannedCampaign, ...], frozenset[int]]:
    """Return a catalogue without harmful versions, slot by slot, and the campaigns left without a text."""
    kept = tuple(
        replace(planned, creatives=tuple(one for one in planned.creatives if one.version not in harmful))
        for planned in catalogue
    )
    return kept, frozenset(planned.number for planned in kept if not planned.creatives)

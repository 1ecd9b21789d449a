"""The harm breaker: stops a creative version that the SMSC refuses more often than notifications without ads.

A version is harmful when, of at least MIN_ANSWERS answers to its insertions,

    lower bound of refused / answered  >  upper bound of refused / answered without an ad  +  MARGIN

with the bounds of Wilson's score interval at Z standard deviations (E. B. Wilson, JASA 22, 1927).
Both sides count the same stretch of time: what was answered since the version's window began, up to
WINDOW answers to it. The bare side holds notifications that passed and the bare retries. Where fewer
than MIN_ANSWERS of them were answered, their rate is taken to be at most ASSUMED_BARE_RATE.
"""

from collections.abc import Mapping, Sequence
from math import sqrt
from typing import Final

from engine.verdict import Verdict

# One verdict in about 740 is wrong by chance where nothing is wrong, before the margin (one-sided).
Z: Final = 3.0
MARGIN: Final = 0.05
MIN_ANSWERS: Final = 30
WINDOW: Final = 1000
ASSUMED_BARE_RATE: Final = 0.5

SAYS_NOTHING: Final = frozenset((0x04, 0x08, 0x14, 0x58, 0x64))
"""Statuses that say nothing of the message: ESME_RINVBNDSTS, ESME_RSYSERR, ESME_RMSGQFUL,
ESME_RTHROTTLED, ESME_RX_T_APPN (SMPP 3.4 §5.1.3)."""


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


class Tally:
    """One version's window: its answers, and where the bare side stood when it began."""

    __slots__ = ("answered", "bare_from", "bare_refused_from", "campaign", "refused", "version")

    def __init__(self, campaign: int, version: int) -> None:
        self.campaign = campaign
        self.version = version
        self.answered = 0
        self.refused = 0
        self.bare_from = 0
        self.bare_refused_from = 0


class Breaker:
    """One worker's breaker. `bare` and `bare_refused` count answers to notifications without an ad.

    A version's tally counts from its first answer on; it belongs to the text that is served, and
    `tallies` holds those that count, so that a text made anew goes on with the same.
    """

    __slots__ = ("_everywhere", "_tallies", "_verdicts", "bare", "bare_refused")

    def __init__(self) -> None:
        self.bare = 0
        self.bare_refused = 0
        self._tallies: dict[int, Tally] = {}
        self._verdicts: dict[int, Verdict] = {}
        self._everywhere: frozenset[int] = frozenset()

    @property
    def tallies(self) -> Mapping[int, Tally]:
        """The tallies that count, by creative version."""
        return self._tallies

    @property
    def harmful(self) -> frozenset[int]:
        """The versions that may not be used: those found here, and those found anywhere."""
        return self._everywhere | frozenset(self._verdicts)

    def accepted(self, tally: Tally) -> None:
        """Count an insertion that the SMSC accepted."""
        if not tally.answered:
            tally = self._counting(tally)
        tally.answered += 1

    def refused(self, tally: Tally, status: int) -> None:
        """Count an insertion that the SMSC refused, unless the status says nothing of the message."""
        if status not in SAYS_NOTHING:
            tally = self._counting(tally)
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
            tally.answered = tally.refused = 0
        new = [verdict for verdict in found if verdict.creative_version not in self.harmful]
        self._verdicts |= {verdict.creative_version: verdict for verdict in new}
        return new

    def hear(self, everywhere: frozenset[int]) -> bool:
        """Take over what is harmful everywhere; what no longer is, is tried again. True when it matters."""
        before = self.harmful
        for lifted in self._everywhere - everywhere:
            self._verdicts.pop(lifted, None)
            self._forget(lifted)
        self._everywhere = everywhere
        return self.harmful != before

    def untold(self) -> Sequence[Verdict]:
        """Return the verdicts that are not known everywhere yet."""
        return [each for version, each in self._verdicts.items() if version not in self._everywhere]

    def _counting(self, tally: Tally) -> Tally:
        """Return the tally that counts for a version, which is this one unless its text was made anew."""
        counting = self._tallies.get(tally.version)
        if counting is None:
            counting = self._tallies[tally.version] = tally
            tally.bare_from, tally.bare_refused_from = self.bare, self.bare_refused
        return counting

    def _forget(self, version: int) -> None:
        tally = self._tallies.pop(version, None)
        if tally is not None:
            tally.answered = tally.refused = 0

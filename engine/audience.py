"""Who may get an ad at all: an ordered chain of rules, asked before any campaign is looked at.

The order is the documented one: trial list, consent, suppression, share, quiet hours, exclusions, caps. The
chain holds those that the settings ask for.
"""

from collections.abc import Iterable, Sequence
from typing import Final

from engine.reasons import Reason
from engine.subject import Register, Subject
from segments.callers import CallerList

_DAY_MINUTES: Final = 1440
# Knuth's multiplicative hash on 32 bits: neighbouring numbers fall far apart, the same number always alike.
_MULTIPLIER: Final = 2654435761
_HASH_SPACE: Final = 1 << 32
_NOT_ON_TRIAL: Final = Reason.NOT_ON_TRIAL
_OUTSIDE_SHARE: Final = Reason.OUTSIDE_SHARE
_QUIET_HOURS: Final = Reason.QUIET_HOURS
_NO_CONSENT: Final = Reason.NO_CONSENT
_SUPPRESSED: Final = Reason.SUPPRESSED
_EXCLUDED_CALLER: Final = Reason.EXCLUDED_CALLER


class AudienceRule:
    """One link of the chain: refuses nobody, and asks for no clock."""

    __slots__ = ()

    def refuses(self, subscriber: int, place: int) -> Reason | None:  # noqa: ARG002  # the chain's signature
        """Return why this subscriber (ten digits) at this dense place index gets no ad, or None."""
        return None

    def at(self, minutes: Sequence[int]) -> None:
        """Hear the minute of the week by time zone index, once a minute."""


class OnTrial(AudienceRule):
    """The trial list: ads go to these subscribers only."""

    __slots__ = ("_subscribers",)

    def __init__(self, subscribers: Iterable[int]) -> None:
        self._subscribers = frozenset(subscribers)

    def refuses(self, subscriber: int, place: int) -> Reason | None:  # noqa: ARG002  # the chain's signature
        """Refuse subscribers who are not listed."""
        return None if subscriber in self._subscribers else _NOT_ON_TRIAL


class Consent(AudienceRule):
    """Consent: nobody gets an ad whose records allow none; those that allow some wait for the campaign."""

    __slots__ = ("_register", "_subject")

    def __init__(self, register: Register, subject: Subject) -> None:
        self._register = register
        self._subject = subject

    def refuses(self, subscriber: int, place: int) -> Reason | None:  # noqa: ARG002  # the chain's signature
        """Refuse who may get no ad at all, and leave what else was chosen with the subject."""
        register = self._register
        register.look(subscriber)
        choice = register.choice
        self._subject.choice = choice
        return _NO_CONSENT if choice is not None and choice.nothing else None


class Suppression(AudienceRule):
    """Suppression: always applies, whatever was consented to."""

    __slots__ = ("_register",)

    def __init__(self, register: Register) -> None:
        self._register = register

    def refuses(self, subscriber: int, place: int) -> Reason | None:  # noqa: ARG002  # the chain's signature
        """Refuse suppressed subscribers."""
        register = self._register
        register.look(subscriber)
        return _SUPPRESSED if register.suppressed else None


class Share(AudienceRule):
    """The ramp: ads go to a stable share of subscribers."""

    __slots__ = ("_below",)

    def __init__(self, share: float) -> None:
        self._below = int(share * _HASH_SPACE)

    def refuses(self, subscriber: int, place: int) -> Reason | None:  # noqa: ARG002  # the chain's signature
        """Refuse subscribers whose hash lies above the share."""
        if (subscriber * _MULTIPLIER) % _HASH_SPACE < self._below:
            return None
        return _OUTSIDE_SHARE


class QuietHours(AudienceRule):
    """No ads between two minutes of the subscriber's own day, half open; may wrap midnight."""

    __slots__ = ("_end", "_quiet", "_start", "_zone_of_place", "_zones")

    def __init__(self, start: int, end: int, zone_of_place: Sequence[int]) -> None:
        self._start = start
        self._end = end
        self._zone_of_place = zone_of_place
        self._zones: list[bool] = []
        self._quiet = b""

    def refuses(self, subscriber: int, place: int) -> Reason | None:  # noqa: ARG002  # the chain's signature
        """Refuse while the place's clock is in quiet hours."""
        return _QUIET_HOURS if self._quiet[place] else None

    def at(self, minutes: Sequence[int]) -> None:
        """Work out once a minute which time zones are quiet; where that changes, which places are."""
        zones = [self._is_quiet(minute % _DAY_MINUTES) for minute in minutes]
        if zones != self._zones:
            self._quiet = bytes([zones[zone] for zone in self._zone_of_place])
            self._zones = zones

    def _is_quiet(self, minute: int) -> bool:
        if self._start <= self._end:
            return self._start <= minute < self._end
        return minute >= self._start or minute < self._end


class CallerExclusion(AudienceRule):
    """No ads beside certain callers: emergency numbers, health lines, banks."""

    __slots__ = ("_callers", "_subject")

    def __init__(self, callers: CallerList, subject: Subject) -> None:
        self._callers = callers
        self._subject = subject

    def refuses(self, subscriber: int, place: int) -> Reason | None:  # noqa: ARG002  # the chain's signature
        """Refuse notifications of listed callers."""
        return _EXCLUDED_CALLER if self._subject.caller in self._callers else None

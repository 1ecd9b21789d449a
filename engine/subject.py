"""Whom one notification is for and from: what the audience's rules and the campaigns' ask about."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Final

from librt.strings import read_i16_le

from engine.register_file import MOST_PROFILES, OTHERS, PROFILE_OCTETS, Scopes
from segments.number_set import NumberSet, Octets, Sieve
from segments.seal import Seal

if TYPE_CHECKING:
    from mypy_extensions import i64

# The scope of a consent, or of its withdrawal, that covers all ads.
ALL: Final = "all"
_PROFILE_MASK: Final = 0xFFFF
_NOBODY: Final = -1


class Choice:
    """What a subscriber's records allow, where that is neither everything nor nothing to ask about.

    `nothing`: no ad at all. Else `no` holds scopes that were withdrawn, and where not `anything` else is
    allowed, only the scopes in `yes` are (`category:retail`, `brand:tienda-sol`).
    """

    __slots__ = ("anything", "no", "nothing", "yes")

    def __init__(self, yes: frozenset[str], no: frozenset[str], *, opt_in: bool) -> None:
        self.yes = yes
        self.no = no
        self.nothing = ALL in no or (opt_in and not yes)
        self.anything = not opt_in or ALL in yes

    def allows(self, category: str, brand: str) -> bool:
        """Tell whether an ad of a category and brand (scopes) may go out."""
        if self.nothing or category in self.no or brand in self.no:
            return False
        return self.anything or category in self.yes or brand in self.yes


def choice_of(scopes: Scopes, *, opt_in: bool) -> Choice | None:
    """Return what records of consent and withdrawal come to; None when they allow everything."""
    choice = Choice(frozenset(scopes[0]), frozenset(scopes[1]), opt_in=opt_in)
    return None if choice.anything and not choice.no else choice


class Register:
    """Who is suppressed, and what else subscribers chose: the mapped sets, and what changed since.

    `opt_in`: without a record nobody gets an ad. `use_choices` False: consent is not looked up. After `look`,
    `suppressed` and `choice` tell of that subscriber; the last one is remembered.
    """

    __slots__ = (
        "_changes",
        "_chosen",
        "_combinations",
        "_empty",
        "_last",
        "_octets",
        "_profiles_at",
        "_sieve",
        "_suppressed",
        "_unasked",
        "_unknown",
        "choice",
        "opt_in",
        "seal",
        "suppressed",
        "use_choices",
    )

    def __init__(self, seal: Seal, *, opt_in: bool, use_choices: bool = True) -> None:
        self.seal = seal
        self.opt_in = opt_in
        self.use_choices = use_choices
        nothing: Octets = b""
        self._octets = nothing
        self._suppressed = NumberSet(nothing, 0, 0, 0)
        self._chosen = NumberSet(nothing, 0, 0, 0)
        self._sieve: Sieve | None = None
        self._profiles_at = 0
        self._combinations: list[Choice | None] = []
        self._unknown = choice_of(((), ()), opt_in=opt_in)
        self._unasked = self._unknown if use_choices else None
        self._changes: dict[int, tuple[bool, Choice | None]] = {}
        self._empty = True
        self._last = _NOBODY
        self.suppressed = False
        self.choice: Choice | None = self._unasked

    def take(
        self,
        octets: Octets,
        suppressed: NumberSet,
        chosen: NumberSet,
        profiles_at: int,
        combinations: Sequence[Scopes],
    ) -> None:
        """Read these sets from now on; what had changed since the former ones still holds.

        A sieve of the suppressed is one of those that chose too.
        """
        self._octets = octets
        self._suppressed = suppressed
        self._chosen = chosen
        self._sieve = suppressed.sieve
        self._profiles_at = profiles_at
        self._combinations = [choice_of(each, opt_in=self.opt_in) for each in combinations]
        self._settle()

    def change(self, changes: Mapping[int, tuple[bool, Scopes]], *, replaces: bool) -> None:
        """Hear what holds now for sealed numbers, whatever the sets say: suppressed or not, and their scopes.

        With `replaces` what was heard before is forgotten.
        """
        if replaces:
            self._changes = {}
        for sealed, (suppressed, scopes) in changes.items():
            self._changes[sealed] = suppressed, choice_of(scopes, opt_in=self.opt_in)
        self._settle()

    def look(self, subscriber: int) -> None:
        """Set `suppressed` and `choice` to what is known of a subscriber (ten digits)."""
        if self._empty or subscriber == self._last:
            return
        self._last = subscriber
        sealed = self.seal.of(subscriber)
        if self._changes:
            changed = self._changes.get(sealed)
            if changed is not None:
                self.suppressed, self.choice = changed
                return
        sieve = self._sieve
        if sieve is not None and not sieve.may_hold(sealed):
            self.suppressed = False
            self.choice = self._unasked
            return
        self.suppressed = self._suppressed.find(sealed) >= 0
        self.choice = self._chosen_by(sealed) if self.use_choices else None

    def _chosen_by(self, sealed: int) -> Choice | None:
        found: i64 = self._chosen.find(sealed)
        if found < 0:
            return self._unknown
        at: i64 = self._profiles_at
        at += found * PROFILE_OCTETS
        index: int = read_i16_le(self._octets[at : at + PROFILE_OCTETS], 0)
        index &= _PROFILE_MASK
        if index == MOST_PROFILES:
            return choice_of(OTHERS, opt_in=self.opt_in)
        return self._combinations[index]

    def _settle(self) -> None:
        self._last = _NOBODY
        self._empty = not (self._changes or self._suppressed.count or self._chosen.count)
        self.suppressed = False
        self.choice = self._unasked


class Subject:
    """Whom one notification is for and from; the inserter and the rules fill it anew for each.

    `caller` is the source_addr without its NUL where one so long may be listed (`caller_sizes`, bits as in
    `CallerList.sizes`), else empty; `choice` what the subscriber's records allow, None for everything.
    """

    __slots__ = ("_campaigns_ask", "_rules_ask", "caller", "caller_sizes", "choice", "register")

    def __init__(self, register: Register | None = None) -> None:
        self.register = register
        self.caller = b""
        self.choice: Choice | None = None
        self._rules_ask: i64 = 0
        self._campaigns_ask: i64 = 0
        self.caller_sizes: i64 = 0

    def rules_ask(self, sizes: i64) -> None:
        """Hear which callers the audience's rules ask for."""
        self._rules_ask = sizes
        self.caller_sizes = sizes | self._campaigns_ask

    def campaigns_ask(self, sizes: i64) -> None:
        """Hear which callers any campaign asks for."""
        self._campaigns_ask = sizes
        self.caller_sizes = sizes | self._rules_ask

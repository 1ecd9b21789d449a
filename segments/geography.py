"""Geography: states, cities, municipalities and LADAs by name, and what the LADAs straddle."""

import difflib
import re
import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from segments.places import LADAS_PER_MUNICIPALITY, Place, place_code

# One city of sixteen boroughs, each with a municipality code of its own (INEGI).
_CITY_OF_BOROUGHS = ("Ciudad de México", "MX-CMX")

_WITH_OTHER_NAME = re.compile(r"(.+) \((.+)\)")


@dataclass(frozen=True, slots=True)
class State:
    """A federal entity: ISO 3166-2:MX code, two-digit INEGI code, name."""

    code: str
    inegi: str
    name: str


@dataclass(frozen=True, slots=True)
class Municipality:
    """A municipality (or borough): five-digit INEGI code, name, state code, IANA time zone."""

    code: str
    name: str
    state: str
    timezone: str


@dataclass(frozen=True, slots=True)
class StateShare:
    """The share (0–1) of a LADA's population that lives in a state (INEGI, Censo 2020)."""

    state: str
    share: float


@dataclass(frozen=True, slots=True)
class Lada:
    """An area code with its main city, and that city's state, municipality and time zone.

    `weight` is its share of simulated traffic (0–1; from assigned numbers, not measured);
    `shares` are given where the LADA straddles states, largest first;
    `municipalities` are the five-digit codes of those that it reaches.
    """

    code: str
    city: str
    state: str
    municipality: str
    timezone: str
    weight: float
    shares: tuple[StateShare, ...]
    municipalities: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class City:
    """The main city of one or more LADAs, with the municipalities that make it up."""

    name: str
    state: str
    municipalities: frozenset[str]
    ladas: frozenset[str]

    @property
    def label(self) -> str:
        """The name that a target is written with: "Guadalajara, MX-JAL"."""
        return f"{self.name}, {self.state}"


class UnknownNameError(ValueError):
    """A name that is no state, city, municipality or LADA; `suggestions` are the nearest that are."""

    def __init__(self, kind: str, text: str, suggestions: tuple[str, ...]) -> None:
        near = f"; near it: {' · '.join(suggestions)}" if suggestions else ""
        super().__init__(f"{self.reason} {kind} {text!r}{near}")
        self.kind = kind
        self.text = text
        self.suggestions = suggestions

    reason = "unknown"


class AmbiguousNameError(UnknownNameError):
    """A name that several cities bear; `suggestions` tell them apart."""

    reason = "ambiguous"


def fold(text: str) -> str:
    """Return a name without accents, letter case and doubled spaces, for comparing."""
    bare = "".join(
        letter for letter in unicodedata.normalize("NFKD", text) if not unicodedata.combining(letter)
    )
    return " ".join(bare.casefold().split())


class Geography:
    """Every name that a target or a report may use. Mappings are by code; cities by label."""

    def __init__(
        self, states: Iterable[State], municipalities: Iterable[Municipality], ladas: Iterable[Lada]
    ) -> None:
        self.states: Mapping[str, State] = {state.code: state for state in states}
        self.municipalities: Mapping[str, Municipality] = {each.code: each for each in municipalities}
        self.ladas: Mapping[str, Lada] = {lada.code: lada for lada in ladas}
        self.cities: Mapping[str, City] = {city.label: city for city in self._main_cities()}
        self._by_name: dict[str, list[City]] = {}
        for city in self.cities.values():
            for name in _names(city.name):
                self._by_name.setdefault(fold(name), []).append(city)
        self._state_names = {
            fold(name): state.code for state in self.states.values() for name in (state.code, state.name)
        }

    def _main_cities(self) -> list[City]:
        ladas: dict[tuple[str, str], list[Lada]] = {}
        for lada in self.ladas.values():
            ladas.setdefault((lada.city, lada.state), []).append(lada)
        return [
            City(name, state, self._makes_up(name, state, mine), frozenset(lada.code for lada in mine))
            for (name, state), mine in sorted(ladas.items())
        ]

    def _makes_up(self, name: str, state: str, ladas: list[Lada]) -> frozenset[str]:
        if (name, state) == _CITY_OF_BOROUGHS:
            return frozenset(each.code for each in self.municipalities.values() if each.state == state)
        return frozenset(lada.municipality for lada in ladas)

    @property
    def straddling(self) -> tuple[Lada, ...]:
        """The LADAs that reach into more than one state."""
        return tuple(lada for lada in self.ladas.values() if lada.shares)

    @property
    def weights(self) -> Mapping[str, float]:
        """The traffic mix by LADA for simulation; adds up to 1 within rounding."""
        return {lada.code: lada.weight for lada in self.ladas.values()}

    def place(self, municipality: str | None, lada: str) -> Place:
        """Return the place of a pair of codes. Raises `UnknownNameError` for codes not in the data."""
        area = self.find_lada(lada)
        origin = area if municipality is None else self.find_municipality(municipality)
        return Place(place_code(municipality, lada), municipality, lada, origin.state, origin.timezone)

    def place_by_code(self, code: int) -> Place:
        """Return the place that a stored code (municipality × 1000 + LADA) stands for."""
        municipality, lada = divmod(code, LADAS_PER_MUNICIPALITY)
        return self.place(f"{municipality:05}" if municipality else None, str(lada))

    def find_state(self, code: str) -> State:
        """Return a state by its code. Raises `UnknownNameError`."""
        if code in self.states:
            return self.states[code]
        near = _near(code, self._state_names)
        raise UnknownNameError("state", code, tuple(dict.fromkeys(self._state_names[name] for name in near)))

    def find_municipality(self, code: str) -> Municipality:
        """Return a municipality by its five-digit code. Raises `UnknownNameError`."""
        if code in self.municipalities:
            return self.municipalities[code]
        raise UnknownNameError(
            "municipality", code, self._named_municipalities(code) or _near_codes(code, self.municipalities)
        )

    def find_lada(self, code: str) -> Lada:
        """Return a LADA by its digits. Raises `UnknownNameError`."""
        if code in self.ladas:
            return self.ladas[code]
        raise UnknownNameError("lada", code, self._ladas_of(code) or _near_codes(code, self.ladas))

    def find_city(self, text: str) -> City:
        """Return the city written as "Guadalajara, MX-JAL", whatever its accents and letter case.

        The state may be left out where one city alone bears the name, and be given by its name.
        Raises `UnknownNameError`, or `AmbiguousNameError` when several bear it.
        """
        name, comma, state = text.rpartition(",")
        if not comma:
            name, state = text, ""
        found = [
            city
            for city in self._by_name.get(fold(name), ())
            if not comma or self._state_names.get(fold(state)) == city.state
        ]
        if len(found) == 1:
            return found[0]
        if found:
            raise AmbiguousNameError("city", text, tuple(city.label for city in found))
        raise UnknownNameError("city", text, self._cities_near(name, text))

    def _cities_near(self, name: str, text: str) -> tuple[str, ...]:
        """Name the same city in another state first, then what is spelled alike, then municipalities."""
        labels = {fold(label): label for label in self.cities}
        namesakes = [city.label for city in self._by_name.get(fold(name), ())]
        alike = [city.label for key in _near(name, self._by_name) for city in self._by_name[key]]
        alike += [labels[key] for key in _near(text, labels)]
        return tuple(dict.fromkeys([*namesakes, *self._named_municipalities(name), *alike]))[:3]

    def _named_municipalities(self, name: str) -> tuple[str, ...]:
        wanted = fold(name)
        return tuple(
            f"municipality {each.code} ({each.name}, {each.state})"
            for each in self.municipalities.values()
            if fold(each.name) == wanted
        )[:3]

    def _ladas_of(self, name: str) -> tuple[str, ...]:
        return tuple(sorted(lada for city in self._by_name.get(fold(name), ()) for lada in city.ladas))


def _names(name: str) -> list[str]:
    """Return a name in all its forms: "Victoria de Durango (Durango)" is known by either part too."""
    other = _WITH_OTHER_NAME.fullmatch(name)
    return [name, *other.groups()] if other else [name]


def _near(text: str, folded: Iterable[str]) -> list[str]:
    return difflib.get_close_matches(fold(text), folded, n=3, cutoff=0.6)


def _near_codes(text: str, codes: Iterable[str]) -> tuple[str, ...]:
    return tuple(difflib.get_close_matches(text, codes, n=3, cutoff=0.6))

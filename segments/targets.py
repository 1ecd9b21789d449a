"""A target as it was booked: states, cities, municipalities and LADAs, in and out."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, assert_never, get_args

from segments.geography import AmbiguousNameError, Geography, UnknownNameError
from segments.numbering import Numbering

SelectorKind = Literal["state", "city", "municipality", "lada"]

_SIDES = ("include", "exclude")

_KINDS: Mapping[str, SelectorKind] = {kind: kind for kind in get_args(SelectorKind)}

_EXAMPLES: Mapping[SelectorKind, str] = {
    "state": '{"state": "MX-JAL"}',
    "city": '{"city": "Guadalajara, MX-JAL"}',
    "municipality": '{"municipality": "14039"}',
    "lada": '{"lada": "33"}',
}

_SPANISH: Mapping[SelectorKind, str] = {
    "state": "el estado",
    "city": "la ciudad",
    "municipality": "el municipio",
    "lada": "la LADA",
}


@dataclass(frozen=True, slots=True)
class TargetFault:
    """What is wrong with a target: a JSON pointer into the campaign and a sentence in two languages."""

    pointer: str
    es: str
    en: str


class TargetDocumentError(ValueError):
    """A document that has not the shape of a target; `faults` lists every departure."""

    def __init__(self, faults: Sequence[TargetFault]) -> None:
        super().__init__("; ".join(f"{fault.pointer}: {fault.en}" for fault in faults))
        self.faults = tuple(faults)


@dataclass(frozen=True, slots=True)
class Selector:
    """One entry of a target, a kind and a value.

    `state` "MX-JAL", `city` "Guadalajara, MX-JAL", `municipality` "14039", `lada` "33".
    """

    kind: SelectorKind
    value: str


@dataclass(frozen=True, slots=True)
class Target:
    """Empty `include` is the whole country; `exclude` beats `include`."""

    include: tuple[Selector, ...] = ()
    exclude: tuple[Selector, ...] = ()

    @classmethod
    def from_document(cls, document: Mapping[str, Any]) -> "Target":
        """Return the target that a JSON object stands for. Raises `TargetDocumentError`.

        The shape alone is judged; whether the names exist is for `check_target`.
        """
        faults = [
            TargetFault(
                f"/target/{key}",
                "Un segmento solo tiene include y exclude.",
                "A target has include and exclude only.",
            )
            for key in document
            if key not in _SIDES
        ]
        include, exclude = (_selectors(document.get(side, []), f"/target/{side}", faults) for side in _SIDES)
        if faults:
            raise TargetDocumentError(faults)
        return cls(include, exclude)

    def as_document(self) -> dict[str, list[dict[str, str]]]:
        """Return the JSON object that `from_document` reads."""
        return {
            "include": [{selector.kind: selector.value} for selector in self.include],
            "exclude": [{selector.kind: selector.value} for selector in self.exclude],
        }


def check_target(target: Target, geography: Geography) -> list[TargetFault]:
    """Return a fault for every selector that names nothing, with the names nearest to it."""
    faults: list[TargetFault] = []
    find: Mapping[SelectorKind, Callable[[str], object]] = {
        "state": geography.find_state,
        "city": geography.find_city,
        "municipality": geography.find_municipality,
        "lada": geography.find_lada,
    }
    for side, selectors in (("include", target.include), ("exclude", target.exclude)):
        for position, selector in enumerate(selectors):
            try:
                find[selector.kind](selector.value)
            except UnknownNameError as error:
                faults.append(_unknown(f"/target/{side}/{position}", selector.kind, error))
    return faults


def compile_target(target: Target, numbering: Numbering, geography: Geography) -> frozenset[int]:
    """Return the indexes of the places that a target covers. Raises `UnknownNameError`.

    `state` and `lada` match whatever decided the place; `municipality` only places that a range
    decided; `city` those of its municipality, and those that only a LADA decided whose main city it is.
    """
    covered = (
        _union(target.include, numbering, geography)
        if target.include
        else frozenset(range(len(numbering.places)))
    )
    return covered - _union(target.exclude, numbering, geography)


def _union(selectors: Iterable[Selector], numbering: Numbering, geography: Geography) -> frozenset[int]:
    return frozenset().union(*(_places(selector, numbering, geography) for selector in selectors))


def _places(selector: Selector, numbering: Numbering, geography: Geography) -> frozenset[int]:
    none: frozenset[int] = frozenset()
    match selector.kind:
        case "state":
            return numbering.by_state.get(geography.find_state(selector.value).code, none)
        case "lada":
            return numbering.by_lada[geography.find_lada(selector.value).code]
        case "municipality":
            code = geography.find_municipality(selector.value).code
            return numbering.by_municipality.get(code, none)
        case "city":
            city = geography.find_city(selector.value)
            inside = (numbering.by_municipality.get(code, none) for code in city.municipalities)
            return none.union(*inside, (numbering.lada_decided[lada] for lada in city.ladas))
        case _:
            assert_never(selector.kind)


def _unknown(pointer: str, kind: SelectorKind, error: UnknownNameError) -> TargetFault:
    near = " · ".join(error.suggestions) or _EXAMPLES[kind]
    if isinstance(error, AmbiguousNameError):
        return TargetFault(
            pointer,
            f"Hay varias ciudades que se llaman «{error.text}». Elija una: {near}.",
            f'Several cities are called "{error.text}". Choose one: {near}.',
        )
    asked = (
        ("¿Quiso decir", "Did you mean", "?") if error.suggestions else ("Por ejemplo:", "For example:", "")
    )
    return TargetFault(
        pointer,
        f"No se conoce {_SPANISH[kind]} «{error.text}». {asked[0]} {near}{asked[2]}",
        f'Unknown {kind} "{error.text}". {asked[1]} {near}{asked[2]}',
    )


def _selectors(entries: object, pointer: str, faults: list[TargetFault]) -> tuple[Selector, ...]:
    if not isinstance(entries, list | tuple):
        faults.append(
            TargetFault(
                pointer,
                f"Debe ser una lista, por ejemplo [{_EXAMPLES['state']}].",
                f"It must be a list, such as [{_EXAMPLES['state']}].",
            )
        )
        return ()
    found = (_selector(entry, f"{pointer}/{position}", faults) for position, entry in enumerate(entries))
    return tuple(selector for selector in found if selector)


def _selector(entry: object, pointer: str, faults: list[TargetFault]) -> Selector | None:
    if isinstance(entry, Mapping) and len(entry) == 1:
        ((name, value),) = entry.items()
        kind = _KINDS.get(name)
        if kind and isinstance(value, str):
            return Selector(kind, value)
        if kind:
            faults.append(
                TargetFault(
                    f"{pointer}/{kind}",
                    f"El valor va entre comillas, por ejemplo {_EXAMPLES[kind]}.",
                    f"The value is written in quotes, such as {_EXAMPLES[kind]}.",
                )
            )
            return None
    faults.append(
        TargetFault(
            pointer,
            "Cada elemento nombra una sola cosa: state, city, municipality o lada.",
            "Each entry names one thing: state, city, municipality or lada.",
        )
    )
    return None

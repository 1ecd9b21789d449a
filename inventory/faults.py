"""What is wrong with a document, said in Spanish and English, with a pointer to where."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any, get_args

from pydantic import BaseModel, ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails, PydanticCustomError

from inventory.forms import CALLED

_NEAR = 0.65
"""How alike (0–1) a known key must be to be what was meant: "bogus" is not "hours"."""

_SHOWN = 60
"""Characters of a wrong value that are repeated in the sentence about it."""


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that is wrong: where (a JSON pointer, RFC 6901), its code, a sentence in each language."""

    pointer: str
    code: str
    es: str
    en: str


def custom_fault(code: str, es: str, en: str) -> PydanticCustomError:
    """Make the error that a pydantic validator raises so that both sentences reach the `Fault`."""
    return PydanticCustomError(code, "{en}", {"es": es, "en": en})


def not_built(es: str, en: str) -> PydanticCustomError:
    """Make the refusal of something the contract names and this version does not do yet."""
    return custom_fault(
        "not_built", f"pide algo que esta versión aún no hace: {es}", f"is not built yet: {en}"
    )


def pointer_to(path: Sequence[str | int]) -> str:
    """Write a path as a JSON pointer."""
    return "".join("/" + str(part).replace("~", "~0").replace("/", "~1") for part in path)


def path_of(pointer: str) -> list[str]:
    """Read a JSON pointer back into its parts."""
    return [part.replace("~1", "/").replace("~0", "~") for part in pointer.split("/")[1:]]


def shape_faults(error: ValidationError, model: type[BaseModel]) -> list[Fault]:
    """Turn everything pydantic found wrong with a document of `model` into faults, in document order."""
    return [_shape_fault(detail, model) for detail in error.errors(include_url=False)]


def _shape_fault(detail: ErrorDetails, model: type[BaseModel]) -> Fault:
    owner, field = _field_at(model, detail["loc"])
    es, en = _sentences(detail, owner, field)
    return Fault(pointer_to(detail["loc"]), detail["type"], es, en)


def _sentences(
    detail: ErrorDetails, owner: type[BaseModel] | None, field: FieldInfo | None
) -> tuple[str, str]:
    kind, context = detail["type"], detail.get("ctx", {})
    if "es" in context:
        return str(context["es"]), str(context["en"])
    if kind == "missing":
        return "falta", "is missing"
    if kind == "extra_forbidden":
        return _unknown_key(str(detail["loc"][-1]), owner)
    es, en = _allowed(kind, context, detail["msg"], field)
    if field is not None and not field.repr:
        return f"debe ser {es}", f"must be {en}"
    given_es, given_en = _given(detail["input"])
    return f"debe ser {es}; se dio {given_es}", f"must be {en}; {given_en} was given"


def _unknown_key(key: str, owner: type[BaseModel] | None) -> tuple[str, str]:
    known = sorted(field.alias or name for name, field in owner.model_fields.items()) if owner else []
    near = get_close_matches(key, known, n=1, cutoff=_NEAR)
    if near:
        return (
            f"no es un campo conocido; ¿quiso decir '{near[0]}'?",
            f"is not known; did you mean '{near[0]}'?",
        )
    names = ", ".join(known)
    return f"no es un campo conocido; los conocidos son: {names}", f"is not known; known here: {names}"


_TYPES = {
    "int": ("un número entero", "a whole number"),
    "float": ("un número", "a number"),
    "finite": ("un número", "a number"),
    "bool": ("true o false", "true or false"),
    "string": ("un texto (entre comillas)", "a text (in quotes)"),
    "list": ("una lista", "a list"),
    "tuple": ("una lista", "a list"),
    "dict": ("un objeto (claves y valores)", "an object (keys and values)"),
    "model": ("un objeto (claves y valores)", "an object (keys and values)"),
}
_LENGTH_ERRORS = frozenset({"string_too_short", "string_too_long", "too_short", "too_long"})
_RANGE_ERRORS = frozenset({"greater_than", "greater_than_equal", "less_than", "less_than_equal"})


def _allowed(kind: str, context: Mapping[str, Any], message: str, field: FieldInfo | None) -> tuple[str, str]:
    if kind == "literal_error":
        return _choice(str(context["expected"]))
    if kind == "string_pattern_mismatch":
        pattern = str(context["pattern"])
        return CALLED.get(pattern, (f"un texto de la forma {pattern}", f"a text of the form {pattern}"))
    if kind in _LENGTH_ERRORS:
        words = _TYPES["string" if kind.startswith("string") else "list"]
        return _sized(words, context)
    if kind in _RANGE_ERRORS:
        whole = field is not None and _mentions(field.annotation, int)
        words = _TYPES["int" if whole else "float"]
    elif (family := kind.partition("_")[0]) in _TYPES:
        words = _TYPES[family]
    else:
        return message, message
    span_es, span_en = _span(field)
    return words[0] + span_es, words[1] + span_en


def _sized(words: tuple[str, str], context: Mapping[str, Any]) -> tuple[str, str]:
    least, most = context.get("min_length"), context.get("max_length")
    unit = " caracteres" if words is _TYPES["string"] else ""
    if most is None:
        return f"{words[0]} de {least}{unit} o más", f"{words[1]} of length {least} or more"
    return f"{words[0]} de {most}{unit} o menos", f"{words[1]} of length {most} or less"


def _choice(expected: str) -> tuple[str, str]:
    return expected.replace(" or ", " o "), expected


def _span(field: FieldInfo | None) -> tuple[str, str]:
    """Say a number's bounds; two empty texts when there are none."""
    bounds = {
        name: getattr(rule, name)
        for rule in (_rules(field) if field else ())
        for name in ("ge", "gt", "le", "lt")
        if getattr(rule, name, None) is not None
    }
    if "ge" in bounds and "le" in bounds:
        return f" de {bounds['ge']} a {bounds['le']}", f" from {bounds['ge']} to {bounds['le']}"
    if "gt" in bounds and "le" in bounds:
        low, high = bounds["gt"], bounds["le"]
        return f" mayor que {low} y hasta {high}", f" above {low} and up to {high}"
    if "ge" in bounds:
        return f" desde {bounds['ge']}", f" of at least {bounds['ge']}"
    return "", ""


def _rules(field: FieldInfo) -> Iterator[object]:
    """Yield a field's constraints, also those inside an optional type."""
    yield from field.metadata
    for part in get_args(field.annotation):
        for extra in getattr(part, "__metadata__", ()):
            yield from extra.metadata if isinstance(extra, FieldInfo) else ()


def _given(value: object) -> tuple[str, str]:
    if isinstance(value, Mapping):
        return "un objeto", "an object"
    if isinstance(value, list | tuple):
        return ("una lista", "a list") if value else ("una lista vacía", "an empty list")
    shown = json.dumps(value, ensure_ascii=False, default=str)
    shown = shown if len(shown) <= _SHOWN else shown[: _SHOWN - 1] + "…"
    return shown, shown


def _field_at(
    model: type[BaseModel], loc: Sequence[str | int]
) -> tuple[type[BaseModel] | None, FieldInfo | None]:
    """Find the model that owns the last key of `loc`, and the field it names (None when unknown)."""
    owner: type[BaseModel] | None = model
    inner: type[BaseModel] | None = model
    field: FieldInfo | None = None
    for part in loc:
        if isinstance(part, int):
            continue
        owner = inner
        field = _named(owner, part) if owner else None
        inner = next(_models(field.annotation), None) if field else None
    return owner, field


def _named(model: type[BaseModel], key: str) -> FieldInfo | None:
    return next((f for name, f in model.model_fields.items() if (f.alias or name) == key), None)


def _models(annotation: object) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for part in get_args(annotation):
        yield from _models(part)


def _mentions(annotation: object, wanted: type) -> bool:
    return annotation is wanted or any(_mentions(part, wanted) for part in get_args(annotation))

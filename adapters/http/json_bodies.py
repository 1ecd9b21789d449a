"""JSON that is sent to us: what is none is refused, and so are texts that no database holds."""

import json
import re
from typing import Any

from pydantic import BaseModel, ValidationError

from adapters.http.problems import ProblemError
from inventory.faults import shape_faults

# What pydantic would take, and we do not: most bodies have nothing that looks like it.
_SUSPICIOUS = re.compile(rb"\\u(?:0000|[dD][89a-fA-F])|NaN|Infinity")


def read_document(octets: bytes) -> Any:
    """Return what JSON stands for. Raises `ProblemError`."""
    try:
        document = json.loads(octets.decode(), parse_constant=_refuse_constant)
        if unstorable(document):
            raise no_text()
    except (ValueError, RecursionError) as error:
        raise ProblemError("bad_request", es=f"no es JSON: {error}", en=f"it is no JSON: {error}") from None
    return document


def read_shape(octets: bytes, shape: type[BaseModel]) -> BaseModel:
    """Return the instance of a shape that JSON stands for. Raises `ProblemError` with every fault."""
    if _SUSPICIOUS.search(octets):
        read_document(octets)
    try:
        return shape.model_validate_json(octets)
    except ValidationError as error:
        read_document(octets)  # what is no JSON at all has another answer
        raise ProblemError("invalid", faults=shape_faults(error, shape)) from None


def unstorable(document: object) -> bool:
    """Tell whether texts in it are none that a database holds: a NUL, half of a surrogate pair."""
    written = json.dumps(document, ensure_ascii=False)
    try:
        written.encode()
    except UnicodeEncodeError:
        return True
    return "\\u0000" in written.replace("\\\\", "")


def no_text() -> ProblemError:
    """Return what is said to who sends such texts."""
    return ProblemError(
        "bad_request", es="lleva caracteres que no son texto", en="it has characters that are no text"
    )


def _refuse_constant(name: str) -> object:
    raise ValueError(f"{name} is no JSON number")

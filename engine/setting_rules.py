"""What one setting may be: the rules behind posdata.yaml's values, with what they say when broken."""

import re
from contextlib import suppress
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, BeforeValidator, Field, PlainSerializer

from engine.endpoint import Endpoint
from engine.sources import read_source
from inventory.clock import minute_of, time_of
from inventory.faults import custom_fault, not_built
from inventory.forms import SHORT_CODE
from segments.callers import caller_pattern

Alphabet = Literal["gsm7", "ascii", "latin1"]

_SEPARATOR_CHARS = frozenset(
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789\n !\"#%&'()*+,-./:;<=>?_$@"
)
"""What GSM 03.38's basic table and ASCII both hold: one septet in every alphabet."""

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,62}", re.ASCII)
_SERVER_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,252}|[0-9A-Fa-f:.]{2,45}", re.ASCII)
_HEXADECIMAL = re.compile(r"0x[0-9a-f]{1,8}", re.ASCII)

VALKEY = "valkey://"

_NEVER_BARE = {
    0x00: "ESME_ROK",
    0x08: "ESME_RSYSERR",
    0x14: "ESME_RMSGQFUL",
    0x58: "ESME_RTHROTTLED",
}
"""Statuses that say nothing about the text (SMPP 5.1.3): a bare retry would only add load."""


def _endpoint(value: object) -> Endpoint:
    if isinstance(value, Endpoint):
        return value
    try:
        return Endpoint.parse(value if isinstance(value, str) else "")
    except ValueError:
        raise custom_fault(
            "endpoint", f"debe ser HOST:PUERTO; se dio {value!r}", f"must be HOST:PORT; {value!r} was given"
        ) from None


def _dialled(endpoint: Endpoint) -> Endpoint:
    if endpoint.port == 0:
        raise custom_fault("endpoint", "el puerto 0 no se puede marcar", "must have a port above 0 to dial")
    return endpoint


def _minute(value: object) -> int:
    try:
        return minute_of(value if isinstance(value, str) else "")
    except ValueError:
        raise custom_fault(
            "time",
            f'debe ser una hora como "21:00"; se dio {value!r}',
            f'must be a time such as "21:00", from "00:00" to "24:00"; {value!r} was given',
        ) from None


def _status(value: object) -> int:
    text = value.lower() if isinstance(value, str) else ""
    if _HEXADECIMAL.fullmatch(text):
        value = int(text, 16)
    if isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= 0xFFFFFFFF:
        return value
    raise custom_fault(
        "status",
        f"debe ser un command_status de 0x01 a 0xFFFFFFFF; se dio {value!r}",
        f"must be a command_status from 0x01 to 0xFFFFFFFF; {value!r} was given",
    )


def _retried(statuses: tuple[int, ...]) -> tuple[int, ...]:
    for status in statuses:
        if status in _NEVER_BARE:
            name = _NEVER_BARE[status]
            raise custom_fault(
                "never_bare",
                f"no puede contener {status:#04x} ({name}): no habla del texto",
                f"may not hold {status:#04x} ({name}): it says nothing about the text",
            )
    return tuple(dict.fromkeys(statuses))


def _database(value: str) -> str:
    if value == "embedded" or value.startswith(("postgresql://", "postgres://")):
        return value
    raise custom_fault("database", "debe ser embedded o postgresql://…", "must be embedded or postgresql://…")


def _cap_store(value: str) -> str:
    if value == "local":
        return value
    with suppress(ValueError):
        if value.startswith(VALKEY) and Endpoint.parse(value.removeprefix(VALKEY)).port:
            return value
    raise custom_fault(
        "cap_store",
        f"debe ser local o valkey://HOST:PUERTO; se dio {value!r}",
        f"must be local or valkey://HOST:PORT; {value!r} was given",
    )


def _timezone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (ValueError, OSError, LookupError):
        raise custom_fault(
            "timezone",
            f"debe ser una zona de IANA como America/Mexico_City; se dio {name!r}",
            f"must be an IANA zone such as America/Mexico_City; {name!r} was given",
        ) from None
    return name


def _identifier(name: str) -> str:
    if _NAME.fullmatch(name):
        return name
    raise custom_fault(
        "bad_name",
        f"debe tener de 1 a 63 letras, dígitos, puntos, guiones o _; se dio {name!r}",
        f"must be 1 to 63 letters, digits, dots, hyphens or _; {name!r} was given",
    )


def _separator(text: str) -> str:
    if set(text) <= _SEPARATOR_CHARS:
        return text
    odd = "".join(sorted(set(text) - _SEPARATOR_CHARS))
    raise custom_fault(
        "separator",
        f"lleva caracteres que no caben en un septeto de todo alfabeto: {odd!r}",
        f"holds characters that are not one septet in every alphabet: {odd!r}",
    )


def _source(text: str) -> str:
    try:
        read_source(text)
    except ValueError as error:
        raise custom_fault(
            "source",
            f"debe ser una dirección o red como 192.0.2.0/24; {error}",
            f"must be an address or a network such as 192.0.2.0/24; {error}",
        ) from None
    return text


def _server_name(name: str) -> str:
    if _SERVER_NAME.fullmatch(name):
        return name
    raise custom_fault(
        "server_name",
        f"debe ser un nombre de servidor o una dirección; se dio {name!r}",
        f"must be a host name or an address, as in the certificate; {name!r} was given",
    )


def _url(text: str) -> str:
    parts = urlsplit(text)
    if parts.scheme in {"http", "https"} and parts.netloc:
        return text
    raise custom_fault(
        "url", "debe ser una URL http o https", f"must be an http or https URL; {text!r} was given"
    )


def _refused_unless(allowed: object, what: str) -> AfterValidator:
    """Refuse every value but `allowed` as not built yet."""

    def check(value: Any) -> Any:
        if value == allowed:
            return value
        shown = "null" if allowed is None else "[]" if allowed == () else allowed
        raise not_built(f"{what}; use {shown}", f"{what}; use {shown}")

    return AfterValidator(check)


def _caller(pattern: str) -> str:
    try:
        caller_pattern(pattern)
    except ValueError as error:
        raise custom_fault(
            "caller",
            'debe ser un número o un prefijo como "911", "55 0123 4567", "800*"',
            str(error).removeprefix("is no caller: "),
        ) from None
    return pattern


def _distinct(values: tuple[Any, ...]) -> tuple[Any, ...]:
    for index, value in enumerate(values):
        if value in values[:index]:
            raise custom_fault("duplicate", f"repite {value}", f"holds {value} twice")
    return values


def _listed(value: object) -> object:
    return tuple(value) if isinstance(value, list) else value


AS_TUPLE = BeforeValidator(_listed)
_AS_TEXT = PlainSerializer(str, return_type=str)
Listen = Annotated[Endpoint, BeforeValidator(_endpoint), _AS_TEXT]
Dial = Annotated[Endpoint, BeforeValidator(_endpoint), AfterValidator(_dialled), _AS_TEXT]
Upstream = Annotated[tuple[Dial, ...], AS_TUPLE, Field(min_length=1), AfterValidator(_distinct)]
Minute = Annotated[int, BeforeValidator(_minute), PlainSerializer(time_of, return_type=str)]
Database = Annotated[str, AfterValidator(_database)]
Identifier = Annotated[str, AfterValidator(_identifier)]
PublicUrl = Annotated[str, AfterValidator(_url)]
Separator = Annotated[str, AfterValidator(_separator)]
Timezone = Annotated[str, AfterValidator(_timezone)]
SystemIds = Annotated[tuple[Annotated[str, Field(min_length=1, max_length=15)], ...], AS_TUPLE]
ServiceTypes = Annotated[tuple[Annotated[str, Field(max_length=5)], ...], AS_TUPLE]
Statuses = Annotated[tuple[Annotated[int, BeforeValidator(_status)], ...], AS_TUPLE, AfterValidator(_retried)]
Days = Annotated[int, Field(ge=1, le=36500)]
Billable = Annotated[Literal["accepted", "delivered"], _refused_unless("accepted", "billing by receipt")]
CapStore = Annotated[str, AfterValidator(_cap_store)]
Sources = Annotated[
    tuple[Annotated[str, AfterValidator(_source)], ...],
    AS_TUPLE,
    Field(min_length=1),
    AfterValidator(_distinct),
]
FilePath = Annotated[str, Field(min_length=1)]
ShortCode = Annotated[str, Field(pattern=SHORT_CODE)]
ServerName = Annotated[str, AfterValidator(_server_name)]
HttpTls = Annotated[Any, _refused_unless(None, "HTTPS")]
LegalBasis = Annotated[str, Field(min_length=1, max_length=500)]
Caller = Annotated[str, AfterValidator(_caller)]
Callers = Annotated[tuple[Caller, ...], AS_TUPLE, AfterValidator(_distinct), Field(max_length=10_000)]
Categories = Annotated[
    tuple[Annotated[str, Field(min_length=1, max_length=100)], ...],
    AS_TUPLE,
    AfterValidator(_distinct),
    Field(max_length=100),
]
EMERGENCY = ("911", "060", "065", "066", "068", "078", "080", "088", "089")
"""Mexico's emergency and help numbers, those of before 2017 included."""

"""The settings of a node as values (posdata.yaml): every key, its default and what it may be.

What the contract names and this version does not do yet is refused, never ignored.
"""

import re
from collections.abc import Iterator, Sequence
from itertools import combinations
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainSerializer,
    ValidationError,
    model_validator,
)

from engine.endpoint import Endpoint
from inventory.clock import MINUTES_A_DAY, minute_of, time_of
from inventory.faults import Fault, custom_fault, not_built, shape_faults

Alphabet = Literal["gsm7", "ascii", "latin1"]

_SEPARATOR_CHARS = frozenset(
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789\n !\"#%&'()*+,-./:;<=>?_$@"
)
"""What GSM 03.38's basic table and ASCII both hold: one septet in every alphabet."""

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,62}", re.ASCII)
_HEXADECIMAL = re.compile(r"0x[0-9a-f]{1,8}", re.ASCII)

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


def _consent(policy: str) -> str:
    if policy == "opt-in":
        what = "opt-in: no consent records are kept yet, so nobody would get an ad; use opt-out or none"
        raise not_built(what, what)
    return policy


def _distinct(values: tuple[Any, ...]) -> tuple[Any, ...]:
    for index, value in enumerate(values):
        if value in values[:index]:
            raise custom_fault("duplicate", f"repite {value}", f"holds {value} twice")
    return values


def _listed(value: object) -> object:
    return tuple(value) if isinstance(value, list) else value


_AsTuple = BeforeValidator(_listed)
_AsText = PlainSerializer(str, return_type=str)
Listen = Annotated[Endpoint, BeforeValidator(_endpoint), _AsText]
Dial = Annotated[Endpoint, BeforeValidator(_endpoint), AfterValidator(_dialled), _AsText]
Upstream = Annotated[tuple[Dial, ...], _AsTuple, Field(min_length=1), AfterValidator(_distinct)]
Minute = Annotated[int, BeforeValidator(_minute), PlainSerializer(time_of, return_type=str)]
Unused = Annotated[Any, _refused_unless(None, "nothing reads it")]
Tls = Annotated[Any, _refused_unless(None, "TLS on a leg")]
Identifier = Annotated[str, AfterValidator(_identifier)]
SystemId = Annotated[str, Field(min_length=1, max_length=15)]
ServiceType = Annotated[str, Field(max_length=5)]
Status = Annotated[int, BeforeValidator(_status)]
Days = Annotated[int, Field(ge=1, le=36500)]


class Section(BaseModel):
    """What all sections share: unknown keys are faults, nothing is coerced, nothing changes later."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, allow_inf_nan=False)


class Node(Section):
    """Who this node is and where it keeps its files."""

    name: Identifier = "relay-1"
    data_dir: str = Field(default="./data", min_length=1)


class Route(Section):
    """An address the platform connects to and the SMSCs behind it; its name is its message_ids' space."""

    name: Identifier
    listen: Listen
    upstream: Upstream
    source: Annotated[Any, _refused_unless(None, "a list of source addresses per route")] = None
    tls: Tls = None
    default_alphabet: Alphabet | None = None


class Notifications(Section):
    """Which messages are notifications ("*" is any), and the SMSC's default alphabet (data_coding 0)."""

    system_ids: Annotated[tuple[SystemId, ...], _AsTuple] = Field(default=("*",), min_length=1)
    service_types: Annotated[tuple[ServiceType, ...], _AsTuple] = Field(default=("*",), min_length=1)
    default_alphabet: Alphabet = "gsm7"
    replaceable: Literal["pass", "insert"] = "pass"


class Relay(Section):
    """The path of a notification."""

    mode: Literal["insert", "observe", "bypass"] = "insert"
    listen: Listen = Endpoint("127.0.0.1", 2775)
    upstream: Upstream = (Endpoint("127.0.0.1", 2776),)
    tls: Tls = None
    listed_routes: Annotated[tuple[Route, ...], _AsTuple, Field(min_length=1)] | None = Field(
        default=None, alias="routes"
    )
    workers: int = Field(default=1, ge=1, le=64)
    max_pdu_bytes: int = Field(default=65536, ge=64, le=16_777_216)
    max_sessions: int = Field(default=200, ge=1, le=10_000)
    response_timeout_s: float = Field(default=60, gt=0, le=3600)
    retry_bare_on: Annotated[tuple[Status, ...], _AsTuple, AfterValidator(_retried)] = (0x01, 0x45)
    notifications: Notifications = Notifications()

    @property
    def routes(self) -> tuple[Route, ...]:
        """The routes in use, each with its alphabet; the shorthand is one named "default"."""
        alphabet = self.notifications.default_alphabet
        if self.listed_routes is None:
            route = Route(name="default", listen=self.listen, upstream=self.upstream)
            return (route.model_copy(update={"default_alphabet": alphabet}),)
        return tuple(
            route.model_copy(update={"default_alphabet": route.default_alphabet or alphabet})
            for route in self.listed_routes
        )


class Ads(Section):
    """Whether, to whom and how ads are appended."""

    enabled: bool = True
    separator: Annotated[str, AfterValidator(_separator)] = Field(default=" ", max_length=8)
    share: float = Field(default=1.0, ge=0, le=1)
    only_subscribers: Annotated[Any, _refused_unless(None, "a list of trial subscribers")] = None
    max_deaf_s: float = Field(default=300, gt=0, le=86400)


class Leases(Section):
    """How much of a booking a worker holds: `horizon_s` of its busiest second."""

    horizon_s: float = Field(default=30, ge=1, le=3600)


class QuietHours(Section):
    """Hours of the subscriber's clock without ads, half open, in minutes of the day; may wrap midnight."""

    start: Minute = Field(alias="from")
    end: Minute = Field(alias="to")

    @model_validator(mode="after")
    def _is_a_window(self) -> "QuietHours":
        if self.start in {self.end, MINUTES_A_DAY}:
            raise custom_fault(
                "window",
                'debe tener un principio distinto del fin y antes de "24:00"',
                'must begin before "24:00" and not when it ends',
            )
        return self


class Policy(Section):
    """The carrier's rules."""

    allow_unreviewed: bool = False
    lead_time_hours: float = Field(default=48, ge=0, le=8760)
    consent: Annotated[Literal["none", "opt-out", "opt-in"], AfterValidator(_consent)] = "opt-out"
    quiet_hours: QuietHours | None = QuietHours.model_validate({"from": "21:00", "to": "09:00"})
    frequency_caps: Annotated[
        tuple[Any, ...], _AsTuple, _refused_unless((), "counting ads per subscriber")
    ] = ()
    default_timezone: Annotated[str, AfterValidator(_timezone)] = "America/Mexico_City"
    legal_basis: Unused = None
    billable: Annotated[
        Literal["accepted", "delivered"], _refused_unless("accepted", "billing by receipt")
    ] = "accepted"


class Planner(Section):
    """How often and how cautiously the plan is made."""

    every_seconds: float = Field(default=300, ge=1, le=86400)
    supply_factor: float = Field(default=0.93, gt=0, le=1)
    sell_on: Literal["p20", "p50"] = "p20"


class Journal(Section):
    """When the journal reaches the disk."""

    sync: Literal["always", "interval", "os"] = "interval"
    interval_ms: int = Field(default=20, ge=1, le=10_000)


class MessageId(Section):
    """How message_ids are written in receipts."""

    text: Annotated[str, _refused_unless("as-is", "converting message_ids")] = "as-is"
    tlv: Annotated[str, _refused_unless("as-is", "converting message_ids")] = "as-is"


class Receipts(Section):
    """Delivery receipts: as the platform asked for them, and no others yet."""

    request: Annotated[
        Literal["as-submitted", "always"], _refused_unless("as-submitted", "asking for receipts")
    ] = "as-submitted"
    platform_expects: Annotated[
        Literal["nothing", "failures"], _refused_unless("nothing", "holding back receipts")
    ] = "nothing"
    message_id: MessageId = MessageId()
    horizon_hours: int = Field(default=72, ge=1, le=8760)


class Privacy(Section):
    """What is kept of people."""

    hash_key_file: Unused = None
    min_people: int = Field(default=10, ge=1, le=1_000_000)


class RetentionDays(Section):
    """How long each store is kept, in days."""

    exposures: Days = 90
    receipts: Days = 7
    leads: Days = 180
    aggregates: Days = 1825
    audit: Days = 1825


class Http(Section):
    """Where the node answers over HTTP."""

    listen: Listen = Endpoint("127.0.0.1", 8080)
    public_url: Annotated[str, AfterValidator(_url)] | None = None
    tls: Tls = None


class Settings(Section):
    """All of posdata.yaml."""

    node: Node = Node()
    database: Annotated[str, AfterValidator(_database)] = Field(default="embedded", repr=False)
    relay: Relay = Relay()
    ads: Ads = Ads()
    leases: Leases = Leases()
    policy: Policy = Policy()
    planner: Planner = Planner()
    journal: Journal = Journal()
    receipts: Receipts = Receipts()
    privacy: Privacy = Privacy()
    retention_days: RetentionDays = RetentionDays()
    http: Http = Http()


class SettingsRefusedError(Exception):
    """The settings cannot be used; `faults` lists every reason."""

    def __init__(self, faults: Sequence[Fault]) -> None:
        super().__init__("; ".join(f"{fault.pointer} {fault.en}" for fault in faults))
        self.faults = tuple(faults)


def parse_settings(document: object) -> Settings:
    """Read a parsed settings file (None = empty = all defaults); raises `SettingsRefusedError`."""
    try:
        settings = Settings.model_validate({} if document is None else document)
    except ValidationError as error:
        raise SettingsRefusedError(shape_faults(error, Settings)) from None
    if faults := list(_conflicts(settings)):
        raise SettingsRefusedError(faults)
    return settings


def _conflicts(settings: Settings) -> Iterator[Fault]:
    relay = settings.relay
    listed = relay.listed_routes is not None
    for key in sorted({"listen", "upstream"} & relay.model_fields_set) if listed else ():
        yield _conflict(f"/relay/{key}", "is the shorthand for one route: give it or routes, not both")
    routes = [(f"/relay/routes/{i}" if listed else "/relay", route) for i, route in enumerate(relay.routes)]
    for (_, first), (where, second) in combinations(routes, 2):
        if first.name == second.name:
            yield _conflict(f"{where}/name", f"'{second.name}' names two routes")
        if first.listen.collides(second.listen):
            yield _conflict(f"{where}/listen", f"{second.listen} is taken by route '{first.name}'")
    for where, route in routes:
        yield from _loops(where, route, relay.routes)
    taken = next((route for _, route in routes if route.listen.collides(settings.http.listen)), None)
    if taken is not None:
        yield _conflict("/http/listen", f"{settings.http.listen} is taken by route '{taken.name}'")


def _loops(where: str, route: Route, routes: Sequence[Route]) -> Iterator[Fault]:
    for index, upstream in enumerate(route.upstream):
        for listening in routes:
            if upstream.reaches(listening.listen):
                here = f"{where}/upstream/{index}"
                yield _conflict(here, f"{upstream} is where route '{listening.name}' listens: a loop")


def _conflict(pointer: str, sentence: str) -> Fault:
    return Fault(pointer, "conflict", sentence, sentence)

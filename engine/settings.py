"""The settings of a node as values (posdata.yaml): every key, its default and what it may be.

What the contract names and this version does not do yet is refused, never ignored.
"""

from collections.abc import Iterator, Sequence
from itertools import combinations
from typing import Annotated, Literal

from pydantic import Field, ValidationError, model_validator

from engine.endpoint import Endpoint
from engine.receipts import Form
from engine.relay_settings import Relay, Route
from engine.setting_rules import (
    AS_TUPLE,
    EMERGENCY,
    VALKEY,
    Billable,
    Callers,
    CapStore,
    Categories,
    Database,
    Days,
    Dial,
    FilePath,
    HttpTls,
    Identifier,
    LegalBasis,
    Listen,
    Minute,
    PublicUrl,
    Separator,
    ServerName,
    ShortCode,
    Timezone,
)
from engine.setting_section import Section
from engine.trial_list import Handsets, Subscribers
from inventory.clock import MINUTES_A_DAY
from inventory.faults import Fault, custom_fault, shape_faults
from inventory.forms import PRINTABLE_ASCII, SENDER, VISIBLE_ASCII
from inventory.frequency import LONGEST_SPACING, MOST_COUNT


class Node(Section):
    """Who this node is and where it keeps its files."""

    name: Identifier = "relay-1"
    data_dir: str = Field(default="./data", min_length=1)


class Ads(Section):
    """Whether, to whom and how ads are appended."""

    enabled: bool = True
    separator: Separator = Field(default=" ", max_length=8)
    share: float = Field(default=1.0, ge=0, le=1)
    only_subscribers: Subscribers = Field(default=None, repr=False)
    test_subscribers: Handsets = Field(default=(), repr=False)
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


class PolicyCap(Section):
    """A cap that the carrier sets for all campaigns: of all ads, or of each brand's or campaign's."""

    count: int = Field(ge=1, le=MOST_COUNT)
    per: Literal["hour", "day", "week", "flight"]
    scope: Literal["campaign", "brand", "global"] = "global"

    @model_validator(mode="after")
    def _flies(self) -> "PolicyCap":
        if self.per == "flight" and self.scope != "campaign":
            raise custom_fault(
                "flight",
                "solo una campaña tiene vuelo: con per: flight use scope: campaign",
                "only a campaign has a flight: with per: flight use scope: campaign",
            )
        return self


class Policy(Section):
    """The carrier's rules."""

    allow_unreviewed: bool = False
    lead_time_hours: float = Field(default=48, ge=0, le=8760)
    consent: Literal["none", "opt-out", "opt-in"] = "opt-out"
    quiet_hours: QuietHours | None = QuietHours.model_validate({"from": "21:00", "to": "09:00"})
    frequency_caps: Annotated[tuple[PolicyCap, ...], AS_TUPLE, Field(max_length=20)] = ()
    competitor_window_minutes: int = Field(default=1440, ge=1, le=LONGEST_SPACING)
    exclude_callers: Callers = EMERGENCY
    extra_approval: Categories = ()
    default_timezone: Timezone = "America/Mexico_City"
    legal_basis: LegalBasis | None = None
    billable: Billable = "accepted"

    @property
    def two_approvals(self) -> frozenset[str]:
        """The categories of `extra_approval`, casefolded."""
        return frozenset(map(str.casefold, self.extra_approval))


class Planner(Section):
    """How often and how cautiously the plan is made."""

    every_seconds: float = Field(default=300, ge=1, le=86400)
    supply_factor: float = Field(default=0.93, gt=0, le=1)
    sell_on: Literal["p20", "p50"] = "p20"


class Journal(Section):
    """When the journal reaches the disk, and whether call detail records are made of it."""

    sync: Literal["always", "interval", "os"] = "interval"
    interval_ms: int = Field(default=20, ge=1, le=10_000)
    cdr: bool = False


class MessageId(Section):
    """What receipts hold as message_id, compared with the answer: in their text and in their parameter."""

    text: Form = "as-is"
    tlv: Form = "as-is"


class Receipts(Section):
    """Delivery receipts: asked for as the platform does, or for every ad and kept from the platform."""

    request: Literal["as-submitted", "always"] = "as-submitted"
    platform_expects: Literal["nothing", "failures"] = "nothing"
    message_id: MessageId = MessageId()
    horizon_hours: int = Field(default=72, ge=1, le=8760)


class Caps(Section):
    """Where ads are counted by subscriber: in a table of the node, or a store that nodes share."""

    store: CapStore = "local"
    size_mb: int = Field(default=128, ge=1, le=65536)
    timeout_ms: int = Field(default=2, ge=1, le=50)

    @property
    def shared(self) -> Endpoint | None:
        """Where the store is that nodes share, if they do."""
        return None if self.store == "local" else Endpoint.parse(self.store.removeprefix(VALKEY))


class Privacy(Section):
    """What is kept of people."""

    hash_key_file: FilePath | None = None
    number_key_file: FilePath | None = None
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
    public_url: PublicUrl | None = None
    tls: HttpTls = None


class Webhooks(Section):
    """Where webhooks may lead: to public addresses only, unless private ones are allowed."""

    allow_private: bool = False


class Links(Section):
    """Short links: at once to where they lead, or over a page, with a line on how to opt out if wanted.

    `resolve` follows redirects of what is submitted; `per_minute` bounds what one address may follow.
    """

    resolve: bool = True
    per_minute: Annotated[int, Field(ge=1, le=1_000_000)] | None = 600
    interstitial: bool = False
    opt_out: Annotated[str, Field(min_length=1, max_length=300)] | None = None


class Esme(Section):
    """The engine's own session at the SMSC: what it sends itself, and what handsets write to the short code.

    `bind` "pair" is a transmitter and a receiver; a transmitter alone hears nothing.
    """

    smsc: Dial
    system_id: Annotated[str, Field(min_length=1, max_length=15, pattern=VISIBLE_ASCII)]
    password_file: FilePath | None = None
    source_addr: Annotated[str, Field(max_length=20, pattern=PRINTABLE_ASCII)] = ""
    bind: Literal["transceiver", "pair", "transmitter"] = "transceiver"
    per_second: float = Field(default=20, ge=0.1, le=1000)
    short_code: ShortCode | None = None
    sample: Annotated[str, Field(min_length=1, max_length=120)] = "Tienes 1 llamada perdida de 5501234567."
    handsets: Handsets = Field(default=(), repr=False)


class Email(Section):
    """How reports leave by mail: through an SMTP server, or as files in data_dir."""

    sender: Annotated[str, Field(max_length=254, pattern=SENDER)] = Field(
        default="posdata@localhost", alias="from"
    )
    smtp_host: ServerName | None = None
    smtp_port: int = Field(default=587, ge=1, le=65535)
    security: Literal["starttls", "tls", "none"] = "starttls"
    user: Annotated[str, Field(min_length=1, max_length=254)] | None = None
    password_file: FilePath | None = None


class Reports(Section):
    """The daily report by e-mail to those who own campaigns; none without an hour."""

    daily_at: Minute | None = None
    email: Email = Email()


class Settings(Section):
    """All of posdata.yaml."""

    node: Node = Node()
    database: Database = Field(default="embedded", repr=False)
    relay: Relay = Relay()
    ads: Ads = Ads()
    leases: Leases = Leases()
    policy: Policy = Policy()
    planner: Planner = Planner()
    journal: Journal = Journal()
    receipts: Receipts = Receipts()
    caps: Caps = Caps()
    privacy: Privacy = Privacy()
    retention_days: RetentionDays = RetentionDays()
    http: Http = Http()
    webhooks: Webhooks = Webhooks()
    links: Links = Links()
    reports: Reports = Reports()
    esme: Esme | None = None


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


SHORTHAND = frozenset({"listen", "upstream", "source", "tls", "responses", "short_code"})
"""What of `relay` is one route's, where it has no list of them."""


def _conflicts(settings: Settings) -> Iterator[Fault]:
    relay = settings.relay
    listed = relay.listed_routes is not None
    for key in sorted(SHORTHAND & relay.model_fields_set) if listed else ():
        if getattr(relay, key) is not None:
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

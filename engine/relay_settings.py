"""The settings of the relay: its routes, TLS on their legs, which messages are notifications."""

from typing import Annotated, Literal

from pydantic import Field, model_validator

from engine.endpoint import Endpoint
from engine.setting_rules import (
    AS_TUPLE,
    Alphabet,
    FilePath,
    Identifier,
    Listen,
    ServerName,
    ServiceTypes,
    ShortCode,
    Sources,
    Statuses,
    SystemIds,
    Upstream,
)
from engine.setting_section import Section
from inventory.faults import custom_fault


class ListenTls(Section):
    """TLS towards the platform: what the node shows it, and whose certificates it must show in turn."""

    certificate: FilePath
    key: FilePath
    client_ca: FilePath | None = None


class UpstreamTls(Section):
    """TLS towards the SMSC: who vouches for it, which name it must bear, what the node shows it."""

    ca: FilePath | None = None
    server_name: ServerName | None = None
    certificate: FilePath | None = None
    key: FilePath | None = None

    @model_validator(mode="after")
    def _is_a_pair(self) -> "UpstreamTls":
        if (self.certificate is None) != (self.key is None):
            raise custom_fault(
                "pair",
                "debe tener certificate y key, o ninguno",
                "must have both certificate and key, or neither",
            )
        return self


class Tls(Section):
    """TLS on the legs of a route; a leg that is not named is plain TCP."""

    listen: ListenTls | None = None
    upstream: UpstreamTls | None = None

    @model_validator(mode="after")
    def _has_a_leg(self) -> "Tls":
        if self.listen is None and self.upstream is None:
            raise custom_fault(
                "no_leg", "debe tener listen, upstream o ambos", "must have listen, upstream or both"
            )
        return self


class Route(Section):
    """An address the platform connects to and the SMSCs behind it; its name is its message_ids' space."""

    name: Identifier
    listen: Listen
    upstream: Upstream
    source: Sources | None = None
    tls: Tls | None = None
    default_alphabet: Alphabet | None = None
    responses: bool = False
    short_code: ShortCode | None = None


class Notifications(Section):
    """Which messages are notifications ("*" is any), and the SMSC's default alphabet (data_coding 0)."""

    system_ids: SystemIds = Field(default=("*",), min_length=1)
    service_types: ServiceTypes = Field(default=("*",), min_length=1)
    default_alphabet: Alphabet = "gsm7"
    replaceable: Literal["pass", "insert"] = "pass"


class Relay(Section):
    """The path of a notification."""

    mode: Literal["insert", "observe", "bypass"] = "insert"
    listen: Listen = Endpoint("127.0.0.1", 2775)
    upstream: Upstream = (Endpoint("127.0.0.1", 2776),)
    source: Sources | None = None
    tls: Tls | None = None
    responses: bool = False
    short_code: ShortCode | None = None
    listed_routes: Annotated[tuple[Route, ...], AS_TUPLE, Field(min_length=1)] | None = Field(
        default=None, alias="routes"
    )
    workers: int = Field(default=1, ge=1, le=64)
    max_pdu_bytes: int = Field(default=65536, ge=64, le=16_777_216)
    max_sessions: int = Field(default=200, ge=1, le=10_000)
    response_timeout_s: float = Field(default=60, gt=0, le=3600)
    drain_s: float = Field(default=5, gt=0, le=60)
    retry_bare_on: Statuses = (0x01, 0x45)
    notifications: Notifications = Notifications()

    @property
    def routes(self) -> tuple[Route, ...]:
        """The routes in use, each with its alphabet; the shorthand is one named "default"."""
        alphabet = self.notifications.default_alphabet
        if self.listed_routes is None:
            route = Route(
                name="default",
                listen=self.listen,
                upstream=self.upstream,
                source=self.source,
                tls=self.tls,
                default_alphabet=alphabet,
                responses=self.responses,
                short_code=self.short_code,
            )
            return (route,)
        return tuple(
            route.model_copy(update={"default_alphabet": route.default_alphabet or alphabet})
            for route in self.listed_routes
        )

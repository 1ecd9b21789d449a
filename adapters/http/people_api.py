"""`organisations`, `brands`, `users`, `keys`, `audit`: who is who, and who did what."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import AfterValidator, Field

from adapters.http.operations import Answer, Call, NoQuery, Operation, Query, Shape
from adapters.http.passwords import LONGEST, SHORTEST, hash_password
from adapters.http.problems import ProblemError
from adapters.http.services import Services
from adapters.postgres.audit import read_audit
from adapters.postgres.brand_grants import withdraw_brand
from adapters.postgres.identity import DuplicateError, MissingError
from engine.access import EVERYBODY, TAGS, OrganisationKind, Role, is_scope
from inventory.document import Instant
from inventory.faults import Fault, custom_fault
from inventory.forms import EMAIL, IDENTIFIER, NAME, SCOPE

ADMINS = frozenset({Role.ADMIN})
AUDITORS = frozenset({Role.ADMIN, Role.OPS, Role.APPROVER})

Name = Annotated[str, Field(min_length=1, max_length=100, pattern=NAME)]
Identifier = Annotated[str, Field(pattern=IDENTIFIER)]
Email = Annotated[str, Field(max_length=254, pattern=EMAIL)]


def _scope(text: str) -> str:
    if is_scope(text):
        return text
    known = ", ".join(sorted(TAGS))
    raise custom_fault(
        "unknown_scope",
        f"{text!r} no es un alcance; los hay, también con :read: {known}",
        f"{text!r} is no scope; known, also with :read: {known}",
    )


Scope = Annotated[str, Field(pattern=SCOPE, max_length=40), AfterValidator(_scope)]
RoleName = Literal["advertiser", "brand_manager", "approver", "ops", "admin"]
CARRIERS_ONLY = frozenset({"approver", "ops", "admin"})


class OrganisationIn(Shape):
    """An organisation to register."""

    name: Name
    kind: Literal["carrier", "advertiser", "agency"]


class BrandIn(Shape):
    """A brand to register for an organisation."""

    name: Name
    category: Name
    organisation: Identifier


class GrantIn(Shape):
    """The agency that may act for a brand."""

    organisation: Identifier


class UserIn(Shape):
    """A user to register; `brands` null means every brand of the organisation."""

    email: Email
    name: Name
    organisation: Identifier
    role: RoleName
    password: str = Field(min_length=SHORTEST, max_length=LONGEST, repr=False)
    brands: list[Name] | None = None
    language: Literal["es", "en"] = "es"


class KeyIn(Shape):
    """An API key to make; `scopes` such as `campaigns` or `campaigns:read` narrow what it may do."""

    name: Name
    organisation: Identifier
    role: RoleName
    brands: list[Name] | None = None
    scopes: list[Scope] = Field(default_factory=list)
    expires_at: Instant | None = None


class Made(Shape):
    """The id of what was made."""

    id: str


class KeyMade(Shape):
    """A key's id and its secret, which is shown this once."""

    id: str
    secret: str


class Listing(Shape):
    """A list of things."""

    items: list[dict[str, Any]]


class AuditQuery(Query):
    """Which entries of the audit log."""

    before: int | None = Field(default=None, ge=1, le=2**62, description="Only entries below this one.")
    subject: str | None = Field(default=None, max_length=100, description="Only what was done to this id.")
    limit: int = Field(default=50, ge=1, le=500)


def people_operations(services: Services) -> Sequence[Operation]:
    """Return the operations."""
    desk = _Desk(services)
    tag = "organisations"
    example = "0b5e6c0e-1c1b-4b52-9b0c-6f1f0f4dfb1a"
    return [
        Operation("GET", "/organisations", "list_organisations", "List organisations.", tag,
                  desk.organisations, roles=AUDITORS, answer=Listing),
        Operation("POST", "/organisations", "create_organisation", "Register an organisation.", tag,
                  desk.add_organisation, roles=ADMINS, body=OrganisationIn, answer=Made, status=201,
                  example={"name": "Tienda Sol", "kind": "advertiser"}),
        Operation("GET", "/brands", "list_brands", "List the brands one may see.", "brands",
                  desk.brands, roles=EVERYBODY, answer=Listing),
        Operation("POST", "/brands", "create_brand", "Register a brand.", "brands",
                  desk.add_brand, roles=ADMINS, body=BrandIn, answer=Made, status=201,
                  problems=("not_found",),
                  example={"name": "tienda-sol", "category": "retail", "organisation": example}),
        Operation("POST", "/brands/{brand}/grants", "grant_brand", "Let an agency act for a brand.", "brands",
                  desk.grant, roles=ADMINS, body=GrantIn, status=204, example={"organisation": example}),
        Operation("DELETE", "/brands/{brand}/grants/{organisation}", "withdraw_brand",
                  "Let an agency act for a brand no more, at once.", "brands", desk.withdraw,
                  roles=ADMINS, status=204, problems=("not_found",)),
        Operation("GET", "/users", "list_users", "List users.", "users",
                  desk.users, roles=ADMINS, answer=Listing),
        Operation("POST", "/users", "create_user", "Register a user.", "users",
                  desk.add_user, roles=ADMINS, body=UserIn, answer=Made, status=201, problems=("not_found",),
                  example={"email": "ana@sol.example", "name": "Ana", "organisation": example,
                           "role": "advertiser", "password": "correct horse battery"}),
        Operation("POST", "/users/{id}/disable", "disable_user", "Shut a user out at once.", "users",
                  desk.disable_user, roles=ADMINS, status=204),
        Operation("GET", "/keys", "list_keys", "List API keys, without their secrets.", "keys",
                  desk.keys, roles=ADMINS, answer=Listing),
        Operation("POST", "/keys", "create_key", "Make an API key; its secret is shown this once.", "keys",
                  desk.add_key, roles=ADMINS, body=KeyIn, answer=KeyMade, status=201,
                  problems=("not_found",),
                  example={"name": "import", "organisation": example, "role": "advertiser"}),
        Operation("POST", "/keys/{id}/revoke", "revoke_key", "Make a key worthless at once.", "keys",
                  desk.revoke_key, roles=ADMINS, status=204),
        Operation("GET", "/audit", "read_audit", "Read the audit log, newest first.", "audit",
                  desk.audit, roles=AUDITORS, query=AuditQuery, answer=Listing),
    ]  # fmt: skip


class _Desk:
    """The handlers."""

    def __init__(self, services: Services) -> None:
        self._services = services

    async def organisations(self, _: Call[NoQuery, None]) -> Answer:
        return _listing(await self._services.identity.organisations())

    async def add_organisation(self, call: Call[NoQuery, OrganisationIn]) -> Answer:
        with _told():
            made = await self._services.identity.add_organisation(
                call.body.name, OrganisationKind(call.body.kind), actor=call.principal.name, at=self._now()
            )
        return Answer({"id": made}, 201)

    async def brands(self, call: Call[NoQuery, None]) -> Answer:
        return _listing(await self._services.identity.brands(call.principal))

    async def add_brand(self, call: Call[NoQuery, BrandIn]) -> Answer:
        brand = call.body
        with _told():
            await self._services.identity.add_brand(
                brand.name, brand.category, brand.organisation, actor=call.principal.name, at=self._now()
            )
        self._services.known_keys.forget()
        return Answer({"id": brand.name}, 201)

    async def grant(self, call: Call[NoQuery, GrantIn]) -> Answer:
        with _told():
            await self._services.identity.grant_brand(
                call.path["brand"], call.body.organisation, actor=call.principal.name, at=self._now()
            )
        self._services.known_keys.forget()
        return Answer()

    async def withdraw(self, call: Call[NoQuery, None]) -> Answer:
        place = call.path["brand"], _identifier(call.path["organisation"])
        pool = self._services.pool
        if not await withdraw_brand(pool, *place, actor=call.principal.name, at=self._now()):
            raise ProblemError("not_found", es="no está concedida", en="it is not granted")
        self._services.known_keys.forget()
        return Answer()

    async def users(self, _: Call[NoQuery, None]) -> Answer:
        return _listing(await self._services.identity.users())

    async def add_user(self, call: Call[NoQuery, UserIn]) -> Answer:
        user = call.body
        await self._check_place(user)
        with _told():
            made = await self._services.identity.add_user(
                user.email,
                user.name,
                user.organisation,
                Role(user.role),
                password_hash=await hash_password(user.password),
                brands=user.brands,
                language=user.language,
                actor=call.principal.name,
                at=self._now(),
            )
        return Answer({"id": made}, 201)

    async def disable_user(self, call: Call[NoQuery, None]) -> Answer:
        with _told():
            await self._services.identity.disable_user(
                _identifier(call.path["id"]), actor=call.principal.name, at=self._now()
            )
        return Answer()

    async def keys(self, _: Call[NoQuery, None]) -> Answer:
        return _listing(await self._services.identity.keys())

    async def add_key(self, call: Call[NoQuery, KeyIn]) -> Answer:
        key = call.body
        await self._check_place(key)
        with _told():
            made = await self._services.identity.create_key(
                key.name,
                key.organisation,
                Role(key.role),
                brands=key.brands,
                scopes=key.scopes,
                expires_at=key.expires_at,
                actor=call.principal.name,
                at=self._now(),
            )
        return Answer({"id": made.id, "secret": made.secret}, 201)

    async def revoke_key(self, call: Call[NoQuery, None]) -> Answer:
        with _told():
            await self._services.identity.revoke_key(
                _identifier(call.path["id"]), actor=call.principal.name, at=self._now()
            )
        self._services.known_keys.forget()
        return Answer()

    async def audit(self, call: Call[AuditQuery, None]) -> Answer:
        query = call.query
        entries = await read_audit(
            self._services.pool, before=query.before, subject=query.subject, limit=query.limit
        )
        fields = ("sequence", "at", "actor", "action", "subject_type", "subject_id", "before", "after")
        return _listing([{name: getattr(entry, name) for name in fields} for entry in entries])

    async def _check_place(self, who: UserIn | KeyIn) -> None:
        """Keep the carrier's roles for the carrier's people, and brands for those who act for them."""
        role = who.role
        kinds = {str(row["id"]): row["kind"] for row in await self._services.identity.organisations()}
        kind = kinds.get(who.organisation)
        if kind is None:
            raise ProblemError("not_found", es="esa organización no existe", en="no such organisation")
        if (role in CARRIERS_ONLY) is not (kind == OrganisationKind.CARRIER):
            raise ProblemError(
                "conflict",
                es=f"la función {role} no es para una organización de tipo {kind}",
                en=f"the role {role} is not for an organisation of kind {kind}",
            )

        own = await self._services.identity.brands_of(who.organisation)
        faults = [
            Fault(
                f"/brands/{index}",
                "unknown_brand",
                "no es una marca por la que actúe esa organización",
                "is no brand that the organisation acts for",
            )
            for index, brand in enumerate(who.brands or ())
            if brand not in own
        ]
        if faults:
            raise ProblemError("invalid", faults=faults)

    def _now(self) -> datetime:
        return self._services.now()


class _told:  # noqa: N801  # reads as a statement
    """Turn what the register refuses into problems."""

    def __enter__(self) -> None:
        """Begin."""

    def __exit__(self, _: object, error: BaseException | None, __: object) -> None:
        if isinstance(error, DuplicateError):
            raise ProblemError("conflict", es="ya existe con ese nombre", en="that name is taken") from None
        if isinstance(error, MissingError):
            raise ProblemError("not_found", es=f"no existe: {error}", en=f"no such {error}") from None


def _identifier(text: str) -> str:
    try:
        return str(UUID(text))
    except ValueError:
        raise ProblemError("not_found") from None


def _listing(rows: Sequence[Mapping[str, Any]]) -> Answer:
    return Answer({"items": [{name: _plain(value) for name, value in row.items()} for row in rows]})


def _plain(value: object) -> object:
    if isinstance(value, datetime):
        return value.isoformat()
    return str(value) if isinstance(value, UUID) else value

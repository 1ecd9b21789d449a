"""`posdata keys` and `posdata users`: who may use the API and the console."""

import asyncio
import getpass
import os
import sys
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Annotated, Literal

import typer

from adapters.cli.console import CommandError, ExitCode, print_json
from adapters.cli.database import open_database
from adapters.cli.options import DEFAULT_CONFIG, AsJson, ConfigFile, settings_at
from adapters.http.passwords import LONGEST, SHORTEST, hash_password
from adapters.postgres.identity import DuplicateError, PostgresIdentity
from engine.access import CARRIER_ROLES, TAGS, OrganisationKind, Role, is_scope
from engine.settings import Settings

PASSWORD_VARIABLE = "POSDATA_PASSWORD"  # noqa: S105  # the variable's name

keys = typer.Typer(help="Make keys for the API.", no_args_is_help=True, rich_markup_mode=None)
users = typer.Typer(help="Register users of the console.", no_args_is_help=True, rich_markup_mode=None)

Organisation = Annotated[str, typer.Option("--organisation", metavar="NAME", help="whose it is")]
Kind = Annotated[
    OrganisationKind | None,
    typer.Option("--kind", help="register the organisation as this, if it is not there"),
]
RoleOption = Annotated[Role, typer.Option("--role", help="what they do here")]
Brands = Annotated[
    list[str] | None,
    typer.Option("--brand", metavar="BRAND", help="only for this brand of the organisation; repeatable"),
]
Category = Annotated[
    str | None,
    typer.Option("--category", metavar="C", help="register brands that are not there, in this category"),
]


@dataclass(frozen=True, slots=True)
class Place:
    """Where somebody belongs: an organisation, registered as `kind` if it is not there, and brands of it."""

    organisation: str
    kind: OrganisationKind | None
    role: Role
    brands: list[str] | None
    category: str | None


@keys.callback()
def _keys() -> None:
    """Make keys for the API."""


@users.callback()
def _users() -> None:
    """Register users of the console."""


@keys.command("create")
def create_key(
    name: Annotated[str, typer.Argument(metavar="NAME", help="what the key is for")],
    *,
    organisation: Organisation,
    role: RoleOption,
    kind: Kind = None,
    brand: Brands = None,
    category: Category = None,
    scope: Annotated[
        list[str] | None,
        typer.Option("--scope", metavar="SCOPE", help="campaigns, or campaigns:read; repeatable"),
    ] = None,
    days: Annotated[int | None, typer.Option("--days", min=1, max=3650, help="expires after so many")] = None,
    config: ConfigFile = DEFAULT_CONFIG,
    as_json: AsJson = False,
) -> None:
    """Make an API key and print its secret, which is shown this once."""
    for each in scope or ():
        if not is_scope(each):
            known = ", ".join(sorted(TAGS))
            line = f"posdata: {each!r} is no scope; known, also with :read: {known}"
            raise CommandError(ExitCode.USAGE, line)
    place = Place(organisation, kind, role, brand, category)
    now = datetime.now(UTC)

    async def make(identity: PostgresIdentity, organisation_id: str) -> dict[str, str]:
        made = await identity.create_key(
            name,
            organisation_id,
            role,
            brands=brand,
            scopes=scope or (),
            expires_at=None if days is None else now + timedelta(days=days),
            actor=_actor(),
            at=now,
        )
        return {"id": made.id, "secret": made.secret}

    made = asyncio.run(_made(settings_at(config), place, make, now))
    if as_json:
        print_json(made)
    else:
        print(made["secret"])


@users.command("create")
def create_user(
    email: Annotated[str, typer.Argument(metavar="EMAIL", help="to log in with")],
    *,
    name: Annotated[str, typer.Option("--name", help="how people know them")],
    organisation: Organisation,
    role: RoleOption,
    kind: Kind = None,
    brand: Brands = None,
    category: Category = None,
    language: Annotated[Literal["es", "en"], typer.Option("--language", help="of the console")] = "es",
    config: ConfigFile = DEFAULT_CONFIG,
    as_json: AsJson = False,
) -> None:
    """Register a user; the password comes from POSDATA_PASSWORD, or is asked for."""
    local, _, domain = email.partition("@")
    if not local or "." not in domain or any(char.isspace() for char in email):
        raise CommandError(ExitCode.USAGE, f"posdata: {email!r} is no e-mail address")
    settings = settings_at(config)
    password = _password()
    place = Place(organisation, kind, role, brand, category)
    now = datetime.now(UTC)

    async def make(identity: PostgresIdentity, organisation_id: str) -> dict[str, str]:
        made = await identity.add_user(
            email,
            name,
            organisation_id,
            role,
            password_hash=await hash_password(password),
            brands=brand,
            language=language,
            actor=_actor(),
            at=now,
        )
        return {"id": made, "email": email.lower()}

    made = asyncio.run(_made(settings, place, make, now))
    if as_json:
        print_json(made)
    else:
        print(f"{made['id']}  {made['email']}")


async def _made(
    settings: Settings,
    place: Place,
    make: Callable[[PostgresIdentity, str], Awaitable[dict[str, str]]],
    now: datetime,
) -> dict[str, str]:
    async with open_database(settings) as session:
        identity = PostgresIdentity(session.pool)
        organisation = await _organisation(identity, place, now)
        await _register_brands(identity, place, organisation, now)
        try:
            return await make(identity, organisation)
        except DuplicateError:
            raise CommandError(ExitCode.NO, "posdata: a user with that e-mail is there already") from None


async def _organisation(identity: PostgresIdentity, place: Place, now: datetime) -> str:
    """Return the organisation's id; registers it where that was asked for."""
    known = {row["name"]: row for row in await identity.organisations()}
    row = known.get(place.organisation)
    kind = place.kind if row is None else OrganisationKind(row["kind"])
    if kind is None:
        names = ", ".join(sorted(known)) or "none"
        line = f"posdata: no organisation {place.organisation!r} (there: {names}); --kind registers it"
        raise CommandError(ExitCode.USAGE, line)
    if (place.role in CARRIER_ROLES) is not (kind is OrganisationKind.CARRIER):
        line = f"posdata: the role {place.role} is not for an organisation of kind {kind}"
        raise CommandError(ExitCode.USAGE, line)
    if row is not None:
        return str(row["id"])
    try:
        return await identity.add_organisation(place.organisation, kind, actor=_actor(), at=now)
    except DuplicateError:
        raise CommandError(ExitCode.NO, "posdata: there is a carrier already, and only one may be") from None


async def _register_brands(
    identity: PostgresIdentity, place: Place, organisation: str, now: datetime
) -> None:
    """Register the brands that are named and not there, where that was asked for."""
    own = await identity.brands_of(organisation)
    for brand in place.brands or ():
        if brand in own:
            continue
        if place.category is None:
            line = f"posdata: {place.organisation!r} has no brand {brand!r}; --category registers it"
            raise CommandError(ExitCode.USAGE, line)
        try:
            await identity.add_brand(brand, place.category, organisation, actor=_actor(), at=now)
        except DuplicateError:
            line = f"posdata: the brand {brand!r} is another organisation's"
            raise CommandError(ExitCode.NO, line) from None


def _password() -> str:
    given = os.environ.get(PASSWORD_VARIABLE)
    if given is None:
        if not sys.stdin.isatty():
            line = f"posdata: no password; set {PASSWORD_VARIABLE}, or run it in a terminal to be asked"
            raise CommandError(ExitCode.USAGE, line)
        given = getpass.getpass("Password: ")
        if getpass.getpass("Again: ") != given:
            raise CommandError(ExitCode.USAGE, "posdata: the two are not the same")
    if not SHORTEST <= len(given) <= LONGEST:
        raise CommandError(ExitCode.USAGE, f"posdata: a password has {SHORTEST} to {LONGEST} characters")
    return given


def _actor() -> str:
    return f"cli:{getpass.getuser()}"

"""Who may log in to the demo's console: sample organisations with their brands, one user a role."""

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from adapters.http.passwords import hash_password
from adapters.postgres.identity import PostgresIdentity
from adapters.postgres.pool import Pool
from engine.access import OrganisationKind, Role

ACTOR = "demo"
_CARRIER, _SHOP = "Operador Demo", "Tienda Sol"
_ORGANISATIONS: Mapping[str, OrganisationKind] = {
    _CARRIER: OrganisationKind.CARRIER,
    _SHOP: OrganisationKind.ADVERTISER,
    "Grupo Azul": OrganisationKind.ADVERTISER,
}
_BRANDS: Mapping[str, Sequence[tuple[str, str]]] = {
    _SHOP: (("tienda-sol", "retail"), ("papel-y-mas", "retail"), ("cine-plaza", "entertainment")),
    "Grupo Azul": (("banco-azul", "finance"), ("agua-clara", "services"), ("viaja-ya", "travel")),
}


@dataclass(frozen=True, slots=True)
class DemoUser:
    """Somebody who may log in; the password is made for this run."""

    email: str
    name: str
    organisation: str
    role: Role
    password: str


def demo_users() -> Sequence[DemoUser]:
    """Return one user a role, with new passwords."""
    people = (
        ("anuncia@demo.example", "Ana Anunciante", _SHOP, Role.ADVERTISER),
        ("marca@demo.example", "Mario Marca", _SHOP, Role.BRAND_MANAGER),
        ("aprueba@demo.example", "Alma Aprobadora", _CARRIER, Role.APPROVER),
        ("opera@demo.example", "Omar Operador", _CARRIER, Role.OPS),
        ("admin@demo.example", "Ada Admin", _CARRIER, Role.ADMIN),
    )
    return [DemoUser(*person, secrets.token_urlsafe(9)) for person in people]


async def register(pool: Pool, users: Sequence[DemoUser]) -> None:
    """Register the organisations, the brands of the demo's campaigns, and the users."""
    identity, now = PostgresIdentity(pool), datetime.now(UTC)
    ids = {
        name: await identity.add_organisation(name, kind, actor=ACTOR, at=now)
        for name, kind in _ORGANISATIONS.items()
    }
    for owner, brands in _BRANDS.items():
        for brand, category in brands:
            await identity.add_brand(brand, category, ids[owner], actor=ACTOR, at=now)
    for user in users:
        await identity.add_user(
            user.email,
            user.name,
            ids[user.organisation],
            user.role,
            password_hash=await hash_password(user.password),
            brands=None,
            language="es",
            actor=ACTOR,
            at=now,
        )

"""Who may what: each route, role and owner, made from the operations themselves."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import pytest

from adapters.http.app import all_operations
from adapters.http.operations import Operation
from engine.access import CARRIER_ROLES, Role
from tests.integration.http.conftest import BRANDS, CALLERS, World

pytestmark = pytest.mark.postgres

OWNER = "Sol"
NOBODY = NO_ENGAGEMENT = "0b5e6c0e-1c1b-4b52-9b0c-6f1f0f4dfb1a"


def path_of(operation: Operation, campaign: Mapping[str, Any]) -> str:
    """Return the path about Sol's campaign, its text or its brand."""
    text = campaign["creatives"][0]["id"]
    known = {"creatives": text, "engagements": NO_ENGAGEMENT}
    values = {"id": known.get(operation.tag, campaign["id"]), "brand": BRANDS[OWNER], "organisation": NOBODY}
    return operation.path.format_map(values)


def is_about_a_campaign(operation: Operation) -> bool:
    """Tell whether the path names a campaign or a text of one."""
    return operation.path.startswith(("/campaigns/{id}", "/creatives/{id}"))


async def test_nobody_reads_or_changes_what_is_not_theirs_nor_acts_beyond_the_role(world: World) -> None:
    """Beyond the role 403; another's campaign 404, whatever is asked; and nothing has changed."""
    booked = await world.book()
    secret = "Nombre que nadie más debe leer"
    await world.call(
        "sol", "PATCH", f"/campaigns/{booked['id']}", {"name": secret}, headers={"If-Match": "*"}
    )
    before = (await world.call("sol", "GET", f"/campaigns/{booked['id']}")).body
    checked = 0
    for operation in all_operations(world.services):
        for who, (organisation, role) in CALLERS.items():
            body = operation.example if operation.body else ({} if operation.raw_body else None)
            headers = {"If-Match": "*"} if operation.etag else {}
            path = path_of(operation, before)
            if role not in operation.roles:
                reply = await world.call(who, operation.method, path, body, headers=headers)
                assert reply.status == 403, (operation.name, who, reply.body)
            elif organisation == "Luna" and is_about_a_campaign(operation):
                reply = await world.call(who, operation.method, path, body, headers=headers)
                assert reply.status == 404, (operation.name, who, reply.body)
            elif organisation == "Luna" and operation.method == "GET":
                reply = await world.call(who, operation.method, path)
                assert secret.encode() not in reply.octets, (operation.name, who)
                assert booked["id"].encode() not in reply.octets, (operation.name, who)
            else:
                continue
            checked += 1
        nobody = await world.call(None, operation.method, path_of(operation, before), None)
        assert nobody.status == 401, operation.name
    assert checked > 100
    after = (await world.call("sol", "GET", f"/campaigns/{booked['id']}")).body
    for each in (before, after):
        each.pop("earliest_start")
    assert after == before


async def test_who_acts_for_a_brand_sees_what_belongs_to_it(world: World) -> None:
    """Its advertiser, its manager, the agency it was granted to, the carrier; nobody else."""
    booked = await world.book()
    seen = {
        who: (await world.call(who, "GET", f"/campaigns/{booked['id']}")).status
        for who, (_, role) in CALLERS.items()
        if role is not Role.ADMIN
    }
    assert seen == {
        who: 404 if organisation == "Luna" else 200
        for who, (organisation, role) in CALLERS.items()
        if role is not Role.ADMIN
    }
    assert {role for role in Role if role in CARRIER_ROLES} == {Role.APPROVER, Role.OPS, Role.ADMIN}
    review = (await world.call("sol_manager", "GET", f"/campaigns/{booked['id']}")).body["review"]
    assert review is None


async def test_a_key_of_some_brands_and_scopes_does_no_more(world: World) -> None:
    """Narrowed to reading campaigns it can't write; narrowed to another brand it sees none."""
    booked = await world.book()
    for who, brands, scopes in (("reader", None, ["campaigns:read"]), ("elsewhere", ["otra"], [])):
        made = await world.identity.create_key(
            who, world.organisations["Sol"], Role.ADVERTISER,
            brands=brands, scopes=scopes, expires_at=None, actor="cli", at=datetime.now(UTC),
        )  # fmt: skip
        world.keys[who] = made.secret
    path = f"/campaigns/{booked['id']}"
    assert (await world.call("reader", "GET", path)).status == 200
    assert (await world.call("reader", "POST", f"{path}/submit")).status == 403
    assert (await world.call("elsewhere", "GET", path)).status == 404
    assert (await world.call("elsewhere", "GET", "/campaigns")).body["items"] == []

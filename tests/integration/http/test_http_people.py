"""Users, keys and grants over HTTP: nobody acts for brands that are not their organisation's."""

import pytest

from tests.integration.http.conftest import World

pytestmark = pytest.mark.postgres


async def test_a_key_and_a_user_are_for_brands_that_their_organisation_acts_for(world: World) -> None:
    """Another's brand is refused by its place, and so are an unknown scope and a time without its offset."""
    sol = {"name": "x", "organisation": world.organisations["Sol"], "role": "advertiser"}
    key = await world.call("admin", "POST", "/keys", sol | {"brands": ["tienda-sol", "cafe-luna"]})
    assert key.codes == [("/brands/1", "unknown_brand")]
    user = {"email": "x@sol.example", "password": "a long password", "brands": ["cafe-luna"]}
    assert (await world.call("admin", "POST", "/users", sol | user)).codes == [("/brands/0", "unknown_brand")]
    odd = sol | {"scopes": ["campaigns:read", "campanas"], "expires_at": "2030-01-01T00:00:00"}
    refused = await world.call("admin", "POST", "/keys", odd)
    assert refused.codes == [("/scopes/1", "unknown_scope"), ("/expires_at", "offset_required")]
    good = sol | {
        "brands": ["tienda-sol"],
        "scopes": ["campaigns:read"],
        "expires_at": "2099-01-01T00:00:00Z",
    }
    assert (await world.call("admin", "POST", "/keys", good)).status == 201


async def test_a_grant_is_withdrawn_at_once(world: World) -> None:
    """What the agency could see does not exist for it any more."""
    booked = await world.book()
    assert (await world.call("agency", "GET", f"/campaigns/{booked['id']}")).status == 200
    grant = f"/brands/tienda-sol/grants/{world.organisations['Agencia']}"
    assert (await world.call("admin", "DELETE", grant)).status == 204
    assert (await world.call("agency", "GET", f"/campaigns/{booked['id']}")).status == 404
    assert (await world.call("admin", "DELETE", grant)).status == 404

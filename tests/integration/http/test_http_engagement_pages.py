"""The console's pages about missed calls: three steps, start and end, coupons; faults are told."""

from collections.abc import AsyncIterator, Mapping
from datetime import UTC, datetime
from typing import Any

import pytest

from adapters.http.passwords import hash_password
from engine.access import Role
from tests.integration.http.conftest import World
from tests.integration.http.test_http_console import PASSWORD, Browser

pytestmark = pytest.mark.postgres

FORM: Mapping[str, Any] = {
    "name": "El deporte <del> pueblo",
    "purpose": "vote",
    "brand": "",
    "wording": "Llama y vota",
    "numbers": "55 0100 0001 = Lucha\n55 0100 0002 = Futbol",
    "lead_window": "day",
}


@pytest.fixture
async def ops(world: World) -> AsyncIterator[Browser]:
    """Somebody of the carrier's operations, logged in, with two numbers in the pool."""
    await world.identity.add_user(
        "ops@operador.example", "Omar", world.organisations["Operador"], Role.OPS,
        password_hash=await hash_password(PASSWORD), brands=None, language="es", actor="cli",
        at=datetime.now(UTC),
    )  # fmt: skip
    for number in ("5501000001", "5501000002"):
        await world.call("ops", "POST", "/response-numbers", {"number": number})
    browser = Browser(world)
    await browser.log_in("ops@operador.example")
    yield browser
    await browser.client.close()


async def test_a_vote_is_made_in_three_steps_started_and_ended(world: World, ops: Browser) -> None:
    """Draft, start, the board with its options, end; names stay text, and others' pages are not there."""
    token = await ops.token("/engagements/new")
    response, text = await ops.post("/engagements/new", {**FORM, "csrf": token})
    assert response.status == 303, text
    at = response.headers["Location"]
    response, text = await ops.get(at)
    assert (response.status, "Marcador en vivo" in text, "&lt;del&gt;" in text) == (200, True, True)
    assert "Lucha" in text
    response, _ = await ops.post(f"{at}/start", {"csrf": token})
    assert response.status == 303
    _, text = await ops.get("/engagements")
    assert "En curso" in text
    assert (await ops.post(f"{at}/start", {"csrf": token}))[0].status == 409
    assert (await ops.post(f"{at}/end", {"csrf": token}))[0].status == 303
    assert (await world.call("ops", "GET", f"{at}")).body["state"] == "closed"
    assert (await ops.get("/engagements/00000000-0000-0000-0000-000000000000"))[0].status == 404


async def test_faults_are_told_and_what_was_typed_stays(ops: Browser) -> None:
    """An SMS that is too long and a number that nobody has: both rules, and the form as it was."""
    token = await ops.token("/engagements/new")
    wrong = {**FORM, "purpose": "coupon", "confirmation": "{code}" + "x" * 160, "csrf": token}
    response, text = await ops.post("/engagements/new", wrong)
    assert response.status == 422
    assert "ocupa 180 de 160" in text
    assert "Llama y vota" in text


async def test_coupons_are_uploaded_on_the_page(ops: Browser) -> None:
    """The stock stands on the board; a code twice is told with its line."""
    token = await ops.token("/engagements/new")
    form = {
        **FORM,
        "purpose": "coupon",
        "numbers": "5501000001",
        "confirmation": "Cupon {code}",
        "csrf": token,
    }
    response, text = await ops.post("/engagements/new", form)
    assert response.status == 303, text
    at = response.headers["Location"]
    assert (await ops.post(f"{at}/coupons", {"codes": "A-1\nA-2", "csrf": token}))[0].status == 303
    response, text = await ops.post(f"{at}/coupons", {"codes": "B-1\nB-1", "csrf": token})
    assert (response.status, "ya está en la línea 1" in text) == (422, True)
    assert "Quedan" in text

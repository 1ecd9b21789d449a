"""Missed calls posted and signed, and the leads that they become, for whom and how they are shown."""

import io
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import openpyxl
import pytest

from inventory.missed_calls import SIGNATURE_HEADER, read_signature, signed
from tests.integration.http.conftest import PREFIX, Reply, World

pytestmark = pytest.mark.postgres

VOTE = {"A": "3300000001", "B": "3300000002"}


class Phone:
    """A relay telephone with a key of its own."""

    def __init__(self, world: World, key_id: str, key: str) -> None:
        self.world = world
        self.key_id = key_id
        self.key = key
        self.nonces = 0

    async def post(self, *calls: dict[str, Any], **odd: Any) -> Reply:
        """Post calls, signed anew; `odd` replaces the time, the nonce, the key or the body that is signed."""
        self.nonces += 1
        body = json.dumps({"calls": calls}).encode()
        nonce = odd.get("nonce", f"nonce-{self.nonces:04d}")
        header = signed(
            odd.get("key", self.key),
            odd.get("at", int(datetime.now(UTC).timestamp())),
            nonce,
            odd.get("body", body),
        )
        headers = {
            "Authorization": f"Posdata-HMAC {odd.get('key_id', self.key_id)}",
            SIGNATURE_HEADER: header,
            "Content-Type": "application/json",
        }
        url = PREFIX + "/missed-calls"
        async with self.world.client.post(url, data=body, headers=headers) as response:
            octets = await response.read()
            return Reply(response.status, response.headers.copy(), json.loads(octets), octets)


def call(option: str, caller: int, **changes: Any) -> dict[str, Any]:
    """Return a call for an option from 55 0000 0000 + caller, now."""
    at = datetime.now(UTC).isoformat()
    return {"called": VOTE[option], "caller": f"55 0{caller:03d} 0000", "at": at} | changes


async def opened(world: World, **changes: Any) -> tuple[str, Phone]:
    """Start a vote of tienda-sol; return its id and a telephone that may post."""
    for number in VOTE.values():
        assert (await world.call("ops", "POST", "/response-numbers", {"number": number})).status == 201
    now = datetime.now(UTC)
    document = {
        "name": "La =mejor",
        "purpose": "vote",
        "brand": "tienda-sol",
        "starts_at": (now - timedelta(hours=1)).isoformat(),
        "ends_at": (now + timedelta(days=1)).isoformat(),
        "lead_window": "engagement",
        "wording": "Vota con una llamada perdida",
        "numbers": [{"number": number, "option": option} for option, number in VOTE.items()],
        **changes,
    }
    made = await world.call("ops", "POST", "/engagements", document)
    assert made.status == 201, made.body
    if made.body["state"] == "draft":
        assert (await world.call("ops", "POST", f"/engagements/{made.body['id']}/start")).status == 200
    key = {"name": "relay phone", "organisation": world.organisations["Operador"], "role": "ops"}
    reply = await world.call("admin", "POST", "/keys", key | {"scopes": ["missed-calls"]})
    assert reply.status == 201, reply.body
    return made.body["id"], Phone(world, reply.body["id"], reply.body["secret"])


async def test_posted_calls_become_leads_once(world: World) -> None:
    """One, several, repeated by id, replayed by nonce; each refused call with its reason."""
    vote, phone = await opened(world)
    first = await phone.post(call("A", 1, id="c-1"), call("B", 2), call("A", 1))
    assert (first.status, first.body) == (200, {"taken": 3, "known": 0, "refused": []})
    again = await phone.post(call("A", 1, id="c-1"), nonce="another-nonce")
    assert again.body["known"] == 1
    assert (await phone.post(call("A", 7), nonce="another-nonce")).status == 409
    bad = await phone.post(
        call("A", 3, called="3300000009"),
        call("A", 3) | {"caller": "+1 415 000 1234"},
        call("A", 3, at=(datetime.now(UTC) - timedelta(days=2)).isoformat()),
    )
    assert [each["code"] for each in bad.body["refused"]] == ["not_live", "caller", "too_old"]
    listed = await world.call("sol", "GET", f"/leads?engagement={vote}")
    leads = sorted((lead["number"], lead["option"], lead["calls"]) for lead in listed.body["items"])
    assert leads == [("55******00", "A", 2), ("55******00", "B", 1)]
    page = await world.call("sol", "GET", f"/leads?engagement={vote}&limit=1")
    rest = await world.call("sol", "GET", f"/leads?engagement={vote}&before={page.body['next']}")
    assert [len(each.body["items"]) for each in (page, rest)] == [1, 1]
    assert (await world.call("luna", "GET", f"/leads?engagement={vote}")).status == 404


async def test_forged_old_and_unsigned_requests_are_refused(world: World) -> None:
    """Another key, another body, an old time, a stranger's id: 401 that says why, and nothing is taken."""
    vote, phone = await opened(world)
    cases: list[tuple[dict[str, Any], str]] = [
        ({"key": "pd_other"}, "la firma no es de este cuerpo"),
        ({"body": b"{}"}, "la firma no es de este cuerpo"),
        ({"at": int(datetime.now(UTC).timestamp()) - 400}, "ajuste el reloj"),
        ({"key_id": "0b5e6c0e-1c1b-4b52-9b0c-6f1f0f4dfb1a"}, "no hay tal clave"),
        ({"key_id": "'"}, "no hay tal clave"),
        ({"nonce": "short"}, "Posdata-Signature debe ser"),
    ]
    for odd, says in cases:
        reply = await phone.post(call("A", 1), **odd)
        assert (reply.status, says in reply.body["detail"]) == (401, True), (odd, reply.body)
    bare = await world.call("ops", "POST", "/missed-calls", {"calls": [call("A", 1)]})
    assert (bare.status, bare.codes) == (422, [(SIGNATURE_HEADER, "unsigned")])
    assert bare.headers["X-Content-Type-Options"] == "nosniff"
    assert bare.headers["Cache-Control"] == "no-store"
    assert (await phone.post(call("A", 1))).status == 200
    assert len((await world.call("ops", "GET", f"/leads?engagement={vote}")).body["items"]) == 1
    assert read_signature("t=1,n=short,v1=" + "0" * 64) is None


@pytest.mark.parametrize("caller", [5500010000, "5500010000" * 4, ["5500010000"], "5500010000x"])
async def test_no_refusal_repeats_a_callers_number(world: World, caller: object) -> None:
    """Whoever reads a provider's log of our answers finds nobody's number there."""
    _, phone = await opened(world)
    refused = await phone.post(call("A", 1) | {"caller": caller})
    assert refused.status == (200 if caller == "5500010000x" else 422)
    assert b"5500010000" not in refused.octets


@pytest.mark.parametrize("shared", [False, True])
async def test_files_show_numbers_as_the_wording_says(world: World, *, shared: bool) -> None:
    """Masked, or in full; the same rows in CSV and XLSX; what looks like a formula is none."""
    vote, phone = await opened(world, share_number=shared)
    await phone.post(call("A", 1), call("B", 2))
    csv = await world.call("sol", "GET", f"/leads/file?engagement={vote}")
    lines = csv.octets.decode("utf-8-sig").splitlines()
    numbers = [line.split(",")[0] for line in lines[1:]]
    assert sorted(numbers) == (["5500010000", "5500020000"] if shared else ["55******00"] * 2)
    xlsx = await world.call("sol", "GET", f"/leads/file?engagement={vote}&format=xlsx")
    sheet = openpyxl.load_workbook(io.BytesIO(xlsx.octets)).active
    assert sheet is not None
    assert [str(row[0].value) for row in sheet.iter_rows(min_row=2)] == numbers


async def test_an_address_for_spreadsheets_expires_and_is_audited(world: World) -> None:
    """No credential but the token; revoked it is gone; making and reading are in the audit log."""
    vote, phone = await opened(world)
    await phone.post(call("A", 1))
    made = await world.call("sol", "POST", "/leads/addresses", {"engagement": vote, "days": 1})
    assert made.status == 201, made.body
    async with world.client.get(made.body["url"]) as response:
        assert (response.status, response.content_type) == (200, "text/csv")
        assert "55******00" in await response.text()
    assert (await world.call("luna", "DELETE", f"/leads/addresses/{made.body['id']}")).status == 404
    assert (await world.call("sol", "DELETE", f"/leads/addresses/{made.body['id']}")).status == 204
    async with world.client.get(made.body["url"]) as response:
        assert response.status == 404
    rows = await world.pool.fetch(
        "SELECT action FROM audit WHERE subject_type = 'lead_address' ORDER BY sequence"
    )
    assert [row["action"] for row in rows] == ["create", "read", "revoke"]

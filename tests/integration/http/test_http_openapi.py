"""The API against its own document: invented requests, right and wrong ones; each answer as documented.

`make openapi` sends more of them; CASES is how many each operation gets of each kind, SEED which ones.
"""

import asyncio
import os
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st
from schemathesis import APIOperation, Case, GenerationMode
from schemathesis.checks import CHECKS, load_all_checks
from schemathesis.core.failures import FailureGroup

from adapters.http.app import all_operations
from adapters.http.operations import Operation
from adapters.processes.trading import Trading
from engine.access import Role
from tests.integration.http.conftest import BRANDS, TEXT, World, campaign

pytestmark = pytest.mark.postgres

CASES = int(os.environ.get("CASES", "2"))
SEED = int(os.environ.get("SEED", "5"))
# A busy machine answers late; how soon is asked elsewhere.
PATIENCE_S = 60

# Texts, places and brands have rules that no schema tells: a document that keeps to it may still be refused.
UNSAID = ("positive_data_acceptance",)
REJECTION = "negative_data_rejection"


@dataclass(slots=True)
class Tour:
    """What was sent, and what went wrong."""

    sent: int = 0
    statuses: dict[int, int] = field(default_factory=dict)
    wrong: list[str] = field(default_factory=list)


async def test_every_answer_is_in_the_document(world: World, trading: Trading) -> None:
    """No 5xx, no status, header or body that the document does not tell of, whatever is sent."""
    document = await (await world.client.get("/openapi.json")).json()
    ids = await prepared(world)
    await trading.look(world.pool, datetime.now(UTC))
    base = str(world.client.make_url("")).rstrip("/")
    operations = {each.name: each for each in all_operations(world.services)}
    tour = await asyncio.to_thread(travel, document, operations, world.keys, ids, base)
    sys.stdout.write(
        f"{tour.sent:,} requests to {len(operations)} operations: {sorted(tour.statuses.items())}\n"
    )
    assert not tour.wrong, "\n\n".join(tour.wrong)
    assert tour.sent >= len(operations) * 2 * CASES * 0.5
    assert {200, 404, 422} <= tour.statuses.keys()


async def prepared(world: World) -> dict[str, list[str]]:
    """Fill the database and return ids that exist, by the first part of a path."""
    approved = await world.approved()
    changed = {"creatives": [{"text": TEXT.replace("40", "30")}]}
    path = f"/campaigns/{approved['id']}"
    await world.call("sol", "PATCH", path, changed, headers={"If-Match": "*"})
    broken = campaign(quantity="x")
    faulty = await world.call("sol", "POST", "/campaigns?keep_faults=true", broken)
    drafted = await world.book()
    await world.identity.add_user(
        "ana@sol.example", "Ana", world.organisations["Sol"], Role.ADVERTISER,
        password_hash=None, brands=None, language="es", actor="cli", at=datetime.now(UTC),
    )  # fmt: skip
    return {
        "campaigns": [approved["id"], drafted["id"], faulty.body["id"]],
        "creatives": [approved["creatives"][0]["id"]],
        "brands": list(BRANDS.values()),
        "users": [str((await world.identity.users())[0]["id"])],
    }


def travel(
    document: dict[str, Any],
    operations: Mapping[str, Operation],
    keys: Mapping[str, str],
    ids: Mapping[str, list[str]],
    base: str,
) -> Tour:
    """Send CASES right and CASES wrong requests to every operation."""
    load_all_checks()
    schema = schemathesis.openapi.from_dict(document)
    tour = Tour()
    for result in schema.get_all_operations():
        described = result.ok()
        operation = operations[described.definition.raw["operationId"]]
        key = next(keys[who] for who in ("sol", "approver", "ops", "admin") if may(operation, who))
        for mode in GenerationMode:
            try:
                send(described, mode, operation, key, ids, base, tour)
            except (AssertionError, FailureGroup) as error:
                tour.wrong.append(f"{operation.name} {mode.value}: {error}")
    return tour


def may(operation: Operation, who: str) -> bool:
    """Tell whether a caller has a role of the operation."""
    role = {"sol": Role.ADVERTISER, "approver": Role.APPROVER, "ops": Role.OPS, "admin": Role.ADMIN}[who]
    return role in operation.roles


def is_whole(case: Case, url: str) -> bool:
    """Tell whether the whole query was sent: an empty list is not, so that it can't be refused."""
    return set(case.query or ()) <= parse_qs(urlsplit(url).query, keep_blank_values=True).keys()


def send(
    described: APIOperation[Any, Any, Any, Any],
    mode: GenerationMode,
    operation: Operation,
    key: str,
    ids: Mapping[str, list[str]],
    base: str,
    tour: Tour,
) -> None:
    """Invent requests of one kind to one operation, and hold the answers to the document."""
    known = ids.get(operation.path.split("/")[1], [])
    left_out = set(UNSAID)
    if operation.raw_body:  # read by inventory.document, which takes what the schema does not tell of, too
        left_out.add(REJECTION)
    excluded: list[Callable[..., Any]] = [CHECKS.get_one(name) for name in left_out]

    @seed(SEED)
    @settings(
        max_examples=CASES,
        database=None,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=described.as_strategy(generation_mode=mode), which=st.sampled_from([None, *known]))
    def ask(case: Case, which: str | None) -> None:
        if which is not None and case.path_parameters and mode is GenerationMode.POSITIVE:
            case.path_parameters = dict.fromkeys(case.path_parameters, which)
            if "If-Match" in (case.headers or {}):
                case.headers["If-Match"] = "*"
        headers = {"Authorization": f"Bearer {key}"}
        response = case.call(base_url=base, headers=headers, timeout=PATIENCE_S)
        tour.sent += 1
        tour.statuses[response.status_code] = tour.statuses.get(response.status_code, 0) + 1
        unsent = [] if is_whole(case, str(response.request.url)) else [CHECKS.get_one(REJECTION)]
        case.validate_response(response, excluded_checks=excluded + unsent, headers=headers)

    ask()

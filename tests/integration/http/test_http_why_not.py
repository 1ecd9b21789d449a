"""Why not over HTTP and on the command line: what became of a campaign's traffic, told to who may know."""

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from adapters.cli.app import app
from adapters.cli.console import ExitCode
from engine.settings import Settings
from inventory.books import hour_of
from tests.integration.http.conftest import World

pytestmark = pytest.mark.postgres

NEVER_QUIET = Settings.model_validate({"policy": {"lead_time_hours": 0, "quiet_hours": None}})
GUADALAJARA, BY_LADA_55 = 14_039_033, 55
WIDE_ENOUGH, TOO_NARROW = 8, 1

_SUPPLY = "INSERT INTO supply_counts VALUES ($1, $2, $3, false, $4)"
_INSERTED = """
INSERT INTO insertion_counts (campaign, hour, creative_version, place, event, cause, n)
SELECT number, $2, 0, $3, 'inserted', '', $4 FROM campaigns WHERE id = $1
"""
_BEGUN = "UPDATE campaigns SET starts_at = now() - '5 h'::interval, earliest_start = now() - '5 h'::interval"


async def counted(world: World) -> dict[str, Any]:
    """Count an hour of a campaign in Jalisco beside another one, and return it."""
    world.settings[0] = NEVER_QUIET
    mine = await world.approved("sol")
    theirs = await world.approved("luna", brand="cafe-luna", name="Café", target={})
    await world.pool.execute(_BEGUN)
    hour = hour_of(world.services.now()) - 1
    for place, room, n in (
        (GUADALAJARA, WIDE_ENOUGH, 100),
        (GUADALAJARA, TOO_NARROW, 50),
        (BY_LADA_55, WIDE_ENOUGH, 1000),
    ):
        await world.pool.execute(_SUPPLY, hour, place, room, n)
    for campaign, place, n in ((mine, GUADALAJARA, 10), (theirs, GUADALAJARA, 20), (theirs, BY_LADA_55, 300)):
        await world.pool.execute(_INSERTED, campaign["id"], hour, place, n)
    await world.pool.execute(
        "INSERT INTO pass_through_counts VALUES ($1, 'on_pace', 75), ($1, 'udh', 9)", hour
    )
    return mine


async def test_the_carrier_sees_what_became_of_a_campaigns_traffic(
    world: World, tmp_path: Path, postgres_dsn: str
) -> None:
    """Its own places alone; the parts add up; the command says the same."""
    mine = await counted(world)
    told = (await world.call("ops", "GET", f"/campaigns/{mine['id']}/why-not?hours=3")).body
    others = {"guaranteed": 0, "standard": 20, "house": 0}
    expected = {
        "supply": 150,
        "outside": 0,
        "blackout": 0,
        "no_room": 50,
        "inserted": 10,
        "others": others,
        "bare": 70,
    }
    assert told["total"] == expected
    assert [each["supply"] for each in told["hours"]] == [0, 150, 0]
    assert told["reasons"] == {"on_pace": 75}
    path = tmp_path / "posdata.yaml"
    settings = {"database": postgres_dsn, "policy": {"quiet_hours": None}}
    path.write_text(json.dumps(settings | {"node": {"data_dir": str(tmp_path)}}), encoding="utf-8")

    def command(*arguments: str) -> Result:
        return CliRunner().invoke(app, ["plan", "explain", *arguments, "--hours", "3", "-c", str(path)])

    shown = await asyncio.to_thread(command, mine["id"], "--json")
    assert json.loads(shown.stdout)["total"] == expected
    assert "on_pace: 75" in (await asyncio.to_thread(command, mine["id"])).stdout
    assert (await asyncio.to_thread(command, "nobody")).exit_code == ExitCode.NO


async def test_an_advertiser_does_not_learn_of_two_others(world: World) -> None:
    """A class of fewer than three campaigns is null, and with it what would tell of it; strangers get 404."""
    mine = await counted(world)
    path = f"/campaigns/{mine['id']}/why-not"
    told = (await world.call("sol", "GET", path)).body
    assert told["total"]["others"] == {"guaranteed": 0, "standard": None, "house": 0}
    assert (told["total"]["inserted"], told["total"]["bare"], told["reasons"]) == (10, None, None)
    assert (await world.call("luna", "GET", path)).status == 404
    assert (await world.call("sol", "GET", f"{path}?hours=73")).status == 422
    for until in ("ayer", "2026-11-24T09:00:00"):
        wrong = await world.call("sol", "GET", f"{path}?until={until}")
        assert (wrong.status, wrong.codes) == (422, [("?until", "bad_instant")])
    early = await world.call("sol", "GET", f"{path}?until=0001-01-01T00:00:00Z")
    assert (early.status, early.body["total"]["supply"]) == (200, 0)

"""Bulk import: JSON, YAML and tables; all of it or nothing, with a report by row."""

import json
from typing import Any

import pytest

from tests.integration.http.conftest import TEXT, Reply, World, campaign

pytestmark = pytest.mark.postgres

HEADER = "name,brand,text,include,starts_at,ends_at,days,from,to,quantity\n"


def row(**cells: Any) -> str:
    """Return a line of a table."""
    fields = campaign()
    values = {
        "name": "Buen Fin", "brand": "tienda-sol", "text": f'"{TEXT}"', "include": "MX-JAL|55",
        "starts_at": fields["starts_at"], "ends_at": fields["ends_at"], "days": "mon|tue",
        "from": "09:00", "to": "20:00", "quantity": "1000", **cells,
    }  # fmt: skip
    return ",".join(values.values()) + "\n"


async def sent(world: World, text: str, content_type: str, query: str = "") -> Reply:
    """Import a file."""
    return await world.call(
        "sol", "POST", f"/campaigns/import{query}", data=text.encode(), headers={"Content-Type": content_type}
    )


async def listed(world: World) -> list[dict[str, Any]]:
    """Return all campaigns."""
    items: list[dict[str, Any]] = (await world.call("sol", "GET", "/campaigns")).body["items"]
    return items


async def test_a_table_becomes_campaigns(world: World) -> None:
    """Each row one campaign, in order; places, days and texts between bars; submitted if asked for."""
    text = HEADER + row() + row(name="Segunda", text=f'"{TEXT}|Otro texto. Marca 5512345678"')
    reply = await sent(world, text, "text/csv", "?submit=true")
    assert reply.status == 201, reply.body
    assert [(one["row"], one["name"]) for one in reply.body["imported"]] == [(1, "Buen Fin"), (2, "Segunda")]
    second, first = await listed(world)
    assert first["target"]["include"] == [{"state": "MX-JAL"}, {"lada": "55"}]
    assert first["hours"] == [{"days": ["mon", "tue"], "from": "09:00", "to": "20:00"}]
    assert (len(second["creatives"]), second["state"]) == (2, "submitted")


async def test_a_broken_table_imports_nothing_and_says_which_rows(world: World) -> None:
    """Every row's faults, with its line and a pointer."""
    text = HEADER + row() + row(quantity="muchas") + row(brand="cafe-luna", include="MX-XXX")
    reply = await sent(world, text, "text/csv")
    assert (reply.status, reply.codes) == (
        422,
        [
            ("/1/quantity", "int_type"),
            ("/2/brand", "unknown_brand"),
            ("/2/target/include/0", "unknown_place"),
        ],
    )
    assert reply.body["errors"][0]["es"].startswith("renglón 3: ")
    assert await listed(world) == []
    ragged = await sent(world, HEADER + "a,b\n" + row(quantity="muchas"), "text/csv")
    assert ragged.codes == [("/0", "bad_row"), ("/1/quantity", "int_type")]
    assert ragged.body["errors"][0]["es"] == "renglón 2: debe tener 10 celdas como el encabezado; tiene 2"
    unknown = await sent(world, HEADER.replace("name", "nombre") + row(), "text/csv")
    assert unknown.codes == [("", "unknown_column")]


@pytest.mark.parametrize(
    ("text", "content_type", "status"),
    [
        ("", "text/csv", 422),
        (HEADER, "text/csv", 422),
        ('"', "text/csv", 422),
        ("ÿ", "application/yaml", 422),
        ("- [", "application/yaml", 400),
        ("[]", "application/json", 422),
        ("[1, null]", "application/json", 422),
        ("{}", "application/xml", 415),
    ],
)
async def test_a_file_that_is_none_is_refused(
    world: World, text: str, content_type: str, status: int
) -> None:
    """And nothing is imported."""
    assert (await sent(world, text, content_type)).status == status


async def test_json_and_yaml_are_read_alike(world: World) -> None:
    """One object or a list of them; faults carry the line."""
    assert (await sent(world, json.dumps([campaign(), campaign()]), "application/json")).status == 201
    assert (await sent(world, json.dumps(campaign(), indent=1), "application/yaml")).status == 201
    broken = await sent(world, "- name: uno\n- name: dos\n", "application/yaml")
    assert {pointer.split("/")[1] for pointer, _ in broken.codes} == {"0", "1"}
    assert broken.body["errors"][-1]["es"].startswith("renglón 2: ")
    assert len(await listed(world)) == 3


async def test_a_key_given_twice_is_told_in_both_languages_beside_the_rest(world: World) -> None:
    """The sentence in Spanish has no English in it; the other faults of the file are told too."""
    reply = await sent(world, "- {name: a, name: b}\n", "application/yaml")
    first, *others = reply.body["errors"]
    assert first["es"] == "renglón 1: 'name' está dos veces, antes en el renglón 1"
    assert first["en"] == "line 1: 'name' is given twice, first in line 1"
    assert "/0/brand" in {each["pointer"] for each in others}

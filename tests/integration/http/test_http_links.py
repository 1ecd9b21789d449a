"""Short links over HTTP: made at booking, followed, counted, taken out with their text."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, cast

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from adapters.http.clicks import BOTS, PEOPLE, PREFETCHES, ClickCounter, kind_of
from adapters.http.landing import Lander, Landing
from adapters.postgres.audit import read_audit
from adapters.postgres.links import PostgresLinks
from adapters.postgres.pool import Pool
from adapters.processes.landing import look
from engine.settings import Settings
from tests.integration.http.conftest import World

pytestmark = pytest.mark.postgres

LINK = "https://www.tiendasol.example/ofertas?a=1&b=2"
OTHER = "https://www.otra.example/"


class _Away:
    """The pool of a database that is away."""

    def acquire(self) -> None:
        """Fail as a pool does."""
        raise ConnectionError


PHONE = {"User-Agent": "Mozilla/5.0 (Linux; Android 14) AppleWebKit/537.36 Chrome/129.0 Mobile Safari/537.36"}


def with_links(world: World, **links: Any) -> None:
    """Let the node have a public address."""
    world.settings[0] = Settings.model_validate(
        {
            "policy": {"lead_time_hours": 0},
            "http": {"public_url": "https://sol.mx"},
            "links": links,
        }
    )


async def follow(world: World, code: str, **headers: str) -> tuple[int, str | None, str]:
    """Follow a code as a phone does, and return status, Location and the page."""
    async with world.client.get(f"/r/{code}", headers={**PHONE, **headers}, allow_redirects=False) as answer:
        assert answer.headers["Cache-Control"] == "no-store"
        return answer.status, answer.headers.get("Location"), await answer.text()


async def links(world: World, who: str = "sol") -> list[dict[str, Any]]:
    """Return what the API lists."""
    reply = await world.call(who, "GET", "/links")
    assert reply.status == 200
    items: list[dict[str, Any]] = reply.body["items"]
    return items


async def test_a_link_is_made_short_followed_and_counted(world: World) -> None:
    """Text rules judge the short form; people, programs and look-ahead are counted apart."""
    with_links(world)
    booked = await world.book(creatives=[{"text": f"Buen Fin en tienda sol, ve {LINK}", "link": LINK}])
    [creative] = booked["creatives"]
    [shown] = await links(world)
    code = shown["code"]
    assert creative["text"] == f"Buen Fin en tienda sol, ve sol.mx/r/{code}"
    assert (creative["link"], shown["landing_host"], len(code)) == (LINK, "www.tiendasol.example", 7)
    for headers in ({}, {}, {"User-Agent": "Googlebot/2.1"}, {"Sec-Purpose": "prefetch;prerender"}):
        assert (await follow(world, code, **headers))[:2] == (302, LINK)
    await world.services.clicks.flush(world.pool)
    assert (await follow(world, code))[0] == 302
    await world.services.clicks.flush(world.pool)
    [counted] = await links(world)
    assert (counted["people"], counted["bots"], counted["prefetches"]) == (3, 1, 1)
    assert await links(world, "luna") == []
    assert len(await links(world, "approver")) == 1
    for nothing in ("bcdfghz", "..%2f", "a" * 40, "https:%2f%2fevil.example"):
        assert (await follow(world, nothing))[:2] == (404, None), nothing


async def test_another_target_is_another_version(world: World) -> None:
    """An edit of something else keeps the code; another address gets a code of its own, the old one stays."""
    with_links(world)
    booked = await world.book(creatives=[{"text": f"Buen Fin en tienda sol, ve {LINK}", "link": LINK}])
    [creative] = booked["creatives"]
    path, match = f"/campaigns/{booked['id']}", {"If-Match": "*"}
    named = (await world.call("sol", "PATCH", path, {"name": "Otro"}, headers=match)).body
    assert [named["creatives"][0][each] for each in ("text", "version")] == [creative["text"], 1]
    wanted = [{"text": creative["text"], "link": OTHER}]
    moved = (await world.call("sol", "PATCH", path, {"creatives": wanted}, headers=match)).body
    assert (moved["creatives"][0]["version"], moved["creatives"][0]["link"]) == (2, OTHER)
    newest, first = await links(world)
    assert newest["code"] != first["code"]
    assert (await follow(world, newest["code"]))[1] == OTHER
    assert (await follow(world, first["code"]))[1] == LINK
    refused = await world.call(
        "sol",
        "PATCH",
        path,
        {"creatives": [{"text": "Ve a tienda sol", "link": "ftp://a.example"}]},
        headers=match,
    )
    assert ("/creatives/0/link", "bad_url") in refused.codes


async def test_the_page_between_escapes_and_says_how_to_opt_out(world: World) -> None:
    """It names the host, leads on, and holds no script; a text that was rejected leads nowhere."""
    with_links(world, interstitial=True, opt_out="Baja: envia <NO> al 2222")
    booked = await world.book(creatives=[{"text": f"Buen Fin en tienda sol, ve {LINK}", "link": LINK}])
    [shown] = await links(world)
    status, location, page = await follow(world, shown["code"])
    assert (status, location) == (200, None)
    assert "<strong>www.tiendasol.example</strong>" in page
    assert 'href="https://www.tiendasol.example/ofertas?a=1&amp;b=2"' in page
    assert "Baja: envia &lt;NO&gt; al 2222" in page
    async with world.pool.acquire() as connection:
        await connection.execute(
            "UPDATE creative_versions SET review = 'rejected', reason = 'x' WHERE creative = $1",
            booked["creatives"][0]["id"],
        )
    assert await PostgresLinks(world.pool).target(shown["code"]) is None


async def test_one_address_follows_so_many_a_minute(world: World) -> None:
    """Whether or not there is such a code, one request too many is told to wait; null bounds nothing."""
    with_links(world, per_minute=3)
    assert [(await follow(world, "bcdfghz"))[0] for _ in range(5)] == [404, 404, 404, 429, 429]
    with_links(world, per_minute=None)
    assert (await follow(world, "bcdfghz"))[0] == 404


async def test_the_approver_sees_where_a_link_ends(world: World) -> None:
    """Followed once its text was submitted, kept, audited; what leads nowhere says why."""
    with_links(world)
    async with somewhere() as host, Lander(allow_private=lambda: True) as lander:
        start = f"http://{host}/hop"
        booked = await world.book(creatives=[{"text": f"Buen Fin en tienda sol, ve {start}", "link": start}])
        await look(world.pool, lander)
        [draft] = await links(world)
        assert (draft["landing_host"], draft["landed_at"]) == ("127.0.0.1", None)
        assert (await world.call("sol", "POST", f"/campaigns/{booked['id']}/submit")).status == 200
        await look(world.pool, lander)
        [shown] = await links(world, "approver")
        assert (shown["landing_host"], shown["landing_fault"]) == ("localhost", None)
        assert shown["landed_at"] is not None
        [entry] = await read_audit(world.pool, subject=shown["code"])
        assert (entry.action, entry.after and entry.after["landing_host"]) == ("land", "localhost")
        await look(world.pool, lander)
        assert len(await read_audit(world.pool, subject=shown["code"])) == 1


async def test_following_is_bounded_and_stays_outside() -> None:
    """Circles, what is no web address and what answers badly are told; private addresses are not dialled."""
    async with somewhere() as host:
        async with Lander(allow_private=lambda: True) as lander:
            assert await lander.follow(f"http://{host}/circle") == Landing(None, "more than 8 redirects")
            assert await lander.follow(f"http://{host}/file") == Landing(
                None, "it leads to what is no web address"
            )
            assert await lander.follow(f"http://{host}/gone") == Landing("127.0.0.1", "it answers 404")
        async with Lander(allow_private=lambda: False) as lander:
            for target in (f"http://{host}/", f"http://localhost:{host.rpartition(':')[2]}/"):
                told = Landing(None, "it leads to an address that is not public")
                assert await lander.follow(target) == told


@asynccontextmanager
async def somewhere() -> AsyncIterator[str]:
    """Run a site that redirects, and yield its host and port."""

    async def answer(request: web.Request) -> web.Response:
        there = f"http://localhost:{request.url.port}/"
        leads = {"/hop": "/again", "/again": there, "/circle": "/circle", "/file": "file:///etc/passwd"}
        if request.path in leads:
            return web.Response(status=302, headers={"Location": leads[request.path]})
        return web.Response(status=200 if request.path == "/" else 404)

    app = web.Application()
    app.router.add_get("/{path:.*}", answer)
    async with TestServer(app) as server:
        yield f"127.0.0.1:{server.port}"


async def test_clicks_wait_for_a_database_that_is_away(world: World) -> None:
    """What could not be written is written later, once."""
    with_links(world)
    await world.book(creatives=[{"text": f"Buen Fin en tienda sol, ve {LINK}", "link": LINK}])
    [shown] = await links(world)
    clicks = ClickCounter()
    clicks.add(shown["code"], 500_000, PEOPLE)
    with pytest.raises(ConnectionError):
        await clicks.flush(cast("Pool", _Away()))
    clicks.add(shown["code"], 500_000, BOTS)
    await clicks.flush(world.pool)
    await clicks.flush(world.pool)
    [counted] = await links(world)
    assert (counted["people"], counted["bots"], counted["prefetches"]) == (1, 1, 0)


def test_people_programs_and_looking_ahead_are_told_apart() -> None:
    """By method, purpose and User-Agent."""
    assert kind_of("GET", PHONE) == PEOPLE
    assert kind_of("HEAD", PHONE) == PREFETCHES
    assert kind_of("GET", {**PHONE, "X-Moz": "prefetch"}) == PREFETCHES
    for agent in ("", "curl/8.5", "WhatsApp/2.23", "facebookexternalhit/1.1", "python-requests/2.32"):
        assert kind_of("GET", {"User-Agent": agent}) == BOTS, agent

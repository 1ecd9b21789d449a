"""The console against those who mean harm: forged forms, planted cookies, scripts in fields."""

import re
from collections.abc import AsyncIterator, Mapping
from datetime import UTC, datetime, timedelta
from html.parser import HTMLParser
from typing import Any

import pytest
from aiohttp import ClientResponse, CookieJar
from aiohttp.test_utils import TestClient

from adapters.http.console.pages import DOOR_COOKIE
from adapters.http.identities import COOKIE
from adapters.http.passwords import hash_password
from adapters.postgres.identity import LOCK_AFTER
from adapters.processes.trading import Trading
from engine.access import Role
from engine.settings import Settings
from tests.integration.http.conftest import World

pytestmark = pytest.mark.postgres

PASSWORD = "correct horse battery"
EVIL = "<script>alert(1)</script>\"'><img src=x onerror=alert(2)>"


class Browser:
    """Somebody at the console: cookies kept, redirects seen, tokens taken from the page."""

    def __init__(self, world: World) -> None:
        self.client: TestClient[Any, Any] = TestClient(world.client.server, cookie_jar=CookieJar(unsafe=True))

    async def get(self, path: str, **more: Any) -> tuple[ClientResponse, str]:
        """Load a page, without following a redirect."""
        async with self.client.get(path, allow_redirects=False, **more) as response:
            return response, await response.text()

    async def post(self, path: str, form: Mapping[str, Any], **more: Any) -> tuple[ClientResponse, str]:
        """Send a form."""
        async with self.client.post(path, data=form, allow_redirects=False, **more) as response:
            return response, await response.text()

    async def token(self, path: str) -> str:
        """Return the CSRF token of a page's forms."""
        _, text = await self.get(path)
        found = re.search(r'name="csrf" value="([^"]+)"', text)
        assert found is not None, text[:500]
        return found[1]

    async def log_in(self, email: str, password: str = PASSWORD) -> ClientResponse:
        """Fill in the login form."""
        token = await self.token("/login")
        response, _ = await self.post("/login", {"csrf": token, "email": email, "password": password})
        return response

    def cookie(self, name: str) -> str | None:
        """Return a cookie's value."""
        cookies = self.client.session.cookie_jar.filter_cookies(self.client.make_url("/"))
        return cookies[name].value if name in cookies else None


@pytest.fixture
async def people(world: World) -> World:
    """Register one user a role; the advertiser is Sol's."""
    now = datetime.now(UTC)
    hashed = await hash_password(PASSWORD)
    for role in Role:
        organisation = "Operador" if role in {Role.APPROVER, Role.OPS, Role.ADMIN} else "Sol"
        await world.identity.add_user(
            f"{role.value}@sol.example", EVIL, world.organisations[organisation], role,
            password_hash=hashed, brands=None, language="es", actor="cli", at=now,
        )  # fmt: skip
    return world


@pytest.fixture
async def browser(people: World) -> AsyncIterator[Browser]:
    """Somebody who is not logged in yet."""
    each = Browser(people)
    yield each
    await each.client.session.close()


async def test_whoever_is_not_logged_in_sees_the_door(browser: Browser) -> None:
    """Every page leads to the login; a part of a page does so by htmx's own header."""
    for path in (
        "/",
        "/campaigns",
        "/review",
        "/live",
        "/live/events",
        "/users",
        "/keys",
        "/audit",
        "/overview",
    ):
        response, _ = await browser.get(path)
        assert (response.status, response.headers["Location"]) == (303, "/login"), path
    response, _ = await browser.get("/places", headers={"HX-Request": "true"})
    assert (response.status, response.headers["HX-Redirect"]) == (204, "/login")


async def test_a_form_without_its_token_changes_nothing(people: World, browser: Browser) -> None:
    """403 without a token, with another's, and with that of the login page."""
    door = await browser.token("/login")
    response, _ = await browser.post("/login", {"email": "admin@sol.example", "password": PASSWORD})
    assert response.status == 403
    assert (await browser.log_in("admin@sol.example")).status == 303
    for token in ("", "x" * 32, door):
        response, _ = await browser.post("/organisations", {"csrf": token, "name": "Mala", "kind": "agency"})
        assert response.status == 403
    assert await people.identity.organisation_named("Mala") is None
    token = await browser.token("/brands")
    response, _ = await browser.post("/organisations", {"csrf": token, "name": "Buena", "kind": "agency"})
    assert response.status == 303
    headers = {"X-CSRF-Token": token}
    response, _ = await browser.post("/organisations", {"name": "Otra", "kind": "agency"}, headers=headers)
    assert response.status == 303


async def test_a_planted_session_is_not_taken_over(people: World, browser: Browser) -> None:
    """The login makes a new token, whatever the browser came with; after the logout it is worth nothing."""
    planted = "planted-by-somebody-else"
    browser.client.session.cookie_jar.update_cookies({COOKIE: planted}, browser.client.make_url("/"))
    response = await browser.log_in("ops@sol.example")
    first = browser.cookie(COOKIE)
    assert first not in {None, planted}
    said = response.headers.getall("Set-Cookie")
    [cookie] = [each for each in said if each.startswith(f"{COOKIE}=")]
    assert "HttpOnly" in cookie
    assert "SameSite=Lax" in cookie
    door = await browser.token("/live")
    await browser.post("/logout", {"csrf": door})
    browser.client.session.cookie_jar.update_cookies({COOKIE: str(first)}, browser.client.make_url("/"))
    response, _ = await browser.get("/live")
    assert response.headers["Location"] == "/login"


async def test_cookies_are_for_https_alone_where_the_console_is(people: World, browser: Browser) -> None:
    """With a public https address every cookie is Secure."""
    people.settings[0] = Settings.model_validate({"http": {"public_url": "https://ads.example"}})
    response, _ = await browser.get("/login")
    assert "Secure" in response.headers["Set-Cookie"]
    assert DOOR_COOKIE in response.headers["Set-Cookie"]


async def test_guessing_passwords_locks_the_user_and_tells_nothing(browser: Browser) -> None:
    """After LOCK_AFTER failures even the right password is refused; the answers are alike for nobody."""
    token = await browser.token("/login")
    answers = set()
    for email in ["admin@sol.example"] * LOCK_AFTER + ["nobody@sol.example"]:
        form = {"csrf": token, "email": email, "password": "wrong password"}
        response, text = await browser.post("/login", form)
        answers.add((response.status, text.replace(email, "")))
    assert len(answers) == 1
    form = {"csrf": token, "email": "admin@sol.example", "password": PASSWORD}
    response, _ = await browser.post("/login", form)
    assert response.status == 401


async def test_every_page_forbids_what_it_does_not_need(browser: Browser) -> None:
    """A strict policy, no sniffing, no frames, no caching; no inline script, style or handler."""
    await browser.log_in("admin@sol.example")
    for path in (
        "/users",
        "/brands",
        "/keys",
        "/audit",
        "/live",
        "/docs",
        "/nowhere-of-ours/x",
        "/campaigns",
    ):
        response, text = await browser.get(path)
        if response.status == 404:
            continue
        policy = response.headers["Content-Security-Policy"]
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy
        assert response.headers["X-Content-Type-Options"] == "nosniff"
        assert response.headers["X-Frame-Options"] == "DENY"
        assert response.headers["Cache-Control"] == "no-store"
        assert not re.search(r"<script(?![^>]*\bsrc=)|<style|\sstyle=|\son[a-z]+=\"|javascript:", text), path
        assert not re.search(r'(?:src|href|action)="(?:https?:)?//', text), path


async def test_markup_in_any_field_stays_text(people: World, browser: Browser) -> None:
    """Names of users, organisations, brands and keys, a campaign's every text: shown, never run."""
    await browser.log_in("admin@sol.example")
    token = await browser.token("/brands")
    sol = people.organisations["Sol"]
    for path, form in (
        ("/organisations", {"name": EVIL, "kind": "agency"}),
        ("/brands", {"name": EVIL, "category": EVIL, "organisation": sol}),
        (
            "/users",
            {
                "email": EVIL,
                "name": EVIL,
                "organisation": sol,
                "role": EVIL,
                "password": EVIL,
                "language": EVIL,
            },
        ),
        ("/keys", {"name": EVIL, "organisation": sol, "role": "advertiser", "scopes": EVIL}),
        ("/preferences", {"next": EVIL, "language": EVIL, "theme": EVIL}),
    ):
        _, text = await browser.post(path, {"csrf": token, **form})
        _harmless(text)
    for path in ("/users", "/brands", "/keys", "/audit", f"/audit?subject={EVIL}", f"/login?x={EVIL}"):
        _, text = await browser.get(path)
        _harmless(text)


async def test_markup_in_a_campaign_stays_text(people: World) -> None:
    """Advertiser, approver and brand manager look at a campaign that is made of markup."""
    sol, approver = Browser(people), Browser(people)
    try:
        await sol.log_in("advertiser@sol.example")
        await approver.log_in("approver@sol.example")
        token = await sol.token("/campaigns/new")
        start = datetime.now(UTC) - timedelta(days=1)
        form = {
            "csrf": token,
            "name": EVIL,
            "brand": "tienda-sol",
            "category": EVIL,
            "text-1": EVIL,
            "weight-1": EVIL,
            "include": EVIL,
            "exclude": f"city:{EVIL}",
            "starts_at": EVIL,
            "ends_at": EVIL,
            "quantity": EVIL,
            "opens": EVIL,
            "closes": EVIL,
            "kept": EVIL,
            "class": EVIL,
            "pacing": EVIL,
            "act": "submit",
        }
        response, text = await sol.post("/campaigns/new", form)
        _harmless(text)
        assert response.status == 303
        draft = response.headers["Location"]
        good = {
            **form,
            "text-1": "Buen Fin, mi.tienda/sol",
            "weight-1": "1",
            "include": "state:MX-JAL",
            "exclude": "lada:33",
            "starts_at": start.strftime("%Y-%m-%dT%H:%M"),
            "ends_at": (start + timedelta(days=9)).strftime("%Y-%m-%dT%H:%M"),
            "quantity": "10",
            "opens": "",
            "closes": "",
            "kept": "",
            "class": "standard",
            "pacing": "asap",
        }
        response, text = await sol.post("/campaigns/new", good)
        assert response.status == 303, text
        booked = response.headers["Location"]
        _, text = await sol.post(
            "/check/1", {"text-1": EVIL, "include": EVIL}, headers={"X-CSRF-Token": token}
        )
        _harmless(text)
        for path in (
            *(draft, booked, f"{booked}/edit", "/campaigns", "/overview"),
            *(f"/campaigns?q={EVIL}", f"/places?q={EVIL}"),
        ):
            response, text = await sol.get(path)
            _harmless(text)
            assert response.status == 200, path
        for path in ("/review", booked.replace("/campaigns", "/review"), booked):
            response, text = await approver.get(path)
            _harmless(text)
            assert response.status == 200, path
        review = booked.replace("/campaigns", "/review")
        for reason, status in (("", 422), (EVIL, 303)):
            form = {"csrf": await approver.token(review), "reason": reason}
            response, text = await approver.post(f"{review}/reject", form)
            assert response.status == status, text
    finally:
        await sol.client.session.close()
        await approver.client.session.close()


async def test_pages_are_for_their_roles_and_brands(people: World, browser: Browser) -> None:
    """Another role's page is 403, another brand's campaign does not exist."""
    await browser.log_in("advertiser@sol.example")
    for path in ("/users", "/keys", "/audit", "/review", "/live"):
        response, _ = await browser.get(path)
        assert response.status == 403, path
    theirs = await people.book("luna", brand="cafe-luna")
    for path in (
        f"/campaigns/{theirs['id']}",
        f"/campaigns/{theirs['id']}/edit",
        f"/campaigns/{theirs['id']}/report",
    ):
        response, text = await browser.get(path)
        assert response.status == 404, path
        assert "cafe-luna" not in text
    token = await browser.token("/campaigns")
    for action in ("submit", "cancel", "edit"):
        response, _ = await browser.post(f"/campaigns/{theirs['id']}/{action}", {"csrf": token})
        assert response.status == 404, action


async def test_what_is_amiss_is_told_with_what_would_help(people: World, trading: Trading) -> None:
    """A campaign that can't be served in full is at risk wherever it is seen, with what would bring more."""
    booked = await people.approved(name="Imposible", quantity=90_000_000, pacing="asap")
    theirs = await people.approved("luna", name="Ajena", brand="cafe-luna", quantity=80_000_000)
    await trading.look(people.pool, datetime.now(UTC))
    pages = {}
    for role in ("advertiser", "brand_manager", "ops"):
        each = Browser(people)
        try:
            await each.log_in(f"{role}@sol.example")
            for path in (
                "/campaigns",
                "/overview",
                "/live",
                f"/campaigns/{booked['id']}",
                f"/campaigns/{booked['id']}/why-not",
                f"/campaigns/{booked['id']}/remedies",
                f"/campaigns/{theirs['id']}/remedies",
            ):
                response, text = await each.get(path)
                pages[role, path] = (response.status, text)
        finally:
            await each.client.session.close()
    for role, path in (("advertiser", "/campaigns"), ("brand_manager", "/overview"), ("ops", "/live")):
        status, text = pages[role, path]
        assert status == 200
        assert "en riesgo" in text
        assert ("Ajena" in text) is (role == "ops")
    status, text = pages["advertiser", f"/campaigns/{booked['id']}/remedies"]
    assert status == 200
    assert re.search(r"salir en todo el país: <b>\+[\d,]+", text)
    [applied] = re.findall(r'href="(/campaigns/[^"]+change=target)#', text)
    own = Browser(people)
    await own.log_in("advertiser@sol.example")
    _, form = await own.get(applied)
    await own.client.session.close()
    assert 'value="state:MX-JAL"' in form
    assert not re.search(r'name="include" value="state:MX-[A-Z]+"[^>]* checked', form)
    assert pages["brand_manager", f"/campaigns/{booked['id']}/why-not"][0] == 200
    assert pages["brand_manager", f"/campaigns/{theirs['id']}/remedies"][0] == 404
    assert "En riesgo de no completarse." in pages["ops", f"/campaigns/{booked['id']}"][1]


async def test_a_secret_is_shown_once(browser: Browser) -> None:
    """The answer that makes a key shows it; no page does later."""
    await browser.log_in("admin@sol.example")
    token = await browser.token("/keys")
    _, page = await browser.get("/users")
    [organisation] = re.findall(r'<option value="([0-9a-f-]{36})">Sol<', page)
    form = {"csrf": token, "name": "importador", "organisation": organisation, "role": "advertiser"}
    _, text = await browser.post("/keys", form)
    [secret] = re.findall(r"pos_[\w-]{40,}", text)
    for path in ("/keys", "/audit"):
        _, later = await browser.get(path)
        assert secret not in later
        assert "importador" in later


async def test_without_a_database_the_door_says_so(people: World, browser: Browser) -> None:
    """503 in words, not a stack."""
    await browser.log_in("ops@sol.example")
    await people.pool.close()
    response, text = await browser.get("/live")
    assert response.status == 503
    assert "Traceback" not in text


class _Markup(HTMLParser):
    """Collects what a browser would run."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Look for scripts without a source, foreign images, handlers."""
        named = dict(attrs)
        if (tag == "script" and not named.get("src")) or tag == "img":
            self.found.append(tag)
        self.found += [name for name in named if name.startswith("on") or name == "style"]


def _harmless(text: str) -> None:
    """Assert that what was typed did not become markup."""
    markup = _Markup()
    markup.feed(text)
    assert markup.found == []

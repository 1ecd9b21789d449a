"""Every page for every role: accessible in both colours, light, quick, and as wide as its screen."""

from pathlib import Path

import pytest
from playwright.async_api import Page

from tests.browser.conftest import DESK, PHONE, Stage

pytestmark = [pytest.mark.browser, pytest.mark.node, pytest.mark.asyncio(loop_scope="session")]

AXE = (Path(__file__).parent / "vendor" / "axe.min.js").read_text(encoding="utf-8")
PAGES = {
    "advertiser": ("/campaigns", "/campaigns/new"),
    "brand_manager": ("/overview",),
    "approver": ("/review",),
    "ops": ("/live",),
    "admin": ("/users", "/brands", "/keys", "/audit"),
}
HEAVIEST_OCTETS = 150_000
SLOWEST_MS = 1000.0

# What a page weighed over the wire, and when its first content was painted.
WEIGHED = """() => {
    const loads = ["navigation", "resource"].flatMap((kind) => performance.getEntriesByType(kind));
    const paint = performance.getEntriesByName("first-contentful-paint")[0];
    return [loads.reduce((sum, each) => sum + each.decodedBodySize, 0), paint ? paint.startTime : 0];
}"""
GRAVE = """async () => {
    const found = await axe.run(document, {resultTypes: ["violations"]});
    return found.violations.filter((each) => ["serious", "critical"].includes(each.impact))
        .map((each) => each.id + ": " + each.nodes.map((node) => node.html.slice(0, 120)).join(" | "));
}"""


@pytest.mark.parametrize("role", [None, *PAGES])
async def test_no_page_is_hard_to_use(stage: Stage, role: str | None) -> None:
    """Axe finds nothing serious or critical, light on a desk and dark on a phone; nothing overflows."""
    if role is None:
        async with stage.context() as context:
            page = await context.new_page()
            for path in ("/login", "/docs"):
                await _looked_at(page, stage.address + path)
        return
    async with stage.as_role(role) as page:
        paths = list(PAGES[role])
        links = page.locator("main a[href^='/campaigns/']:not([href$='new'])")
        if await links.count():
            paths.append(str(await links.first.get_attribute("href")))
        for path in paths:
            await _looked_at(page, stage.address + path)
    assert stage.faults == []


async def _looked_at(page: Page, address: str) -> None:
    await page.emulate_media(color_scheme="light")
    await page.set_viewport_size(DESK)
    await page.goto(address)
    octets, painted_ms = await page.evaluate(WEIGHED)
    assert octets <= HEAVIEST_OCTETS, (address, octets)
    assert painted_ms <= SLOWEST_MS, (address, painted_ms)
    await page.evaluate(AXE)
    for theme, size in (("light", DESK), ("dark", PHONE)):
        await page.emulate_media(color_scheme=theme)
        await page.set_viewport_size(size)
        await page.evaluate("() => new Promise(requestAnimationFrame)")
        assert await page.evaluate(GRAVE) == [], (address, theme, size)
        assert await page.evaluate("() => document.documentElement.scrollWidth <= innerWidth"), (
            address,
            size,
        )


async def test_a_page_is_used_without_a_mouse(stage: Stage) -> None:
    """Tab reaches the skip link first; what is focused can be seen; Escape closes a question."""
    async with stage.as_role("ops") as page:
        await page.goto(f"{stage.address}/live")
        await page.keyboard.press("Tab")
        assert await page.evaluate("document.activeElement.className") == "skip"
        await page.keyboard.press("Tab")
        outline = "getComputedStyle(document.activeElement).outlineStyle"
        assert await page.evaluate(outline) == "solid"
        await page.focus("details.confirm > summary")
        await page.keyboard.press("Enter")
        assert await page.locator("details.confirm").get_attribute("open") is not None
        await page.keyboard.press("Escape")
        assert await page.locator("details.confirm").get_attribute("open") is None


async def test_language_and_colours_are_kept(stage: Stage) -> None:
    """English and dark by a click each; Spanish before."""
    async with stage.as_role("admin") as page:
        assert await page.get_attribute("html", "lang") == "es"
        await page.click("button[name=language]")
        await page.wait_for_selector("html[lang=en]")
        await page.click("button[name=theme]")
        await page.wait_for_selector("html[data-theme=dark]")
        assert await page.inner_text("h1") == "Users"


async def test_operations_see_the_node_live_and_switch_ads(stage: Stage) -> None:
    """The page moves by itself; ads off asks first, and is confirmed by the node."""
    async with stage.as_role("ops") as page:
        await page.goto(f"{stage.address}/live")
        sent = page.locator("#live-sessions td.number").first
        before = await sent.inner_text()
        await page.wait_for_function(
            "before => document.querySelector('#live-sessions td.number').innerText !== before", arg=before
        )
        await page.click("summary:has-text('Apagar')")
        await page.click("button.grave")
        await page.wait_for_selector("text=Anuncios apagados")
        await stage.node.gate("ads_off")
        await page.click("summary:has-text('Encender')")
        await page.click("#live-switch form button")
        await page.wait_for_selector("text=Anuncios encendidos")
        await stage.node.gate(None)

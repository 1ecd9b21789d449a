"""The console in a browser: a campaign's whole way, and every page for every role."""

import asyncio
import re
import time
from pathlib import Path

import pytest
from playwright.async_api import Page, expect

from tests.browser.conftest import DESK, PHONE, Stage

pytestmark = [pytest.mark.browser, pytest.mark.node, pytest.mark.asyncio(loop_scope="module")]

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

REFUSED = "¡Buen Fin: 40% más barato! Marca 55 1234 5678"
NAME = "<script>document.title='stolen'</script> & Co"


async def test_a_campaign_from_its_first_words_to_its_take_down(stage: Stage) -> None:
    """Each role does its part in a browser; the simulated SMSC sees what the pages say."""
    async with stage.as_role("advertiser") as page, stage.as_role("approver") as approver:
        text = await _submitted(page)
        stage.smsc.register_ads(text)
        await _approved(approver)
        await _counted(page, stage, text)
        await _taken_down(approver, stage, text)
    assert stage.faults == []


async def _submitted(page: Page) -> str:
    """Write a campaign with a text that is refused, take the suggestion, submit; return the text."""
    await page.click("text=Nueva campaña")
    await page.fill("#text-1", REFUSED)
    await expect(page.locator("#verdict-1 mark").first).to_be_visible()
    await expect(page.locator("#verdict-1 .fault").first).to_be_visible()
    await page.click("#verdict-1 [data-use]")
    await expect(page.locator("#verdict-1 .tag.good")).to_be_visible()
    await expect(page.locator("#verdict-1 .sms b")).to_be_visible()
    text = await page.input_value("#text-1")
    await page.fill("#place-search", "ciudad de mex")
    await page.click("#found [data-side=include] >> nth=0")
    await page.fill("#name", NAME)
    await page.select_option("#brand", "tienda-sol")
    await page.select_option("#pacing", "asap")
    await page.fill("#starts_at", time.strftime("%Y-%m-%dT00:00", time.localtime(time.time() - 86400)))
    await page.fill("#quantity", "2000")
    await page.click("button[value=submit]")
    await expect(page.locator("main .tag", has_text="En revisión")).to_be_visible()
    await expect(page.locator("h1")).to_have_text(NAME)
    return text


async def _approved(page: Page) -> None:
    """Find it in the queue, look at it as a handset shows it, approve it."""
    await page.goto(re.sub(r"(https?://[^/]+).*", r"\1/review", page.url))
    await page.click(f"text={NAME}")
    await expect(page.locator(".handset .sms b")).to_be_visible()
    await page.click("form[action$='/approve'] button")
    await page.wait_for_url("**/review")


async def _counted(page: Page, stage: Stage, text: str) -> None:
    """Ads reach the SMSC, and the count rises on the advertiser's page."""
    async with asyncio.timeout(20):
        while stage.smsc.tally.counts[text].accepted < 5:
            await asyncio.sleep(0.02)
    spent = page.locator(".glance dd").first
    async with asyncio.timeout(10):
        while True:
            await page.reload()
            if int((await spent.inner_text()).split()[0].replace(",", "")) > 0:
                break
    await expect(page.locator("main .tag", has_text="Al aire")).to_be_visible()


async def _taken_down(page: Page, stage: Stage, text: str) -> None:
    """From the click on, no ad with that text within a second; the page says so."""
    await page.goto(re.sub(r"(https?://[^/]+).*", r"\1/campaigns?q=stolen", page.url))
    await page.click(f"text={NAME}")
    await page.click("summary:has-text('Retirar')")
    await page.fill("textarea[name=reason]", "Promete lo que no hay.")
    await page.click("button.grave:has-text('Retirar')")
    clicked = time.monotonic()
    await expect(page.locator(".tag", has_text="retirado")).to_be_visible()
    await asyncio.sleep(max(0.0, 1.0 - (time.monotonic() - clicked)))
    counted = stage.smsc.tally.counts[text].received
    notifications = stage.smsc.accepted
    await asyncio.sleep(0.5)
    assert stage.smsc.accepted > notifications, "the traffic went on"
    assert stage.smsc.tally.counts[text].received == counted


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

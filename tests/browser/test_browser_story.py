"""One campaign through the console: written, mended, submitted, approved, seen on the SMSC, taken down."""

import asyncio
import re
import time

import pytest
from playwright.async_api import Page, expect

from tests.browser.conftest import Stage

pytestmark = [pytest.mark.browser, pytest.mark.node, pytest.mark.asyncio(loop_scope="session")]

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

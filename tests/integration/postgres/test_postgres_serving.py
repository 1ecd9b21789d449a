"""The campaigns that serve, looked at again and again."""

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from adapters.postgres.campaigns import PostgresCampaigns
from adapters.postgres.pool import Pool
from inventory.books import ServingCampaign
from inventory.campaign import CampaignClass
from inventory.draft import CampaignDraft, CreativeDraft
from segments.targets import Target

pytestmark = pytest.mark.postgres

NOW = datetime(2026, 11, 24, 15, 30, tzinfo=UTC)
SOL = CampaignDraft(
    name="sol",
    brand="tienda-sol",
    category="retail",
    campaign_class=CampaignClass.GUARANTEED,
    creatives=(CreativeDraft("Oferta en tienda sol"), CreativeDraft("Otra oferta", weight=3)),
    target=Target(),
    starts_at=NOW - timedelta(days=1),
    ends_at=NOW + timedelta(days=1),
    quantity=40,
)
LUNA, MAR = replace(SOL, name="luna"), replace(SOL, name="mar")

OF_LUNA = "creative IN (SELECT id FROM creatives WHERE campaign = 2)"
CHANGES = {
    "some of one is spent, some of another leased": (
        "UPDATE ledger SET inserted = 3, accepted = 3, settled = 3 WHERE campaign = 2; "
        "UPDATE ledger SET leased = 4 WHERE campaign = 3"
    ),
    "its quantity": "UPDATE ledger SET quantity = 50 WHERE campaign = 2",
    "its name": "UPDATE campaigns SET name = 'llena' WHERE number = 2",
    "its target": "UPDATE campaigns SET target = "
    """'{"include": [{"lada": "55"}], "exclude": []}' WHERE number = 2""",
    "a text's weight": f"UPDATE creative_versions SET weight = 2 WHERE {OF_LUNA} AND weight = 3",
    "a text is harmful": "INSERT INTO harmful_versions SELECT max(number), 'relay-1', 40, 40, 40, 0, now() "
    f"FROM creative_versions WHERE {OF_LUNA}",
    "it no longer is": "UPDATE harmful_versions SET cleared_at = now(), cleared_by = 'ops'",
    "a new version waits": "INSERT INTO creative_versions (creative, version, text, weight, review) "
    "SELECT id, 2, 'Nuevo', 1, 'pending' FROM creatives WHERE campaign = 2 AND position = 1",
    "it is approved": "UPDATE creative_versions SET review = 'approved' WHERE review = 'pending'",
    "all texts are taken down": f"UPDATE creative_versions SET review = 'taken_down' WHERE {OF_LUNA}",
    "one is stopped": "UPDATE campaigns SET stopped_at = now(), stopped_by = 'ops' WHERE number = 1",
    "and goes on": "UPDATE campaigns SET stopped_at = NULL, stopped_by = NULL WHERE number = 1",
    "one is paused": "UPDATE campaigns SET state = 'paused' WHERE number = 3",
    "one has ended": "UPDATE campaigns SET ends_at = starts_at + '1 h'::interval WHERE number = 1",
}


def test_what_changed_is_read_again_and_nothing_else(runner: asyncio.Runner, pool: Pool) -> None:
    """After any change the campaigns are those that somebody sees who looks for the first time."""

    async def look(campaigns: PostgresCampaigns) -> list[ServingCampaign]:
        return list(await campaigns.serving(NOW))

    async def work() -> None:
        campaigns = PostgresCampaigns(pool)
        assert await look(campaigns) == []
        await campaigns.add([SOL, LUNA, MAR], approve=True, now=NOW)
        before = await look(campaigns)
        for what, change in CHANGES.items():
            await pool.execute(change)
            after = await look(campaigns)
            assert after == await look(PostgresCampaigns(pool)), what
            known = {each.campaign.number: each.campaign for each in before}
            for each in after:
                former = known.get(each.campaign.number)
                assert (each.campaign is former) == (each.campaign == former), what
            before = after
        assert before == []

    runner.run(work())


def test_a_look_that_finds_nothing_new_reads_no_campaign(runner: asyncio.Runner, pool: Pool) -> None:
    """Every second with thousands of campaigns: the same objects come back."""

    async def work() -> None:
        campaigns = PostgresCampaigns(pool)
        await campaigns.add([SOL, LUNA, MAR], approve=True, now=NOW)
        first, second = await campaigns.serving(NOW), await campaigns.serving(NOW)
        assert all(one is other for one, other in zip(first, second, strict=True))

    runner.run(work())

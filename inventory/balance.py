"""Whether the books balance: the equations that hold at every moment, checked on a snapshot."""

from collections.abc import Iterator

from inventory.books import CampaignCounts, Counts


def imbalances(counts: Counts) -> list[str]:
    """Return one sentence for each equation that does not hold; none means that the books balance.

    notifications = Σ inserted + Σ pass_through + consumed + refused, and for each campaign
    settled = accepted + unknown - failed made good, in_flight lies within leased, and
    settled + leased within quantity.
    """
    return [*_of_notifications(counts), *(line for each in counts.campaigns for line in _of_campaign(each))]


def _of_notifications(counts: Counts) -> Iterator[str]:
    inserted = sum(campaign.inserted for campaign in counts.campaigns)
    passed = sum(counts.pass_through.values())
    found = inserted + passed + counts.consumed + counts.refused
    if found != counts.notifications:
        yield (
            f"{counts.notifications} notifications, but {inserted} inserted + {passed} passed through "
            f"+ {counts.consumed} consumed + {counts.refused} refused = {found}"
        )


def _of_campaign(campaign: CampaignCounts) -> Iterator[str]:
    made_good = campaign.returned - campaign.rejected
    spent = campaign.accepted + campaign.unknown - made_good
    if campaign.settled != spent:
        yield (
            f"{campaign.name}: {campaign.settled} settled, but {campaign.accepted} accepted "
            f"+ {campaign.unknown} unknown - {made_good} made good = {spent}"
        )
    if not 0 <= campaign.in_flight <= campaign.leased:
        yield f"{campaign.name}: {campaign.in_flight} in flight of {campaign.leased} leased"
    if campaign.free is not None and campaign.free < 0:
        yield (
            f"{campaign.name}: {campaign.settled} settled + {campaign.leased} leased "
            f"exceed the quantity {campaign.quantity}"
        )

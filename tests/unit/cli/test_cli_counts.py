"""`posdata counts` without a database: the contract's shape, the table, and the equations."""

from dataclasses import replace

import pytest

from adapters.cli.counts import document, report
from inventory.balance import imbalances
from inventory.books import CampaignCounts, Counts

ID = "b1"

CAMPAIGN = CampaignCounts(
    number=1,
    id=ID,
    name="Buen Fin",
    quantity=1_000_000,
    inserted=120,
    accepted=90,
    rejected=10,
    unknown=5,
    delivered=80,
    failed=4,
    returned=12,
    settled=93,
    leased=1500,
)
COUNTS = Counts(
    notifications=200,
    consumed=3,
    refused=2,
    pass_through={"no_room": 30, "quiet_hours": 45},
    campaigns=[CAMPAIGN],
)


def test_the_document_has_the_contracts_shape() -> None:
    """Exactly the contract's keys; in_flight and free are worked out."""
    assert document(COUNTS, 7) == {
        "notifications": 200,
        "campaigns": [
            {
                "id": CAMPAIGN.id,
                "name": "Buen Fin",
                "quantity": 1_000_000,
                "inserted": 120,
                "accepted": 90,
                "rejected": 10,
                "unknown": 5,
                "in_flight": 15,
                "delivered": 80,
                "failed": 4,
                "returned": 12,
                "ledger": {"settled": 93, "leased": 1500, "free": 998_407},
            }
        ],
        "pass_through": {"no_room": 30, "quiet_hours": 45},
        "consumed": 3,
        "refused": 2,
        "unsettled": 7,
    }


def test_the_table_is_lined_up_with_the_largest_reason_first() -> None:
    """Numbers stand right-aligned with thousands apart, and reasons fall by count."""
    assert report(COUNTS, 7) == [
        "notifications     200",
        "  with an ad      120",
        "  passed through   75",
        "    quiet_hours    45",
        "    no_room        30",
        "  consumed          3",
        "  refused           2",
        "not settled yet     7",
        "",
        "campaign   quantity  inserted  accepted  rejected  unknown  in flight  settled  leased     free  id",
        "Buen Fin  1,000,000       120        90        10        5         15       93   1,500  998,407  b1",
    ]


def test_a_house_campaign_has_no_end_and_no_rest() -> None:
    """Without a quantity nothing is free, and a dash is shown."""
    house = replace(CAMPAIGN, quantity=None)
    assert document(replace(COUNTS, campaigns=[house]), 0)["campaigns"][0]["ledger"]["free"] is None
    assert report(replace(COUNTS, campaigns=[house]), 0)[-1].startswith("Buen Fin         -       120")


def test_no_campaigns_are_said_so() -> None:
    """An empty book is two tables short."""
    empty = Counts(notifications=0, consumed=0, refused=0, pass_through={}, campaigns=[])
    assert report(empty, 0)[-1] == "no campaigns"
    assert imbalances(empty) == []


def test_balanced_books_have_nothing_to_say() -> None:
    """All equations hold."""
    assert imbalances(COUNTS) == []


@pytest.mark.parametrize(
    ("counts", "sentence"),
    [
        (
            replace(COUNTS, notifications=201),
            "201 notifications, but 120 inserted + 75 passed through + 3 consumed + 2 refused = 200",
        ),
        (
            replace(COUNTS, campaigns=[replace(CAMPAIGN, settled=94)]),
            "Buen Fin: 94 settled, but 90 accepted + 5 unknown - 2 made good = 93",
        ),
        (
            replace(COUNTS, campaigns=[replace(CAMPAIGN, leased=14)]),
            "Buen Fin: 15 in flight of 14 leased",
        ),
        (
            replace(COUNTS, campaigns=[replace(CAMPAIGN, quantity=1592)]),
            "Buen Fin: 93 settled + 1500 leased exceed the quantity 1592",
        ),
    ],
)
def test_each_equation_is_checked(counts: Counts, sentence: str) -> None:
    """One wrong number is one sentence that shows both sides."""
    assert imbalances(counts) == [sentence]

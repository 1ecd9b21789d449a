"""Conversion in reports: what calls are divided by."""

from datetime import UTC, datetime, timedelta

import pytest

from adapters.http.report_document import PER_ACCEPTED, conversion_document
from adapters.http.report_view import Frame, Report
from inventory.reports import Dimension, Figures

FRAME = Frame(
    Dimension.DAY,
    "America/Mexico_City",
    "en",
    datetime(2026, 11, 24, tzinfo=UTC),
    timedelta(seconds=60),
    timedelta(hours=72),
)


@pytest.mark.parametrize(
    ("asked", "per", "rate", "note"),
    [
        (100, "delivered", 0.25, None),
        (99, "accepted", 0.2, PER_ACCEPTED["en"]),
        (0, "accepted", 0.2, PER_ACCEPTED["en"]),
    ],
)
def test_deliveries_count_only_where_every_ad_asked_for_a_receipt(
    asked: int, per: str, rate: float, note: str | None
) -> None:
    """One ad without a receipt makes deliveries too few, and the rate too high: accepted ads divide then."""
    totals = Figures(inserted=110, accepted=100, rejected=10, delivered=80, failed=5, calls=20, leads=15)
    report = Report(FRAME, (), totals, asked, 0, None, None, is_called=True)
    told = conversion_document(report)
    assert (told["per"], told["rate"], told["note"]) == (per, rate, note)

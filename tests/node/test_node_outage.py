"""The short form of `make outage`: PostgreSQL stands still for four seconds under load."""

import pytest

from tests.outage.run import AD_SHARE, FAULTS, Timing, run

pytestmark = pytest.mark.node


async def test_ads_go_on_and_the_books_stay_exact_while_postgresql_is_frozen() -> None:
    """Leases bridge it: nearly every notification still carries its ad, and each is counted once."""
    [frozen] = [fault for fault in FAULTS if fault.name == "frozen"]
    timing = Timing(outage_s=4, warm_up_s=2.5, calm_s=1, after_s=0.5)
    result = await run(frozen, 1000, timing)  # raises when the books are not exact
    assert result.outage.notifications > 0
    assert result.share >= AD_SHARE

"""What counts ads by subscriber is made when the first campaign that needs it serves."""

from dataclasses import replace
from pathlib import Path

from adapters.files.cap_file import CAP_FILE
from adapters.files.reference_data import load_numbering
from adapters.processes.allotting import Allotting
from adapters.processes.cap_keeping import CapKeeping
from engine.settings import Settings
from inventory.books import ServingCampaign
from tests.unit.inventory.bookings import campaign, serving


async def test_the_table_is_made_once_a_campaign_needs_it(tmp_path: Path) -> None:
    """Not for campaigns without caps; nor does a spent unit count as a change, to look through all again."""
    settings = Settings.model_validate({"node": {"data_dir": str(tmp_path)}, "caps": {"size_mb": 1}})
    keeping = CapKeeping(settings, tmp_path)
    allotting = Allotting(None, load_numbering(), None, 60.0)  # type: ignore[arg-type]  # it only looks

    async def plan(*campaigns: ServingCampaign) -> bool:
        changed = allotting.look(campaigns)
        if changed:
            keeping.hear(campaigns)
        await keeping.look()
        return changed

    free = campaign(1)
    assert await plan(serving(free))
    assert not await plan(serving(free, settled=1))
    assert not (tmp_path / CAP_FILE).exists()
    assert await plan(serving(free), serving(replace(free, number=2, spacing_minutes=30)))
    assert (tmp_path / CAP_FILE).exists()

"""The short form of `make chaos`: a few faults of the worst kinds in one run, in a fixed order."""

from pathlib import Path

from tests.chaos.kinds import KINDS
from tests.chaos.run import Run

ORDER = (
    "power lost (interval)",
    "SMSC refuses texts",
    "power lost (always)",
    "platform half-closes",
)


async def test_a_few_faults_of_chaos_break_no_promise(tmp_path: Path) -> None:
    """Nothing is lost, sent twice or over-delivered, and the books hold after each burst."""
    by_name = {kind.name: kind for kind in KINDS}
    (tmp_path / "disk").mkdir()
    report = await Run(tmp_path, 3, 400, lambda _: None).go([by_name[name] for name in ORDER], 1)
    assert report.violation == ""
    assert report.faults == len(ORDER)

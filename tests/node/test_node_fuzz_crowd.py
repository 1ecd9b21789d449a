"""The short form of `make crowd`."""

from pathlib import Path

import pytest

from tests.crowd.run import Crowd, go
from tests.fuzz.vitals import MIB
from tests.node.forced_faults import Stages


@pytest.mark.node
async def test_useless_connections_hurt_nobody(tmp_path: Path) -> None:
    """A neighbour among them keeps its session; what does not bind is closed, and all is released."""
    stages = Stages(tmp_path, link_times={"SESSION_INIT_S": 1.0})
    crowd = Crowd(idle=60, resting=40, slow=20, drip=20, stuck=6, seconds=1.6, alone_s=0.1, few=False)
    report = await go(tmp_path, crowd, lambda _: None, dict(stages.environment))
    assert report.broken == []
    assert report.scores["all"]["closed"] == {"idle": 60, "drip": 20}
    assert report.scores["all"]["bound"] == {"resting": 40, "slow": 20, "stuck": 6}
    assert report.vitals is not None
    assert report.vitals.worst("worker") < 150 * MIB

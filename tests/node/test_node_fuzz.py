"""The short form of `make fuzz`, and what long ones once found."""

from pathlib import Path
from random import Random

import pytest

from tests.fuzz import findings, judge
from tests.fuzz.run import Orders, go
from tests.smpp_cases.world import make_world

FOUND = sorted(findings.FOLDER.glob("*.yaml"))


@pytest.mark.node
async def test_mutated_pdus_end_no_process_and_touch_no_neighbour(tmp_path: Path) -> None:
    """Thousands of them: nobody dies or leaks, and every octet beside them is as it should be."""
    orders = Orders(20, pdus=12_000, seconds=90, at_once=8, a_session=200, alone_s=0.2)
    report = await go(tmp_path, orders, lambda _: None)
    assert report.broken == []
    assert report.mutated >= orders.pdus
    assert report.read >= report.mutated
    assert report.score["ads"] > 0
    assert report.score["streams"] > 0
    assert report.watched.ads > 0


@pytest.mark.parametrize("path", FOUND, ids=lambda path: path.stem)
def test_what_fuzzing_found_is_relayed_as_it_should_be(path: Path) -> None:
    """Both streams of a finding go through one session, however they are cut, and nothing of ours breaks."""
    platform, smsc = findings.read(path)
    for seed in range(5):
        chance = Random(seed)
        world = make_world(texts=(judge.AD,))
        to_smsc, to_platform = bytearray(), bytearray()
        sides = [(world.from_platform, platform, to_smsc), (world.from_smsc, smsc, to_platform)]
        while any(stream for _, stream, _ in sides):
            at = chance.randrange(len(sides))
            feed, stream, out = sides[at]
            size = chance.choice((1, 16, 100, 5000, judge.LARGEST))
            out += feed(stream[:size])
            sides[at] = (feed, stream[size:], out)
        assert world.alarms == []
        world.assert_balanced()
        assert judge.to_smsc(platform, bytes(to_smsc), whole=False).fault == ""
        assert judge.to_platform(smsc, bytes(to_platform)).fault == ""

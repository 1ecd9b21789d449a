"""A vote by missed calls on a whole node, over a SIGKILL: every call answered, every caller counted once."""

import pytest

from adapters.simulator.smsc import SimulatedSmsc
from tests.node.harness import Node
from tests.vote.run import Timing, vote

pytestmark = pytest.mark.node


async def test_every_answered_call_is_counted_once_over_a_kill(node: Node, smsc: SimulatedSmsc) -> None:
    """The short form of `make vote`, which looks at leads, options and books itself."""
    node.settings["relay"]["responses"] = True
    await node.start()
    result = await vote(node, smsc, Timing(rate=400, seconds=2, calm_s=0.2))
    assert result.leads

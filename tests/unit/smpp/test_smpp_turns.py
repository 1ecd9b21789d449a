"""Who sends in bulk waits for the others who do; the link's own word on reading stands above it."""

import asyncio

from adapters.smpp.turns import BULKS_A_TURN, BULKS_AT_ONCE, Reading


class _Transport(asyncio.Transport):
    """Knows whether it is read."""

    def __init__(self) -> None:
        super().__init__()
        self.reads = True
        self.closing = False

    def pause_reading(self) -> None:
        self.reads = False

    def resume_reading(self) -> None:
        self.reads = True

    def is_closing(self) -> bool:
        return self.closing


def _fill_the_round() -> list[_Transport]:
    """Let as many bulks come as go on without a wait."""
    transports = [_Transport() for _ in range(BULKS_AT_ONCE)]
    for each in transports:
        Reading(each).wait()
    return transports


async def test_a_few_bulks_a_round_wait_for_nobody() -> None:
    """They are read on without a pause, round after round; one more has its turn in the next."""
    for _ in range(3):
        assert all(each.reads for each in _fill_the_round())
        Reading(late := _Transport()).wait()
        assert not late.reads
        await asyncio.sleep(0)
        assert late.reads


async def test_bulks_go_on_a_few_a_round_first_come_first_served() -> None:
    """All wait after their bulk; each round of the loop lets the next few be read, until all are."""
    _fill_the_round()
    transports = [_Transport() for _ in range(2 * BULKS_A_TURN + 1)]
    readings = [Reading(each) for each in transports]
    for each in readings:
        each.wait()
        each.wait()
    rounds = []
    while not rounds or rounds[-1] < len(transports):
        rounds.append(sum(each.reads for each in transports))
        assert [each.reads for each in transports] == sorted(
            (each.reads for each in transports), reverse=True
        )
        await asyncio.sleep(0)
    assert rounds == [0, BULKS_A_TURN, 2 * BULKS_A_TURN, len(transports)]


async def test_a_turn_reads_nothing_that_the_link_holds() -> None:
    """Held legs stay held when their turn comes; let go before it, they still wait for it."""
    _fill_the_round()
    held, let_go = _Transport(), _Transport()
    first, second = Reading(held), Reading(let_go)
    first.hold(hold=True)
    first.wait()
    second.wait()
    second.hold(hold=True)
    second.hold(hold=False)
    assert not let_go.reads
    await asyncio.sleep(0)
    assert (held.reads, let_go.reads) == (False, True)
    first.hold(hold=False)
    assert held.reads


async def test_a_leg_that_closes_is_left_alone() -> None:
    """Its transport is told nothing more."""
    _fill_the_round()
    transport = _Transport()
    reading = Reading(transport)
    reading.wait()
    transport.closing = True
    await asyncio.sleep(0)
    assert not transport.reads

"""What a session counts of its traffic, for reports."""

from adapters.smpp.constants import (
    BIND_TRANSCEIVER,
    DATA_SM,
    ENQUIRE_LINK,
    GENERIC_NACK,
    RESPONSE,
    SUBMIT_SM,
    SUBMIT_SM_RESP,
)
from adapters.smpp.traffic import MOST_KINDS, NO_PROBE, OTHER, SAMPLE_EVERY_S
from tests.smpp_cases.pdus import Submit, answer, bind, bind_answer, pdu
from tests.smpp_cases.world import World, make_world

THROTTLED = 0x58
BIND_RESP = BIND_TRANSCEIVER | RESPONSE


def sums(world: World) -> dict[str, dict[tuple[int, int], int]]:
    """Return what is counted, by sender."""
    traffic = world.session.traffic
    return traffic.route.sums([traffic])


def test_pdus_are_counted_by_sender_command_and_status() -> None:
    """Requests and answers of either side, whether they came in one read or in pieces."""
    world = make_world().bound()
    octets = Submit(7).octets + Submit(8, data=True, payload=b"Llamada").octets + pdu(ENQUIRE_LINK, 9)
    for at in range(0, len(octets), 11):
        world.from_platform(octets[at : at + 11])
    world.from_smsc(answer(7) + answer(8, command=DATA_SM | RESPONSE) + answer(9, THROTTLED))
    assert sums(world) == {
        "platform": {(BIND_TRANSCEIVER, 0): 1, (SUBMIT_SM, 0): 1, (DATA_SM, 0): 1, (ENQUIRE_LINK, 0): 1},
        "smsc": {
            (BIND_RESP, 0): 1,
            (SUBMIT_SM_RESP, 0): 1,
            (DATA_SM | RESPONSE, 0): 1,
            (SUBMIT_SM_RESP, THROTTLED): 1,
        },
        "engine": {},
    }
    assert (world.session.traffic.notifications, world.session.traffic.ads) == (2, 2)
    world.assert_balanced()


def test_our_own_answers_are_counted_apart() -> None:
    """Traffic before a bind, and a frame that can't be cut."""
    world = make_world()
    world.from_platform(Submit(7).octets)
    assert sums(world)["engine"] == {(SUBMIT_SM_RESP, 4): 1}
    assert sums(world)["platform"] == {(SUBMIT_SM, 0): 1}
    world = make_world().bound()
    world.from_smsc(b"\0\0\0\x01" + bytes(12))
    assert sums(world)["engine"] == {(GENERIC_NACK, 2): 1}


def test_a_route_keeps_the_counts_of_sessions_that_ended() -> None:
    """Sums never fall when a session goes."""
    world = make_world().bound()
    world.from_platform(Submit(7).octets)
    world.from_smsc(answer(7))
    before = sums(world)
    route = world.session.traffic.route
    route.ended(world.session.traffic)
    assert route.sums([]) == before


def test_who_bound_and_how_is_known() -> None:
    """The bind's command and every octet of both sides."""
    world = make_world()
    world.from_platform(bind())
    world.from_smsc(bind_answer())
    traffic = world.session.traffic
    assert world.session.bind_command == BIND_TRANSCEIVER
    assert (traffic.platform_octets, traffic.smsc_octets) == (len(bind()), len(bind_answer()))


def test_strange_pdus_do_not_fill_the_memory() -> None:
    """Beyond a limit commands and statuses are counted together, and none is lost."""
    world = make_world().bound()
    strange = [pdu(0x0BAD0000 | n, n) for n in range(3 * MOST_KINDS)]
    for each in strange:
        world.from_smsc(each)
        if len(world.session.traffic.route.smsc) % 100 == 0:
            sums(world)
    kinds = sums(world)["smsc"]
    assert len(kinds) <= MOST_KINDS
    assert sum(kinds.values()) == len(strange) + 1
    assert kinds[OTHER] > MOST_KINDS


def test_one_answer_at_a_time_is_timed() -> None:
    """The sample of a read ends with the answer to its last notification, however many come between."""
    world = make_world().bound()
    traffic = world.session.traffic
    world.from_platform(Submit(7).octets + Submit(8).octets)
    assert (traffic.probe, traffic.sampled_at) == (8, world.now)
    world.from_platform(Submit(9).octets)
    world.from_smsc(answer(9) + answer(7))
    assert (traffic.probe, traffic.answered) == (8, False)
    world.from_smsc(answer(8))
    assert traffic.answered
    traffic.answer_came(world.now + 0.3)
    assert traffic.probe == NO_PROBE
    assert (sum(traffic.route.answer.buckets), round(traffic.route.answer.total_s, 3)) == (1, 0.3)


def test_samples_are_spaced() -> None:
    """The next one begins no sooner than SAMPLE_EVERY_S after the last."""
    world = make_world().bound()
    traffic = world.session.traffic
    world.from_platform(Submit(7).octets)
    traffic.answer_came(world.now)
    world.from_platform(Submit(8).octets)
    assert traffic.probe == NO_PROBE
    world.now += SAMPLE_EVERY_S
    world.from_platform(Submit(9).octets)
    assert traffic.probe == 9


def test_an_answer_that_never_comes_counts_as_slow() -> None:
    """Giving up takes the time that has passed, and lets the next sample begin."""
    world = make_world().bound()
    traffic = world.session.traffic
    world.from_platform(Submit(7).octets)
    traffic.give_up(world.now + 59, 60)
    assert traffic.probe == 7
    traffic.give_up(world.now + 61, 60)
    assert traffic.probe == NO_PROBE
    assert traffic.route.answer.buckets[-1] == 1

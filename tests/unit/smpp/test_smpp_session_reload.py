"""Other settings on a session that is up."""

from adapters.smpp.session import Session
from engine.breaker import Breaker
from tests.smpp_cases.pdus import OK, RINVMSGLEN, RTHROTTLED, Submit, answer
from tests.smpp_cases.world import RETRY_ON, World, make_world

ANY = frozenset((b"*",))
NOBODY = frozenset((b"nobody",))
FIRST = Submit(sequence=7)


def breaker_of(world: World) -> Breaker:
    """Return the session's breaker."""
    session: Session = world.session
    return session._breaker


def test_system_ids_hold_for_sessions_that_are_bound() -> None:
    """Struck off the list: no ads from the next notification on; put back: ads again."""
    world = make_world(units=5).bound()
    world.session.take_over(RETRY_ON, NOBODY)
    assert world.from_platform(FIRST.octets) == FIRST.octets
    world.session.take_over(RETRY_ON, ANY)
    second = Submit(sequence=8).octets
    assert world.from_platform(second) != second


def test_what_was_sent_before_retries_were_asked_for_is_not_retried() -> None:
    """Its original was not kept: the refusal passes, as the platform needs it."""
    world = make_world(units=5, retry_bare_on=frozenset()).bound()
    world.from_platform(FIRST.octets)
    world.session.take_over(RETRY_ON, ANY)
    said, before = answer(7, RINVMSGLEN), world.to_smsc
    assert world.from_smsc(said) == said
    assert world.to_smsc == before
    assert world.session.unanswered == 0


def test_answers_are_counted_with_and_without_an_ad() -> None:
    """Accepted, refused, and the bare retry's answer; throttling is on neither side."""
    world = make_world(units=5).bound()
    for sequence in (1, 2, 3):
        world.from_platform(Submit(sequence=sequence).octets)
    world.from_smsc(answer(1, OK))
    world.from_smsc(answer(2, RINVMSGLEN))
    world.from_smsc(answer(2, OK))
    world.from_smsc(answer(3, RTHROTTLED))
    breaker = breaker_of(world)
    [tally] = breaker._tallies.values()
    assert (tally.answered, tally.refused) == (2, 1)
    assert (breaker.bare, breaker.bare_refused) == (1, 0)
    world.session.take_over(RETRY_ON, NOBODY)
    world.from_platform(Submit(sequence=4).octets + Submit(sequence=5).octets)
    world.from_smsc(answer(4, RINVMSGLEN) + answer(5, RTHROTTLED))
    assert (breaker.bare, breaker.bare_refused) == (3, 1)

"""How fast our own session sends."""

from adapters.smpp.esme_pace import FIRST_PAUSE_S, LONGEST_PAUSE_S, SendingPace


def test_turns_lie_a_fixed_time_apart() -> None:
    """No more than `per_second` messages leave in any second, and idle time is not made up for."""
    pace = SendingPace(10)
    waits = [pace.wait(100.0) for _ in range(4)]
    assert [round(wait, 6) for wait in waits] == [0, 0.1, 0.2, 0.3]
    assert pace.wait(200.0) == 0


def test_a_throttled_session_pauses_longer_and_longer_until_it_is_let_in() -> None:
    """Each refusal after a pause doubles the next one up to a bound; one taken message ends it."""
    pace, now, pauses = SendingPace(1000), 10.0, []
    for _ in range(9):
        pace.heard(now, refused=True)
        pace.heard(now, refused=True)  # of the same burst
        pauses.append(round(pace.wait(now), 3))
        now += pauses[-1] + 0.001
    assert pauses == [min(LONGEST_PAUSE_S, FIRST_PAUSE_S * 2**power) for power in range(9)]
    pace.heard(now, refused=False)
    pace.heard(now, refused=True)
    assert round(pace.wait(now), 3) == FIRST_PAUSE_S

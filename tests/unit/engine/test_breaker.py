"""The harm breaker: stops what the SMSC refuses because of the ad, and nothing else."""

from random import Random

import pytest

from engine.breaker import MIN_ANSWERS, SAYS_NOTHING, WINDOW, Breaker, Tally, bounds, is_harmful

INVALID = 0x45


def text() -> Tally:
    """Return the tally of version 5 of campaign 7, as a text made anew brings it."""
    return Tally(7, 5)


def breaker_after(accepted: int, refused: int, bare: int = 0, bare_refused: int = 0) -> Breaker:
    """Return a breaker that saw answers to version 5 of campaign 7, and to notifications without an ad."""
    breaker = Breaker()
    tally = text()
    for _ in range(accepted):
        breaker.accepted(tally)
    for _ in range(refused):
        breaker.refused(tally, INVALID)
    breaker.bare += bare
    breaker.bare_refused += bare_refused
    return breaker


@pytest.mark.parametrize(
    ("refused", "answered", "low", "high"),
    [(0, 30, 0.0, 0.2308), (30, 30, 0.7692, 1.0), (50, 100, 0.3563, 0.6437), (0, 0, 0.0, 1.0)],
)
def test_the_bounds_are_wilsons(refused: int, answered: int, low: float, high: float) -> None:
    """Against values worked out by hand from the score interval with z = 3."""
    assert bounds(refused, answered) == pytest.approx((low, high), abs=1e-4)


@pytest.mark.parametrize(
    ("answers", "harmful"),
    [
        pytest.param((29, 29, 1000, 0), False, id="too few answers"),
        pytest.param((30, 30, 30, 0), True, id="all refused, bare retries accepted"),
        pytest.param((30, 30, 30, 30), False, id="all refused, with and without the ad"),
        pytest.param((30, 30, 0, 0), True, id="all refused, nothing bare to compare with"),
        pytest.param((30, 20, 0, 0), False, id="two thirds refused, nothing bare to compare with"),
        pytest.param((1000, 100, 5000, 10), True, id="a tenth refused, hardly any bare"),
        pytest.param((1000, 50, 5000, 0), False, id="within the margin"),
        pytest.param((1000, 300, 5000, 1500), False, id="as often as bare"),
        pytest.param((1000, 500, 5000, 1500), True, id="much more often than bare"),
    ],
)
def test_a_version_is_measured_against_what_goes_bare(
    answers: tuple[int, int, int, int], harmful: bool
) -> None:
    """Harm is the difference beyond chance and margin, never a high rate alone."""
    assert is_harmful(*answers) is harmful


def test_chance_alone_stops_nobody() -> None:
    """A thousand versions refused exactly as often as bare traffic: none is stopped."""
    random = Random(3)
    for rate in (0.0, 0.02, 0.2):
        for _ in range(330):
            answered = random.randrange(30, WINDOW)
            refused = sum(random.random() < rate for _ in range(answered))
            bare_refused = sum(random.random() < rate for _ in range(500))
            assert not is_harmful(answered, refused, 500, bare_refused)


def test_a_harmful_version_is_found_once_and_told_until_it_is_known() -> None:
    """Judged once; untold until the switches name it."""
    breaker = breaker_after(0, 40, bare=40)
    [verdict] = breaker.judge()
    assert (verdict.campaign, verdict.creative_version) == (7, 5)
    assert (verdict.answered, verdict.refused, verdict.bare, verdict.bare_refused) == (40, 40, 40, 0)
    assert breaker.judge() == []
    assert breaker.harmful == {5}
    assert breaker.untold() == [verdict]
    assert not breaker.hear(frozenset({5}))
    assert breaker.untold() == []
    assert breaker.harmful == {5}


def test_what_an_operator_clears_is_tried_again_from_nothing() -> None:
    """After a resume the version serves, and is stopped again only by new answers."""
    breaker = breaker_after(0, 40, bare=40)
    breaker.judge()
    breaker.hear(frozenset({5}))
    assert breaker.hear(frozenset())
    assert breaker.harmful == frozenset()
    assert breaker.judge() == []
    for _ in range(MIN_ANSWERS):
        breaker.refused(text(), INVALID)
    breaker.bare += MIN_ANSWERS
    assert len(breaker.judge()) == 1


def test_a_version_found_here_stays_stopped_while_nobody_else_knows() -> None:
    """Switches told for another cause lift nothing; what others found is stopped here too."""
    breaker = breaker_after(0, 40, bare=40)
    breaker.judge()
    assert breaker.hear(frozenset({9}))
    assert breaker.harmful == {5, 9}


def test_a_text_made_anew_goes_on_with_its_count() -> None:
    """However often the catalogue changes, answers to one version add up."""
    breaker = Breaker()
    first = text()
    for _ in range(MIN_ANSWERS):
        breaker.refused(first, INVALID)
        breaker.accepted(breaker.tallies[5])
        breaker.accepted(text())
    [tally] = breaker.tallies.values()
    assert (tally.answered, tally.refused) == (3 * MIN_ANSWERS, MIN_ANSWERS)


@pytest.mark.parametrize("status", sorted(SAYS_NOTHING))
def test_throttling_and_system_errors_say_nothing(status: int) -> None:
    """However many of them come, they are no answer to the text."""
    breaker = Breaker()
    for _ in range(10 * WINDOW):
        breaker.refused(text(), status)
    assert breaker.judge() == []


def test_the_bare_side_counts_from_when_the_window_began() -> None:
    """A long good past of bare traffic does not make an outage of the SMSC the ad's fault."""
    breaker = Breaker()
    breaker.bare = 100_000
    for _ in range(50):
        breaker.refused(text(), INVALID)
    breaker.bare += 200
    breaker.bare_refused += 195
    assert breaker.judge() == []


def test_a_window_that_is_full_begins_anew() -> None:
    """A long good past of the version does not hide what happens now."""
    breaker = breaker_after(WINDOW, 0, bare=WINDOW)
    assert breaker.judge() == []
    for _ in range(40):
        breaker.refused(text(), INVALID)
    breaker.bare += 40
    assert len(breaker.judge()) == 1

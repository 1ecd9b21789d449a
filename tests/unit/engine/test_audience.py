"""Who may get an ad at all."""

import pytest

from engine.assembly import audience_rules
from engine.audience import CallerExclusion, Consent, OnTrial, QuietHours, Share, Suppression
from engine.reasons import Reason
from engine.settings import Settings
from engine.subject import Register, Subject
from segments.clock import LocalClock
from segments.geography import Geography
from segments.numbering import Numbering
from segments.seal import Seal

QUIET = Reason.QUIET_HOURS


@pytest.mark.parametrize("share", [0.01, 0.1, 0.25, 0.5, 0.9, 0.99])
@pytest.mark.parametrize(
    "numbers",
    [
        pytest.param(range(55_0123_0000, 55_0124_0000), id="consecutive"),
        pytest.param(range(33_0100_0000, 33_0200_0000, 100), id="every hundredth"),
        pytest.param(range(871_012_0000, 871_012_0000 + (1 << 24), 1 << 10), id="a power of two apart"),
        pytest.param(range(55_0000_0000, 99_0000_0000, 10_000_000 // 16 + 1), id="spread over the country"),
    ],
)
def test_the_share_is_close_to_what_was_asked(share: float, numbers: range) -> None:
    """Of any regular run of numbers about the share gets ads: within 1.5 % of all."""
    rule = Share(share)
    let_in = sum(rule.refuses(number, 0) is None for number in numbers)
    assert let_in / len(numbers) == pytest.approx(share, abs=0.015)


def test_the_share_is_stable() -> None:
    """A subscriber's answer never changes, and who was in stays in as the ramp rises."""
    numbers = range(55_0123_0000, 55_0123_3000)
    rising = [Share(share / 20) for share in range(21)]
    answers = [[rule.refuses(number, 0) is None for rule in rising] for number in numbers]
    assert answers == [[rule.refuses(number, 7) is None for rule in rising] for number in numbers]
    assert all(answer == sorted(answer) for answer in answers)


def test_the_ends_of_the_ramp() -> None:
    """A share of 0 is nobody, of 1 everybody."""
    numbers = range(55_0123_0000, 55_0123_1000)
    assert {Share(0).refuses(number, 0) for number in numbers} == {Reason.OUTSIDE_SHARE}
    assert {Share(1).refuses(number, 0) for number in numbers} == {None}


def test_the_trial_list_lets_in_whom_it_names() -> None:
    """Everybody else is not on trial; an empty list lets nobody in."""
    rule = OnTrial([55_0123_4567, 871_012_3456])
    assert [rule.refuses(number, 0) for number in (55_0123_4567, 871_012_3456)] == [None, None]
    assert rule.refuses(55_0123_4568, 0) is Reason.NOT_ON_TRIAL
    assert OnTrial([]).refuses(55_0123_4567, 0) is Reason.NOT_ON_TRIAL


@pytest.mark.parametrize(
    ("start", "end", "minute", "reason"),
    [
        (1260, 540, 1259, None),
        (1260, 540, 1260, QUIET),
        (1260, 540, 1439, QUIET),
        (1260, 540, 0, QUIET),
        (1260, 540, 539, QUIET),
        (1260, 540, 540, None),
        (780, 900, 779, None),
        (780, 900, 780, QUIET),
        (780, 900, 899, QUIET),
        (780, 900, 900, None),
        (1260, 1440, 1439, QUIET),
        (1260, 1440, 0, None),
    ],
)
def test_quiet_hours_are_half_open_and_may_wrap(
    start: int, end: int, minute: int, reason: Reason | None
) -> None:
    """Quiet from the first minute up to, not including, the last; on every day of the week."""
    rule = QuietHours(start, end, [0])
    for day in range(7):
        rule.at([day * 1440 + minute])
        assert rule.refuses(55_0123_4567, 0) is reason


def test_quiet_hours_are_the_subscribers() -> None:
    """Each place by its own time zone's clock; the next minute is heard."""
    rule = QuietHours(1260, 540, [1, 0])
    rule.at([539, 540])
    assert (rule.refuses(1, 0), rule.refuses(1, 1)) == (None, QUIET)
    rule.at([540, 541])
    assert (rule.refuses(1, 0), rule.refuses(1, 1)) == (None, None)


def test_the_wall_clock_of_tijuana_moves_with_the_border() -> None:
    """On 1 November 2026 the northern border falls back: 21:00 comes an hour later in UTC."""
    rule = QuietHours(1260, 540, [0, 1])
    clock = LocalClock(["America/Tijuana", "America/Mexico_City"])
    last_of_summer, first_of_winter = 1_793_419_200, 1_793_592_000  # 31 Oct 04:00 UTC, 2 Nov 04:00 UTC
    rule.at(clock.at(last_of_summer))
    assert (rule.refuses(1, 0), rule.refuses(1, 1)) == (QUIET, QUIET)
    rule.at(clock.at(first_of_winter))
    assert (rule.refuses(1, 0), rule.refuses(1, 1)) == (None, QUIET)
    rule.at(clock.at(first_of_winter + 3600))
    assert rule.refuses(1, 0) is QUIET


def test_the_chain_holds_what_is_asked_for_in_the_documented_order() -> None:
    """Trial list, consent, suppression, share, quiet hours, callers; what is not asked for is not there."""
    numbering = Numbering(Geography((), (), ()), (), "none")

    def links(subject: Subject | None = None, **settings: dict[str, object]) -> list[type]:
        settings["policy"] = {"quiet_hours": None, "exclude_callers": (), **settings.get("policy", {})}
        return [type(rule) for rule in audience_rules(Settings.model_validate(settings), numbering, subject)]

    quiet: dict[str, object] = {"quiet_hours": {"from": "21:00", "to": "09:00"}}
    every = {**quiet, "exclude_callers": ("911",)}
    trial: dict[str, object] = {"share": 0.5, "only_subscribers": (5501234567,)}
    register = Register(Seal(b"k" * 32), opt_in=False)
    assert links(Subject(register), ads=trial, policy=every) == [
        OnTrial,
        Consent,
        Suppression,
        Share,
        QuietHours,
        CallerExclusion,
    ]
    register.use_choices = False
    assert links(Subject(register)) == [Suppression]
    assert links(ads={"only_subscribers": ()}) == [OnTrial]
    assert links(ads={"share": 0.5}, policy=quiet) == [Share, QuietHours]
    assert links(ads={"share": 0.5}) == [Share]
    assert links(policy=quiet) == [QuietHours]
    assert links() == []

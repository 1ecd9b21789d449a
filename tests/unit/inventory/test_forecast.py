"""The forecast: what it makes of nothing, of little, of gaps, and of how the day goes."""

import numpy as np
import pytest

from adapters.files.reference_data import load_geography, load_numbering
from inventory.backtest import Trial, back_test
from inventory.calendar import Holidays, hour_of_week, local_hours
from inventory.cold_start import NOTIFICATIONS_A_DAY, place_shares
from inventory.forecast import CORRECTION_BOUNDS, Today, corrected
from inventory.forecaster import WARM_DAYS, Forecaster
from inventory.history import History
from inventory.invention import Inventor
from inventory.scenarios import P20, P50
from inventory.supply import HOUR_S
from segments.clock import pinned_zone

# A Monday's midnight in Mexico City.
FIRST = 493_854
DAY = 24
WEEK = 7 * DAY
PLACES = tuple(place for place in load_numbering().places if place.municipality is None)[:120]
WEIGHTS = load_geography().weights
ZONE = "America/Mexico_City"


@pytest.fixture(scope="module")
def forecaster() -> Forecaster:
    """Return a forecaster of some of the country."""
    return Forecaster(PLACES, WEIGHTS, pinned_zone, ZONE)


@pytest.fixture(scope="module")
def history(forecaster: Forecaster) -> History:
    """Return nine invented weeks."""
    local = forecaster.local_hours(FIRST, 9 * WEEK)
    return Inventor(forecaster.areas, local, Holidays(), np.random.default_rng(5)).history(FIRST)


def chance() -> np.random.Generator:
    """Return the same chance each time."""
    return np.random.default_rng(1)


def test_without_history_the_assumed_traffic_is_expected(forecaster: Forecaster) -> None:
    """A new node expects the channel's stated size over the LADAs' weights, and says cold_start."""
    forecast = forecaster.forecast(History.empty(len(PLACES)), FIRST, DAY, chance())
    assert forecast.cold_start
    assert forecast.supply.by_hour.sum() == pytest.approx(NOTIFICATIONS_A_DAY, rel=0.01)
    by_place = forecast.supply.by_hour.sum(axis=0) / NOTIFICATIONS_A_DAY
    assert by_place == pytest.approx(place_shares(PLACES, WEIGHTS), rel=0.05)
    assert forecast.alphabets.sum(axis=(1, 2)) == pytest.approx(np.ones(len(PLACES)))


def test_a_few_hours_tell_the_level(forecaster: Forecaster, history: History) -> None:
    """After three busy hours a node a hundred times smaller expects a hundredth of the assumed traffic."""
    noon = FIRST + 12
    little = History(noon, history.by_hour[12:15] * np.float32(0.01), history.rooms)
    forecast = forecaster.forecast(little, FIRST, DAY, chance(), known_until=noon + 3)
    assert forecast.cold_start
    assert forecast.supply.by_hour.sum() == pytest.approx(NOTIFICATIONS_A_DAY / 100, rel=0.25)


def test_two_weeks_end_the_cold_start(forecaster: Forecaster, history: History) -> None:
    """With WARM_DAYS whole days counted a forecast no longer rests on assumptions."""
    upto = FIRST + WARM_DAYS * DAY
    assert forecaster.forecast(history, upto - DAY, DAY, chance()).cold_start
    assert not forecaster.forecast(history, upto, DAY, chance()).cold_start


def test_an_hour_that_a_clock_skipped_changes_little(forecaster: Forecaster, history: History) -> None:
    """A clock that jumps an hour leaves one hour empty and the next doubled: the next day stays as it was."""
    upto = FIRST + 8 * WEEK
    jumped = history.by_hour.copy()
    row = 8 * WEEK - 2 * DAY + 12
    jumped[row + 1] += jumped[row]
    jumped[row] = 0
    before = forecaster.by_state(history, upto, DAY).sum()
    after = forecaster.by_state(History(FIRST, jumped, history.rooms), upto, DAY).sum()
    assert after == pytest.approx(before, rel=0.02)


def test_hours_of_a_clock_that_ran_ahead_are_not_looked_at(forecaster: Forecaster, history: History) -> None:
    """What was counted in hours that are still to come changes no forecast."""
    upto = FIRST + 8 * WEEK
    ahead = history.by_hour.copy()
    ahead[8 * WEEK :] *= 50
    assert np.array_equal(
        forecaster.by_state(history, upto, DAY),
        forecaster.by_state(History(FIRST, ahead, history.rooms), upto, DAY),
    )


def test_a_region_that_was_silent_is_expected_back(forecaster: Forecaster, history: History) -> None:
    """Three silent hours were not observed: they don't lower what is expected of the state."""
    upto = FIRST + 8 * WEEK
    silent = history.by_hour.copy()
    mine = forecaster.areas.state_of_place == 0
    silent[8 * WEEK - 12 : 8 * WEEK - 9, mine] = 0
    before = forecaster.by_state(history, upto, DAY)[:, 0].sum()
    after = forecaster.by_state(History(FIRST, silent, history.rooms), upto, DAY)[:, 0].sum()
    assert after == pytest.approx(before, rel=0.05)


def test_a_place_that_was_never_seen_has_next_to_nothing(forecaster: Forecaster, history: History) -> None:
    """A cell without supply stays near zero, and the rest of its state is not disturbed."""
    counts = history.by_hour.copy()
    counts[:, 7] = 0
    forecast = forecaster.forecast(History(FIRST, counts, history.rooms), FIRST + 8 * WEEK, DAY, chance())
    assert forecast.supply.by_hour[:, 7].sum() < 50
    assert np.isfinite(forecast.supply.by_hour).all()
    assert forecast.reached(np.zeros_like(forecast.supply.by_hour)) == 0


def test_quantiles_lie_around_the_expectation(forecaster: Forecaster, history: History) -> None:
    """P20 lies under P50; a wider target is surer of its share than a narrow one."""
    forecast = forecaster.forecast(history, FIRST + 8 * WEEK, 7 * DAY, chance())
    whole = forecast.supply.by_hour
    one = np.zeros_like(whole)
    one[:, 3] = whole[:, 3]
    assert forecast.reached(whole, P20) < forecast.reached(whole, P50)
    assert forecast.reached(whole, P50) == pytest.approx(whole.sum(), rel=0.05)
    assert forecast.reached(one) / one.sum() < forecast.reached(whole) / whole.sum()


def test_the_rest_of_the_day_follows_what_came(forecaster: Forecaster, history: History) -> None:
    """A LADA that came in at half is halved for the rest of the day alone, within the bounds."""
    forecast = forecaster.forecast(history, FIRST + 8 * WEEK, 2 * DAY, chance()).supply
    begun = forecast.by_hour[:12].sum(axis=0)
    today = Today(forecast.first_hour, (forecast.first_hour + 12) * HOUR_S, begun.copy())
    busy = int(begun.argmax())
    today.counted[busy] = 0.5 * begun[busy]
    found = corrected(forecast, today, forecaster.lada_of_place).by_hour
    ratio = found[12:DAY, busy] / forecast.by_hour[12:DAY, busy]
    assert ratio == pytest.approx(np.full(12, 0.5), rel=0.01)
    others = np.arange(len(PLACES)) != busy
    assert found[:, others] == pytest.approx(forecast.by_hour[:, others])
    assert found[:12] == pytest.approx(forecast.by_hour[:12])
    assert found[DAY:] == pytest.approx(forecast.by_hour[DAY:])
    today.counted[busy] = 0
    least = corrected(forecast, today, forecaster.lada_of_place).by_hour[12:DAY, busy]
    assert least == pytest.approx(CORRECTION_BOUNDS[0] * forecast.by_hour[12:DAY, busy])


def test_summer_time_of_the_border_is_followed() -> None:
    """Tijuana's clocks jump on 8 March 2026 at 10:00 UTC, Mexico City's never."""
    change = 1_772_964_000 // HOUR_S
    tijuana = local_hours(change - 3, 6, pinned_zone("America/Tijuana")) - np.arange(change - 3, change + 3)
    assert tijuana.tolist() == [-8, -8, -8, -7, -7, -7]
    assert set(local_hours(change - 3, 6, pinned_zone(ZONE)) - np.arange(change - 3, change + 3)) == {-6}
    assert hour_of_week(np.array([FIRST - 6]))[0] == 0


def test_statutory_holidays_are_known() -> None:
    """1 May and the moved Mondays are holidays, by their names; 2 November is none by law."""
    days = [FIRST // 24 - 3, FIRST // 24, np.datetime64("2026-11-16").astype(int), 20_759]
    names = Holidays().on([int(day) for day in days])
    assert [bool(name) for name in names] == [True, False, True, False]


def test_the_back_test_in_short(forecaster: Forecaster) -> None:
    """On a few invented weeks the forecast errs by less than asked (make backtest runs the long form)."""
    verdict = back_test(forecaster, Trial(known_weeks=16, tested_weeks=2), FIRST, np.random.default_rng(2))
    assert verdict.day_ahead <= 0.10
    assert verdict.month_ahead <= 0.10
    assert 0.6 <= verdict.held <= 1.0

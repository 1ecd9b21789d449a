"""Seasons: the course of each state's supply, as hour of the week × level × trend × holidays.

Fitted on a state's hourly counts by robust weighted means and lines, so that a silent region, a doubled
hour or a few odd days leave it nearly as it was.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from inventory.calendar import HOURS_PER_DAY, HOURS_PER_WEEK, SUNDAY, Holidays, Hours, hour_of_week, span
from inventory.cold_start import NOTIFICATIONS_A_DAY, week

Reals = NDArray[np.float64]
Flags = NDArray[np.bool_]

# Hours of the week are averaged over this many weeks.
PROFILE_WEEKS = 12
# What is assumed weighs: the level and a state's departures in notifications, the country's curve in weeks.
LEVEL_COUNT = 400.0
CURVE_WEEKS = 0.1
SHAPE_COUNT = 100.0
SHARE_COUNT = 1000.0
# A state from which as many were due in an hour and none came was silent: nothing was observed.
SILENT_FROM = 30.0
# Of a day, at least this share must have been observed.
DAY_SEEN = 0.5
# A day that departs from its state's course by more than this (of a logarithm) shapes no hours.
ODD_DAY = 0.25
# With as many due a day, chance alone spreads them by 5 %.
CHANCE_COUNT = 400.0

# Recent days weigh most (half-life in days); trends are taken to be small (spread a day) and to fade.
COUNTRY_HALF_LIFE = 10.0
STATE_HALF_LIFE = 10.0
COUNTRY_SLOPE = 0.003
STATE_SLOPE = 0.0005
FADE = 0.97
MOST_CARRIED = 0.7
CARRY_DAYS = 56
A_WEEK = 7 * NOTIFICATIONS_A_DAY
_HUBER = 1.5
_NOISE_FLOOR = 0.01

# Weights of the effects seen on holidays: on the same one, on any, and on none (an ordinary Sunday).
SAME_HOLIDAY, ANY_HOLIDAY, SUNDAY_PRIOR = 4.0, 1.0, 0.5
HOLIDAY_NEAR = 10


@dataclass(frozen=True, slots=True)
class Seasons:
    """A fitted model. Logarithms are relative to `rate` (168 × states, notifications an hour).

    `last` is the last whole day that was seen (days since 1970-01-01), −1 for none.
    """

    rate: Reals
    level: Reals
    slope: Reals
    left: Reals
    carried: float
    holiday: Mapping[str, float]
    last: int
    days_seen: int

    def project(self, local: Hours, holidays: Holidays) -> Reals:
        """Return the expectation for local hours (hours × states)."""
        day = local // HOURS_PER_DAY
        first, end = span(day)
        days = np.arange(first, end)
        names = holidays.on(days.tolist())
        off = np.array([bool(name) for name in names], dtype=np.bool_)
        effect = np.array([self.effect(name) if name else 0.0 for name in names])
        ahead = np.maximum(days - self.last, 0)[:, None] if self.last >= 0 else np.zeros((len(days), 1))
        trend = FADE * (1 - FADE**ahead) / (1 - FADE)
        course = self.level + self.slope * trend + self.left * self.carried**ahead + effect[:, None]
        hour = _hours_with_sundays(local, off[day - first])
        states = np.arange(local.shape[1])
        return np.asarray(self.rate[hour, states] * np.exp(course)[day - first, states], dtype=np.float64)

    def effect(self, name: str) -> float:
        """Return how far (of a logarithm) a holiday lies from a Sunday."""
        return self.holiday.get(name, self.holiday.get("", 0.0))


def fit(counts: Reals, local: Hours, shares: Reals, holidays: Holidays, upto: int) -> Seasons:
    """Fit the counts of states (hours × states) at local hours.

    `shares` are the states' assumed shares; days from `upto` on (days since 1970-01-01) are not whole.
    """
    hour = hour_of_week(local)
    day = local // HOURS_PER_DAY
    first, end = span(day)
    names = holidays.on(range(first, end))
    off = np.array([bool(name) for name in names], dtype=np.bool_)[day - first]
    seen = np.repeat(counts.sum(axis=1, keepdims=True) > 0, counts.shape[1], axis=1)
    recent = slice(max(0, len(counts) - PROFILE_WEEKS * HOURS_PER_WEEK), None)
    usual = seen & ~off
    states = np.arange(counts.shape[1])
    for _ in range(2):
        rate = _rate(counts[recent], hour[recent], usual[recent], shares)
        expected = rate[hour, states]
        seen &= (counts > 0) | (expected < SILENT_FROM)
        days = _Days.of(counts, expected, seen, day, first)
        whole = (
            days.whole
            & ~_by_day(off, day, first)
            & (np.arange(first, first + len(days.came)) < upto)[:, None]
        )
        course = _Course.of(days, whole)
        usual = seen & ~off & ~(np.abs(course.residual) > ODD_DAY)[day - first, states]
    effects = _holiday_effects(counts, rate, seen, local, names, first, course.country)
    return Seasons(
        rate,
        course.level,
        course.slope,
        course.left,
        course.carried,
        effects,
        course.last + first if course.last >= 0 else -1,
        int(whole.any(axis=1).sum()),
    )


def _hours_with_sundays(local: Hours, off: Flags) -> Hours:
    hour = hour_of_week(local)
    return np.where(off, SUNDAY * HOURS_PER_DAY + hour % HOURS_PER_DAY, hour)


def _rate(counts: Reals, hour: Hours, usual: Flags, shares: Reals) -> Reals:
    """Return notifications an hour by hour of the week and state: the country's shape, then theirs."""
    states = counts.shape[1]
    came = np.where(usual, counts, 0.0)
    curve = week()
    flat = hour.ravel()
    for _ in range(2):
        due = np.bincount(flat, weights=(usual * shares).ravel(), minlength=HOURS_PER_WEEK)
        total = np.bincount(flat, weights=came.ravel(), minlength=HOURS_PER_WEEK)
        a_week = (total.sum() + LEVEL_COUNT) / (float((curve * due).sum()) + LEVEL_COUNT / A_WEEK)
        country = (total + CURVE_WEEKS * a_week * curve) / (due + CURVE_WEEKS)
        expected = np.where(usual, country[hour], 0.0).sum(axis=0)
        shares = (came.sum(axis=0) + SHARE_COUNT * shares) / (expected + SHARE_COUNT)
        shares = shares / max(float(shares.sum()), 1e-12)
    cell = (hour * states + np.arange(states)).ravel()
    mine = np.bincount(cell, weights=came.ravel(), minlength=HOURS_PER_WEEK * states)
    weeks = np.bincount(cell, weights=usual.ravel().astype(np.float64), minlength=HOURS_PER_WEEK * states)
    base = country[:, None] * shares
    shape = (mine.reshape(base.shape) + SHAPE_COUNT) / (weeks.reshape(base.shape) * base + SHAPE_COUNT)
    return np.asarray(base * shape, dtype=np.float64)


def _by_day(flags: Flags, day: Hours, first: int) -> Flags:
    """Return for (days × states) whether any hour has its flag."""
    out = np.zeros((span(day)[1] - first, day.shape[1]), dtype=np.bool_)
    rows, states = np.nonzero(flags)
    out[day[rows, states] - first, states] = True
    return out


@dataclass(frozen=True, slots=True)
class _Days:
    """What came and what was due by day and state, in the hours that were observed."""

    came: Reals
    due: Reals
    whole: Flags

    @classmethod
    def of(cls, counts: Reals, expected: Reals, seen: Flags, day: Hours, first: int) -> "_Days":
        states = counts.shape[1]
        shape = (span(day)[1] - first, states)
        cell = ((day - first) * states + np.arange(states)).ravel()

        def summed(values: Reals) -> Reals:
            sums = np.bincount(cell, weights=values.ravel(), minlength=shape[0] * states)
            return np.asarray(sums, dtype=np.float64).reshape(shape)

        due = summed(np.where(seen, expected, 0.0))
        full = np.maximum(summed(expected), 1e-9)
        return cls(summed(np.where(seen, counts, 0.0)), due, (due >= DAY_SEEN * full) & (due > 0))


@dataclass(frozen=True, slots=True)
class _Course:
    """Levels and trends of days: the country's, and each state's departure from it."""

    level: Reals
    slope: Reals
    left: Reals
    carried: float
    last: int
    residual: Reals
    country: Reals

    @classmethod
    def of(cls, days: _Days, whole: Flags) -> "_Course":
        states = days.came.shape[1]
        usable = np.flatnonzero(whole.any(axis=1))
        if not len(usable):
            none = np.zeros(states)
            return cls(none, none, none, 0.0, -1, np.zeros(days.came.shape), np.zeros(len(days.came)))
        last = int(usable[-1])
        age = last - np.arange(len(days.came), dtype=np.float64)
        came, due = np.where(whole, days.came, 0.0), np.where(whole, days.due, 0.0)
        country = np.log((came.sum(axis=1) + 1) / (due.sum(axis=1) + 1))
        any_state = np.minimum(whole.sum(axis=1, keepdims=True), 1).astype(np.float64)
        line, slope = _line(country[:, None], any_state, age, COUNTRY_HALF_LIFE, COUNTRY_SLOPE)
        own = np.where(whole, np.log((came + 1) / (due + 1)) - country[:, None], 0.0)
        sure = np.where(whole, due / (due + CHANCE_COUNT), 0.0)
        own_line, own_slope = _line(own, sure, age, STATE_HALF_LIFE, STATE_SLOPE)
        fitted = line + own_line - np.outer(age, slope + own_slope)
        residual = np.where(whole, own + country[:, None] - fitted, 0.0)
        carried = _carried(residual[-CARRY_DAYS:])
        return cls(line + own_line, slope + own_slope, residual[last], carried, last, residual, country)


def _carried(residual: Reals) -> float:
    """Return which share of a day's departure is still there the next day, over all states."""
    if len(residual) < 2:
        return 0.0
    squares = float((residual[:-1] ** 2).sum())
    return min(MOST_CARRIED, max(0.0, float((residual[1:] * residual[:-1]).sum()) / max(squares, 1e-12)))


def _line(
    values: Reals, weight: Reals, age: Reals, half_life: float, slope_spread: float
) -> tuple[Reals, Reals]:
    """Return level at age 0 and slope a day of each column, by weighted robust least squares."""
    weight = weight * np.exp2(-np.maximum(age, 0.0) / half_life)[:, None] * (age >= 0)[:, None]
    at = -age[:, None]
    trust = np.ones_like(values)
    level = slope = np.zeros(values.shape[1])
    for _ in range(4):
        w = weight * trust
        total = np.maximum(w.sum(axis=0), 1e-12)
        spread = np.sqrt((w * (values - level - at * slope) ** 2).sum(axis=0) / total) + _NOISE_FLOOR
        ridge = (spread / slope_spread) ** 2
        s1, s2 = (w * at).sum(axis=0), (w * at**2).sum(axis=0) + ridge
        v0, v1 = (w * values).sum(axis=0), (w * at * values).sum(axis=0)
        determinant = np.maximum(total * s2 - s1**2, 1e-12)
        level = np.where(w.sum(axis=0) > 0, (s2 * v0 - s1 * v1) / determinant, 0.0)
        slope = np.where(w.sum(axis=0) > 0, (total * v1 - s1 * v0) / determinant, 0.0)
        off = np.abs(values - level - at * slope)
        trust = np.minimum(1.0, _HUBER * spread / np.maximum(off, 1e-12))
    return level, slope


def _holiday_effects(
    counts: Reals, rate: Reals, seen: Flags, local: Hours, names: Sequence[str], first: int, country: Reals
) -> Mapping[str, float]:
    """Return by name how far holidays lay from the Sundays around them; "" is for those not seen."""
    day = local // HOURS_PER_DAY - first
    off = np.array([bool(name) for name in names], dtype=np.bool_)
    usual = np.flatnonzero(~off & (country != 0))
    found: list[tuple[str, float]] = []
    sundays = rate[_hours_with_sundays(local, np.ones_like(seen)), np.arange(rate.shape[1])]
    for index in map(int, np.flatnonzero(off)):
        near = usual[np.abs(usual - index) <= HOLIDAY_NEAR]
        rows = (day == index) & seen
        came, due = float(counts[rows].sum()), float(sundays[rows].sum())
        if len(near) and came > 0 and rows.sum() >= DAY_SEEN * HOURS_PER_DAY * rate.shape[1]:
            found.append((names[index], float(np.log(came / due) - np.median(country[near]))))
    total = sum(effect for _, effect in found)
    effects = {"": total / (len(found) + SUNDAY_PRIOR)}
    for name in {name for name, _ in found}:
        same = [effect for each, effect in found if each == name]
        weight = ANY_HOLIDAY * len(found) + SAME_HOLIDAY * len(same) + SUNDAY_PRIOR
        effects[name] = (ANY_HOLIDAY * total + SAME_HOLIDAY * sum(same)) / weight
    return effects

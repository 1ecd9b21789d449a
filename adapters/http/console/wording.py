"""Numbers, shares, ages and instants as pages show them; Mexico writes 1,234.5 as English does."""

from datetime import datetime, tzinfo

_MONTHS = {
    "es": ("ene", "feb", "mar", "abr", "may", "jun", "jul", "ago", "sep", "oct", "nov", "dic"),
    "en": ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"),
}
_UNKNOWN = "–"


def number(value: float | None) -> str:
    """Return a number with its thousands apart; one below 10 keeps a decimal if it has one."""
    if value is None:
        return _UNKNOWN
    if isinstance(value, float) and 0 < abs(value) < 10 and value != int(value):
        return f"{value:.1f}"
    return f"{value:,.0f}"


def percent(share: float | None) -> str:
    """Return a share (0–1) in percent."""
    if share is None:
        return _UNKNOWN
    text = f"{share:.1%}".replace(".0%", "%") if share < 0.1 else f"{share:.0%}"
    return text.replace("%", "\N{NO-BREAK SPACE}%")


def millis(seconds: float | None) -> str:
    """Return an upper bound of seconds as milliseconds, or as seconds when it is long."""
    if seconds is None:
        return _UNKNOWN
    return f"≤ {seconds * 1000:g} ms" if seconds < 1 else f"≤ {seconds:g} s"


def age(seconds: float | None) -> str:
    """Return how long ago, in the unit that fits."""
    if seconds is None:
        return _UNKNOWN
    if seconds < 90:
        return f"{seconds:.1f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.0f} h"


def octets(count: int) -> str:
    """Return a size in bytes, in the unit that fits."""
    size = float(count)
    for unit in ("B", "kB", "MB"):
        if size < 1000:
            return f"{size:.3g} {unit}" if size < 100 else f"{size:.0f} {unit}"
        size /= 1000
    return f"{size:.1f} GB"


def moment(instant: datetime | str | None, language: str, zone: tzinfo) -> str:
    """Return an instant in a zone: 24 nov 2026, 09:00."""
    if instant is None:
        return _UNKNOWN
    when = datetime.fromisoformat(instant) if isinstance(instant, str) else instant
    local = when.astimezone(zone)
    return f"{local.day} {_MONTHS[language][local.month - 1]} {local.year}, {local:%H:%M}"


def day(instant: datetime | str | None, language: str, zone: tzinfo) -> str:
    """Return the day of an instant in a zone: 24 nov."""
    return moment(instant, language, zone).rpartition(" ")[0].rpartition(" ")[0] if instant else _UNKNOWN


def hour(instant: datetime, zone: tzinfo) -> str:
    """Return the hour of an instant in a zone: 09:00."""
    return f"{instant.astimezone(zone):%H:%M}"

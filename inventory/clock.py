"""Wall-clock times as minutes of the day, the way settings and campaigns write them."""

import re

MINUTES_A_DAY = 1440
_TIME = re.compile(r"([01][0-9]|2[0-4]):([0-5][0-9])", re.ASCII)


def minute_of(text: str) -> int:
    """Read "HH:MM" (00:00 to 24:00) into minutes of the day; raises ValueError for anything else."""
    found = _TIME.fullmatch(text)
    minute = int(found[1]) * 60 + int(found[2]) if found else MINUTES_A_DAY + 1
    if minute > MINUTES_A_DAY:
        raise ValueError(f"{text!r} is no time of day from 00:00 to 24:00")
    return minute


def time_of(minute: int) -> str:
    """Write minutes of the day (0 to 1440) as "HH:MM"."""
    return f"{minute // 60:02d}:{minute % 60:02d}"

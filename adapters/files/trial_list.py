"""A trial list on disk: one subscriber a line, in any form that notifications come in."""

from collections.abc import Sequence
from pathlib import Path

from adapters.files.yaml_lines import LineFault
from engine.trial_list import TRIAL_LIMIT, trial_subscriber

_COMMENT = "#"


def read_trial_list(path: Path) -> tuple[tuple[int, ...], Sequence[LineFault]]:
    """Return the subscribers of a file, and what is wrong with it by line; numbers are not repeated there.

    Empty lines, and what follows a #, say nothing.
    """
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except OSError as error:
        reason = error.strerror or "cannot be read"
        return (), [LineFault(str(path), 0, f"{reason}; ads.only_subscribers names it")]
    except UnicodeDecodeError:
        return (), [LineFault(str(path), 0, "is not UTF-8; save the file as UTF-8")]
    subscribers: dict[int, None] = {}
    faults = []
    for number, line in enumerate(lines, start=1):
        text = line.partition(_COMMENT)[0].strip()
        if not text:
            continue
        try:
            subscribers[trial_subscriber(text)] = None
        except ValueError as error:
            faults.append(LineFault(str(path), number, str(error)))
    if len(subscribers) > TRIAL_LIMIT:
        faults.append(LineFault(str(path), 0, f"lists more than {TRIAL_LIMIT} subscribers; use ads.share"))
    return tuple(subscribers), faults

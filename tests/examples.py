"""How many examples a property is shown: few in the suite, EXAMPLES times as many where that is set."""

import os
from typing import Any

from hypothesis import settings

TIMES = int(os.environ.get("EXAMPLES", "1"))
USUAL = 40


def tried(count: int = USUAL, **more: Any) -> settings:
    """Return the settings of a property: how often it is tried, however long that takes."""
    return settings(max_examples=count * TIMES, deadline=None, **more)

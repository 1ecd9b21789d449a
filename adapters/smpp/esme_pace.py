"""How fast our own session sends: so many messages a second, and less while the SMSC asks for less."""

from dataclasses import dataclass
from typing import Final

FIRST_PAUSE_S: Final = 0.5
LONGEST_PAUSE_S: Final = 30.0


@dataclass(slots=True)
class SendingPace:
    """Turns of messages, `per_second` of them; instants are seconds of a monotonic clock.

    Each refusal for throttling doubles the pause in which nothing is sent; an answer of another kind
    ends that.
    """

    per_second: float
    _next: float = 0.0
    _pause: float = 0.0
    _not_before: float = 0.0

    def wait(self, now: float) -> float:
        """Take the next turn and return how many seconds are left until it."""
        turn = max(now, self._next, self._not_before)
        self._next = turn + 1 / self.per_second
        return turn - now

    def heard(self, now: float, *, refused: bool) -> None:
        """Take note of an answer: pause when it refused for throttling or a full queue."""
        if not refused:
            self._pause = 0.0
        elif now >= self._not_before:  # answers of one burst are one refusal
            self._pause = min(LONGEST_PAUSE_S, self._pause * 2 or FIRST_PAUSE_S)
            self._not_before = now + self._pause

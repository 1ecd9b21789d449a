"""A worker's line to the store of caps: one question a read, a short wait, and pauses when it is slow."""

import secrets
import threading
import time
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field

from adapters.valkey.connection import META, Connection, StoreError
from engine.cap_batch import Claims
from engine.caps import FIRST_MINUTE

# After a late answer nothing is asked for so long, twice as long after each further one.
FIRST_PAUSE_S = 1 / 16
LONGEST_PAUSE_S = 1.0
# An answer that is so late will not come any more.
GIVEN_UP_S = 5.0
_WORD = 8
_MINUTE_MS = 60_000


@dataclass(slots=True)
class _Batch:
    """People claimed together: by which token, and what was counted for them once that is known."""

    token: bytes
    people: list[int]
    asked_at: float
    counted: dict[int, tuple[bytes, int]] = field(default_factory=dict)
    over: bool = False


class ValkeyLink:
    """See engine.cap_batch.CapLink.

    What the store has not confirmed is said again on the next connection. Claims that were answered too
    late, or not at all, are given up in the same way. `error` is what the last connection ended with.
    """

    def __init__(
        self,
        dial: Callable[[], Connection],
        check: int,
        timeout_s: float,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.trouble = ""
        self.error = ""
        self._dial = dial
        self._check = check
        self._timeout_s = timeout_s
        self._clock = clock
        self._connection: Connection | None = None
        self._dialled: Connection | None = None
        self._dialling: threading.Thread | None = None
        self._owed: deque[_Batch] = deque()
        self._unsettled: dict[bytes, _Batch] = {}
        self._claimed: _Batch | None = None
        self._pause_s = FIRST_PAUSE_S
        self._paused_until = 0.0
        self._self = secrets.token_bytes(4)
        self._batches = 0

    def look(self) -> None:
        """Once a second: connect if need be, in a thread; nothing here waits for it."""
        if self._connection is None and self._dialled is None and self._dialling is None:
            self._dialling = threading.Thread(target=self._try, name="caps", daemon=True)
            self._dialling.start()

    def claim(self, people: list[int], minute: int) -> Claims | None:
        """Claim people for this read; None when the store did not answer in time."""
        try:
            return self._claim(people, minute)
        except (OSError, StoreError) as error:
            self._drop(error)
            return None

    def settle(self, counted: dict[int, tuple[bytes, int]]) -> None:
        """Give up the claims; some people have other words now, which count until a minute. Never waits."""
        batch, self._claimed = self._claimed, None
        if batch is not None:
            batch.counted = counted
            self._end(batch)

    def close(self) -> None:
        """End: what is still owed to the store has its last chance."""
        for connection in (self._connection, self._dialled):
            if connection is not None:
                with suppress(OSError, StoreError):
                    self._hear(connection, time.monotonic() + self._timeout_s)
                connection.close()
        self._connection = self._dialled = None

    def _claim(self, people: list[int], minute: int) -> Claims | None:
        connection = self._connected()
        now = self._clock()
        if connection is None or now < self._paused_until:
            return None
        self._hear(connection, 0.0)
        if self._owed and not self._owed[-1].over:  # a claim, and the last question
            self._put_off(now)
            return None
        self._batches += 1
        batch = _Batch(self._self + self._batches.to_bytes(8, "big"), people, now)
        keys = [META, *map(_key, people)]
        connection.run("claim", keys, self._check, batch.token, minute + FIRST_MINUTE)
        self._owed.append(batch)
        reply = self._hear(connection, time.monotonic() + self._timeout_s, batch)
        if reply is None:
            self._put_off(now)
            return None
        self._pause_s = FIRST_PAUSE_S
        self._claimed = batch
        return _claims(reply, len(people))

    def _hear(self, connection: Connection, until: float, wanted: _Batch | None = None) -> object | None:
        """Take replies as they come, until that to the wanted claim, which is returned."""
        while self._owed:
            reply = connection.reply(until)
            if reply is None:
                return None
            batch = self._owed.popleft()
            if batch.over:
                self._unsettled.pop(batch.token, None)
            elif batch is wanted:
                return reply
            else:
                self._end(batch)
        return None

    def _end(self, batch: _Batch) -> None:
        """Tell the store what was counted; it is kept until the store has confirmed it."""
        batch.over = True
        self._unsettled[batch.token] = batch
        if self._connection is not None:
            try:
                self._say(self._connection, batch)
            except OSError as error:
                self._drop(error)

    def _say(self, connection: Connection, batch: _Batch) -> None:
        arguments: list[bytes | int] = [batch.token]
        for person in batch.people:
            words, minute = batch.counted.get(person, (b"", 0))
            arguments += (words, (minute + FIRST_MINUTE) * _MINUTE_MS)
        connection.run("settle", [META, *map(_key, batch.people)], *arguments)
        self._owed.append(batch)

    def _connected(self) -> Connection | None:
        """Return the connection; a new one is first told what the one before may not have told."""
        if self._connection is None and self._dialled is not None:
            self._connection, self._dialled = self._dialled, None
            for batch in list(self._unsettled.values()):
                self._say(self._connection, batch)
        return self._connection

    def _put_off(self, now: float) -> None:
        """Ask nothing for a while: the store is slow."""
        self.trouble = "slow"
        if now - self._owed[0].asked_at > GIVEN_UP_S:
            raise OSError("the store does not answer")
        self._paused_until = now + self._pause_s
        self._pause_s = min(self._pause_s * 2, LONGEST_PAUSE_S)

    def _drop(self, error: Exception) -> None:
        """End the connection; who is claimed still must be given up on the next one."""
        self._tell(error)
        if self._connection is not None:
            self._connection.close()
            self._connection = None
        if self._claimed is not None:
            self._owed.append(self._claimed)
            self._claimed = None
        for batch in self._owed:
            batch.over = True
            self._unsettled[batch.token] = batch
        self._owed.clear()

    def _tell(self, error: Exception) -> None:
        self.trouble = "unusable" if isinstance(error, StoreError) else "unreachable"
        self.error = str(error)

    def _try(self) -> None:
        try:
            self._dialled = self._dial()
        except (OSError, StoreError) as error:
            self._tell(error)
        finally:
            self._dialling = None


def _key(person: int) -> bytes:
    return b"pc:%b" % person.to_bytes(_WORD, "little")


def _claims(reply: object, people: int) -> Claims:
    match reply:
        case [int(since), int(newest), list(words)] if len(words) == people:
            found = [_words(each) for each in words]
            return Claims(max(since - FIRST_MINUTE, 0), newest - FIRST_MINUTE, found)
        case _:
            raise StoreError(f"the store gave an unknown answer: {reply!r}")


def _words(reply: object) -> bytes | None:
    """Return somebody's words; None for "busy"."""
    if reply is None:
        return b""
    if not isinstance(reply, bytes):
        raise StoreError(f"the store gave an unknown answer: {reply!r}")
    return reply if len(reply) % _WORD == 0 else None

"""Tests of adapters.http.known_keys."""

import asyncio
from collections.abc import Mapping, Sequence

from adapters.http.known_keys import RENEWED_S, TRUSTED_S, KnownKeys
from engine.access import Principal, Role

ONE, OTHER = b"one", b"other"


class Register:
    """Keys that are good, and what was asked of them."""

    def __init__(self, *good: bytes) -> None:
        self.good = set(good)
        self.asked: list[list[bytes]] = []
        self.away = False

    async def read(self, hashes: Sequence[bytes]) -> Mapping[bytes, Principal]:
        """Return whom the good ones belong to."""
        self.asked.append(list(hashes))
        await asyncio.sleep(0)
        if self.away:
            raise ConnectionError("the database is away")
        return {each: _principal(each) for each in hashes if each in self.good}


def _principal(key: bytes) -> Principal:
    """Return whom a good key belongs to."""
    nothing = frozenset[str]()
    return Principal(key.decode(), "", "", Role.OPS, nothing, nothing, "es")


async def test_a_key_in_use_is_read_behind_its_requests() -> None:
    """A request with a known key waits for nothing; all known keys are read again together, behind it."""
    now, register = [0.0], Register(ONE, OTHER)
    keys = KnownKeys(lambda: now[0])
    for each in (ONE, OTHER, ONE):
        assert await keys.principal(each, register.read) == _principal(each)
    assert register.asked == [[ONE], [OTHER]]
    now[0] = RENEWED_S * 1.5
    assert await keys.principal(ONE, register.read) == _principal(ONE)
    assert len(register.asked) == 2
    await asyncio.sleep(0)
    assert register.asked[2:] == [[ONE, OTHER]]


async def test_a_revoked_key_is_worthless_within_a_second() -> None:
    """However often it is used, and whether the register answers or not."""
    for away in (False, True):
        now, register = [0.0], Register(ONE)
        keys = KnownKeys(lambda now=now: now[0])  # type: ignore[misc]
        assert await keys.principal(ONE, register.read) is not None
        register.good.clear()
        register.away = away
        now[0] = TRUSTED_S
        await keys.principal(ONE, register.read)
        for _ in range(3):
            await asyncio.sleep(0)
        now[0] = TRUSTED_S * 1.01
        try:
            assert await keys.principal(ONE, register.read) is None
        except ConnectionError:
            assert away


async def test_what_is_forgotten_is_asked_for_again() -> None:
    """A key revoked in this process is worthless at once, also while keys are being read."""
    now, register = [0.0], Register(ONE)
    keys = KnownKeys(lambda: now[0])
    reading = asyncio.create_task(keys.principal(ONE, register.read))
    await asyncio.sleep(0)
    keys.forget()
    assert await reading is not None
    register.good.clear()
    assert await keys.principal(ONE, register.read) is None


async def test_a_key_that_was_never_good_is_not_kept() -> None:
    """A key that is made a moment after it was tried is good at once."""
    now, register = [0.0], Register()
    keys = KnownKeys(lambda: now[0])
    assert await keys.principal(ONE, register.read) is None
    register.good.add(ONE)
    assert await keys.principal(ONE, register.read) is not None

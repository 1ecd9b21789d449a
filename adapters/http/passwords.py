"""Passwords: argon2id in a thread, so that a login holds nobody up."""

import asyncio

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from argon2.low_level import ARGON2_VERSION

SHORTEST = 10
LONGEST = 256

_hasher = PasswordHasher()
# What is verified for somebody who does not exist, so that the answer takes as long: no password's hash,
# written down rather than made, which would hold up every start.
_NOBODY = (
    f"$argon2id$v={ARGON2_VERSION}$m={_hasher.memory_cost},t={_hasher.time_cost},p={_hasher.parallelism}"
    f"${'A' * 22}${'A' * 43}"
)


async def hash_password(password: str) -> str:
    """Return the argon2id hash to keep. Raises `ValueError` for a length outside SHORTEST–LONGEST."""
    if not SHORTEST <= len(password) <= LONGEST:
        raise ValueError(f"a password has {SHORTEST} to {LONGEST} characters")
    return await asyncio.to_thread(_hasher.hash, password)


async def password_matches(stored: str | None, password: str) -> bool:
    """Tell whether a password is the one that `stored` was made of; takes as long for no stored one."""
    matches = await asyncio.to_thread(_matches, stored or _NOBODY, password[: LONGEST + 1])
    return matches and stored is not None


def _matches(stored: str, password: str) -> bool:
    try:
        return _hasher.verify(stored, password)
    except (VerificationError, InvalidHashError):
        return False

"""Passwords: what is verified for somebody who does not exist."""

import pytest
from argon2.exceptions import VerifyMismatchError

from adapters.http.passwords import _NOBODY, _hasher


def test_nobody_takes_as_long_as_somebody() -> None:
    """Who does not exist is verified with the same cost, and no password is his."""
    assert not _hasher.check_needs_rehash(_NOBODY)
    with pytest.raises(VerifyMismatchError):
        _hasher.verify(_NOBODY, "nobody")

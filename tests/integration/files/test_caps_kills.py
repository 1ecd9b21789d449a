"""The short form of `python -m tests.caps`."""

from pathlib import Path

from tests.caps.run import go
from tests.caps.worker import CAP
from tests.valkey_server import ValkeyServer


def test_nobody_is_over_the_cap_whoever_is_killed(tmp_path: Path) -> None:
    """Two workers, two SIGKILLs, refused ads given back: at most CAP each, and nearly everybody has them."""
    judge = go(tmp_path, 24_000, 800, size_mb=1)
    assert judge.notifications == 24_000
    assert max(judge.ads.values()) == CAP
    assert sum(judge.ads.values()) > 0.9 * CAP * 800


def test_nobody_is_over_the_cap_in_a_store_that_is_killed_too(tmp_path: Path) -> None:
    """The same in a store of several nodes; no notification is lost, whoever is killed."""
    server = ValkeyServer(tmp_path, keeps=True)
    server.start()
    try:
        judge = go(tmp_path, 12_000, 800, server=server)
    finally:
        server.kill()
    assert judge.notifications == 12_000
    assert max(judge.ads.values()) == CAP
    assert sum(judge.ads.values()) > 0.5 * CAP * 800

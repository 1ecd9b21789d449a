"""The store of caps that nodes share: what is late, what is lost, what a restart means."""

import signal
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from adapters.valkey.connection import META, Opening, StoreError, open_store
from adapters.valkey.link import FIRST_PAUSE_S, GIVEN_UP_S, LONGEST_PAUSE_S, ValkeyLink
from engine.cap_batch import CapBatch
from engine.people import WideHash
from engine.reasons import Reason
from tests.contract.cap_cases import DAY, HOUR, KEY, NOON, WHO, Asked, campaign
from tests.valkey_server import PATIENCE_S, ValkeyServer, joined

SHORT_S = 0.02
PERSON = KEY.of(WHO)
MINUTE = 10_000_000
ONE_A_DAY = campaign(1, caps=((1, "day", "campaign"),))
ONE_AN_HOUR = campaign(2, caps=((1, "hour", "campaign"),))


@pytest.fixture(params=[False], ids=["forgets"])
def server(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[ValkeyServer]:
    """A store that counts have begun in; with the parameter True one that keeps them over a restart."""
    server = ValkeyServer(tmp_path, keeps=request.param)
    server.start()
    try:
        server.begin(KEY)
        yield server
        server.close_links()
    finally:
        server.kill()


class Hurried:
    """A worker's link that waits for SHORT_S, with a clock to be set."""

    def __init__(self, server: ValkeyServer) -> None:
        self.now = 0.0
        opening = Opening(server.address, KEY.check)
        self.link = joined(ValkeyLink(lambda: open_store(opening)[0], KEY.check, SHORT_S, lambda: self.now))
        server._links.append(self.link)

    def gets(self, person: int) -> bool:
        """Claim somebody, and give her up again."""
        claims = self.link.claim([person], MINUTE)
        self.link.settle({})
        return claims is not None and claims.words[0] is not None

    def gets_after_a_while(self, person: int) -> None:
        """Claim as often as a worker would, until the store answers."""
        until = time.monotonic() + PATIENCE_S
        while not self.gets(person):
            assert time.monotonic() < until
            self.now += LONGEST_PAUSE_S
            joined(self.link)


def claims_of(server: ValkeyServer) -> int:
    """Count who is claimed now."""
    fields = server.tell("HKEYS", META.decode())
    assert isinstance(fields, list)
    return sum(each.startswith(b"pc:") for each in fields)


def test_a_slow_store_costs_one_wait_and_then_a_pause(server: ValkeyServer) -> None:
    """Nothing is asked before the pause is over, and each pause is twice as long, up to a second."""
    hurried = Hurried(server)
    assert hurried.gets(PERSON)
    assert server.process is not None
    server.process.send_signal(signal.SIGSTOP)
    assert not hurried.gets(PERSON)
    assert hurried.link.trouble == "slow"
    asked = hurried.link._batches
    pauses = []
    for _ in range(6):
        began = hurried.now
        while hurried.link._paused_until > hurried.now:
            assert not hurried.gets(PERSON)
            hurried.now += FIRST_PAUSE_S
        pauses.append(hurried.now - began)
        assert not hurried.gets(PERSON)
    assert hurried.link._batches == asked, "a question was put before the last one was answered"
    assert (pauses[0], pauses[1], pauses[-1]) == (FIRST_PAUSE_S, 2 * FIRST_PAUSE_S, LONGEST_PAUSE_S)
    server.process.send_signal(signal.SIGCONT)
    hurried.gets_after_a_while(PERSON)


def test_claims_that_came_too_late_are_given_up(server: ValkeyServer) -> None:
    """Whom a worker claimed in vain another may have as soon as the store answers again."""
    hurried, other = Hurried(server), server.link(KEY)
    assert server.process is not None
    server.process.send_signal(signal.SIGSTOP)
    assert not hurried.gets(PERSON)
    server.process.send_signal(signal.SIGCONT)
    hurried.gets_after_a_while(KEY.of(WHO + 1))
    claims = other.claim([PERSON], MINUTE)
    assert claims is not None
    assert claims.words == [b""]


def test_a_store_that_hangs_is_left_and_told_on_the_next_connection(server: ValkeyServer) -> None:
    """Claims that nobody knows the fate of are given up there."""
    hurried = Hurried(server)
    assert server.process is not None
    server.process.send_signal(signal.SIGSTOP)
    assert not hurried.gets(PERSON)
    hurried.now += GIVEN_UP_S + 1
    assert not hurried.gets(PERSON)
    assert (hurried.link.trouble, hurried.link.error) == ("unreachable", "the store does not answer")
    server.process.send_signal(signal.SIGCONT)
    hurried.gets_after_a_while(PERSON)
    server.close_links()
    assert claims_of(server) == 0


def test_what_was_counted_when_the_connection_broke_is_said_again(server: ValkeyServer) -> None:
    """The person stays claimed meanwhile; nobody gets an ad on the strength of an old count."""
    link, other = server.link(KEY), server.link(KEY)
    store = CapBatch(link)
    asked = Asked(store, ONE_A_DAY)
    asked.caps.at(NOON)
    asked.caps.ahead([WHO])
    assert asked.caps.admit(WHO, 0) is None
    assert asked.caps.take(asked.book.rules[1].counters) is None
    assert link._connection is not None
    link._connection._socket.shutdown(socket.SHUT_RDWR)
    store.close()
    assert Asked(CapBatch(other), ONE_A_DAY).show(1) is Reason.CAP_BUSY
    joined(link).claim([KEY.of(WHO + 1)], MINUTE)
    link.settle({})
    assert Asked(CapBatch(other), ONE_A_DAY).show(1) is Reason.FREQUENCY_CAP


def test_an_emptied_store_is_begun_anew_by_control_alone(server: ValkeyServer) -> None:
    """Workers refuse it; what had begun before then gets no ad, unless an operator says that it may."""
    known = server.begin(KEY)
    hurried = Hurried(server)
    server.kill()
    assert not hurried.gets(PERSON)
    assert hurried.link.trouble == "unreachable"
    server.start()
    assert not joined(hurried.link).claim([PERSON], MINUTE)
    assert hurried.link.trouble == "unusable"
    assert hurried.link.error.startswith("LOST")
    server.begin(KEY, known)
    store = CapBatch(server.link(KEY))
    asked = Asked(store, ONE_A_DAY, ONE_AN_HOUR)
    assert asked.show(1) is None, "its day lies ahead"
    now = time.time()
    assert asked.show(1, now) is Reason.CAP_BUSY
    server.tell("HDEL", META.decode(), "newest")
    assert Asked(store, ONE_A_DAY).show(1, now, who=WHO + 1) is Reason.CAP_BUSY
    assert store.trouble == "forgot"
    server.tell("HSET", META.decode(), "since", "0")
    assert Asked(store, ONE_A_DAY).show(1, now, who=WHO + 1) is None


@pytest.mark.parametrize("server", [True], indirect=True, ids=["keeps"])
def test_after_a_restart_counts_are_used_when_they_must_be_whole(server: ValkeyServer) -> None:
    """What was kept still counts; what may have been lost is not guessed."""
    assert Asked(CapBatch(server.link(KEY)), ONE_A_DAY).show(1) is None
    server.kill()
    server.start()
    asked = Asked(CapBatch(server.link(KEY)), ONE_A_DAY)
    assert asked.show(1) is Reason.FREQUENCY_CAP
    assert asked.show(1, NOON + DAY) is None
    since = server.tell("HGET", META.decode(), "since")
    assert isinstance(since, bytes)
    assert abs(int(since) - time.time() / 60) < PATIENCE_S


def test_the_store_holds_no_number_and_forgets_by_itself(server: ValkeyServer) -> None:
    """Only keyed hashes, each with a time at which it goes."""
    assert Asked(CapBatch(server.link(KEY)), ONE_AN_HOUR).show(2) is None
    name = b"pc:" + PERSON.to_bytes(8, "little")
    assert server.tell("KEYS", "pc:*") == [name]
    goes = server.tell("EVAL", "return server.call('PEXPIRETIME', server.call('KEYS', 'pc:*')[1])", "0")
    assert goes == int((NOON + HOUR + 5 * 60) * 1000)
    dump = name + repr(server.tell("HGETALL", META.decode())).encode()
    for form in (str(WHO).encode(), WHO.to_bytes(5, "little"), WHO.to_bytes(5, "big")):
        assert form not in dump


def test_a_store_that_would_count_wrongly_is_not_used(server: ValkeyServer) -> None:
    """Counts of another key, and a server that may drop some by itself."""
    with pytest.raises(StoreError, match=r"privacy\.hash_key_file"):
        open_store(Opening(server.address, WideHash(b"another key of thirty-two octets").check))
    server.tell("CONFIG", "SET", "maxmemory", "100mb")
    open_store(Opening(server.address, KEY.check))[0].close()
    server.tell("CONFIG", "SET", "maxmemory-policy", "volatile-ttl")
    with pytest.raises(StoreError, match="noeviction"):
        open_store(Opening(server.address, KEY.check))

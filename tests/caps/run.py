"""Two workers over one table, killed and replaced; what reached the SMSC is counted from its octets alone."""

import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from adapters.files.cap_file import make_cap_file
from adapters.valkey.connection import META, Opening, open_store
from engine.people import WideHash
from engine.setting_rules import VALKEY
from tests.caps.worker import FIRST_SUBSCRIBER, KEY, REFUSES_EVERY
from tests.valkey_server import ValkeyServer

DISTURBED_AFTER = 16
"""This part of a lane's notifications is through when the store is killed: most ads are still to come."""

ROOT = Path(__file__).parents[2]
BARE = b"1 llamada"


@dataclass
class Judge:
    """What the SMSC took: ads that it accepted by subscriber, and how many notifications."""

    ads: Counter[int] = field(default_factory=Counter)
    notifications: int = 0
    reasons: Counter[str] = field(default_factory=Counter)

    def hear(self, pdu: bytes) -> None:
        """Count one submit_sm (SMPP 3.4 §4.4.1); only what is whole came."""
        self.notifications += 1
        subscriber = int(pdu[16:].split(b"\0\x01\x01", 1)[1].split(b"\0", 1)[0])
        sequence = int.from_bytes(pdu[12:16], "big")
        if not pdu.endswith(BARE) and sequence % REFUSES_EVERY:
            self.ads[subscriber - FIRST_SUBSCRIBER] += 1


class Lane:
    """A worker and those that replace it: so many notifications in all, killed when so many have come."""

    def __init__(self, where: str, judge: Judge, lane: int, notifications: int, people: int) -> None:
        self.where, self.judge, self.lane, self.people = where, judge, lane, people
        self.disturb: Callable[[], None] | None = None
        self.left = notifications
        self.kill_at = notifications // 3 * (1 + lane)
        self.killed = 0

    def run(self) -> None:
        """Relay until everything has come."""
        total = self.left
        while self.left > 0:
            command = [sys.executable, "-m", "tests.caps.worker", self.where]
            command += [str(self.lane * 1000 + self.killed), str(self.left), str(self.people)]
            with subprocess.Popen(
                command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE
            ) as process:
                assert process.stdout is not None
                assert process.stderr is not None
                while (head := process.stdout.read(4)) and len(head) == 4:
                    rest = process.stdout.read(int.from_bytes(head, "big") - 4)
                    if len(rest) < int.from_bytes(head, "big") - 4:
                        break
                    self.judge.hear(head + rest)
                    self.left -= 1
                    if self.disturb is not None and total - self.left >= total // DISTURBED_AFTER:
                        self.disturb()
                        self.disturb = None
                    if not self.killed and total - self.left >= self.kill_at:
                        process.kill()
                        self.killed = 1
                said = process.stderr.read().decode()
                for each in said.split() if process.wait() == 0 else ():
                    code, _, count = each.partition("=")
                    self.judge.reasons[code] += int(count)
                if process.returncode not in {0, -9}:
                    raise RuntimeError(said)


def go(
    folder: Path, notifications: int, people: int, size_mb: int = 8, server: ValkeyServer | None = None
) -> Judge:
    """Send notifications through two workers, each of which is killed once; return what came.

    A server is a store of caps, instead of the table; it is killed too.
    """
    where = str(folder)
    if server is None:
        make_cap_file(folder, size_mb, WideHash(KEY))
    else:
        server.begin(WideHash(KEY))
        where = f"{VALKEY}{server.address.host}:{server.address.port}"
    judges = [Judge(), Judge()]
    lanes = [Lane(where, judges[lane], lane, notifications // 2, people) for lane in (0, 1)]
    if server is not None:
        lanes[0].disturb = lambda: restart(server)
    threads = [threading.Thread(target=lane.run) for lane in lanes]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [lane.killed for lane in lanes] == [1, 1]
    whole = Judge()
    for judge in judges:
        whole.ads += judge.ads
        whole.notifications += judge.notifications
        whole.reasons += judge.reasons
    return whole


def restart(server: ValkeyServer) -> None:
    """Kill a store that keeps what it is told, and say as its operator that it has lost nothing."""
    server.kill()
    server.start()
    open_store(Opening(server.address, WideHash(KEY).check))[0].close()  # the first one notices
    server.tell("HSET", META.decode(), "since", "0")

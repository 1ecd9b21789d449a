"""`python -m tests.caps`: a million notifications, two workers, two SIGKILLs, and nobody over the cap.

With --nodes instead: 100,000 notifications through two whole nodes over one store, one of each killed.
With --fill N instead: a table that N subscribers fill, how much room it takes and what counting costs in it.
"""

import argparse
import asyncio
import shutil
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

from tests.caps import nodes
from tests.caps.fill import fill
from tests.caps.run import go
from tests.caps.worker import CAP
from tests.valkey_server import ValkeyServer


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")


def _filled(folder: Path, people: int, size_mb: int) -> int:
    try:
        return 0 if fill(folder, people, size_mb) else 1
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _over_nodes(folder: Path, notifications: int, people: int) -> int:
    server = ValkeyServer(folder, keeps=True)
    try:
        server.start()
        shown = asyncio.run(nodes.go(folder, server, notifications, people))
    except AssertionError as broken:
        _say(f"BROKEN: {broken}")
        return 1
    finally:
        server.kill()
        shutil.rmtree(folder, ignore_errors=True)
    _say(
        f"all {shown.asked:,} notifications reached the SMSC through {nodes.NODES} nodes; {shown.again:,}"
        f" were sent again after kills; ads through each: {dict(sorted(shown.ads_through.items()))}"
    )
    for ads, count in sorted(Counter(shown.ads.values()).items()):
        _say(f"{count:,} of {people:,} had {ads} ads (cap {nodes.CAP})")
    return 0


def main() -> int:
    """Run; 1 when somebody had too many."""
    options = argparse.ArgumentParser(prog="python -m tests.caps", description=__doc__)
    options.add_argument("--notifications", type=int, help="1,000,000; 100,000 over nodes")
    options.add_argument("--people", type=int, help="50,000; 5,000 over nodes")
    options.add_argument("--nodes", action="store_true", help="two whole nodes over one store, both killed")
    options.add_argument("--shared", action="store_true", help="in a store of several nodes, killed as well")
    options.add_argument("--fill", type=int, metavar="N", help="only fill a table and measure it")
    options.add_argument("--size-mb", type=int, default=512, help="of the table to fill (default: 512)")
    given = options.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="posdata-caps-"))
    if given.fill:
        return _filled(folder, given.fill, given.size_mb)
    if given.nodes:
        return _over_nodes(folder, given.notifications or 100_000, given.people or 5_000)
    notifications, everybody = given.notifications or 1_000_000, given.people or 50_000
    server = ValkeyServer(folder, keeps=True) if given.shared else None
    began = time.monotonic()
    try:
        if server is not None:
            server.start()
        judge = go(folder, notifications, everybody, server=server)
    finally:
        if server is not None:
            server.kill()
        shutil.rmtree(folder, ignore_errors=True)
    _say(f"{judge.notifications:,} notifications reached the SMSC in {time.monotonic() - began:.0f} s")
    for ads, people in sorted(Counter(judge.ads.values()).items()):
        _say(f"{people:,} of {everybody:,} had {ads} ads (cap {CAP})")
    _say(f"reasons of workers that ended by themselves: {dict(judge.reasons)}")
    return 1 if max(judge.ads.values()) > CAP else 0


if __name__ == "__main__":
    sys.exit(main())

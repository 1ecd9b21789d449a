"""`python -m tests.caps`: a million notifications, two workers, two SIGKILLs, and nobody over the cap."""

import argparse
import shutil
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

from tests.caps.run import go
from tests.caps.worker import CAP
from tests.valkey_server import ValkeyServer


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")


def main() -> int:
    """Run; 1 when somebody had too many."""
    options = argparse.ArgumentParser(prog="python -m tests.caps", description=__doc__)
    options.add_argument("--notifications", type=int, default=1_000_000)
    options.add_argument("--people", type=int, default=50_000)
    options.add_argument("--shared", action="store_true", help="in a store of several nodes, killed as well")
    given = options.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="posdata-caps-"))
    server = ValkeyServer(folder, keeps=True) if given.shared else None
    began = time.monotonic()
    try:
        if server is not None:
            server.start()
        judge = go(folder, given.notifications, given.people, server=server)
    finally:
        if server is not None:
            server.kill()
        shutil.rmtree(folder, ignore_errors=True)
    _say(f"{judge.notifications:,} notifications reached the SMSC in {time.monotonic() - began:.0f} s")
    for ads, people in sorted(Counter(judge.ads.values()).items()):
        _say(f"{people:,} of {given.people:,} had {ads} ads (cap {CAP})")
    _say(f"reasons of workers that ended by themselves: {dict(judge.reasons)}")
    return 1 if max(judge.ads.values()) > CAP else 0


if __name__ == "__main__":
    sys.exit(main())

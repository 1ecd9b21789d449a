"""A worker's hot path as a process: a real session and a real journal, fed with one run's octets."""

import sys
import time
from pathlib import Path

from adapters.files.journal_reader import boot_id, epoch_folder
from adapters.files.journal_writer import JournalWriter
from engine.journal import FORMAT
from inventory.books import Epoch
from tests.receipts.messages import UNANSWERED, messages, submit
from tests.smpp_cases.world import World, make_world

READ = 64 * 1024


def main() -> None:
    """Wait for a lease, work from one step to another, leave insertions in flight, wait to be killed."""
    data_dir, epoch, count, seed, first, end = sys.argv[1:]
    run = messages(int(count), int(seed))
    world = _world(Path(data_dir), int(epoch))
    journal = world.recorder._journal
    assert isinstance(journal, JournalWriter)
    sys.stdout.write("begun\n")
    sys.stdout.flush()
    sys.stdin.readline()
    for number in range(int(first), int(end)):
        world.recorder.hour = int(time.time()) // 3600
        submits, answers, receipts = run.step(number)
        for feed, octets in ((world.from_platform, submits), (world.from_smsc, answers + receipts)):
            for at in range(0, len(octets), READ):
                feed(octets[at : at + READ])
        journal.prepare()
        world.to_smsc = world.to_platform = b""
    if int(first) < run.steps:
        world.from_platform(b"".join(submit(run.count + each) for each in range(UNANSWERED)))
    sys.stdout.write(f"{world.session.traffic.ads}\n")
    sys.stdout.flush()
    sys.stdin.read()


def _world(data_dir: Path, epoch: int) -> World:
    """Return a world whose frames go to the epoch's journal."""
    world = make_world(units=1 << 40, id_form="decimal-of-hex")
    key = Epoch("relay-1", 0, epoch)
    fields = {
        "node": key.node,
        "worker": 0,
        "epoch": epoch,
        "boot_id": boot_id(),
        "sync": "os",
        "format": FORMAT,
    }
    world.recorder._journal = JournalWriter(epoch_folder(data_dir, key), fields)
    return world.bound()


if __name__ == "__main__":
    main()

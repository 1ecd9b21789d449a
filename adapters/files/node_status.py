"""What a node says of itself in files: is it running, do its workers insert ads, are ads switched off."""

import fcntl
import json
import os
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

ADS_OFF_FILE = "ads.off"
LOCK_FILE = "node.lock"
STATUS_FILE = "status.json"
# A directory, or a link to one when its path is too long for a Unix socket.
RUN_FOLDER = "run"
CONTROL_SOCKET = "control.sock"


@dataclass(frozen=True, slots=True)
class WorkerStatus:
    """One worker: its number, its process, why it inserts no ads (None when it does)."""

    worker: int
    pid: int
    gate: str | None


def control_socket(data_dir: Path) -> Path:
    """Return where control's socket is, with a path as short as the node made it."""
    run = data_dir.absolute() / RUN_FOLDER
    return (run.readlink() if run.is_symlink() else run) / CONTROL_SOCKET


def write_status(data_dir: Path, workers: Sequence[WorkerStatus]) -> None:
    """Write what the workers say, whole or not at all. Raises `OSError`."""
    new = data_dir / f"{STATUS_FILE}.new"
    new.write_text(json.dumps([asdict(worker) for worker in workers]), encoding="utf-8")
    new.replace(data_dir / STATUS_FILE)


def read_status(data_dir: Path) -> Sequence[WorkerStatus]:
    """Return what the workers said last; nothing when no node ever ran here."""
    try:
        text = (data_dir / STATUS_FILE).read_text(encoding="utf-8")
    except FileNotFoundError:
        return []
    return [WorkerStatus(**fields) for fields in json.loads(text)]


def take_node_lock(data_dir: Path) -> int | None:
    """Return a descriptor that holds the node's lock, None when a node runs there. Raises `OSError`."""
    data_dir.mkdir(parents=True, exist_ok=True)
    lock = os.open(data_dir / LOCK_FILE, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(lock)
        return None
    return lock


def is_running(data_dir: Path) -> bool:
    """Tell whether a node runs there."""
    if not (data_dir / LOCK_FILE).exists():
        return False
    lock = take_node_lock(data_dir)
    if lock is None:
        return True
    os.close(lock)
    return False


def switch_ads(data_dir: Path, *, on: bool) -> None:
    """Write or remove the file that keeps ads off; it needs no database and survives restarts."""
    path = data_dir / ADS_OFF_FILE
    if on:
        path.unlink(missing_ok=True)
    else:
        data_dir.mkdir(parents=True, exist_ok=True)
        path.touch()


def ads_are_off(data_dir: Path) -> bool:
    """Tell whether the file that keeps ads off is there."""
    return (data_dir / ADS_OFF_FILE).exists()

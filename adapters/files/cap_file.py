"""The mapped file in which a node's workers count ads by subscriber (engine.cap_table has its layout)."""

import fcntl
import mmap
import os
import secrets
from pathlib import Path

from engine.cap_table import BUCKET_OCTETS, HEAD_OCTETS, CapTable
from engine.people import WideHash

CAP_FILE = "caps.table"
"""In `node.data_dir`; it holds keyed hashes and counts, no number."""

MEGABYTE = 1 << 20
_MAGIC = int.from_bytes(b"PDCAPS\x01\x00", "little")
# Words of the head: what it is, how many buckets, which key its hashes were made with, the latest minute.
_HEAD = ("magic", "buckets", "key", "newest")


class CapFileError(Exception):
    """There is no table that could be used; the message says which file and why."""


class FileLock:
    """A lock on the open file: another worker has another file, and who is killed lets go."""

    __slots__ = ("_descriptor",)

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor

    def acquire(self) -> bool:
        """Take it without waiting; where another has it, let that one have the processor first."""
        try:
            fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.sched_yield()
            return False
        return True

    def release(self) -> None:
        """Let go."""
        fcntl.flock(self._descriptor, fcntl.LOCK_UN)


def make_cap_file(data_dir: Path, size_mb: int, people: WideHash) -> bool:
    """Make the table where there is none that this key can read; tell whether an older one was dropped.

    A table keeps the size it was made with. Raises `OSError`; may take as long as the disk takes to set
    the room aside.
    """
    path = data_dir / CAP_FILE
    older = path.exists()
    if older:
        with path.open("rb") as stream:
            if _head(stream.read(HEAD_OCTETS), os.fstat(stream.fileno()).st_size) == people.check:
                return False
    data_dir.mkdir(parents=True, exist_ok=True)
    buckets = (size_mb * MEGABYTE - HEAD_OCTETS) // BUCKET_OCTETS
    new = path.with_name(f"{path.name}.{secrets.token_hex(8)}.new")
    descriptor = os.open(new, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        # A hole that can't be filled later would kill the worker that writes there.
        os.posix_fallocate(descriptor, 0, HEAD_OCTETS + buckets * BUCKET_OCTETS)
        head = b"".join(word.to_bytes(8, "little") for word in (_MAGIC, buckets, people.check, 0))
        os.pwrite(descriptor, head, 0)
        os.fsync(descriptor)
        new.replace(path)
    except OSError:
        new.unlink(missing_ok=True)
        raise
    finally:
        os.close(descriptor)
    return older


def open_cap_file(data_dir: Path, people: WideHash) -> CapTable:
    """Map the table. Raises `CapFileError`."""
    path = data_dir / CAP_FILE
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CLOEXEC)
    except OSError as error:
        raise CapFileError(f"{path}: {error.strerror or 'cannot be opened'}") from None
    try:
        size = os.fstat(descriptor).st_size
        key = _head(os.pread(descriptor, HEAD_OCTETS, 0), size)
        mapped = mmap.mmap(descriptor, size) if key == people.check else None
    except OSError as error:
        os.close(descriptor)
        raise CapFileError(f"{path}: {error.strerror or 'cannot be mapped'}") from None
    if mapped is None:
        os.close(descriptor)
        raise CapFileError(f"{path}: is no table of this key")
    mapped.madvise(mmap.MADV_RANDOM)
    buckets = (size - HEAD_OCTETS) // BUCKET_OCTETS
    return CapTable(mapped, memoryview(mapped).cast("q"), buckets, FileLock(descriptor))


def _head(octets: bytes, size: int) -> int | None:
    """Return the key that a whole table of `size` octets was made with, None for anything else."""
    words = [int.from_bytes(octets[at * 8 : at * 8 + 8], "little") for at in range(len(_HEAD))]
    head = dict(zip(_HEAD, words, strict=True))
    whole = size == HEAD_OCTETS + head["buckets"] * BUCKET_OCTETS and head["buckets"] > 0
    return head["key"] if head["magic"] == _MAGIC and whole else None

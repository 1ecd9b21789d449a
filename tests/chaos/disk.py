"""A disk of the node's own, from which what was not synced can be taken as a power loss takes it."""

import fcntl
import os
import subprocess
from pathlib import Path
from struct import pack

IMAGE_OCTETS = 3_000_000_000
# EXT4_IOC_SHUTDOWN, and its flag that even the file system's own journal is not flushed (fs/ext4/ext4.h).
_SHUTDOWN = 0x8004587D
_NO_LOG_FLUSH = 2


class LossyDisk:
    """An ext4 file system on a loop device, mounted at a path; needs root."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._image = path.with_suffix(".img")

    def mount(self) -> None:
        """Make it and put it there. Raises `CalledProcessError` where that is not permitted."""
        self._path.mkdir(parents=True)
        with self._image.open("wb") as image:
            image.truncate(IMAGE_OCTETS)
        _run("mkfs.ext4", "-q", str(self._image))
        self._attach()
        self._path.chmod(0o755)

    def lose_power(self) -> None:
        """Stop the file system where it stands, whatever waits in memory; then mount what the disk has.

        Nothing may run on it any more.
        """
        descriptor = os.open(self._path, os.O_RDONLY)
        try:
            fcntl.ioctl(descriptor, _SHUTDOWN, pack("I", _NO_LOG_FLUSH))
        finally:
            os.close(descriptor)
        _run("umount", str(self._path))
        self._attach()

    def unmount(self) -> None:
        """Take it away, busy or not."""
        _run("umount", "-l", str(self._path))

    def _attach(self) -> None:
        _run("mount", "-o", "loop", str(self._image), str(self._path))


def _run(*command: str) -> None:
    subprocess.run(command, check=True, capture_output=True)

"""Register files as workers use them: mapped, so that a node has each in memory once."""

import mmap
import os
from pathlib import Path
from zlib import crc32

from engine.register_file import HEAD_OCTETS, Contents, RegisterFileError, decode_contents

_STRIDE = 1 << 20


def map_register(path: Path) -> tuple[mmap.mmap, Contents]:
    """Map a register file. Raises `OSError`, or `RegisterFileError` for a cut one."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        mapped = mmap.mmap(descriptor, 0, access=mmap.ACCESS_READ)
    except ValueError as error:
        raise RegisterFileError("the register file is empty") from error
    finally:
        os.close(descriptor)
    return mapped, decode_contents(mapped, len(mapped))


def verify_register(mapped: mmap.mmap, contents: Contents) -> None:
    """Read all of a register file. Raises `RegisterFileError` when it is damaged."""
    crc = 0
    for at in range(HEAD_OCTETS, contents.octets, _STRIDE):
        crc = crc32(mapped[at : min(at + _STRIDE, contents.octets)], crc)
    if crc != contents.crc:
        raise RegisterFileError("the register file is damaged")

"""The directory for control's socket and what else lasts as long as the node runs."""

import os
import shutil
import tempfile
from pathlib import Path

from adapters.files.node_status import CONTROL_SOCKET, RUN_FOLDER

# sun_path of unix(7), with its NUL.
SOCKET_PATH_OCTETS = 107


def run_folder(data_dir: Path) -> Path:
    """Return a private, empty directory for control's socket; the caller holds the node's lock.

    It lies in the data directory; where that path is too long for a Unix socket, a link there leads to it.
    """
    path = data_dir / RUN_FOLDER
    if path.is_symlink():
        path.unlink()
    shutil.rmtree(path, ignore_errors=True)
    if len(os.fsencode(path / CONTROL_SOCKET)) > SOCKET_PATH_OCTETS:
        elsewhere = Path(tempfile.mkdtemp(prefix="posdata-"))
        path.symlink_to(elsewhere)
        return elsewhere
    path.mkdir(mode=0o700)
    return path

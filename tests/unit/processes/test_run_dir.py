"""Where control's socket lies, and that whoever asks finds it."""

import shutil
import socket
from pathlib import Path

from adapters.files.node_status import CONTROL_SOCKET, control_socket
from adapters.processes.run_folder import run_folder


def listened_at(data_dir: Path) -> Path:
    """Make the directory and listen there, as a node does."""
    run = run_folder(data_dir)
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(run / CONTROL_SOCKET))
        listening.listen()
        with socket.socket(socket.AF_UNIX) as asking:
            asking.connect(str(control_socket(data_dir)))
    return run


def test_the_socket_lies_in_the_data_directory(tmp_path: Path) -> None:
    """Also after a crash that left one behind; nobody else may enter."""
    for _ in range(2):
        run = listened_at(tmp_path)
        assert run == tmp_path / "run"
        assert run.stat().st_mode & 0o777 == 0o700


def test_a_path_too_long_for_a_socket_is_led_elsewhere(tmp_path: Path) -> None:
    """A link in the data directory says where; a link to a directory that is gone is replaced."""
    deep = tmp_path / ("d" * 60) / ("e" * 60)
    deep.mkdir(parents=True)
    for _ in range(2):
        run = listened_at(deep)
        assert (deep / "run").readlink() == run
        assert not run.is_relative_to(tmp_path)
        shutil.rmtree(run)
    former = tmp_path / "run"
    former.symlink_to(run)
    assert listened_at(tmp_path) == former

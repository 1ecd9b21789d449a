"""Child processes as the supervisor sees them: spawned, heard, replaced."""

import asyncio
import socket
import subprocess
import sys
import time
from collections import deque
from collections.abc import Callable, Sequence

from adapters.processes.child import MAX_DATAGRAM, Spec
from adapters.processes.messages import Alive, Connection, Message, Reload, from_child

# A worker that dies this often within the window comes back in bypass (DESIGN §5).
DEATHS_TO_BYPASS = 3
DEATH_WINDOW_S = 60.0
SILENCE_S = 2.0
STARTUP_S = 30.0


class Child:
    """One running child process and the line to it."""

    def __init__(self, spec: Spec, descriptors: Sequence[int], heard: Callable[[], None]) -> None:
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        ours.setblocking(False)
        self.spec = spec.model_copy(update={"supervisor_fd": theirs.fileno()})
        self.handed = 0
        self.last: Alive | None = None
        self.heard_at = time.monotonic()
        self._heard = heard
        self._socket = ours
        # -P: this program's modules, never those of the current directory.
        self.process = subprocess.Popen(
            [sys.executable, "-P", "-m", "adapters.processes", f"adapters.processes.{spec.role}"],
            stdin=subprocess.PIPE,
            pass_fds=(theirs.fileno(), *descriptors),
        )
        theirs.close()
        if self.process.stdin is not None:
            self.process.stdin.write(self.spec.encoded())
            self.process.stdin.close()
        self._loop = asyncio.get_running_loop()
        self._loop.add_reader(ours, self._read)

    @property
    def sessions(self) -> int:
        """Connections handed over that are not known to be gone."""
        return self.handed - (self.last.ended if self.last is not None else 0)

    @property
    def gate(self) -> str | None:
        """Why a worker inserts no ads at the moment, None when it does."""
        return "starting" if self.last is None else self.last.gate

    @property
    def up(self) -> bool:
        """Tell whether the child has spoken and runs."""
        return self.last is not None and self.process.poll() is None

    def say(self, message: Message) -> bool:
        """Send a message; False when the child can't take it."""
        try:
            self._socket.send(message.encoded())
        except OSError:
            return False
        return True

    def hand_over(self, message: Connection, connection: socket.socket) -> bool:
        """Pass a connection on; False when the child can't take it."""
        try:
            socket.send_fds(self._socket, [message.encoded()], [connection.fileno()])
        except OSError:
            return False
        self.handed += 1
        return True

    def hand_settings(self, descriptor: int) -> bool:
        """Pass new settings on; False when the child can't take them."""
        try:
            socket.send_fds(self._socket, [Reload().encoded()], [descriptor])
        except OSError:
            return False
        return True

    def silent_for(self, now: float) -> float:
        """Return how many seconds the child has not been heard."""
        return now - self.heard_at

    def close(self) -> None:
        """Let go of the line; the process is gone or told to go."""
        self._loop.remove_reader(self._socket)
        self._socket.close()

    def _read(self) -> None:
        try:
            octets = self._socket.recv(MAX_DATAGRAM)
        except OSError:
            octets = b""
        if not octets:
            self._loop.remove_reader(self._socket)
            return
        self.heard_at = time.monotonic()
        self.last = from_child.validate_json(octets)
        self._heard()


class Deaths:
    """Counts one worker's deaths within the window."""

    def __init__(self) -> None:
        self._at: deque[float] = deque(maxlen=DEATHS_TO_BYPASS)

    def note(self, now: float) -> bool:
        """Note a death; True when the worker has died too often."""
        self._at.append(now)
        return len(self._at) == DEATHS_TO_BYPASS and now - self._at[0] <= DEATH_WINDOW_S

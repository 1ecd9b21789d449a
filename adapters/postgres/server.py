"""The embedded PostgreSQL: one server a data directory, a direct child of the process that owns it."""

import asyncio
import ctypes
import fcntl
import os
import signal
import subprocess
import threading
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import asyncpg

from adapters.postgres.binaries import Account, BinariesError, locate, unprivileged
from adapters.postgres.cluster import ENVIRONMENT, PORT, SOCKET, Cluster, ServerError, name_inside

__all__ = ["EmbeddedServer", "ServerError", "join", "owned_or_joined"]

_POLL_S = 0.02
_LOG_MAX_BYTES = 10_000_000
_PR_SET_PDEATHSIG = 1
_libc = ctypes.CDLL(None, use_errno=True)

_SETTINGS = {
    "listen_addresses": "",
    "port": str(PORT),
    "unix_socket_directories": ".",
    "unix_socket_permissions": "0700",
    "max_connections": "60",
    "shared_buffers": "64MB",
    "max_wal_size": "512MB",
    "log_checkpoints": "off",
    "timezone": "UTC",
    "log_timezone": "UTC",
}


class EmbeddedServer:
    """The server of one data directory, owned by this process.

    The cluster lies in `data_dir/postgres`, the log in `data_dir/postgres.log`; a flock on
    `data_dir/postgres.lock` says who owns it. `start` may be called again when `poll` says that it died.
    The server ends with the *thread* that started it, so that only the main thread may.
    """

    def __init__(self, data_dir: Path, pg_bin: str | None = None) -> None:
        self.data_dir = data_dir.absolute()
        self.process: subprocess.Popen[bytes] | None = None
        self._cluster = Cluster(self.data_dir)
        self._pg_bin = pg_bin if pg_bin is not None else os.environ.get("PG_BIN")
        self._lock: int | None = None

    @property
    def dsn(self) -> str:
        """Where to connect, once it was started."""
        return self._cluster.dsn

    async def start(self, timeout_s: float = 60) -> None:
        """Own the data directory, create the cluster when there is none, and run until sessions are let in.

        Waits for a former server that still shuts down. Raises `ServerError` when another process
        owns the directory for longer than `timeout_s`, or the server does not come up.
        """
        if threading.current_thread() is not threading.main_thread():
            raise ServerError(
                "start the server from the main thread: it ends with the thread that started it"
            )
        try:
            async with asyncio.timeout(timeout_s):
                await _until(self.try_own)
                await _until(lambda: not self._cluster.servers())
                self._spawn(*await asyncio.to_thread(self._prepare))
                await self._lets_in()
        except TimeoutError as late:
            await self.stop()
            raise ServerError(
                f"PostgreSQL in {self.data_dir} was not ready after {timeout_s:g} s{self._last_words()}"
            ) from late
        except BinariesError as fault:
            await self.stop()
            raise ServerError(str(fault)) from fault
        except BaseException:
            await self.stop()
            raise

    def try_own(self) -> bool:
        """Take the data directory's lock if nobody holds it; tell whether this process holds it now."""
        if self._lock is not None:
            return True
        try:
            self.data_dir.mkdir(parents=True, exist_ok=True)
            lock = os.open(self.data_dir / "postgres.lock", os.O_RDWR | os.O_CREAT, 0o600)
        except OSError as fault:
            raise ServerError(
                f"{self.data_dir}: {fault.strerror}; choose a node.data_dir that this user owns"
            ) from fault
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(lock)
            return False
        self._lock = lock
        return True

    def poll(self) -> int | None:
        """Return the exit status once the server has died, None while it runs."""
        return None if self.process is None else self.process.poll()

    async def stop(self, timeout_s: float = 30, *, wait_for_sessions_s: float = 0) -> None:
        """Shut down and let go of the data directory; sessions that last longer than they may are ended."""
        process = self.process
        if process is not None:
            if wait_for_sessions_s:
                await _ends(process, signal.SIGTERM, wait_for_sessions_s)
            if not await _ends(process, signal.SIGINT, timeout_s):
                await _ends(process, signal.SIGQUIT, timeout_s)  # as safe as a crash: its log is replayed
            self.process = None
            self._cluster.remove_link()
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    def _prepare(self) -> tuple[Path, Account]:
        account = unprivileged(self._cluster.path)
        programs = locate(self._pg_bin, account)
        self._cluster.create(programs, account)
        self._cluster.remove_stale_locks()
        return programs, account

    def _spawn(self, programs: Path, account: Account) -> None:
        command: list[str | Path] = [programs / "postgres", "-D", name_inside(self._cluster.path, account)]
        for name, value in _SETTINGS.items():
            command += ["-c", f"{name}={value}"]
        log_path = self.data_dir / "postgres.log"
        if log_path.exists() and log_path.stat().st_size > _LOG_MAX_BYTES:
            log_path.replace(log_path.with_suffix(".log.1"))
        with log_path.open("ab") as log:
            self.process = subprocess.Popen(
                command,
                cwd=self._cluster.path,
                env=ENVIRONMENT,
                user=account.uid,
                group=account.gid,
                extra_groups=account.groups,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                process_group=0,  # Ctrl-C at the terminal is for the node, which stops the server last
                preexec_fn=_end_with(os.getpid()),  # noqa: PLW1509 # two system calls, no lock is taken
            )

    async def _lets_in(self) -> None:
        while not await _lets_in(self.dsn):
            if self.poll() is not None:
                raise ServerError(f"PostgreSQL in {self.data_dir} did not start{self._last_words()}")
            await asyncio.sleep(_POLL_S)

    def _last_words(self) -> str:
        try:
            with (self.data_dir / "postgres.log").open("rb") as log:
                log.seek(max(0, log.seek(0, os.SEEK_END) - 4096))
                lines = log.read().decode(errors="replace").splitlines()
        except OSError:
            return ""
        fatal = [line for line in lines if "FATAL" in line or "PANIC" in line]
        return f": {fatal[-1]}" if fatal else ""


async def join(data_dir: Path) -> str | None:
    """Return where to connect when a server runs in a data directory and lets sessions in, else None."""
    cluster = Cluster(data_dir.absolute())  # noqa: ASYNC240 # asks for the working directory, waits for nothing
    if not (cluster.path / SOCKET).exists():
        return None
    dsn = cluster.dsn
    return dsn if await _lets_in(dsn) else None


@asynccontextmanager
async def owned_or_joined(
    data_dir: Path, timeout_s: float = 30, pg_bin: str | None = None
) -> AsyncIterator[str]:
    """Yield where to connect: to the running server, to one that is starting, or to one of our own.

    An own server ends when its last session has ended, so that whoever joined it is not cut off.
    Raises `ServerError` when there is none after `timeout_s`.
    """
    server = EmbeddedServer(data_dir, pg_bin)
    ends = time.monotonic() + timeout_s
    while (dsn := await join(data_dir)) is None and not server.try_own():
        if time.monotonic() > ends:
            raise ServerError(
                f"PostgreSQL in {data_dir} belongs to another process and lets nobody in; see postgres.log"
            )
        await asyncio.sleep(_POLL_S)
    if dsn is not None:
        yield dsn
        return
    await server.start(timeout_s)
    try:
        yield server.dsn
    finally:
        await server.stop(wait_for_sessions_s=timeout_s)


async def _lets_in(dsn: str) -> bool:
    try:
        connection = await asyncpg.connect(dsn, timeout=2)
    except (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError):
        return False
    await connection.close()
    return True


async def _until(condition: Callable[[], bool]) -> None:
    # What is waited for is another process's doing: nothing here could set an event.
    while not condition():  # noqa: ASYNC110
        await asyncio.sleep(_POLL_S)


async def _ends(process: subprocess.Popen[bytes], number: signal.Signals, timeout_s: float) -> bool:
    process.send_signal(number)
    try:
        async with asyncio.timeout(timeout_s):
            await _until(lambda: process.poll() is not None)
    except TimeoutError:
        return False
    return True


def _end_with(parent: int) -> Callable[[], None]:
    """Return what a child does first: ask the kernel for SIGINT when its parent has died, however it died."""

    def in_child() -> None:
        _libc.prctl(_PR_SET_PDEATHSIG, int(signal.SIGINT))
        if os.getppid() != parent:
            os._exit(1)  # it died before the kernel was asked

    return in_child

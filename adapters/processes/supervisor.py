"""The supervisor: owns the listening sockets and the database, hands connections over, restarts what dies."""

import asyncio
import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Coroutine, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import structlog

from adapters.files.node_status import CONTROL_SOCKET, WorkerStatus, take_node_lock, write_status
from adapters.postgres.cluster import ServerError
from adapters.postgres.server import EmbeddedServer
from adapters.processes.child import Spec
from adapters.processes.children import SILENCE_S, STARTUP_S, Child, Deaths
from adapters.processes.doorkeeper import Doorkeeper
from adapters.processes.endless import again_after_faults
from adapters.processes.messages import Connection, Database, Drain, Draining
from adapters.processes.open_files import alarm_if_few, raise_limit
from adapters.processes.reloading import reread, written
from adapters.processes.run_folder import run_folder
from adapters.processes.systemd import Notifier
from adapters.processes.web_keeping import WebKeeping
from engine.endpoint import Endpoint
from engine.settings import Settings

WATCH_S = 0.1
RESTART_S = 0.2
DATABASE_RETRY_S = 2.0
BACKLOG = 1024
# A worker that is behind gets a connection once it has taken former ones; after this it is closed.
HAND_OVER_S = 5.0
HAND_OVER_AGAIN_S = 0.01
# Beyond the drain itself: lingering legs, the last settlement.
WORKER_EXIT_S = 5.0
CONTROL_EXIT_S = 15.0

log = structlog.get_logger()


class StartError(Exception):
    """The node can't start; the sentence says what to do."""


@dataclass(frozen=True, slots=True)
class Addresses:
    """Where a started node listens: relay addresses by route name, and HTTP."""

    relay: dict[str, str]
    http: str


class Supervisor:
    """One node."""

    def __init__(
        self,
        settings: Settings,
        ready: Callable[[Addresses], None],
        ranges: Path | None = None,
        *,
        load: Callable[[], Settings] | None = None,
        serve_http: bool = True,
        log_level: str = "info",
    ) -> None:
        self._load = load
        self._notifier = Notifier()
        self._log_level = log_level
        self._serves_http = serve_http
        self._http: socket.socket | None = None
        self._settings = settings
        self._ready = ready
        self._ranges = None if ranges is None else str(ranges)
        self._data_dir = Path(settings.node.data_dir).absolute()
        self._listening: dict[str, socket.socket] = {}
        self._doorkeeper = Doorkeeper(settings.relay.routes)
        self._workers: list[Child] = []
        self._deaths = [Deaths() for _ in range(settings.relay.workers)]
        self._control: Child | None = None
        self._web = WebKeeping()
        self._database: EmbeddedServer | None = None
        self._dsn: str | None = None
        self._run_dir: Path | None = None
        self._status: list[WorkerStatus] = []
        self._stop = asyncio.Event()
        self._up = asyncio.Event()

    def stop(self) -> None:
        """Begin the drain."""
        self._stop.set()

    async def run(self) -> None:
        """Run the node until stopped, then drain it. Raises `StartError`."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self.stop)
        if self._load is not None:
            loop.add_signal_handler(signal.SIGHUP, self._reload, self._load)
        try:
            lock = self._lock()
            raise_limit()
            alarm_if_few(self._settings)
            self._run_dir = run_folder(self._data_dir)
            addresses = self._open_sockets(self._run_dir)
            self._start_children()
            tasks = [_kept_up(self._run_database), _kept_up(self._watch)]
            await self._until_up()
            tasks += [_kept_up(partial(self._accept, name)) for name in self._listening]
            if not self._stop.is_set():
                self._ready(addresses)
                self._notifier.ready()
            await self._stop.wait()
            self._notifier.stopping()
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            await self._drain()
            os.close(lock)
        finally:
            if self._run_dir is not None:
                shutil.rmtree(self._run_dir, ignore_errors=True)

    def _reload(self, load: Callable[[], Settings]) -> None:
        """Read the settings again; the children take over what can change while they run."""
        if self._stop.is_set():
            return
        self._notifier.reloading()
        settings = reread(load, self._settings)
        if settings is not None:
            self._settings = settings
            alarm_if_few(settings)
            for child in (*self._workers, *self._with_database):
                descriptor = written(settings)
                if not child.hand_settings(descriptor):
                    log.warning("settings_not_told", role=child.spec.role, pid=child.process.pid)
                os.close(descriptor)
        self._notifier.ready()

    # -- start ------------------------------------------------------------------------------------

    def _lock(self) -> int:
        try:
            lock = take_node_lock(self._data_dir)
        except OSError as error:
            raise StartError(f"{self._data_dir}: {error.strerror}; choose another node.data_dir") from error
        if lock is None:
            raise StartError(
                f"a node runs in {self._data_dir} already; stop it or choose another node.data_dir"
            )
        return lock

    def _open_sockets(self, run_dir: Path) -> Addresses:
        for route in self._settings.relay.routes:
            self._listening[route.name] = _listen(route.listen)
        if self._serves_http:
            self._http = _listen(self._settings.http.listen)
        self._control_listening = socket.socket(socket.AF_UNIX)
        self._control_path = str(run_dir / CONTROL_SOCKET)
        self._control_listening.bind(self._control_path)
        self._control_listening.listen(BACKLOG)
        return Addresses(
            {name: _address(sock) for name, sock in self._listening.items()},
            _address(self._http) if self._http is not None else "",
        )

    def _start_children(self) -> None:
        self._workers = [self._spawn_worker(index) for index in range(self._settings.relay.workers)]
        self._control = self._spawn_control()
        if self._http is not None:
            self._web.start(partial(self._spawn_told, "web", self._http), time.monotonic())

    @property
    def _with_database(self) -> Sequence[Child]:
        """The children that are told where the database is."""
        return [child for child in (self._control, self._web.child) if child is not None]

    def _spawn_worker(self, index: int, *, bypass: bool = False) -> Child:
        spec = self._spec("worker").model_copy(update={"worker": index, "bypass": bypass})
        return Child(spec, (), self._heard)

    def _spawn_control(self) -> Child:
        return self._spawn_told("control", self._control_listening)

    def _spawn_told(self, role: str, listening: socket.socket) -> Child:
        """Start a child that serves a socket and is told where the database is."""
        spec = self._spec(role).model_copy(update={"listen_fd": listening.fileno()})
        child = Child(spec, (listening.fileno(),), self._heard)
        if self._dsn is not None:
            child.say(Database(dsn=self._dsn))
        return child

    def _spec(self, role: str) -> Spec:
        return Spec(
            role=role,
            settings=self._settings,
            supervisor_fd=-1,
            control_socket=self._control_path,
            ranges=self._ranges,
            log_level=self._log_level,
        )

    async def _until_up(self) -> None:
        """Wait until every worker has spoken, or the node is stopped."""
        stopped = asyncio.ensure_future(self._stop.wait())
        up = asyncio.ensure_future(self._up.wait())
        await asyncio.wait({stopped, up}, return_when=asyncio.FIRST_COMPLETED)
        stopped.cancel()
        up.cancel()

    # -- connections ------------------------------------------------------------------------------

    async def _accept(self, route: str) -> None:
        """Accept a route's connections and hand each to the worker with the fewest."""
        loop = asyncio.get_running_loop()
        listening = self._listening[route]
        while True:
            await self._until_a_worker_is_up()
            try:
                connection, peer = await loop.sock_accept(listening)
            except OSError as error:
                log.error("alarm_accept_failed", route=route, error=str(error))
                await asyncio.sleep(RESTART_S)
                continue
            with connection:
                if self._doorkeeper.admits(route, peer[0]):
                    await self._hand_over(route, connection, f"{peer[0]}:{peer[1]}")
            await asyncio.sleep(0)  # a flood of connections must not keep the rest of the supervisor waiting

    async def _until_a_worker_is_up(self) -> None:
        """Leave connections in the backlog while the only worker is being replaced."""
        while not any(worker.up for worker in self._workers):  # noqa: ASYNC110  # a child's start sets no event
            await asyncio.sleep(WATCH_S)

    async def _hand_over(self, route: str, connection: socket.socket, peer: str) -> None:
        """Pass a connection on; while every worker is behind, it waits, and who comes after it."""
        message = Connection(route=route, peer=peer)
        ends = time.monotonic() + HAND_OVER_S
        while True:
            if sum(worker.sessions for worker in self._workers) >= self._settings.relay.max_sessions:
                self._doorkeeper.too_many(route, peer)
                return
            up = sorted((each for each in self._workers if each.up), key=lambda each: each.sessions)
            if any(worker.hand_over(message, connection) for worker in up):
                return
            if time.monotonic() > ends:
                log.error("alarm_no_worker", route=route, peer=peer)
                return
            await asyncio.sleep(HAND_OVER_AGAIN_S)

    # -- watching ---------------------------------------------------------------------------------

    def _heard(self) -> None:
        if all(worker.last is not None for worker in self._workers):
            self._up.set()
        self._write_status()

    def _write_status(self) -> None:
        """Say in a file what the workers say of ads, for commands that must work without the database."""
        status = [WorkerStatus(each.spec.worker, each.process.pid, each.gate) for each in self._workers]
        if status != self._status:
            with suppress(OSError):  # a full disk must not stop the node; `ads off` says nobody confirmed
                write_status(self._data_dir, status)
                self._status = status

    async def _watch(self) -> None:
        """Restart what died, kill what is silent."""
        looked_at = time.monotonic()
        while True:
            await asyncio.sleep(WATCH_S)
            self._doorkeeper.tell()
            now = time.monotonic()
            was_away = now - looked_at > 1  # this process stood still: what was said waits to be read
            looked_at = now
            self._notifier.beat(now)
            for index, worker in enumerate(self._workers):
                if worker.process.poll() is not None:
                    self._replace_worker(index, now)
                elif not was_away and worker.silent_for(now) > (SILENCE_S if worker.last else STARTUP_S):
                    log.error("alarm_worker_silent", worker=index, pid=worker.process.pid)
                    worker.process.kill()
                    worker.heard_at = now  # one alarm per silence, however long it takes to die
            control = self._control
            if control is not None and control.process.poll() is not None:
                log.error("alarm_control_died", status=control.process.returncode)
                control.close()
                await asyncio.sleep(RESTART_S)
                self._control = self._spawn_control()
            self._web.look(now)

    def _replace_worker(self, index: int, now: float) -> None:
        dead = self._workers[index]
        dead.close()
        bypass = self._deaths[index].note(now) or dead.spec.bypass
        log.error("alarm_worker_died", worker=index, status=dead.process.returncode, bypass=bypass)
        self._workers[index] = self._spawn_worker(index, bypass=bypass)

    async def _run_database(self) -> None:
        """Start the embedded database, tell control where it is, start it again when it dies."""
        if self._settings.database != "embedded":
            self._tell_database(self._settings.database)
            return
        self._database = server = EmbeddedServer(self._data_dir)
        while True:
            try:
                await server.start()
            except (ServerError, OSError) as error:
                log.error("alarm_database_cannot_start", error=str(error))
                await asyncio.sleep(DATABASE_RETRY_S)
                continue
            self._tell_database(server.dsn)
            await self._until_dead(server)
            log.error("alarm_database_died", status=server.poll())

    @staticmethod
    async def _until_dead(server: EmbeddedServer) -> None:
        while server.poll() is None:  # noqa: ASYNC110  # a child's death sets no event
            await asyncio.sleep(WATCH_S)

    def _tell_database(self, dsn: str) -> None:
        if dsn != self._dsn:
            for child in self._with_database:
                child.say(Database(dsn=dsn))
        self._dsn = dsn

    # -- the end ----------------------------------------------------------------------------------

    async def _drain(self) -> None:
        """Be ready no more, close the listeners, drain the workers, let control settle, stop the database."""
        if self._control is not None:
            self._control.say(Draining())
        for sock in self._listening.values():
            sock.close()
        before, total = 0, sum(worker.sessions for worker in self._workers)
        for worker in self._workers:
            worker.say(Drain(before=before, total=total))
            before += worker.sessions
        patience_s = self._settings.relay.drain_s + WORKER_EXIT_S
        await asyncio.gather(*(_ends(worker, patience_s) for worker in self._workers))
        for child in self._with_database:
            child.say(Drain())
        await asyncio.gather(*(_ends(child, CONTROL_EXIT_S) for child in self._with_database))
        if self._database is not None:
            await self._database.stop()
        if self._http is not None:
            self._http.close()
        self._control_listening.close()


def _kept_up(work: Callable[[], Coroutine[Any, Any, None]]) -> "asyncio.Future[None]":
    """Run work beside the rest; a bug in it is alarmed, and it begins again."""
    return asyncio.ensure_future(again_after_faults(work, _alarm))


def _alarm(error: Exception) -> None:
    log.error("alarm_internal_error", exc_info=error)


async def _ends(child: Child, timeout_s: float) -> None:
    """Wait for a child's end; kill it when it takes too long."""
    try:
        await asyncio.to_thread(child.process.wait, timeout_s)
    except subprocess.TimeoutExpired:
        log.error("alarm_child_did_not_end", role=child.spec.role, pid=child.process.pid)
        child.process.kill()
        await asyncio.to_thread(child.process.wait)
    child.close()


def _listen(endpoint: Endpoint) -> socket.socket:
    family = socket.AF_INET6 if ":" in endpoint.host else socket.AF_INET
    sock = socket.socket(family)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        sock.bind((endpoint.host, endpoint.port))
    except OSError as error:
        sock.close()
        raise StartError(f"can't listen on {endpoint}: {error.strerror}; is something else there?") from error
    sock.listen(BACKLOG)
    sock.setblocking(False)
    return sock


def _address(sock: socket.socket) -> str:
    host, port = sock.getsockname()[:2]
    return str(Endpoint(host, port))

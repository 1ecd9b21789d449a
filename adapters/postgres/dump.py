"""A copy of the embedded database in one file, and back: PostgreSQL's own pg_dump and pg_restore."""

import os
import subprocess
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import IO

from adapters.postgres.binaries import BinariesError, locate, unprivileged
from adapters.postgres.books import PostgresBooks
from adapters.postgres.cluster import ENVIRONMENT, Cluster, ServerError
from adapters.postgres.migrate import migrate
from adapters.postgres.pool import open_pool
from adapters.postgres.server import EmbeddedServer
from adapters.postgres.switches import PostgresSwitches
from inventory.books import Epoch

_OPEN = """
SELECT e.node, e.worker, e.epoch, coalesce(sum(l.granted - l.returned - l.spent), 0)::bigint AS held
FROM epochs e LEFT JOIN leases l USING (node, worker, epoch)
WHERE e.closed_at IS NULL GROUP BY e.node, e.worker, e.epoch ORDER BY e.opened_at, e.epoch
"""


class DumpError(Exception):
    """A dump can't be written or read; the message says why."""


@dataclass(frozen=True, slots=True)
class Fenced:
    """An epoch that was open when the dump was taken; its `units` are booked as unknown."""

    epoch: Epoch
    units: int


def dump(data_dir: Path, dsn: str, to: Path) -> None:
    """Write the whole database as of one instant, readable by this user alone; raises `DumpError`."""
    new = to.with_name(f"{to.name}.new")
    try:
        with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as stream:
            _run(data_dir, "pg_dump", "--format=custom", "--no-owner", f"--dbname={dsn}", stdout=stream)
            os.fsync(stream.fileno())
        new.replace(to)
    except OSError as error:
        raise DumpError(f"{to}: {error.strerror}") from error
    finally:
        new.unlink(missing_ok=True)


def check(data_dir: Path, dump_file: Path) -> None:
    """Raise `DumpError` unless the file is a dump that can be read."""
    _run(data_dir, "pg_restore", "--list", str(dump_file))


async def restore(data_dir: Path, dump_file: Path, *, by: str, now: datetime) -> list[Fenced]:
    """Put a dump in the database's place and fence what was leased then; the caller holds the node's lock.

    Ads are off afterwards, for every node. The former cluster is set aside as `postgres.before-TIME`,
    and comes back when this fails. Raises `DumpError` or `ServerError`.
    """
    check(data_dir, dump_file)
    cluster = Cluster(data_dir)
    server = EmbeddedServer(data_dir)
    if not server.try_own() or cluster.servers():
        raise ServerError(f"PostgreSQL in {data_dir} is in use; try again when nothing uses it")
    former = set_aside(cluster.path, now)
    try:
        await server.start()
        _run(
            data_dir,
            "pg_restore",
            *("--exit-on-error", "--single-transaction", "--no-owner", f"--dbname={server.dsn}"),
            str(dump_file),
        )
        return await _fence(server.dsn, by, now)
    except BaseException:
        await server.stop()
        if former is not None:
            if cluster.path.exists():
                cluster.path.rename(data_dir / f"postgres.failed-{_stamp(now)}")
            former.rename(cluster.path)
        raise
    finally:
        await server.stop()


def set_aside(path: Path, now: datetime) -> Path | None:
    """Rename what lies there to NAME.before-TIME; None when there is nothing."""
    if not path.exists():
        return None
    return path.rename(path.with_name(f"{path.name}.before-{_stamp(now)}"))


async def _fence(dsn: str, by: str, now: datetime) -> list[Fenced]:
    """Switch ads off, and close every epoch that was open: what it held may have been spent since."""
    async with await open_pool(dsn, max_size=2) as pool:
        async with pool.acquire() as connection:
            await migrate(connection)
        await PostgresSwitches(pool).ads(on=False, by=by, now=now)
        books = PostgresBooks(pool)
        fenced = []
        for row in await pool.fetch(_OPEN):
            epoch = Epoch(row["node"], row["worker"], row["epoch"])
            await books.close_epoch(epoch, lost=True, now=now)
            fenced.append(Fenced(epoch, row["held"]))
        return fenced


def _stamp(now: datetime) -> str:
    return f"{now:%Y%m%dT%H%M%S}"


def _run(data_dir: Path, program: str, *arguments: str, stdout: IO[bytes] | int = subprocess.DEVNULL) -> None:
    try:
        directory = locate(os.environ.get("PG_BIN"), unprivileged(Cluster(data_dir).path))
    except BinariesError as error:
        raise DumpError(str(error)) from error
    try:
        done = subprocess.run(
            [directory / program, *arguments],
            env=ENVIRONMENT,
            stdin=subprocess.DEVNULL,
            stdout=stdout,
            stderr=subprocess.PIPE,
            check=False,
        )
    except OSError as error:
        raise DumpError(f"{directory / program}: {error.strerror}; set PG_BIN") from error
    if done.returncode:
        words = done.stderr.decode(errors="replace").strip().splitlines()
        raise DumpError(words[0] if words else f"{program} ended with {done.returncode}")

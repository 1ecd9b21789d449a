"""A PostgreSQL data directory: made whole or not at all, found by its socket, cleared after a crash."""

import os
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from adapters.postgres.binaries import Account

USER = "posdata"
DATABASE = "postgres"
PORT = 5432
SOCKET = f".s.PGSQL.{PORT}"

# sun_path holds 108 bytes, the last one zero (unix(7)).
_SOCKET_PATH_MAX = 107

# Nothing of ours reaches the server: PGPORT, PGDATA and locales would change what it does.
ENVIRONMENT = {"PATH": "/usr/bin:/bin", "TZ": "UTC"}


class ServerError(Exception):
    """The embedded PostgreSQL can't be used; the message says what to do."""


@dataclass(frozen=True, slots=True)
class Cluster:
    """The cluster of one node, in `data_dir/postgres`."""

    data_dir: Path

    @property
    def path(self) -> Path:
        """PostgreSQL's own data directory."""
        return self.data_dir / "postgres"

    @property
    def dsn(self) -> str:
        """Where to connect: a Unix socket in the cluster."""
        place = quote(str(self._socket_directory()))
        return f"postgresql://{USER}@/{DATABASE}?host={place}&port={PORT}"

    def create(self, programs: Path, account: Account) -> None:
        """Run initdb unless the cluster exists; raises `ServerError` with initdb's words.

        In a draft that gets its name when it is whole: a killed initdb leaves no half cluster behind.
        """
        for draft in self.data_dir.glob("initdb-*"):
            shutil.rmtree(draft, ignore_errors=True)
        if self.path.exists():
            return
        draft = Path(tempfile.mkdtemp(prefix="initdb-", dir=self.data_dir))
        if account.uid is not None and account.gid is not None:
            os.chown(draft, account.uid, account.gid)
        done = subprocess.run(
            [
                programs / "initdb",
                *("-D", name_inside(draft, account), "-U", USER, "--auth-local=trust", "--auth-host=reject"),
                *("--encoding=UTF8", "--locale=C", "--data-checksums", "--no-instructions"),
            ],
            cwd=draft,
            env=ENVIRONMENT,
            user=account.uid,
            group=account.gid,
            extra_groups=account.groups,
            capture_output=True,
            check=False,
        )
        if done.returncode:
            shutil.rmtree(draft, ignore_errors=True)
            raise ServerError(
                f"initdb failed in {self.data_dir}: {done.stderr.decode(errors='replace').strip()}"
            )
        draft.rename(self.path)
        _sync_directory(self.data_dir)

    def servers(self) -> list[int]:
        """Return the processes that work in the cluster: all of a server's have it as their directory."""
        try:
            found = self.path.stat()
        except FileNotFoundError:
            return []
        servers = []
        for process in Path("/proc").glob("[0-9]*"):
            try:
                place = (process / "cwd").stat()
                is_server = (process / "exe").readlink().name.startswith("postgres")
            except OSError:
                continue  # it ended meanwhile, or is another user's
            if is_server and (place.st_dev, place.st_ino) == (found.st_dev, found.st_ino):
                servers.append(int(process.name))
        return servers

    def remove_stale_locks(self) -> None:
        """Remove the lock files that PostgreSQL would stumble over for ever; no server may be running.

        Those are a truncated one, and one whose process number belongs to another program by now.
        Any other it judges better itself.
        """
        for lock in (self.path / "postmaster.pid", self.path / f"{SOCKET}.lock"):
            try:
                first = lock.read_text(errors="replace").partition("\n")[0].strip().lstrip("-")
            except FileNotFoundError:
                continue
            if not first.isdigit() or Path("/proc", first).exists():
                lock.unlink()

    def remove_link(self) -> None:
        """Remove the short name of the socket's directory, where one was needed."""
        if (place := self._socket_directory()) != self.path:
            place.unlink()

    def _socket_directory(self) -> Path:
        """Return the cluster, or a link to it whose path is short enough for a socket's name."""
        if len(os.fsencode(self.path / SOCKET)) <= _SOCKET_PATH_MAX and "," not in str(self.path):
            return self.path
        found = self.path.stat()
        link = Path(tempfile.gettempdir()) / f"posdata-{os.geteuid()}-{found.st_dev:x}-{found.st_ino:x}"
        if link.is_symlink() and link.lstat().st_uid == os.geteuid():
            if link.readlink() == self.path:
                return link
            link.unlink()  # of a directory that is gone: its inode has a new owner
        try:
            link.symlink_to(self.path)
        except FileExistsError:
            raise ServerError(f"{link} is in the way: remove it, or choose a shorter node.data_dir") from None
        return link


def name_inside(directory: Path, account: Account) -> str:
    """Return the name by which a program started inside a directory finds it.

    An unprivileged user may not pass a parent with mode 0700 (a home, a temporary directory),
    but may always enter its own working directory through /proc.
    """
    return str(directory) if account.uid is None else "/proc/self/cwd"


def _sync_directory(directory: Path) -> None:
    handle = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)

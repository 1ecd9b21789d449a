"""Plans on their way to the workers."""

from pathlib import Path

import pytest

from adapters.processes.plan_file import KEPT_FILES, PLAN_FOLDER, read_plan, write_plan
from inventory.plan import Plan, PlanError, catalogue_digest, catalogue_octets


def plan(version: int) -> Plan:
    """Return a plan for one place that nobody booked."""
    octets = catalogue_octets([])
    return Plan(
        version, "n", catalogue_digest(octets), [0], [1] * 9, [0] * 9, [0] * 9, [], [], [0] * 10, [], octets
    )


def test_a_plan_is_read_as_it_was_written(data_dir: Path) -> None:
    """Written whole, under its version's name, and read whole."""
    path = write_plan(data_dir, plan(7))
    found = read_plan(path)
    assert (found.version, found.numbering, list(found.vacancy)) == (7, "n", [1] * 9)
    assert [each.name for each in (data_dir / PLAN_FOLDER).iterdir()] == [path.name]


def test_a_plan_outlives_its_file(data_dir: Path) -> None:
    """A worker keeps what it has read, though the file is dropped."""
    found = read_plan(write_plan(data_dir, plan(1)))
    for version in range(2, 10):
        write_plan(data_dir, plan(version))
    assert list(found.row_start) == [0] * 9


def test_the_latest_plans_are_kept(data_dir: Path) -> None:
    """Old files go, those that a worker may still be opening stay, by version and not by name's length."""
    for version in (8, 9, 10, 11, 100, 1000):
        write_plan(data_dir, plan(version))
    versions = sorted(int(path.stem) for path in (data_dir / PLAN_FOLDER).iterdir())
    assert versions == [10, 11, 100, 1000][-KEPT_FILES:]


@pytest.mark.parametrize("octets", [b"", b"POSDATA\x01", b"x" * 4096], ids=["empty", "cut", "another file"])
def test_what_is_no_plan_is_refused(data_dir: Path, octets: bytes) -> None:
    """An empty, cut or strange file is a `PlanError`, so that the former plan stays in force."""
    path = write_plan(data_dir, plan(1))
    path.write_bytes(octets)
    with pytest.raises(PlanError):
        read_plan(path)


def test_a_plan_that_is_gone_is_an_os_error(data_dir: Path) -> None:
    """A worker that comes too late keeps the former plan as well."""
    with pytest.raises(FileNotFoundError):
        read_plan(data_dir / "gone.plan")
